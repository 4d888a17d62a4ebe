"""ZeroMQ's authentication protocol (ZAP, RFC 27): what libzmq asks before it lets a connection in, and how it is answered.

libzmq lets everybody in where nobody answers, and where a socket names no domain; so each door has a domain of its own, sockets insist on
one (``ZAP_ENFORCE_DOMAIN``), and whatever is not understood here is refused.
"""

from collections.abc import Callable, Mapping, Sequence

VERSION = b"1.0"
CURVE = b"CURVE"
KEY_BYTES = 32
_OK, _DENIED = b"200", b"400"

Judge = Callable[[bytes, str], str]
"""Whether a public key, from an address, is let in: empty, or the code of why not."""


def answer(frames: Sequence[bytes], judges: Mapping[str, Judge]) -> list[bytes]:
    """The answer to a request; ``judges`` by domain. The user id of who is let in is his key in hex: frames he sends bear it."""
    request = frames[1] if len(frames) > 1 else b""
    if len(frames) != 7 or frames[0] != VERSION or frames[5] != CURVE or len(frames[6]) != KEY_BYTES:
        return _reply(request, "BAD_REQUEST")
    judge = judges.get(frames[2].decode("ascii", "replace"))
    if judge is None:
        return _reply(request, "UNKNOWN_DOMAIN")
    code = judge(frames[6], frames[3].decode("ascii", "replace"))
    return _reply(request, code, frames[6].hex())


def _reply(request: bytes, code: str, user: str = "") -> list[bytes]:
    if code:
        return [VERSION, request, _DENIED, code.encode(), b"", b""]
    return [VERSION, request, _OK, b"OK", user.encode(), b""]
