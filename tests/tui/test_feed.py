"""What waits between a router and the app: conflated, bounded, counted; and the thread that listens, on real sockets."""

import time
from collections.abc import Callable, Iterator

import pytest

from mesh import links
from mesh.codec import encode
from mesh.io.hub import Hub
from mesh.io.sockets import Socket
from mesh.messages.base import Msg
from mesh.messages.control import Ping
from mesh.messages.health import FrontEvent, NodeHealth, Snapshot
from mesh.messages.outcomes import Outcome
from mesh.units import MS_NS, SECOND_NS
from mesh.view import FRESH_NS
from tests.ports import free_base_port
from tests.tui.consolerig import health, latched, outcome, seen, state, symbols
from tui.feed import EVENTS_MAX, SETTLE_NS, STALL_NS, Batch, Feed, Pile, Waited

NOW_NS = 50 * SECOND_NS
ROUTERS = {"router-1": "tcp://127.0.0.1:1", "router-2": "tcp://127.0.0.1:2"}
WAIT_S = 20.0
TURN_MS = 10


def frames(*items: Msg, router: str = "router-1", snapshot: int = 1, life: int = 1, age_ms: int = 100) -> list[bytes]:
    """A whole snapshot."""
    return [encode(Snapshot(router, life, snapshot, index, len(items), age_ms, encode(item))) for index, item in enumerate(items)]


def event(item: Msg, router: str = "router-1") -> bytes:
    return encode(FrontEvent(router, encode(item)))


def pile(*given: bytes, router: str = "router-1", now_ns: int = NOW_NS) -> Pile:
    made = Pile(ROUTERS, 0)
    for frame in given:
        made.put(router, frame, now_ns)
    return made


def items(batch: Batch) -> list[Msg | None]:
    return [told.item for told in batch.told]


def test_of_what_is_told_again_the_newest_waits() -> None:
    """One state, symbols and stops of an account, one health of a node, one view of a local: for each router."""
    states = [state("demo-1", equity_e8=number) for number in range(50)]
    healths = [health("local-1", uptime_ms=number) for number in range(50)]
    others = (symbols("demo-1"), latched("demo-1"), seen("demo-1"))
    made = pile(*frames(*states, *healths, *others, *others))
    for frame in frames(states[7], router="router-2"):
        made.put("router-2", frame, NOW_NS)
    batch = made.take(NOW_NS)
    assert items(batch) == [states[-1], healths[-1], *others, states[7]]
    assert [told.router for told in batch.told][-2:] == ["router-1", "router-2"]
    assert batch.told[0].at_ns == NOW_NS - 100 * MS_NS
    assert items(made.take(NOW_NS)) == []


def test_events_wait_in_their_order_and_none_twice() -> None:
    """Two routers tell of an outcome, and each snapshot again."""
    outcomes = [outcome(number) for number in (3, 1, 2)]
    made = pile(*map(event, outcomes), event(outcomes[0], "router-2"), *frames(*outcomes, health("local-1")))
    batch = made.take(NOW_NS)
    assert items(batch)[:3] == outcomes
    assert len(batch.told) == 4
    assert batch.told[0].at_ns == NOW_NS
    assert batch.missed_count == 0


def test_events_that_nobody_takes_are_bounded_and_counted() -> None:
    """The oldest are dropped; what was dropped stays counted, and the newest of everything else is not touched."""
    made = pile(*frames(health("local-1")))
    for number in range(EVENTS_MAX + 3):
        made.put("router-1", event(outcome(number)), NOW_NS)
    batch = made.take(NOW_NS)
    assert batch.missed_count == 3
    assert [item.f for item in items(batch) if isinstance(item, Outcome)] == list(range(3, EVENTS_MAX + 3))
    assert made.take(NOW_NS).missed_count == 3


def test_garbage_and_newer_versions_are_counted() -> None:
    """A frame that is none, a message that is none of this link, an item of a version to come: all counted, none told."""
    newer = encode(Snapshot("router-1", 1, 1, 0, 2, 0, b"\x92\xcd\x27\x10\x01"))
    made = pile(b"", b"\xc1garbage", encode(Ping("", 1)), encode(health("local-1")), newer, event(outcome(1)))
    batch = made.take(NOW_NS)
    assert batch.bad_frame_count == 5
    assert items(batch) == [outcome(1)]
    assert pile(b"x").take(NOW_NS).links["router-1"].heard_ns == 0


def test_it_sees_after_a_whole_snapshot_only() -> None:
    """One that began before this console was there is not whole; one that is too old says nothing of now."""
    first, second = frames(health("local-1"), state("demo-1"), snapshot=4), frames(health("local-1"), state("demo-1"), snapshot=5)
    made = pile(*first[1:])
    assert not made.take(NOW_NS).is_seeing
    made.put("router-1", second[0], NOW_NS)
    assert not made.take(NOW_NS).is_seeing
    made.put("router-1", second[1], NOW_NS)
    assert made.take(NOW_NS).is_seeing
    assert made.take(NOW_NS + FRESH_NS).is_seeing
    assert not made.take(NOW_NS + FRESH_NS + 1).is_seeing


def test_an_item_of_a_newer_version_does_not_hide_the_rest() -> None:
    """A snapshot with one is whole, too."""
    known = frames(health("local-1"), state("demo-1"))
    made = pile(known[0], encode(Snapshot("router-1", 1, 1, 1, 2, 0, b"\x92\xcd\x27\x10\x01")))
    batch = made.take(NOW_NS)
    assert batch.is_seeing
    assert items(batch) == [health("local-1")]


def test_a_router_started_anew_shows_a_whole_snapshot_first() -> None:
    """Though its snapshots have the numbers of those before."""
    made = pile(*frames(health("local-1"), state("demo-1")))
    later_ns = NOW_NS + 10 * SECOND_NS
    again = frames(health("local-1"), state("demo-1"), life=2)
    made.put("router-1", again[0], later_ns)
    assert not made.take(later_ns).is_seeing
    made.put("router-1", again[1], later_ns)
    assert made.take(later_ns).is_seeing


def test_connections_are_told() -> None:
    """Since when each is there or is not, and when its last frame came."""
    made = Pile(ROUTERS, 5)
    assert [(link.is_connected, link.since_ns, link.heard_ns) for link in made.take(6).links.values()] == [(False, 5, 0)] * 2
    made.connected("router-1", True, 7)
    made.put("router-1", event(outcome(1)), 9)
    link = made.take(10).links["router-1"]
    assert (link.endpoint, link.is_connected, link.since_ns, link.heard_ns) == (ROUTERS["router-1"], True, 7, 9)


# how old it is


def test_what_is_read_is_as_old_as_the_last_look_that_left_nothing() -> None:
    """It came after that; while looks leave something behind, all of it may have waited since then."""
    waited = Waited(NOW_NS)
    waited.emptied()
    assert waited.look(NOW_NS + 70 * MS_NS) == NOW_NS
    assert waited.look(NOW_NS + 90 * MS_NS) == NOW_NS
    waited.emptied()
    assert waited.look(NOW_NS + 110 * MS_NS) == NOW_NS + 90 * MS_NS


def test_what_is_read_after_a_stall_is_as_old_as_the_look_before_it() -> None:
    """Also what comes a little later: a connection that stood still hands over the oldest first. Then it is of now again."""
    waited = Waited(NOW_NS)
    for ms in range(0, 200, 50):
        waited.look(NOW_NS + ms * MS_NS)
        waited.emptied()
    before_ns, after_ns = NOW_NS + 150 * MS_NS, NOW_NS + 10 * SECOND_NS
    for later_ns in range(0, SETTLE_NS, 50 * MS_NS):
        assert waited.look(after_ns + later_ns) == before_ns
        waited.emptied()
    waited.look(after_ns + SETTLE_NS)
    waited.emptied()
    assert waited.look(after_ns + SETTLE_NS + 50 * MS_NS) == after_ns + SETTLE_NS


def test_one_stall_after_the_other_does_not_make_everything_old() -> None:
    """A machine that has no time shows what it hears a little older, not as dead."""
    waited, step_ns = Waited(NOW_NS), STALL_NS + MS_NS
    for number in range(50):
        at_ns = NOW_NS + number * step_ns
        assert at_ns - waited.look(at_ns) <= 3 * step_ns
        waited.emptied()


def test_the_time_until_looking_begins_is_no_stall() -> None:
    """What was dialled early is as old as that at most, and of now with the first look that leaves nothing."""
    waited, began_ns = Waited(NOW_NS), NOW_NS + 5 * SECOND_NS
    waited.begin(began_ns)
    assert waited.look(began_ns + MS_NS) == NOW_NS
    waited.emptied()
    assert waited.look(began_ns + 50 * MS_NS) == began_ns + MS_NS


# real sockets


class Router:
    """Publishes a snapshot again and again, and can be started anew at its endpoint."""

    def __init__(self) -> None:
        self.endpoint = f"tcp://127.0.0.1:{free_base_port()}"
        self.life = 0
        self.start()

    def start(self) -> None:
        self.life += 1
        self._number = 0
        self._hub = Hub()
        self._front: Socket = self._hub.bind(links.FRONT, "PUB", self.endpoint)

    def close(self) -> None:
        self._hub.close()

    def publish(self) -> None:
        self._number += 1
        for frame in frames(health("local-1", life=self.life), state("demo-1"), snapshot=self._number, life=self.life):
            self._front.send(0, (frame,))
        self._front.send(0, (b"garbage",))

    def until(self, feed: Feed, is_so: Callable[[Batch], bool]) -> Batch:
        """Publish until what the feed has is so."""
        end_s = time.monotonic() + WAIT_S
        while time.monotonic() < end_s:
            self.publish()
            batch = feed.take()
            if is_so(batch):
                return batch
            self._hub.wait(TURN_MS)
        raise AssertionError("the test waited in vain")


@pytest.fixture
def router() -> Iterator[Router]:
    router = Router()
    yield router
    router.close()


def life_of(batch: Batch) -> int:
    """The life that the newest health in a batch is of."""
    return max((told.item.life for told in batch.told if isinstance(told.item, NodeHealth)), default=0)


@pytest.mark.wire
def test_a_router_is_heard_and_heard_again_after_a_restart(router: Router) -> None:
    """On the same port, without anybody's doing; its garbage is counted; stop leaves at once."""
    feed = Feed({"router-1": router.endpoint}, time.monotonic_ns)
    feed.start()
    batch = router.until(feed, lambda batch: batch.is_seeing and batch.bad_frame_count > 0 and life_of(batch) == 1)
    assert batch.links["router-1"].is_connected
    router.close()
    router.start()
    again = router.until(feed, lambda batch: life_of(batch) == 2)
    assert again.links["router-1"].is_connected
    assert again.links["router-1"].since_ns > batch.links["router-1"].since_ns
    feed.stop()
    assert not feed._thread.is_alive()
    feed.stop()


class Clock:
    """The time a feed is told: it goes on by a little with each look, and jumps when a test says so."""

    def __init__(self) -> None:
        self.at_ns = NOW_NS

    def __call__(self) -> int:
        self.at_ns += MS_NS
        return self.at_ns


@pytest.mark.wire
def test_a_feed_that_stood_still_shows_nothing_younger_than_it_is(router: Router) -> None:
    """Words that may have lain in the socket meanwhile are as old as the look before, and so is the router."""
    clock = Clock()
    feed = Feed({"router-1": router.endpoint}, clock)
    feed.start()
    router.until(feed, lambda batch: batch.is_seeing)
    with feed._lock:  # it cannot look now
        before_ns = clock.at_ns
        clock.at_ns += 60 * SECOND_NS
    router.life = 2
    batch = router.until(feed, lambda batch: life_of(batch) == 2)
    feed.stop()
    assert max(told.at_ns for told in batch.told) <= before_ns + MS_NS
    assert batch.links["router-1"].heard_ns <= before_ns + MS_NS
    assert not batch.is_seeing


@pytest.mark.wire
def test_a_feed_that_was_never_started_leaves_nothing_open() -> None:
    """Nor one whose router is not there."""
    unused = Feed(ROUTERS, time.monotonic_ns)
    unused.stop()
    assert unused._hub.sockets == []
    lonely = Feed({"router-1": f"tcp://127.0.0.1:{free_base_port()}"}, time.monotonic_ns)
    lonely.start()
    lonely.stop()
    assert not lonely._thread.is_alive()
    assert not lonely.take().is_seeing
