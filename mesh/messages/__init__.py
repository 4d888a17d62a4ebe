"""Every wire message, in one table of tags. The grammar (who sends what, and the legal answers) is ``mesh/PROTOCOL.md``."""

from mesh.messages import accounts, control, feed, heads, health, market, orders, outcomes, signals, venue
from mesh.messages.base import Msg

MESSAGE_TYPES: tuple[type[Msg], ...] = tuple(
    sorted(
        (
            kind
            for module in (market, feed, signals, orders, outcomes, accounts, control, health, heads, venue)
            for kind in vars(module).values()
            if isinstance(kind, type)
            and kind.__module__ == module.__name__
            and issubclass(kind, Msg)
            and kind.__struct_config__.tag is not None
        ),
        key=lambda kind: int(str(kind.__struct_config__.tag)),
    )
)
"""Every type that may stand alone on the wire, by tag."""

PROTOCOL_VERSION = 1
"""Peers of a version further than one from this are refused at their hello."""
