"""A live market in virtual time: its terminal is our package on a stepped server, asked by the same code as a real one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mesh import links
from mesh.config import Config, configured
from mesh.core import Core, Effects, Envelope, Send
from mesh.messages.feed import FeedAsk, FeedLost
from mesh.units import SECOND_NS
from nodes.broker.core import Broker
from nodes.indicator.core import Indicator
from nodes.io import mt5, simulation
from nodes.io.livespec import LiveSpec
from nodes.io.terminalticks import TerminalTicks
from nodes.market.core import Market
from nodes.market.livesource import LiveSource
from nodes.signals.core import Signals
from tests.nodes import flow_rig
from tests.nodes.flow_master import FakeMaster
from tests.nodes.flow_rig import Rig, config_of

SIM = """
[clock]
kind = "step"
[prices]
symbols = ["EURUSD", "USDJPY"]
start = "{start}"
{prices}
[account.a]
login = 5001
{more}
"""
ZONE = "New York + 7 h"
MORNING = "2026-01-07 10:00"
"""A Wednesday, in UTC."""


class StepTerminal(Core):
    """The process that asks, on a server whose clock is stepped to virtual time before each answer."""

    def __init__(self, config: Config, path: str, clock: "SteppedClock") -> None:
        super().__init__()
        self._ticks = TerminalTicks(LiveSpec(path), config, mt5, lambda: 0)
        self._clock = clock
        self.asks: list[FeedAsk] = []
        self.is_hung = False
        self.handlers = {FeedAsk: self._on_ask}

    def _on_ask(self, envelope: Envelope, now_ns: int) -> Effects:
        assert isinstance(envelope.message, FeedAsk)
        self.asks.append(envelope.message)
        if self.is_hung:
            return ()
        self._clock.step(now_ns)
        return tuple(Send(links.WORKER, envelope.peer, part) for part in self._ticks.answer(envelope.message))


class SteppedClock:
    """Virtual time that the server was stepped to; it goes on while nobody is attached."""

    def __init__(self, path: str) -> None:
        self.at_ns = 0
        self._path = path

    def step(self, now_ns: int) -> None:
        server = simulation.simulation_at(self._path)
        assert server is not None
        self.at_ns = self.at_ns or now_ns
        server.step((now_ns - self.at_ns) / SECOND_NS)
        self.at_ns = now_ns


class LiveRig(Rig):
    """The flow with a terminal behind the market."""

    began_ns = 1_000_000_000

    @property
    def terminal(self) -> StepTerminal:
        core = self.cores["terminal-1"]
        assert isinstance(core, StepTerminal)
        return core

    @property
    def market(self) -> Market:
        core = self.cores["market-1"]
        assert isinstance(core, Market)
        return core

    def later(self, seconds: float) -> None:
        """Go on for so long."""
        until_ns = self.now_ns + round(seconds * SECOND_NS)
        self.run(lambda: self.now_ns >= until_ns)
        self.now_ns = max(self.now_ns, until_ns)

    def lose_terminal(self) -> None:
        """The process dies; the market's shell hears so, and starts another."""
        self.crash("terminal-1")
        self._push(self.now_ns + 1, "market-1", Envelope(links.WORKER, 0, FeedLost("the process ended")))
        self.start("terminal-1")

    def noted(self, name: str) -> list[dict[str, Any]]:
        return [note.fields for note in self.notes if note.name == name]


def live_config(**market: Any) -> Config:
    """Two simulated accounts on a live market of two symbols."""
    settings = config_of(symbols='"EURUSD", "USDJPY"', backfill=1_500).settings
    return configured(msgspec.structs.replace(settings, market=msgspec.structs.replace(settings.market, **market)))


@contextmanager
def live_flow(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, start: str = MORNING, prices: str = "", more: str = "", **market: Any
) -> Iterator[LiveRig]:
    """The whole rig; the server runs until the end of it."""
    path = folder / "sim.toml"
    path.write_text(SIM.format(start=start, prices=prices, more=more))
    config = live_config(feeds=[f"mt5,terminal={path}"], **market)
    clock = SteppedClock(str(path))
    monkeypatch.setattr(flow_rig, "WIRES", (*flow_rig.WIRES, ("market-1", links.WORKER, "terminal-1")))
    simulation.forget_all()
    try:
        yield LiveRig(
            {
                "terminal-1": lambda life: StepTerminal(config, str(path), clock),
                "market-1": lambda life: Market("market-1", config, life, LiveSource(config.settings.market.symbols, ZONE)),
                "cci-1": lambda life: Indicator("cci-1", config, life),
                "broker-1": lambda life: Broker("broker-1", config, life),
                "signals-1": lambda life: Signals("signals-1", config, life),
                "master-1": lambda life: FakeMaster(config, life),
            }
        )
    finally:
        mt5.shutdown()
        simulation.forget_all()
