"""The links of the map: their sockets, who binds, and at which offset from a node's base port they listen.

A core names a link by the constants below. A local has two router links, ``router_link(0)`` its primary and
``router_link(1)`` its second, each with its status PUSH.
"""

import msgspec

MARKET = "market"
SIGNALS = "signals"
DECIDE = "decide"
ORDERS = "orders"
REPLAY = "replay"
LOCALS = "locals"
STATUS = "status"
FRONT = "front"
CONTROL = "control"
VENUE = "venue"
WORKER = "worker"
"""Local ↔ its worker: a pipe of their own, not a socket."""
STORE = "store"
"""Where Durable and Fetched come from."""
SHELL = "shell"
"""Where Stop comes from."""


ROLES = ("market", "broker", "indicator", "signals", "master", "router", "local")


class Link(msgspec.Struct, frozen=True):
    """One kind of link: ZeroMQ socket type on each side, the role that binds, the offset from its base port, the roles that dial.

    Operators and other frontends dial FRONT, CONTROL and SIGNALS besides, the simulated terminal's callers VENUE; none is a node.
    """

    name: str
    bind_kind: str
    connect_kind: str
    bind_role: str
    port_offset: int
    dial_roles: tuple[str, ...] = ()


LINKS: dict[str, Link] = {
    link.name: link
    for link in (
        Link(MARKET, "ROUTER", "DEALER", "market", 0, ("broker", "indicator", "master")),
        Link(VENUE, "ROUTER", "DEALER", "broker", 0),
        Link(SIGNALS, "ROUTER", "DEALER", "signals", 0, ("indicator",)),
        Link(DECIDE, "ROUTER", "DEALER", "master", 0, ("signals",)),
        Link(ORDERS, "PUB", "SUB", "master", 1, ("router",)),
        Link(REPLAY, "ROUTER", "DEALER", "master", 2, ("router",)),
        Link("control.master", "ROUTER", "DEALER", "master", 3),
        Link(LOCALS, "ROUTER", "DEALER", "router", 0, ("local",)),
        Link(STATUS, "PULL", "PUSH", "router", 1, ROLES),
        Link(FRONT, "PUB", "SUB", "router", 2),
        Link("control.router", "ROUTER", "DEALER", "router", 3),
    )
}
LISTENING_ROLES = tuple(dict.fromkeys(link.bind_role for link in LINKS.values()))
"""In the order in which ports are counted from ``base_port``."""
PORTS_PER_NODE = 5


def router_link(index: int) -> str:
    """A local's DEALER to its primary (0) or second (1) router."""
    return f"{LOCALS}.{index}"


def status_link(index: int) -> str:
    """A node's PUSH to the ``index``-th router of its list: status of a local, health of every node."""
    return f"{STATUS}.{index}"
