"""The latencies this console measures itself: each order once, mesh and broker apart, one host's clocks alone, the last hour alone."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.config import Config, configured
from mesh.messages.outcomes import Outcome, Stamps
from mesh.stages import HIGHEST_NS
from mesh.units import HOUR_NS, MS_NS, SECOND_NS, US_NS
from mesh.view import Told, View
from tests.tui.consolerig import CONFIG, WALL_NS, health, outcome, stamps
from tui.latencies import BROKER, CLOCKS_NS, PARTS, SLOT_NS, SLOWEST_MAX, STEPS, WHOLE, Latencies, Step

NOW_NS = 100 * HOUR_NS
PART = {step.key: step for step in PARTS}


def taken(*outcomes: Outcome, config: Config = CONFIG, view: View | None = None) -> Latencies:
    """What is known after these outcomes, heard a second apart."""
    latencies = Latencies(config)
    for number, each in enumerate(outcomes):
        latencies.take(each, view or View(), NOW_NS + number * SECOND_NS, NOW_NS + number * SECOND_NS, WALL_NS)
    return latencies


def p50_us(latencies: Latencies, step: Step, now_ns: int = NOW_NS) -> int:
    return latencies.summary(step, now_ns).p50_ns // US_NS


def apart() -> Config:
    """The same mesh whose listening nodes can be reached from other hosts."""
    nodes = {name: msgspec.structs.replace(node, host="10.0.0.5") for name, node in CONFIG.node.items()}
    nodes["local-1"] = msgspec.structs.replace(nodes["local-1"], routers=["router-1"])
    return configured(msgspec.structs.replace(CONFIG.settings, node=nodes))


def clocked(offsets_ns: dict[str, int]) -> View:
    """What is known of some nodes' clocks, to 0.1 ms."""
    view = View()
    for node, offset_ns in offsets_ns.items():
        said = health(node, clock_offset_ns=offset_ns, clock_error_ns=100 * US_NS)
        view.put(Told("router-1", NOW_NS, said, b""), NOW_NS)
    return view


def test_steps_are_from_stamp_to_stamp() -> None:
    """Six of the mesh, all of it, and the broker, which is in none of them."""
    latencies = taken(outcome(1, stamps=stamps(step_us=300)))
    assert [p50_us(latencies, step) for step in STEPS] == [1_800, 300, 300, 300, 300, 300, 300, 3_000]
    assert [step.title for step in STEPS][:2] == ["signal → called", "signal → master in"]
    assert [step.key for step in STEPS if step.is_broker] == [BROKER.key]


@given(st.lists(st.integers(0, 2 * HIGHEST_NS), min_size=8, max_size=8))
def test_parts_of_an_order_add_up_to_the_whole(spans_ns: list[int]) -> None:
    """Where all of them can be measured; what is longer than a minute counts as one."""
    at = [1]
    for span_ns in spans_ns[1:]:
        at.append(at[-1] + span_ns)
    latencies = taken(outcome(1, stamps=Stamps(*at)))
    (order,) = latencies.slowest(NOW_NS)
    assert order.mesh_ns == sum(spans_ns[1:7])
    assert order.broker_ns == spans_ns[7]
    assert order.part_ns == max(spans_ns[1:7])
    for step, span_ns in zip(PARTS, spans_ns[1:7], strict=True):
        assert latencies.summary(step, NOW_NS).max_ns <= min(span_ns, HIGHEST_NS) * 1.008 + 1


def test_an_order_that_was_not_called_has_the_steps_it_made() -> None:
    """Denied where it stood: up to there it is measured, and it is no slow order."""
    reached = msgspec.structs.replace(stamps(), durable_ns=0, called_ns=0, answered_ns=0)
    latencies = taken(outcome(1, code="DENIED", stamps=reached))
    assert [latencies.summary(step, NOW_NS).count for step in STEPS] == [0, 1, 1, 1, 1, 0, 0, 0]
    assert latencies.slowest(NOW_NS) == []
    assert [latencies.left_out_count(step) for step in STEPS] == [0] * len(STEPS)


def test_what_has_not_ended_is_not_measured_yet() -> None:
    """It is when it ends; one that turned up executed had ended before."""
    assert taken(outcome(1, final=False, code="UNKNOWN")).version == 0
    assert taken(outcome(1, code="FILLED_LATE")).version == 0
    assert taken(outcome(1, stamps=Stamps())).heard_ns is None


def test_a_second_call_is_not_the_meshs_time() -> None:
    """The broker's answer to the first call lies before it."""
    latencies = taken(outcome(1, attempt=2))
    assert [latencies.summary(step, NOW_NS).count for step in STEPS] == [0, 1, 1, 1, 1, 1, 0, 1]
    assert [latencies.left_out_count(step) for step in (WHOLE, PART["hand_over"], PART["intent"])] == [1, 1, 0]


def test_a_clock_that_went_back_measures_nothing() -> None:
    """It is counted as left out."""
    latencies = taken(outcome(1, stamps=msgspec.structs.replace(stamps(), router_out_ns=1)))
    assert latencies.summary(PART["to_router"], NOW_NS).count == 0
    assert latencies.left_out_count(PART["to_router"]) == 1
    assert latencies.summary(PART["to_local"], NOW_NS).max_ns > SECOND_NS
    assert latencies.summary(WHOLE, NOW_NS).count == 1


def test_clocks_of_two_hosts_are_never_subtracted() -> None:
    """A local elsewhere has its own steps; the way to it, and the whole, are left out and counted."""
    view = clocked({"router-1": 10 * US_NS, "local-1": 7 * SECOND_NS, "cci-1": 20 * US_NS})
    latencies = taken(outcome(1, sid="cci-1/EURUSD/1"), config=apart(), view=view)
    assert [latencies.summary(step, NOW_NS).count for step in STEPS] == [0, 1, 1, 1, 0, 1, 1, 1]
    assert [latencies.left_out_count(step) for step in STEPS] == [1, 0, 0, 0, 1, 0, 0, 0]


def test_hosts_of_one_clock_are_one_host() -> None:
    """Within the error of what is known; of a source of somebody else the clock is not known."""
    view = clocked({"router-1": 10 * US_NS, "local-1": -20 * US_NS, "cci-1": 20 * US_NS})
    ours = taken(outcome(1, sid="cci-1/EURUSD/1"), config=apart(), view=view)
    assert ours.summary(WHOLE, NOW_NS).count == 1
    theirs = taken(outcome(1, sid="their-own-words"), config=apart(), view=view)
    assert [theirs.summary(step, NOW_NS).count for step in STEPS] == [0, 0, 1, 1, 1, 1, 1, 1]


def test_what_is_known_of_clocks_is_asked_for_again() -> None:
    """A node that was not seen yet is, a moment later."""
    view, latencies = clocked({"router-1": 0, "local-1": 0}), Latencies(apart())
    order = outcome(1, sid="cci-1/EURUSD/1")
    latencies.take(order, view, NOW_NS, NOW_NS, WALL_NS)
    assert latencies.summary(WHOLE, NOW_NS).count == 0
    view = clocked({"router-1": 0, "local-1": 0, "cci-1": 0})
    latencies.take(order, view, NOW_NS, NOW_NS + CLOCKS_NS + 1, WALL_NS)
    assert latencies.summary(WHOLE, NOW_NS).count == 1


def test_an_hour_is_remembered() -> None:
    """And five minutes more at most; what a router remembers from before is not taken."""
    latencies = Latencies(CONFIG)
    for minute in range(0, 60, 3):
        at_ns = NOW_NS + minute * 60 * SECOND_NS
        latencies.take(outcome(minute, stamps=stamps(step_us=10 + minute)), View(), at_ns, at_ns, WALL_NS)
    end_ns = NOW_NS + HOUR_NS
    assert latencies.summary(WHOLE, end_ns).count == 20
    latencies.take(outcome(99), View(), end_ns - HOUR_NS - 1, end_ns, WALL_NS)
    assert latencies.summary(WHOLE, end_ns).count == 20
    version = latencies.version
    assert latencies.summary(WHOLE, end_ns + SLOT_NS).count == 18
    assert latencies.version > version
    assert min(order.at_ns for order in latencies.slowest(end_ns + SLOT_NS)) >= NOW_NS + SLOT_NS
    assert latencies.summary(WHOLE, end_ns + HOUR_NS + SLOT_NS).count == 0
    assert latencies.histogram(WHOLE, end_ns + HOUR_NS + SLOT_NS) is None
    assert latencies.slowest(end_ns + HOUR_NS + SLOT_NS) == []


def test_memory_is_bounded() -> None:
    """However many orders there are in an hour: histograms by slot, ten slow orders a slot."""
    latencies = Latencies(CONFIG)
    for number in range(3_000):
        at_ns = NOW_NS + number * 3 * SECOND_NS
        latencies.take(outcome(number), View(), at_ns, at_ns, WALL_NS)
    assert len(latencies._slots) <= HOUR_NS // SLOT_NS + 2
    assert all(len(slot.slowest) <= SLOWEST_MAX for slot in latencies._slots.values())


@given(st.lists(st.integers(0, 200), max_size=60))
def test_the_slowest_are_the_slowest(steps_us: list[int]) -> None:
    """Of all orders in all slots, the slowest first."""
    latencies = Latencies(CONFIG)
    for number, step_us in enumerate(steps_us):
        at_ns = NOW_NS + number * 40 * SECOND_NS
        latencies.take(outcome(number, stamps=stamps(step_us=step_us)), View(), at_ns, at_ns, WALL_NS)
    found = [order.mesh_ns // (6 * US_NS) for order in latencies.slowest(NOW_NS + 60 * 40 * SECOND_NS)]
    assert found == sorted(steps_us, reverse=True)[:SLOWEST_MAX]


def test_a_slow_order_tells_where_it_was_slow() -> None:
    """Its longest step, what the broker took, when it was heard."""
    slow = msgspec.structs.replace(stamps(), called_ns=stamps().durable_ns + 40 * MS_NS, answered_ns=stamps().durable_ns + 60 * MS_NS)
    (order,) = taken(outcome(7, stamps=slow)).slowest(NOW_NS)
    assert (order.account, order.f, order.sid, order.symbol, order.code) == ("demo-1", 7, "demo/cci/EURUSD/7", "EURUSD", "FILLED")
    assert (order.mesh_ns, order.broker_ns, order.wall_ns) == (41_500 * US_NS, 20 * MS_NS, WALL_NS)
    assert (order.part, order.part_ns) == ("durable → called", 40 * MS_NS)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.key)
def test_a_step_nobody_made_is_empty(step: Step) -> None:
    """Its summary is all zero."""
    assert Latencies(CONFIG).summary(step, NOW_NS).count == 0
    assert Latencies(CONFIG).histogram(step, NOW_NS) is None
