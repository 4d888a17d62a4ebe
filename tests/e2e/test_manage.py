"""What locals do by themselves, in a whole mesh: every cause of local management, each act an event with its numbers."""

from datetime import UTC, datetime, timedelta
from math import pi, sin
from pathlib import Path

import pytest

from nodes.io.locate import demo_text
from tests.e2e.meshrig import Rig

pytestmark = pytest.mark.e2e

MANAGE = """
[strategy.reversion.sizing]
kind = "lots"
lots = 0.10
[strategy.reversion.manage]
break_even_points = 40
break_even_plus_points = 5
trailing_points = 60
trailing_step_points = 20
partial_tp_points = 80
time_stop_ms = 780_000
[account.demo-1]"""


def waves(path: Path) -> None:
    """Three hours of EURUSD ticks, one each 5 s: a wave of ±30 pips in 40 minutes, so that positions run far and come back."""
    start = datetime(2026, 1, 5, 9, tzinfo=UTC)
    rows = ["time,bid,ask"]
    for index in range(2_160):
        at = start + timedelta(seconds=5 * index)
        bid = 1.10 + 0.003 * sin(2 * pi * index / 480)
        rows.append(f"{at:%Y-%m-%d %H:%M:%S},{bid:.5f},{bid + 0.00008:.5f}")
    path.write_text("\n".join(rows) + "\n", encoding="ascii")


def test_every_cause_of_local_management_is_an_event(tmp_path: Path) -> None:
    """Break-even, trailing, partial take-profit and time stop happen at the broker and are told, beside lines that add up."""
    text = demo_text().replace("tp_atr = 3\n", "tp_atr = 50\n").replace("[account.demo-1]", MANAGE, 1)
    rig = Rig(tmp_path, text)
    waves(tmp_path / "EURUSD.csv")
    summary = rig.up("managed", "--feed", f"{tmp_path / 'EURUSD.csv'},tz=UTC", "--speed", "max")
    assert summary["adds_up"]
    assert not summary["lines"]["states"]
    acts = rig.events("managed", "act")
    assert {(act["cause"], act["code"]) for act in acts} == {
        ("BREAK_EVEN", "MODIFIED"), ("TRAILING", "MODIFIED"), ("PARTIAL_TP", "CLOSED"), ("TIME_STOP", "CLOSED"),
    }  # fmt: skip
    opened = {event["sid"] for event in rig.events("managed", "outcome") if event["code"] == "FILLED"}
    assert {act["sid"].rsplit("/", 1)[0] for act in acts} <= opened
    assert all(act["volume"] == 0.05 for act in acts if act["cause"] == "PARTIAL_TP"), "half of 0.10 lots"
    assert all("sl=" in act["detail"] for act in acts if act["code"] == "MODIFIED")
