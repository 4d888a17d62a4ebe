"""What a node says of itself."""

import os
from pathlib import Path

import psutil

from mesh.clockoffset import UNKNOWN
from mesh.codec import decode_untrusted, encode
from mesh.core import Core
from mesh.io.health import FACTS_MAX, TEXT_MAX, Identity, ProcessMeter, health_of
from mesh.messages.health import StageSummary
from mesh.units import SECOND_NS

IDENTITY = Identity("node-1", "local", 7, "0.1.0", "abc", SECOND_NS)


class Talkative(Core):
    """A core with more to say than fits."""

    def phase(self) -> str:
        return "DRAINING"

    def market_ns(self) -> int:
        return 5

    def facts(self) -> dict[str, str]:
        return {f"fact-{number}": "x" * 2_000 for number in range(100)}


def test_health_holds_identity_and_state() -> None:
    """Health names the node, its life, its process, and how long it lives."""
    core = Core()
    core.counters.add("tick_count", 9)
    health = health_of(IDENTITY, core, ProcessMeter(), 250, 4 * SECOND_NS)
    assert (health.node, health.role, health.life, health.version, health.config_hash) == ("node-1", "local", 7, "0.1.0", "abc")
    assert (health.pid, health.uptime_ms, health.loop_lag_us, health.phase) == (os.getpid(), 3_000, 250, "READY")
    assert health.counters == {"tick_count": 9}
    assert health.rss_bytes > 1_000_000
    core.counters.add("tick_count")
    assert health.counters == {"tick_count": 9}


def test_health_is_never_too_large() -> None:
    """Facts that are too long or too many are cut: the message is always one that its receivers take."""
    health = health_of(IDENTITY, Talkative(), ProcessMeter(), 0, SECOND_NS)
    assert len(health.facts) == FACTS_MAX
    assert {len(text) for text in health.facts.values()} == {TEXT_MAX}
    assert decode_untrusted(encode(health)) == health
    assert (health.phase, health.market_ns) == ("DRAINING", 5)


def test_health_tells_what_its_process_was_given() -> None:
    """Among the facts, first, so that it is never cut off; nothing where nothing was asked for."""
    tuned = Identity("node-1", "local", 7, "0.1.0", "abc", SECOND_NS, "spin cpus=2,3")
    assert next(iter(health_of(tuned, Talkative(), ProcessMeter(), 0, SECOND_NS).facts.items())) == ("tuning", "spin cpus=2,3")
    assert health_of(tuned, Core(), ProcessMeter(), 0, SECOND_NS).facts == {"tuning": "spin cpus=2,3"}
    assert health_of(IDENTITY, Core(), ProcessMeter(), 0, SECOND_NS).facts == {}


class Measured(Core):
    """A core that knows how long its stages take, and the master's clock."""

    def stages(self, now_ns: int) -> list[StageSummary]:
        return [StageSummary("broker", 3, 1, 2, 3, 4, 5, now_ns)]

    def clock_offset(self, now_ns: int) -> tuple[int, int]:
        return -now_ns, 7


def test_health_tells_stages_and_the_masters_clock() -> None:
    """As the core says them, at the same moment; of a core that knows nothing of either, that."""
    health = health_of(IDENTITY, Measured(), ProcessMeter(), 0, 2 * SECOND_NS)
    assert health.stages == [StageSummary("broker", 3, 1, 2, 3, 4, 5, 2 * SECOND_NS)]
    assert (health.clock_offset_ns, health.clock_error_ns) == (-2 * SECOND_NS, 7)
    assert decode_untrusted(encode(health)) == health
    bare = health_of(IDENTITY, Core(), ProcessMeter(), 0, 2 * SECOND_NS)
    assert (bare.stages, (bare.clock_offset_ns, bare.clock_error_ns)) == ([], UNKNOWN)


def test_process_is_read_once_for_all_its_nodes() -> None:
    """Nodes of one process share a reading; a new one is taken when that is old."""
    meter = ProcessMeter()
    meter.read(0)
    meter.rss_bytes = 1
    meter.read(SECOND_NS // 2)
    assert meter.rss_bytes == 1
    meter.read(SECOND_NS)
    assert meter.rss_bytes > 1


def test_disk_of_the_store_is_read_each_five_seconds(tmp_path: Path) -> None:
    """A full disk stops a node, so its free space is told; nothing is told of a folder that is not there."""
    meter = ProcessMeter()
    free_bytes = meter.disk_free_bytes(tmp_path, SECOND_NS)
    assert 0 < free_bytes <= psutil.disk_usage(str(tmp_path)).total
    (gone := tmp_path / "gone").mkdir()
    first = meter.disk_free_bytes(gone, SECOND_NS)
    gone.rmdir()
    assert meter.disk_free_bytes(gone, 5 * SECOND_NS) == first > 0
    assert meter.disk_free_bytes(gone, 6 * SECOND_NS) == 0
    assert health_of(IDENTITY, Core(), meter, 0, SECOND_NS, tmp_path).disk_free_bytes == free_bytes
    assert health_of(IDENTITY, Core(), meter, 0, SECOND_NS).disk_free_bytes == 0
