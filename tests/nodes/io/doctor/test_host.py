"""The machine: what is asked of it and not given is a warning with the command that gives it; what is not known is no failure."""

from pathlib import Path

import msgspec
import pytest

from mesh.messages.health import NodeHealth
from mesh.settings import ProcessSection
from mesh.units import MS_NS
from nodes.io.doctor import clocks, host
from nodes.io.doctor.finding import BAD, OK, UNKNOWN, WARN, Finding, Level, exit_code
from tests.message_values import sample_of


@pytest.fixture
def cpus(tmp_path: Path) -> Path:
    """Two processors with governors."""
    for number in range(2):
        folder = tmp_path / f"cpu{number}" / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text("performance\n")
    (tmp_path / "isolated").write_text("1\n")
    (tmp_path / "nohz_full").write_text("\n")
    return tmp_path


def test_exit_code() -> None:
    """What is bad is 1, a warning 3, else 0: what is not known is no failure."""
    findings = {level: Finding(level, "", "", "") for level in (OK, WARN, BAD, UNKNOWN)}
    assert exit_code([]) == 0
    assert exit_code([findings[OK], findings[UNKNOWN]]) == 0
    assert exit_code([findings[OK], findings[WARN]]) == 3
    assert exit_code([findings[WARN], findings[BAD]]) == 1


def test_file_limit() -> None:
    """As few as a node itself would complain of."""
    assert host.descriptors(65_536).level == OK
    few = host.descriptors(1_024)
    assert (few.level, few.value) == (WARN, "1,024 a process")
    assert "ulimit -n 65536" in few.do


def test_governor(cpus: Path) -> None:
    """All have to run at full speed; where there is none nothing is known."""
    assert host.governor(cpus).level == OK
    (cpus / "cpu1" / "cpufreq" / "scaling_governor").write_text("powersave\n")
    slow = host.governor(cpus)
    assert (slow.level, slow.value, slow.do) == (WARN, "performance, powersave", "cpupower frequency-set -g performance")
    assert host.governor(cpus / "none").level == UNKNOWN


@pytest.mark.parametrize(("pinned", "level"), [((), OK), ((1,), OK), ((0, 1), WARN)])
def test_isolation_is_asked_of_pinned_processors_alone(cpus: Path, pinned: tuple[int, ...], level: Level) -> None:
    """Those that are given to a process and not kept free are named, with what the kernel has to be told."""
    (finding,) = host.isolation({"brain": ProcessSection(nodes=("master-1",), cpus=pinned or None)}, cpus)
    assert finding.level == level
    assert ("isolcpus=0 " in finding.do) == (level == WARN)


def test_lists_of_processors() -> None:
    """As the kernel writes them."""
    assert host._numbers("2-4,7") == [2, 3, 4, 7]
    assert host._numbers("") == host._numbers("(null)") == []


@pytest.mark.parametrize(("used_bytes", "swappiness", "level"), [(0, "60", OK), (10**6, "10", OK), (10**6, "60", WARN), (10**6, "", WARN)])
def test_swap(used_bytes: int, swappiness: str, level: Level) -> None:
    """Only where pages are on a disk already and more may go there."""
    assert host.swap(10**9, used_bytes, swappiness).level == level


def test_this_machine_can_be_looked_at() -> None:
    """Each of them says something here, whatever machine this is."""
    assert {finding.what for finding in host.look({})} >= {"file limit", "swap"}


# clocks


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ({"timedatectl": "yes"}, OK),
        ({"timedatectl": "no"}, WARN),
        ({"chronyc": "C0,1.2.3.4,3,1.0,0.000012,0.1,Normal"}, OK),
        ({"chronyc": "00000000,,0,0.0,0.0,0.0,Not synchronised"}, WARN),
        ({}, UNKNOWN),
    ],
)
def test_wall_clock(monkeypatch: pytest.MonkeyPatch, said: dict[str, str], level: Level) -> None:
    """By whoever keeps it here; where nobody tells, it is not known."""
    monkeypatch.setattr(clocks, "_said", lambda words: said.get(words[0], ""))
    assert clocks.synchronised().level == level


def test_program_that_is_not_there_or_fails_says_nothing(tmp_path: Path) -> None:
    """No exception, whatever the system has."""
    assert clocks._said(("no-such-program-here",)) == ""
    assert clocks._said(("false",)) == ""
    assert clocks._said(("echo", "yes")) == "yes"


@pytest.mark.parametrize(
    ("role", "error_ns", "levels"),
    [("local", MS_NS, [OK]), ("local", 0, [UNKNOWN]), ("router", 400 * MS_NS, [WARN]), ("market", 0, [])],
)
def test_how_well_the_clock_of_the_master_is_known(role: str, error_ns: int, levels: list[Level]) -> None:
    """Of those that ask it for leave; a far way costs of each opening's deadline."""
    health = msgspec.structs.replace(sample_of(NodeHealth), role=role, clock_offset_ns=5, clock_error_ns=error_ns)
    assert [finding.level for finding in clocks.offsets([health])] == levels
