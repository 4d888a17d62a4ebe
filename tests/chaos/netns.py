"""Network namespaces of Linux, one for each host of a test, each with one network card: a TUN device whose other end this process holds.

A namespace here is a descriptor and nothing else: no name, no mount, no bridge, no qdisc. When this process has ended, however that was,
and those that it started there have too, the kernel takes namespace and card away. Needs CAP_SYS_ADMIN and CAP_NET_ADMIN, and /dev/net/tun.
"""

import ctypes
import fcntl
import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CARD = "mesh0"
TUN = Path("/dev/net/tun")
_OWN = "/proc/thread-self/ns/net"
_CLONE_NEWNET = 0x40000000
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK = 0x8913, 0x8914, 0x8916, 0x891C
_IFF_UP = 0x1


class NotPermitted(Exception):
    """This system lets us have no namespaces or no cards; the text says which call it refused."""


class Namespace:
    """The network of one host at one address of a /24. Raises NotPermitted."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._fileno = -1
        self.card = -1
        """What the host sends is read here, and what is written here it receives: whole IPv4 packets. Never blocks."""
        try:
            with _back_afterwards():
                _unshare()
                self._fileno = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
                self.card = os.open(TUN, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
                fcntl.ioctl(self.card, _TUNSETIFF, struct.pack("16sH22x", CARD.encode(), _IFF_TUN | _IFF_NO_PI))
                _set_up("lo")
                _set_up(CARD, address)
        except OSError as error:
            self.close()
            raise NotPermitted(f"no network namespace with a TUN device: {error}") from None

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What this thread starts and opens meanwhile is on this host: sockets, threads and processes keep the network they began in."""
        with _back_afterwards():
            _setns(self._fileno)
            yield

    def close(self) -> None:
        """Let go of both; whoever still runs there is alone."""
        for fileno in (self.card, self._fileno):
            with suppress(OSError):
                os.close(fileno)
        self.card = self._fileno = -1


@contextmanager
def _back_afterwards() -> Iterator[None]:
    home = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        try:
            _setns(home)
        finally:
            os.close(home)


def _libc() -> ctypes.CDLL:
    if sys.platform != "linux":
        raise NotPermitted(f"{sys.platform} has no network namespaces")
    return ctypes.CDLL(None, use_errno=True)


def _unshare() -> None:  # os.unshare and os.setns are there from Python 3.12 on
    _checked(_libc().unshare(_CLONE_NEWNET), "unshare")


def _setns(fileno: int) -> None:
    _checked(_libc().setns(fileno, _CLONE_NEWNET), "setns")


def _checked(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def _set_up(card: str, address: str = "") -> None:
    """Switch a card on, with an address where one is given."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        for call, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, address and "255.255.255.0")):
            if value:
                fcntl.ioctl(asker, call, struct.pack("16sHH4s8x", card.encode(), socket.AF_INET, 0, socket.inet_aton(value)))
        flags = struct.unpack("16sH14x", fcntl.ioctl(asker, _SIOCGIFFLAGS, struct.pack("16sH14x", card.encode(), 0)))[1]
        fcntl.ioctl(asker, _SIOCSIFFLAGS, struct.pack("16sH14x", card.encode(), flags | _IFF_UP))
