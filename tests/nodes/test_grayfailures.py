"""Who stands still and cannot say so is seen by a frontend within two seconds: a local, a worker. Real cores, in virtual time."""

import pytest

from bench.rig.layout import account_of, layout, local_of, symbols_of
from bench.rig.market import SteadyMarket
from bench.rig.played import WALL_NS, Refusals
from mesh import links
from mesh.core import Core, Effect, Send
from mesh.drawnkeys import DrawnKeys
from mesh.liveness import FRESH
from mesh.messages.base import Msg
from mesh.messages.health import FrontEvent, Snapshot
from mesh.simnet import Place, SimNet
from mesh.units import MS_NS, SECOND_NS
from mesh.view import View, freshness
from nodes.local.core import Local
from nodes.master.core import Master
from nodes.router.core import Router

ACCOUNTS = 2
GRAY, OTHER = account_of(1), account_of(2)
SETTLED_NS = 10 * SECOND_NS
SEEN_NS = 2 * SECOND_NS
LOOK_NS = 10 * MS_NS
PHASES = [offset_ms * MS_NS for offset_ms in range(0, 1_000, 90)]
"""When it happens within the second in which everything is told once."""


class Hangable(Refusals):
    """A worker that answers until it hangs."""

    is_hung = False

    def handle(self, message: Msg, now_ns: int) -> list[tuple[int, Msg]]:
        """The answer; none once it hangs."""
        return [] if self.is_hung else super().handle(message, now_ns)


class World:
    """A master, a router, two locals with their workers, and a frontend."""

    def __init__(self) -> None:
        config = layout(ACCOUNTS)
        keys = DrawnKeys(config)
        self.net = SimNet(config, 1)
        self.view = View()
        self.workers: dict[str, Hangable] = {}
        self.net.on_effect = self._seen
        self._add("market-1", SteadyMarket(symbols_of(1)))
        self._add("master-1", Master("master-1", config, 1, WALL_NS, keys.of("master-1")))
        self._add("router-1", Router("router-1", config, 2, keys.of("router-1")))
        for number in range(1, ACCOUNTS + 1):
            name, account = local_of(number), account_of(number)
            self.workers[account] = self.net.attachments[name] = Hangable(config, account, [])
            self._add(name, Local(name, config, 10 + number, name.encode().ljust(16), WALL_NS, keys.of(name)))
        self.net.run(SETTLED_NS)

    def _add(self, name: str, core: Core) -> None:
        self.net.places[name] = Place(name, lambda life: core)
        self.net.restart(name)

    def _seen(self, place: Place, effect: Effect) -> None:
        is_told = isinstance(effect, Send) and effect.link == links.FRONT and isinstance(effect.message, Snapshot | FrontEvent)
        if is_told:
            self.view.take(effect.message, self.net.now_ns)  # type: ignore[union-attr]

    def until_seen(self, is_seen: "Seen") -> int:
        """ns until a frontend sees it, a minute where it never does. The other account is fresh all the while."""
        began_ns = self.net.now_ns
        while self.net.now_ns < began_ns + 60 * SECOND_NS:
            if is_seen(self, GRAY):
                break
            assert not is_seen(self, OTHER)
            self.net.run(self.net.now_ns + LOOK_NS)
        return self.net.now_ns - began_ns


class Seen:
    """Whether an account's trouble shows. ``by_local``: by the router's own word of its local, else by the age of its newest state."""

    def __init__(self, by_local: bool) -> None:
        self._by_local = by_local

    def __call__(self, world: World, account: str) -> bool:
        """Now."""
        if self._by_local:
            return world.view.locals["router-1", account][1].state != FRESH
        return freshness(world.net.now_ns - world.view.accounts[account][0]) != FRESH


@pytest.fixture(params=PHASES, ids=lambda at_ns: f"{at_ns // MS_NS}ms")
def world(request: pytest.FixtureRequest) -> World:
    made = World()
    assert not any(seen(made, account) for seen in (Seen(True), Seen(False)) for account in (GRAY, OTHER))
    made.net.run(made.net.now_ns + request.param)
    return made


def test_local_that_stands_still_is_flagged_by_its_router(world: World) -> None:
    """SIGSTOP, or a loop that hangs: connected still, and silent."""
    world.net.places[local_of(1)].paused_until_ns = world.net.now_ns + 600 * SECOND_NS
    assert world.until_seen(Seen(by_local=True)) <= SEEN_NS


def test_worker_that_hangs_shows_by_the_age_of_its_account(world: World) -> None:
    """Its local is well and says so; what the account holds is not read anew, and its age tells."""
    world.workers[GRAY].is_hung = True
    assert world.until_seen(Seen(by_local=False)) <= SEEN_NS
    assert not Seen(by_local=True)(world, GRAY)
