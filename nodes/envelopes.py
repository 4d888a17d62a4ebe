"""The message inside an envelope, as the type the core's table of handlers promised."""

from typing import TypeVar

from mesh.core import Envelope
from mesh.messages.base import Msg

M = TypeVar("M", bound=Msg)


def message_of(envelope: Envelope, kind: type[M]) -> M:
    """The envelope's message, which is a ``kind`` because handlers are found by exact type."""
    message = envelope.message
    assert isinstance(message, kind), f"{type(message).__name__} reached a handler of {kind.__name__}"
    return message
