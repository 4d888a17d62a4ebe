"""The whole mesh in virtual time: every real core, the real codec, a seeded market, a venue that executes at once.

``python -m tests.sim.world [SEED]`` prints the hash of everything that happened, and how many lines ended in which code.
"""

import sys
from collections import Counter

from mesh.config import Config, parse
from mesh.core import Core
from mesh.drawnkeys import DrawnKeys
from mesh.events import OUTCOME
from mesh.messages.base import Msg
from mesh.simnet import SimNet
from mesh.units import MS_NS, SECOND_NS
from nodes.broker.core import Broker
from nodes.indicator.core import Indicator
from nodes.local.core import Local
from nodes.market.core import Market
from nodes.market.sources import SyntheticSource
from nodes.master.core import Master
from nodes.router.core import Router
from nodes.signals.core import Signals
from tests.nodes.local.fakevenue import LOGINS, FakeVenue
from tests.smallmesh import small_mesh

HEAD = """
[market]
symbols = ["EURUSD"]
speed = "max"
backfill_minutes = 120
minutes = 180
[rails]
positions_per_symbol_count = "off"
exposure_times = "off"
margin_level_percent = "off"
[strategy.reversion]
"""
WALL_NS = 1_767_571_200 * SECOND_NS
LIMIT_NS = 600 * SECOND_NS


class MarketVenue(FakeVenue):
    """The fake venue on the clock of the world's market."""

    def __init__(self, account: str, net: SimNet) -> None:
        super().__init__(account)
        self._net = net

    def handle(self, message: Msg, now_ns: int) -> list[tuple[int, Msg]]:
        """Answer at the market time of now."""
        market = self._net.places["market-1"].core
        if market is not None and market.market_ns():
            self.market_ns = market.market_ns()
        return super().handle(message, now_ns)


def make_config() -> Config:
    """A mesh of two routers, with a local for each account the fake venue knows."""
    return parse(small_mesh(HEAD, dict.fromkeys(LOGINS, ""), routers_count=2, plain=False))


def build(config: Config, name: str, life: int) -> Core:
    """A node's core."""
    role = config.role_of(name)
    if role == "market":
        return Market(name, config, life, SyntheticSource(config))
    if role == "master":
        return Master(name, config, life, WALL_NS, DrawnKeys(config).of(name))
    if role == "local":
        return Local(name, config, life, name.encode().ljust(16), WALL_NS, DrawnKeys(config).of(name))
    if role == "router":
        return Router(name, config, life, DrawnKeys(config).of(name))
    plain: dict[str, type[Core]] = {"indicator": Indicator, "signals": Signals, "broker": Broker}
    return plain[role](name, config, life)  # type: ignore[call-arg]


def run(seed: int) -> tuple[SimNet, Counter[str]]:
    """Play the market to its end; the world, and lines by code."""
    config = make_config()
    net = SimNet(config, seed)
    for local in config.nodes_of("local"):
        account = config.node[local].account
        assert account is not None
        net.attachments[local] = MarketVenue(account, net)
    for name in config.node:
        net.add(name, lambda life, name=name: build(config, name, life))  # type: ignore[misc]
    market = net.places["market-1"]
    net.run(LIMIT_NS, lambda: market.core is not None and market.core.phase() == "DONE")
    net.run(net.now_ns + 500 * MS_NS)
    codes = Counter(str(event.event["code"]) for event in net.events if event.stage == OUTCOME)
    return net, codes


def main() -> None:
    """Print the trace."""
    net, codes = run(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    market = net.places["market-1"].core
    assert market is not None
    print(net.trace(), market.phase(), sorted(codes.items()))


if __name__ == "__main__":
    main()
