"""Which hosts are this machine alone, which all of its addresses, and how a host stands before a port."""

import pytest

from mesh.addresses import address_of, host_port, is_any, is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]"])
def test_loopback(host: str) -> None:
    """By its address, in brackets or not, or by the one name that is always it."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["127.evil.example", "127.0.0.1.example", "localhost.example", "127.1", "10.0.0.1", "0.0.0.0", "::", ""])
def test_not_loopback(host: str) -> None:
    """A name that begins like an address may be anybody's."""
    assert not is_loopback(host)


def test_every_address() -> None:
    """Of both kinds, however it is written; a name is none."""
    assert [is_any(host) for host in ("0.0.0.0", "::", "0:0::0", "::1", "desk", "127.0.0.1")] == [True, True, True, False, False, False]


def test_address_is_what_can_be_bound_as_it_stands() -> None:
    """Brackets belong to what is written around an address."""
    assert [address_of(host) is not None for host in ("127.0.0.1", "::1", "[::1]", "desk")] == [True, True, False, False]


def test_host_before_a_port() -> None:
    """An IPv6 address is in brackets once, wherever it came from."""
    assert [host_port(host, 80) for host in ("desk", "10.0.0.1", "::1", "[::1]")] == ["desk:80", "10.0.0.1:80", "[::1]:80", "[::1]:80"]
