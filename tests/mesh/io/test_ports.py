"""Ports that outgoing connections may take."""

from pathlib import Path

from mesh.io.ports import outgoing_ports, reset_if_own


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


def test_descriptor_that_is_closed_is_no_connection() -> None:
    """The monitor's word may come after the end of what it speaks of."""
    assert not reset_if_own(100_000)
