"""A whole mesh on a live market: its terminal is a simulated server that goes by the clock."""

from pathlib import Path

import pytest

from tests.e2e.meshrig import Rig
from tests.smallmesh import small_mesh

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

SIM = """
[clock]
kind = "replay"
speed = 60
[prices]
symbols = ["EURUSD", "USDJPY"]
start = "2026-01-07 10:00"
[account.a]
login = 9001
"""
HEAD = """
[mesh]
id = "live"
[market]
feeds = ["mt5,terminal={terminal}"]
symbols = ["EURUSD", "USDJPY"]
[strategy.reversion]
kind = "reversion"
"""


def test_bars_come_from_the_terminal_with_their_cci(tmp_path: Path) -> None:
    """Ticks polled from the terminal become bars after a thousand of history: each has its CCI, and the lines add up."""
    terminal = tmp_path / "sim.toml"
    terminal.write_text(SIM)
    rig = Rig(tmp_path, small_mesh(HEAD.format(terminal=terminal)))
    rig.up("live", "--for", "20")  # a busy machine takes eight seconds to come up
    bars = rig.events("live", "bar")
    assert {bar["symbol"] for bar in bars} == {"EURUSD", "USDJPY"}
    assert all(bar["cci"] is not None for bar in bars)
    starts = [bar["ts"] for bar in bars if bar["symbol"] == "EURUSD"]
    assert starts == sorted(set(starts))
    assert min(starts) >= "2026-01-07T09:59"
    assert rig.events("live", "feed") == []
