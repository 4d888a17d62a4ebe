"""Every node → the nodes it dials: how far its audit has come, under its signature, once a minute."""

from typing import Annotated

from msgspec import Meta

from mesh.messages.base import Count, Msg, Name
from mesh.messages.control import Signature

StoreId = Annotated[bytes, Meta(min_length=16, max_length=16)]
"""What tells a store from any other, also from one that was begun anew."""
ChainHash = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""Of an audit row: it covers all rows before it."""


class AuditHead(Msg, tag=130):
    """The audit of ``node``'s store had ``seq`` rows at ``wall_ns``, the last with ``hash``; signed by that node (``mesh.keyring``).

    Who gets it keeps it in its own audit: so no store can be rewritten as a whole, or put back, unseen by the others.
    """

    node: Name
    store_id: StoreId
    seq: Count
    hash: ChainHash
    wall_ns: Count
    signature: Signature
