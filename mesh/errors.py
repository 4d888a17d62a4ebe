"""Whose fault it is, in the type.

``BadFrame`` is the peer's, ``BadUsage`` and ``BadConfig`` are the operator's, ``Fenced`` says another took our place, and an
``AssertionError`` is ours: the node crashes and its supervisor starts it again (recovery path = start path).
Timeouts, lost peers and refusals are messages, not exceptions.
"""


class MeshError(Exception):
    """Base of the errors below; never raised itself."""

    exit_code = 1

    def __init__(self, text: str) -> None:
        if type(self) is MeshError:
            raise AssertionError("MeshError is abstract: raise the error that names whose fault it is")
        super().__init__(text)


class BadFrame(MeshError):
    """A peer sent bytes that are not a message of ours. The only error ``*_untrusted`` functions may raise."""


class UnknownMessage(BadFrame):
    """A message whose tag is not in our table: a newer version's, as far as anybody can tell."""


class BadUsage(MeshError):
    """A word of the command line is wrong; the text names the option, the value and what is allowed."""

    exit_code = 2


class BadConfig(MeshError):
    """What the operator set up is wrong: a file's key, a port, a directory; the text names it, the value and what is allowed."""

    exit_code = 78


class BadFeed(MeshError):
    """A market data file cannot be read; the text names the file, the line and what is wrong."""

    exit_code = 65


class NoMesh(MeshError):
    """No mesh is known here, or none answers; the text says where it was looked for and how to name or start one."""

    exit_code = 69


class Fenced(MeshError):
    """Another process holds what we need to act (a newer epoch, a newer life)."""

    exit_code = 70


class StoreFailed(MeshError):
    """A commit failed: nothing may be acknowledged any more, the node stops."""

    exit_code = 74


class StoreInUse(MeshError):
    """Another process holds the lock of this store, account or state directory."""

    exit_code = 75


class PortInUse(MeshError):
    """Another process has a port we are to listen on. It may be gone soon, so that who cannot listen tries again."""

    exit_code = 75


class NotReady(MeshError):
    """What a node needs is not there yet and may be soon: the time from which its key is good, an answer that came too late."""

    exit_code = 75


EXIT_CODES: dict[int, str] = {
    0: "done, as asked",
    1: "failed; the message says what and what to do",
    2: "the command line is wrong, a word or a value (see --help)",
    3: "some accounts or nodes did not do it, each is named with the reason (of doctor: warnings alone)",
    65: "a data file cannot be read, or --strict met a bad row",
    69: "no mesh is known here, or none answers",
    70: "fenced: another process took this node's place",
    71: "a node's loop stalled; its watchdog ended it",
    74: "a commit to the store failed",
    75: "the store, the state directory or a port is in use by another process, or a key not good yet: worth another try",
    78: "wrong configuration, key, port or directory; nothing was started",
}
"""The one table of exit codes; 70 and 78 stay down under supervisord, every other one is restarted."""
