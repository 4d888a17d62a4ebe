"""What operating systems do differently, in one place: the event loop, how a process is asked to stop and how it is killed, files' modes.

Everything was run on Linux. **No line of this project was ever run on a real Windows**: what is said of it comes from the documentation of
Python, libuv and Windows. It is tested with fakes (``tests/mesh/io/test_system.py``, ``tests/nodes/io/test_windows.py``: every module
but supervisord's can be imported there) and by mypy, which reads all of it as on Windows.

What lies within a module's own work stays in that module. A test holds that besides this one there are these and no others:

| modules | what differs on Windows | tested |
|---|---|---|
| mesh/io/clock | no clock counts a suspension; ``time.monotonic_ns`` stands in | types |
| mesh/io/lock | ``msvcrt.locking`` of a byte behind the text, for ``flock`` | types |
| mesh/io/logwriter, nodes/io/tuning | scheduling, processors, UNIX sockets: told, and it runs as others do | types |
| mesh/io/storemarks | a folder need not be synced | types |
| nodes/io/childend | a worker inherits one handle; no parent-death signal: the end of its pipe ends it | fakes |
| nodes/io/childends | no descriptor tells the end of a process; there is no supervisord to be woken | types |
| nodes/io/lifeline | no parent-death signal, no supervisord whose orphan one could be | types |
| nodes/io/secretkeys | passwords are sealed by DPAPI (``nodes/io/dpapi``) | fakes |
| nodes/io/locate | state lies in ``C:\\ProgramData`` | types |
| nodes/io/fleet, nodes/io/hosts/start | no supervisord: a logon task and a script, for MT5 needs the desktop (``hosts/windows``) | texts |
| nodes/io/doctor/host, nodes/io/doctor/disk, nodes/io/doctor/terminals, nodes/io/doctor/keys | what is looked at | types |
| nodes/io/simulation | the sleep that holds the interpreter's lock | types |
| nodes/io/cli/webconsole, nodes/io/cli/logs | how a command is quoted; a pipe that nobody reads | types |

**How a node stops in order there**: Ctrl-C or Ctrl-Break in its window, or CTRL_BREAK_EVENT to its process group; it drains as for SIGTERM.
There is no SIGUSR1; the flag file ``STATE/STOP`` stops trading without a network (``nodes/io/stopflag``). A window that is closed, a
log-off and TerminateProcess end it as ``kill -9`` does, and it recovers at its next start.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

OTHERS_MODE = 0o077
"""Rights of group and others in a file's mode."""


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's; on Windows winloop's, or asyncio's own over ``select`` where that is missing: the default there has no ``add_reader``.

    Both poll sockets alone, and ZeroMQ's descriptor is one there, as is each end of a ``socketpair``. ``select`` takes 512 of them.
    """
    if sys.platform == "win32":
        try:
            import winloop
        except ImportError:
            return asyncio.SelectorEventLoop()
        loop: asyncio.AbstractEventLoop = winloop.new_event_loop()
        return loop
    import uvloop

    return uvloop.new_event_loop()


def stop_signals() -> tuple[signal.Signals, ...]:
    """What asks a process to come to its end in order. On Windows SIGTERM is never sent to another process, SIGBREAK is Ctrl-Break."""
    if sys.platform == "win32":
        return signal.SIGTERM, signal.SIGINT, signal.SIGBREAK
    return signal.SIGTERM, signal.SIGINT


def freeze_signals() -> tuple[signal.Signals, ...]:
    """What stops trading on this host: SIGUSR1; on Windows there is none."""
    if sys.platform == "win32":
        return ()
    return (signal.SIGUSR1,)


def take_signal(loop: asyncio.AbstractEventLoop, number: signal.Signals, callback: Callable[[], None]) -> None:
    """Have a loop call back at a signal. Where it cannot, Python itself does when the main thread next runs: the shell polls."""
    try:
        loop.add_signal_handler(number, callback)
    except NotImplementedError:  # asyncio's own loops on Windows

        def taken(*_: object) -> None:
            loop.call_soon_threadsafe(callback)

        signal.signal(number, taken)


def ignore_freeze_signals() -> None:
    """Until somebody takes them: a process of a node's own inherits this, and never does."""
    for number in freeze_signals():
        signal.signal(number, signal.SIG_IGN)


def give_way() -> None:
    """Let another thread have this processor, and come back at once."""
    if sys.platform == "win32":
        time.sleep(0)
    else:
        os.sched_yield()


def die() -> None:
    """End this process at once, without a last word. Windows has no SIGKILL: there TerminateProcess does the same."""
    if sys.platform == "win32":
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGKILL)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that began a session of its own, with what it started there; on Windows it alone. Raises OSError."""
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)


def root_name() -> str:
    """What the user is called as whom this process runs, where that is root; else nothing, as on Windows."""
    if sys.platform == "win32":
        return ""
    import pwd

    return pwd.getpwuid(0).pw_name if os.geteuid() == 0 else ""


def may_others(mode: int) -> bool:
    """Whether a file's mode lets others than its owner at it. On Windows no mode says that: its folder's access list does."""
    if sys.platform == "win32":
        return False
    return bool(mode & OTHERS_MODE)
