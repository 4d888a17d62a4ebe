"""The bench of the adapter: three ways on one simulated terminal, each told on a line that lines up."""

from pathlib import Path

import pytest

from bench import venue_overhead
from mesh.config import parse
from nodes.io import mt5, simulation


def test_each_way_in_this_process_opens_and_closes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The package alone and the adapter around it; names fit their column."""
    sim = tmp_path / "sim.toml"
    sim.write_text(venue_overhead.SIM)
    try:
        alone_ns = venue_overhead.alone_ns(sim, 2)
        whole_ns, inside_ns = venue_overhead.in_process(parse(venue_overhead.CONFIG.format(sim=sim)), 2)
        assert mt5.positions_total() == 0
    finally:
        mt5.shutdown()
        simulation.forget_all()
    assert [len(times_ns) for times_ns in (alone_ns, whole_ns, inside_ns)] == [4, 4, 4]
    assert all(whole >= inside > 0 for whole, inside in zip(whole_ns, inside_ns, strict=True))
    for name in ("order_send alone", "in a worker, over its pipe: order_send"):
        venue_overhead.told(name, alone_ns)
    first, second = capsys.readouterr().out.splitlines()
    assert first.index(" 4 ") == second.index(" 4 ")
