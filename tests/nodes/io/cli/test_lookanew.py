"""A client that has not looked for a while does not take what it finds waiting for what holds now."""

from collections.abc import Iterator
from contextlib import contextmanager

from mesh.codec import encode
from mesh.messages.health import Snapshot
from nodes.io.cli.client import Client
from tests.nodes.io.cli.frontrig import CONFIG, ROUTER, state


@contextmanager
def fed(*numbers: int) -> Iterator[tuple[Client, list[int]]]:
    """A client whose routers send these snapshots, of two frames each, one frame at each look; what it has dropped of them."""
    frames = [Snapshot(ROUTER, 1, number, index, 2, 0, encode(state("demo-1", equity=number))) for number in numbers for index in (0, 1)]
    with Client(CONFIG) as client:
        dropped: list[int] = []
        front = next(iter(client._fronts))

        def pump(_limit_ms: int) -> list[tuple[str, object]]:
            if frames:
                client._take(front, encode(frames.pop(0)), client.now_ns(), [])
            return []

        def drop() -> bool:
            if frames and len(dropped) < 3:
                dropped.append(frames.pop(0).id)
            return bool(frames) and len(dropped) < 3

        client.pump, client.drop = pump, drop  # type: ignore[method-assign, assignment]
        client.wait_whole = lambda seconds: any(pump(1) or client.is_seeing for _ in range(8))  # type: ignore[method-assign]
        yield client, dropped


def test_only_a_snapshot_that_began_since_counts() -> None:
    """What waits is left; of the one that was cut in two by that nothing is whole."""
    with fed(1, 2, 3) as (client, dropped):
        client.look_anew()
        assert dropped == [1, 1, 2]
        assert client.is_seeing
        assert client.view.accounts["demo-1"][1].equity_e8 == 3 * 10**8


def test_routers_that_show_nothing_since_are_not_seen() -> None:
    """Though one was seen whole a moment before."""
    with fed(1, 2) as (client, _):
        assert client.wait_whole(1)
        assert client.is_seeing
        client.look_anew()
        assert not client.is_seeing
