"""A node's kill set: kept on disk, merged with whoever has more; the master itself raises it against a clone.

Entries and undos are kept as the bytes that came. Routers see the digest in heartbeats and grants and pull what they lack;
whoever asks for what he lacks also says what he has, and what we lack of that is asked for in turn.
"""

from mesh.codec import FRAME_BYTES_MAX, decode_untrusted, encode
from mesh.core import Effect, Envelope, Note, Put, Send
from mesh.errors import BadFrame
from mesh.killset import KillSet, entry_id
from mesh.messages.control import FREEZE, Entry, KillSetAsk, KillSetPart
from nodes.envelopes import message_of

KILL_ITEM = "stop"
"""Kind of the rows, by the item's id."""
PART_ITEMS = 128
"""Items of one answer; the asker asks again for the rest."""
PART_BYTES_MAX = FRAME_BYTES_MAX - 256
"""What they may be long together: a frame, less what is around them."""
ITEM_HEAD_BYTES = 5
"""MessagePack's head of a blob, at most."""


class Stops:
    """The kill set and its rows."""

    def __init__(self, name: str) -> None:
        self.killset = KillSet()
        self._name = name

    def restore(self, raw: bytes) -> None:
        """Take a row of the store."""
        self.killset.add_untrusted(raw)

    def take_untrusted(self, raw: bytes) -> tuple[list[Put], list[Effect]]:
        """Merge one item: the row to make durable (none where it was here), and what is to be noted at once."""
        try:
            if not self.killset.add_untrusted(raw):
                return [], []
            item = decode_untrusted(raw)
        except BadFrame as error:
            return [], [Note("warning", "stop_refused", {"error": str(error)})]
        told = {"item": type(item).__name__, "id": entry_id(raw).hex()}
        if isinstance(item, Entry):
            told |= {"level": item.level, "scope": item.scope, "issuer": item.issuer, "reason": item.reason}
        return [Put(KILL_ITEM, entry_id(raw), raw)], [Note("warning", "stop_taken", told)]

    def freeze(self, account: str, reason: str, wall_ns: int) -> bytes:
        """The raw entry with which this node freezes an account by itself."""
        return encode(Entry(self._name, wall_ns, wall_ns, FREEZE, f"account:{account}", reason))

    def on_ask(self, envelope: Envelope) -> list[Effect]:
        """What the asker lacks, and a question where he has more than we."""
        message = message_of(envelope, KillSetAsk)
        missing = fitting(self.killset.missing(message.known))
        effects: list[Effect] = [Send(envelope.link, envelope.peer, KillSetPart(missing))]
        mine = self.killset.known()
        known = dict.fromkeys(mine)
        if any(key not in known for key in message.known):
            effects.append(Send(envelope.link, envelope.peer, KillSetAsk(mine)))
        return effects


def fitting(items: list[bytes]) -> list[bytes]:
    """As many of these as one answer carries: the next is asked for when they have been taken."""
    found: list[bytes] = []
    left_bytes = PART_BYTES_MAX
    for item in items[:PART_ITEMS]:
        left_bytes -= len(item) + ITEM_HEAD_BYTES
        if left_bytes < 0:
            break
        found.append(item)
    return found
