"""Closes that wait for the market to open are told: their positions are open until then."""

from mesh.messages.venue import VenueResult, VenueSend
from tests.nodes.local.localrig import Rig


def test_close_refused_because_the_market_is_closed_is_told_until_it_goes_through() -> None:
    """Counted while it waits, whatever it is refused for otherwise; opens that are refused so are no closes."""
    rig = Rig().ready()
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    codes = {"CLOSE": 10018}

    def refused(send: VenueSend) -> VenueResult | bool:
        code = codes.get(send.action, 0)
        return rig.venue.result(send, "BACKOFF", code) if code else True

    def waiting() -> str:
        return rig.local().facts()["closes_waiting"]

    rig.venue.script = refused
    assert waiting() == "0"
    rig.close(oid)
    rig.until(lambda: waiting() == "1", 30_000)
    codes["CLOSE"] = 10024  # too many requests: it waits, but not for the market
    rig.until(lambda: waiting() == "0", 30_000)
    codes["CLOSE"] = 10018
    rig.until(lambda: waiting() == "1", 30_000)
    codes.clear()
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"], 60_000)
    assert waiting() == "0"
