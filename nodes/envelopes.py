"""What is inside an envelope: the message as the type the core's table of handlers promised, and the bytes it came as."""

from typing import TypeVar

from mesh.codec import encode
from mesh.core import Envelope
from mesh.messages.base import Msg

M = TypeVar("M", bound=Msg)


def message_of(envelope: Envelope, kind: type[M]) -> M:
    """The envelope's message, which is a ``kind`` because handlers are found by exact type."""
    message = envelope.message
    assert isinstance(message, kind), f"{type(message).__name__} reached a handler of {kind.__name__}"
    return message


def raw_of(envelope: Envelope) -> bytes:
    """The bytes in which a message came: what they are signed over, and what is kept or shown of it."""
    return envelope.frames[0] if envelope.frames else encode(envelope.message)
