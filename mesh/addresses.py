"""Hosts as files and options name them: which are this machine alone, which every address of it, how one stands before a port."""

from ipaddress import IPv4Address, IPv6Address, ip_address


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """The address that is written there, without brackets; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether a host, in brackets or not, is this machine itself, and nobody else can dial it."""
    address = address_of(host.strip("[]"))
    return host == "localhost" if address is None else address.is_loopback  # of any other name only a resolver knows whose it is


def is_any(host: str) -> bool:
    """Whether who listens there listens at every address of its machine: nobody can dial that."""
    address = address_of(host)
    return address is not None and address.is_unspecified


def host_port(host: str, port: int) -> str:
    """Both as addresses of URLs and sockets are written: an IPv6 address in brackets, whether it came in some or not."""
    bare = host.strip("[]")
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"
