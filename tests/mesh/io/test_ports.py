"""Ports that outgoing connections may take, who holds a name, and what is a connection to itself."""

import os
import socket
import sys
from pathlib import Path

import pytest

from mesh.io.ports import holder_of_name, is_free, outgoing_ports, reset_if_own


def test_outgoing_ports_are_the_range_less_what_is_reserved(tmp_path: Path) -> None:
    """As Linux writes them: a range, and reserved ports as numbers and ranges."""
    (tmp_path / "ip_local_port_range").write_text("100\t110\n")
    (tmp_path / "ip_local_reserved_ports").write_text("102,105-107,900\n")
    assert sorted(outgoing_ports(tmp_path)) == [100, 101, 103, 104, 108, 109, 110]
    (tmp_path / "ip_local_reserved_ports").write_text("\n")
    assert len(outgoing_ports(tmp_path)) == 11


def test_outgoing_ports_where_the_system_does_not_tell(tmp_path: Path) -> None:
    """Then none is known to be risky."""
    assert outgoing_ports(tmp_path / "missing") == frozenset()


def test_port_is_free_or_somebody_listens_there() -> None:
    """What is asked leaves nothing behind; an address of another machine is neither."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        assert not is_free("127.0.0.1", port)
    assert [is_free("127.0.0.1", port) for _ in range(2)] == [True, True]
    with pytest.raises(OSError, match="assign requested address"):
        is_free("192.0.2.1", port)


def test_descriptor_that_is_closed_is_no_connection() -> None:
    """The monitor's word may come after the end of what it speaks of."""
    assert not reset_if_own(100_000)


def test_pair_of_unix_sockets_is_no_connection_to_itself() -> None:
    """Neither end has a name, and a descriptor the monitor spoke of may be a worker's pipe by now."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not reset_if_own(ours.fileno())


@pytest.mark.skipif(sys.platform != "linux", reason="platform: abstract names are Linux' own")
def test_holder_of_a_name() -> None:
    """The process that listens there, as people know it; of a name that nobody has, that nothing is known."""
    name = f"@trademesh-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(name.replace("@", "\0"))
        taken.listen()
        assert holder_of_name(name).startswith(f"pid {os.getpid()} (")
    assert holder_of_name(name) == "a process this user may not see"
