"""Run by ``test_windows``: imports every module named on its command line as Python on Windows would, and prints those that cannot be.

Who is imported first is taken from this system: the standard library and other people's packages choose by it what they are. Then this
process is told that it is on Windows, what POSIX alone has is taken away, and what Windows alone has is put there as a fake.
"""

import asyncio
import contextlib
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import types

ABSENT = ("fcntl", "pwd", "grp", "resource", "termios", "tty", "uvloop", "supervisor", "pty", "syslog")
"""Modules that are not there, or fail when they are imported there."""
ABSENT_NAMES = {
    signal: ("SIGKILL", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGCHLD"),
    os: ("geteuid", "getuid", "fork", "killpg", "getpgid", "setsid", "sched_yield", "sched_getaffinity", "sched_setscheduler", "uname"),
    select: ("poll", "epoll"),
    socket: ("AF_UNIX",),
}
FAKES = ("winloop", "msvcrt", "winreg")


class Absent:
    """Refuses to import what Windows has not."""

    def find_spec(self, name: str, *_: object) -> None:
        """Nothing, or the error that Python gives."""
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def pretend() -> None:
    """From here on this is Windows."""
    sysconfig.get_config_vars()  # of this system, as long as it is known
    for name in list(sys.modules):
        if name.partition(".")[0] in ABSENT:
            del sys.modules[name]
    sys.meta_path.insert(0, Absent())  # type: ignore[arg-type]
    for module, names in ABSENT_NAMES.items():
        for name in names:
            with contextlib.suppress(AttributeError):
                delattr(module, name)
    for name in FAKES:
        sys.modules[name] = types.ModuleType(name)
    signal.SIGBREAK = signal.SIGTERM  # type: ignore[attr-defined]
    subprocess.STARTUPINFO = object  # type: ignore[attr-defined]
    sys.platform = "win32"


def main(first: list[str], names: list[str]) -> int:
    """Import them all."""
    for name in first:
        importlib.import_module(name)
    assert asyncio.__name__ in sys.modules
    pretend()
    failed = 0
    for name in names:
        try:
            importlib.import_module(name)
        except (ImportError, AttributeError) as error:
            print(f"{name}: {error}")
            failed += 1
    return min(failed, 1)


if __name__ == "__main__":
    at = sys.argv.index("--")
    sys.exit(main(sys.argv[1:at], sys.argv[at + 1 :]))
