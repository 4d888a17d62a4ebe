"""A fake venue with a netting account: one position a symbol, in which lots of others may be."""

import msgspec

from mesh.messages.base import Msg
from mesh.messages.venue import VenueAttach, VenueAttached, VenueResult, VenueSend
from mesh.units import E8
from tests.nodes.local.fakevenue import FakeVenue, Held
from tests.nodes.local.localrig import Rig, make_config

RAILS = 'duplicate_window_ms = "off"\npositions_per_symbol_count = "off"'
FOREIGN_TICKET = 900


class NettingVenue(FakeVenue):
    """Closes are bounded by the position, as the real worker does. ``foreign_e8``: lots in the position that are not ours."""

    foreign_e8 = 0

    def handle(self, message: Msg, now_ns: int) -> list[tuple[int, Msg]]:
        """As the hedging one, but for the kind of account."""
        answers = super().handle(message, now_ns)
        if not isinstance(message, VenueAttach):
            return answers
        return [(at_ns, msgspec.structs.replace(item, hedging=False)) for at_ns, item in answers if isinstance(item, VenueAttached)]

    @property
    def position(self) -> Held | None:
        """What is held."""
        return next(iter(self.held.values()), None)

    @property
    def ours_e8(self) -> int:
        """Lots of ours that are held."""
        return (self.position.volume_e8 if self.position else 0) - self.foreign_e8

    def execute(self, send: VenueSend, volume_e8: int = 0) -> VenueResult:
        """An opening is added to what is held; a close that finds nothing to close was not sent."""
        held, volume_e8 = self.position, volume_e8 or send.volume_e8
        if send.action == "OPEN" and held is not None:
            assert held.side == send.side, "an opening against what is held"
            held.volume_e8 += volume_e8
            return self._dealt(send, held.ticket, "IN", volume_e8)
        if send.action == "CLOSE":
            if held is None or held.side == send.side or send.position_ticket not in (0, held.ticket):
                return self.result(send, "UNSENT", detail="GONE")
            volume_e8 = min(volume_e8, held.volume_e8)
            held.volume_e8 -= volume_e8
            if not held.volume_e8:
                del self.held[held.ticket]
            return self._dealt(send, held.ticket, "OUT", volume_e8)
        return super().execute(send, volume_e8)

    def _dealt(self, send: VenueSend, ticket: int, entry: str, volume_e8: int) -> VenueResult:
        self._ticket += 1
        self.deals.append(self._deal(self._ticket + 50_000, ticket, "BUY" if send.side > 0 else "SELL", entry, volume_e8, self.bid_e8, 0))
        self.magics[send.magic] = (ticket, volume_e8)
        class_ = "ACCEPTED" if volume_e8 == send.volume_e8 else "PARTIAL"
        return self.result(send, class_, 10009, volume_e8, ticket, self._ticket + 50_000)

    def add_foreign(self, volume_e8: int) -> None:
        """Somebody else buys."""
        if self.position is None:
            self.held[FOREIGN_TICKET] = Held(FOREIGN_TICKET, 1, 0, self.bid_e8, 0, 0, 0, "by hand")
        held = self.position
        assert held is not None
        held.volume_e8 += volume_e8
        self.foreign_e8 += volume_e8
        self.deals.append(self._deal(70_000 + len(self.deals), held.ticket, "BUY", "IN", volume_e8, self.bid_e8, 0))

    def close_by_hand(self) -> None:
        """Somebody closes the whole position."""
        held = self.position
        assert held is not None
        del self.held[held.ticket]
        self.foreign_e8 = 0
        self.deals.append(self._deal(70_000 + len(self.deals), held.ticket, "SELL", "OUT", held.volume_e8, self.bid_e8, 0))


def netting_rig(manage: str = "") -> tuple[Rig, NettingVenue]:
    """A mesh whose account one is a netting account, ready to trade."""
    rig = Rig(make_config(manage, 'margin_mode = "netting"', RAILS))
    venue = NettingVenue("one")
    rig.venues["one"] = rig.net.attachments["local-1"] = venue
    return rig.ready(), venue


LOTS_E8 = E8 // 10
"""What an opening of the rig has."""
