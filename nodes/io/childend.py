"""How a process of a node's own is given its end of their pipe, a socket, under a number that is the last word of its command.

On POSIX it inherits the descriptor, and the kernel ends it when its parent dies. Windows has neither: the handle of the socket, and
no other, is made inheritable, and the end of the pipe is what ends the process. Never run on a real Windows.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence

from nodes.io.lifeline import die_with_parent


def start_with_end(command: Sequence[str], end: socket.socket, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a process that has ``end``; the caller closes its own copy. Raises OSError."""
    number = end.fileno()
    words = [*command, str(number)]
    if sys.platform == "win32":
        os.set_handle_inheritable(number, True)
        only = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [number]})
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, env=environment, startupinfo=only)
    return subprocess.Popen(words, pass_fds=(number,), stdin=subprocess.DEVNULL, env=environment, preexec_fn=die_with_parent)
