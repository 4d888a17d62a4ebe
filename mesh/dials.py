"""Which connections a node of a configured mesh makes: derived from the links' table for sockets and for the simulated mesh alike."""

import msgspec

from mesh.carriers import UP
from mesh.config import Config
from mesh.links import LINKS, LOCALS, STATUS, Link, router_link, status_link
from mesh.messages.heads import AuditHead

_NAME_TO_ROUTER = {LOCALS: router_link, STATUS: status_link}
"""Links of which a node has one to each of its routers, numbered."""


class Dial(msgspec.Struct, frozen=True):
    """One connection: the dialling node's own name of it, the link, and the node that listens."""

    own_link: str
    link: Link
    target: str


def dials_of(config: Config, name: str) -> list[Dial]:
    """Every connection node ``name`` makes. What goes to one role of which there are several goes to each of the node's routers."""
    made: list[Dial] = []
    for link in LINKS.values():
        if config.role_of(name) not in link.dial_roles:
            continue
        numbered = _NAME_TO_ROUTER.get(link.name)
        if numbered is None:
            made.append(Dial(link.name, link, config.nodes_of(link.bind_role)[0]))
            continue
        routers = config.routers_of(name)
        # a router tells itself how it is without a connection
        made += [Dial(numbered(index), link, router) for index, router in enumerate(routers) if router != name]
    return made


def head_links(config: Config, name: str) -> list[str]:
    """The links by which a node tells how far its audit has come: one to each node that it dials."""
    return [dial.own_link for dial in dials_of(config, name) if AuditHead in UP.get(dial.link.name, ())]
