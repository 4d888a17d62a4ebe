"""The broker names the market time at which something it holds back is due, so that a market in blocks does not wait in vain."""

import msgpack
import msgspec
import pytest

from mesh.config import configured
from mesh.faults import FaultSection
from mesh.messages.market import Waiting
from mesh.units import MS_NS, SECOND_NS
from tests.nodes.broker.broker_bank import MARKET_NS, ONE, Bank, opened, quiet
from tests.nodes.flow_rig import config_of


def bank_with(kind: str, for_ms: int) -> Bank:
    """An open broker whose first order of account one meets a fault, sent at the tenth tick."""
    fault = FaultSection(kind=kind, nth=1, for_ms=for_ms)
    config = configured(msgspec.structs.replace(config_of(latency_ms=0).settings, fault=[fault]))
    bank = opened(quiet(60), config)
    bank.buy(ONE)
    return bank


@pytest.mark.parametrize("kind", ["place", "hide", "hang"])
def test_what_is_held_back_is_named_until_it_is_due(kind: str) -> None:
    """A deal that is only placed, a row that is not shown yet, an answer that hangs: due so much after the tenth tick."""
    bank = bank_with(kind, 5_500)
    sent_ns = MARKET_NS + 9 * SECOND_NS
    assert bank.play(12).waiting == [Waiting("one", sent_ns + 5_500 * MS_NS)]
    assert bank.play(15, sent_ns + 5_500 * MS_NS).waiting == []


@pytest.mark.parametrize("kind", ["hide", "disconnect"])
def test_what_is_seen_late_is_another_revision(kind: str) -> None:
    """Who knows the account as it was shown while something was hidden is told once more when it is seen, and not again after that."""
    bank = bank_with(kind, 5_500)

    def told(revision: int) -> tuple[int, int]:
        """How many reads are answered of one that always is and one where the account changed; and the revision."""
        reply = bank.call(ONE, "several", revision, [["positions_get", 0, ""]], [["history_deals_get", 1, 2**31 - 1, 0, 0]])
        assert reply is not None
        return len(msgpack.unpackb(reply.value)), reply.revision

    answered, revision = told(-1)
    assert (answered, told(revision)) == (2, (1, revision))
    bank.play(15, MARKET_NS + 14 * SECOND_NS + 500 * MS_NS)
    answered, revealed = told(revision)
    assert (answered, revealed) == (2, revision + 1)
    assert told(revealed) == (1, revealed)
