"""Stops as tests make them: signed with the keys a small mesh draws, or bare where only their content matters."""

from mesh.config import parse
from mesh.drawnkeys import DrawnKeys
from mesh.messages.control import Item, Signed
from tests.smallmesh import small_mesh

CONFIG = parse(small_mesh())
KEYS = DrawnKeys(CONFIG)
"""Of the mesh that ``small_mesh`` makes where nothing else is said."""


def signed(item: Item, name: str = "operator") -> bytes:
    """The bytes of a stop as it travels, signed by a name whatever its issuer is."""
    return KEYS.signer(name).sign(item)


def drilled(item: Item, name: str = "operator") -> Signed:
    """What a drill carries."""
    return KEYS.signer(name).signed(item, is_drill=True)
