"""What a guest may say at a door: a burst, then so much a second; who keeps on beyond it is not read until he has been quiet."""

import pytest

from mesh.codec import FRAME_BYTES_MAX, encode
from mesh.links import LINKS
from mesh.messages import MESSAGE_TYPES
from mesh.messages.control import Signed
from mesh.rates import DRAWN_COUNT, LENGTH_SHIFT, OVER_RATE, QUIET_NS, RATE_DEFAULT, RATES, SILENCED, SUSTAINED_NS, Meter, Meters, is_stop
from mesh.units import MS_NS, SECOND_NS
from tests.message_values import sample_of

PER_S, BURST = 100, 300
SHORT_BYTES = 100


def admitted(meter: Meter, count: int, now_ns: int, length_bytes: int = SHORT_BYTES) -> int:
    """How many of so many messages are read, where each is taken as ``mesh.io.inlet`` takes it."""
    read_count = 0
    for _ in range(count):
        meter.left_count -= 1 + (length_bytes >> LENGTH_SHIFT)
        read_count += meter.left_count >= 0 or meter.draws(now_ns)
    return read_count


def silenced() -> tuple[Meter, int]:
    """One who has said too much for as long as anybody listens, and the time."""
    meter, now_ns = Meter(PER_S, BURST, is_silencing=True), 0
    while not meter.is_silenced:
        admitted(meter, BURST * 2, now_ns)
        now_ns += 100 * MS_NS
    return meter, now_ns


def test_a_burst_and_then_the_rate() -> None:
    """What is beyond both is not read; nothing is said of who stays within them."""
    meter = Meter(PER_S, BURST)
    assert admitted(meter, BURST, 0) == BURST
    assert meter.news() == ""
    assert admitted(meter, 50, 0) == 0
    assert meter.news() == OVER_RATE
    assert meter.news() == "", "once"
    assert admitted(meter, PER_S * 2, SECOND_NS) == PER_S


def test_who_stays_within_the_rate_is_read_for_ever() -> None:
    """An hour at exactly the rate, after a burst."""
    meter = Meter(PER_S, BURST)
    admitted(meter, BURST - DRAWN_COUNT, 0)
    for second in range(1, 3_600):
        assert admitted(meter, PER_S, second * SECOND_NS) == PER_S
    assert not meter.is_silenced


def test_who_keeps_on_is_not_read_at_all() -> None:
    """After ten seconds, and it is said once; what would be within his rate is not read either."""
    meter, now_ns = silenced()
    assert SUSTAINED_NS <= now_ns <= SUSTAINED_NS + SECOND_NS
    assert meter.news() == SILENCED
    for turn in range(100):
        assert admitted(meter, BURST, now_ns + turn * SECOND_NS) == 0
    assert meter.news() == ""


def test_who_is_within_his_rate_for_long_enough_is_read_again() -> None:
    """He need not be silent: whoever was wrong about a limit comes back by himself."""
    meter, now_ns = silenced()
    meter.news()
    for _ in range(QUIET_NS // SECOND_NS):
        assert admitted(meter, PER_S // 2, now_ns) == 0
        now_ns += SECOND_NS
    assert admitted(meter, PER_S // 2, now_ns) == PER_S // 2
    assert not meter.is_silenced
    assert admitted(meter, BURST * 3, now_ns) <= BURST
    assert meter.news() == OVER_RATE, "and it is told of anew"


def test_node_keeps_its_rate_however_long_it_is_over_it() -> None:
    """What nodes repeat until it is answered would keep one that is read no more silent for ever."""
    meter = Meters("replay")["key"]
    per_s, burst = RATES["replay"]
    for second in range(60):
        assert admitted(meter, 2 * per_s, second * SECOND_NS) >= per_s
    assert not meter.is_silenced
    assert burst / 2 > 1_000 * 64, "what 1,000 locals repeat at once"


def test_breaches_far_apart_silence_nobody() -> None:
    """A burst too large each quarter of a minute costs what is beyond it, and is told of each time."""
    meter = Meter(PER_S, BURST)
    for turn in range(20):
        assert admitted(meter, BURST * 2, turn * (QUIET_NS + 5 * SECOND_NS)) == BURST
        assert meter.news() == OVER_RATE
    assert not meter.is_silenced


@pytest.mark.parametrize(("length_bytes", "count"), [(0, 1), (4_095, 1), (4_096, 2), (FRAME_BYTES_MAX, FRAME_BYTES_MAX // 4_096 + 1)])
def test_long_messages_count_for_more(length_bytes: int, count: int) -> None:
    """They cost as much more to decode: the largest frame is worth sixteen short ones and itself."""
    meter = Meter(PER_S, BURST)
    assert admitted(meter, BURST, 0, length_bytes) == BURST // count


def test_each_key_has_a_rate_of_its_own() -> None:
    """Who is over his takes nothing from others."""
    meters = Meters("locals")
    burst = RATES["locals"][1]
    assert admitted(meters["a"], burst + 10, 0) == burst
    assert admitted(meters["b"], 10, 0) == 10
    assert admitted(meters["a"], 1, 0) == 0


@pytest.mark.parametrize("link", LINKS)
def test_rates_are_far_above_what_is_said(link: str) -> None:
    """Acks and outcomes of 10,000 replayed records at once; 1,000 locals that tell 10 states a second through one router; a market at its
    fastest.
    """
    meter = Meters(link)["a"]
    burst_count, per_s = {"control.master": (1_000, 100), "control.router": (1_000, 100)}.get(link, (20_000, 300))
    burst_count, per_s = (20_000, 10_000) if link == "replay" else (burst_count, per_s)
    burst_count, per_s = (200_000, 50_000) if link in ("market", "venue") else (burst_count, per_s)
    assert admitted(meter, burst_count, 0) == burst_count
    for second in range(1, 20):
        assert admitted(meter, per_s, second * SECOND_NS) == per_s
    assert RATE_DEFAULT[0] >= max(RATES[own][0] for own in ("locals", "status", "control"))


def test_only_stops_begin_as_stops() -> None:
    """By their first bytes alone, which is all that is looked at of who is over his rate."""
    assert [kind for kind in MESSAGE_TYPES if is_stop(encode(sample_of(kind)))] == [Signed]
