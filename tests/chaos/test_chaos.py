"""A short round of `make chaos`: real processes under real faults, and every book agrees at the end."""

from pathlib import Path

import pytest

from tests.chaos.__main__ import campaign
from tests.chaos.campaign import Wishes
from tests.chaos.report import text, write

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

KINDS = ["kill", "kill_worker", "failpoint", "pause", "full_disk", "reset", "blackhole", "partition", "wall_jump", "second_start", "stop"]
"""Those that are over soon; hung loops take their watchdog's five seconds, slow disks and slow links theirs."""


def test_a_short_round_is_clean(tmp_path: Path) -> None:
    """Each of eleven kinds at least once, load all the while: nothing doubled, lost or left open, nothing opened past a stop."""
    found = campaign(tmp_path, Wishes(4, 6.0, 3, 4.0, KINDS, (0.4, 0.7)), 3_000)
    write(found, tmp_path / "report.json")
    assert found["verdict"] == "clean", text(found)
    assert all(found["faults"][kind] for kind in KINDS), found["faults"]
    assert found["pairs"]["attempted"] > 0
    assert found["order_sends"]["taken"] > 0
    assert found["outcomes"].get("FILLED", 0) > 0
    assert found["stops"]["made"] > 0
