"""The disk of the state: what a commit costs, and what makes its word suspicious."""

import itertools
import os
from pathlib import Path

import pytest

from mesh.units import MS_NS, SECOND_NS, US_NS
from nodes.io.doctor import disk
from nodes.io.doctor.disk import Device, commit_times, device_of, honesty, latency, look, room
from nodes.io.doctor.finding import Finding

FAST = [200 * US_NS] * 50
SSD = Device("nvme0n1", "ext4", "0", "write back")


def test_commits_are_measured_and_leave_nothing(tmp_path: Path) -> None:
    """So many as asked for, each took some time; the file is gone."""
    found_ns = commit_times(tmp_path, 5)
    assert len(found_ns) == 5
    assert min(found_ns) > 0
    assert list(tmp_path.iterdir()) == []


def test_a_very_slow_disk_is_not_measured_for_ever(tmp_path: Path) -> None:
    """Three seconds at most, by the clock that is given: here each look at it takes one."""
    assert len(commit_times(tmp_path, 100, itertools.count(0, SECOND_NS).__next__)) < 5


@pytest.mark.parametrize(
    ("found_ns", "level"),
    [(FAST, "ok"), ([*FAST, 200 * MS_NS], "warn"), ([8 * MS_NS] * 50, "warn")],
)
def test_slow_commits_are_a_warning(found_ns: list[int], level: str) -> None:
    """By the median, or by the longest; what it costs an order is said as a number."""
    finding = latency(found_ns)
    assert finding.level == level
    assert "each order waits for one of them" in finding.costs
    assert bool(finding.do) == (level == "warn")


@pytest.mark.parametrize(
    ("found_ns", "device", "level"),
    [
        (FAST, SSD, "ok"),
        ([8 * US_NS] * 50, SSD, "warn"),
        (FAST, Device("sda", "ext4", "1", "write through"), "warn"),
        ([9 * MS_NS] * 50, Device("sda", "ext4", "1", "write through"), "ok"),
        (FAST, Device("", "tmpfs"), "bad"),
        (FAST, Device(), "unknown"),
    ],
)
def test_a_word_that_can_hardly_be_true_is_suspicious(found_ns: list[int], device: Device, level: str) -> None:
    """Faster than any disk, a turning one that turns in no time: a suspicion, said as one. Memory is no disk."""
    finding = honesty(found_ns, device)
    assert finding.level == level
    assert ("suspicious" in finding.value) == (level == "warn")


def test_device_is_found_through_its_partition(tmp_path: Path) -> None:
    """A partition's settings are its disk's; a disk the system tells nothing of is none."""
    number = tmp_path.stat().st_dev
    queue = tmp_path / "sys" / "devices" / "sda" / "queue"
    queue.mkdir(parents=True)
    (queue / "rotational").write_text("1\n")
    (queue / "write_cache").write_text("write through\n")
    partition = queue.parent / "sda1"
    partition.mkdir()
    (partition / "partition").write_text("1\n")
    blocks = tmp_path / "sys" / "dev" / "block"
    blocks.mkdir(parents=True)
    (blocks / f"{os.major(number)}:{os.minor(number)}").symlink_to(partition)
    found = device_of(tmp_path, tmp_path / "sys")
    assert (found.name, found.rotational, found.write_cache) == ("sda", "1", "write through")
    assert device_of(tmp_path, tmp_path / "none").name == ""


def test_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is nearly full ends nodes: bad, with where to look."""
    monkeypatch.setattr(disk, "FREE_BYTES_FEW", 0)
    assert room(tmp_path).level == "ok"
    monkeypatch.setattr(disk, "FREE_BYTES_FEW", 1 << 62)
    finding = room(tmp_path)
    assert (finding.level, "df -h" in finding.do) == ("bad", True)


def test_state_that_is_not_there_yet_is_looked_at_where_it_will_be(tmp_path: Path) -> None:
    """Its nearest parent; nothing is made."""
    findings = look(tmp_path / "a" / "b")
    assert [finding.what for finding in findings] == ["commit", "flush", "room"]
    assert list(tmp_path.iterdir()) == []


def test_disk_that_takes_nothing_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named, with what to do; no exception."""

    def full(_folder: Path) -> list[int]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "commit_times", full)
    (finding,) = look(tmp_path)
    assert isinstance(finding, Finding)
    assert (finding.level, finding.value) == ("bad", f"{tmp_path}: No space left on device")
