"""Live changes as tests make them, of the small mesh or another one."""

from itertools import pairwise

from mesh.codec import encode
from mesh.config import Config, parse
from mesh.killset import entry_id
from mesh.messages.control import Activation, Revision
from mesh.revisions import patch_of
from tests.smallmesh import small_mesh

HEAD = "[strategy.reversion]\n"
ACCOUNTS = {"a1": "", "a2": ""}


def with_rails(count: int) -> Config:
    """The small mesh with so many positions allowed."""
    return parse(small_mesh(f"{HEAD}[rails]\npositions_count = {count}\n", ACCOUNTS))


def change(before: Config, after: Config, number: int = 1, nonce: int = 1) -> Revision:
    """What leads from one to the other."""
    return Revision("operator", nonce, 5, number, before.fingerprint, after.fingerprint, patch_of(before, after), "narrower", "ann@desk")


def id_of(revision: Revision) -> bytes:
    """By which it is named."""
    return entry_id(encode(revision))


def in_force(revision: Revision, nonce: int = 1) -> Activation:
    """What puts it in force."""
    return Activation("operator", nonce, 6, id_of(revision), "narrower", "ann@desk")


def chain(*configs: Config) -> list[Revision]:
    """Changes from each of these to the next, numbered."""
    return [change(before, after, number) for number, (before, after) in enumerate(pairwise(configs), start=1)]
