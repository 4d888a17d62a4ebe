"""What a process is given of its system, and that it is told what it is not given."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mesh.config import Config, parse
from mesh.core import Halt
from mesh.io import detour
from mesh.io.shell import Shell
from nodes.io import run, tuning
from nodes.io.locate import demo_text
from nodes.io.tuning import Tuning, tune, warnings_of
from tests.ports import free_base_port
from tests.wire.rig import Told

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="platform: processors and classes are asked of Linux alone")
NOT_THERE = 1_023


@pytest.fixture(autouse=True)
def straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """No detour is set but by a test."""
    monkeypatch.delenv(detour.VARIABLE, raising=False)


@pytest.fixture
def apart() -> Iterator[ThreadPoolExecutor]:
    """A thread to be tuned, which ends with its test."""
    with ThreadPoolExecutor(1) as thread:
        yield thread


def config_of(lines: str = "", mesh: str = "") -> Config:
    section = f'\n[process.brain]\nnodes = ["cci-1", "signals-1"]\n{lines}\n' if lines else ""
    return parse(demo_text().replace("[mesh]", f"[mesh]\nplain = true\n{mesh}", 1) + section)


def told(found: Tuning) -> list[tuple[str, str]]:
    """(code, key) of each warning."""
    assert {note.level for note in found.warnings} <= {"warning"}
    return [(note.name, str(note.fields["key"])) for note in found.warnings]


def state_of_thread() -> tuple[Any, ...]:
    return os.sched_getaffinity(0), os.sched_getscheduler(0)


def test_nothing_is_asked_for_without_a_word(apart: ThreadPoolExecutor) -> None:
    """Who is in no section, and whose section says nothing, runs as it was started."""
    for config, process in ((config_of(), "master-1"), (config_of('idle = "wait"'), "brain")):
        assert apart.submit(tune, config, process).result() == Tuning()


@LINUX
def test_what_is_given_holds_for_the_thread_and_those_after_it(apart: ThreadPoolExecutor) -> None:
    """Processors and class of the calling thread, inherited by what it begins; nobody else's."""
    before, cpu = state_of_thread(), min(os.sched_getaffinity(0))
    found = apart.submit(tune, config_of(f'idle = "yield"\ncpus = [{cpu}]\nscheduler = "batch"'), "brain").result()
    assert found == Tuning(f"yield cpus={cpu} batch", "yield")
    later: list[tuple[Any, ...]] = []

    def begin() -> None:
        thread = threading.Thread(target=lambda: later.append(state_of_thread()))
        thread.start()
        thread.join()

    apart.submit(begin).result()
    assert later == [apart.submit(state_of_thread).result()] == [({cpu}, os.SCHED_BATCH)]
    assert state_of_thread() == before


@LINUX
@pytest.mark.parametrize("others", [[], [0]], ids=["none of them", "one of two"])
def test_processor_that_is_not_there_is_told(apart: ThreadPoolExecutor, others: list[int]) -> None:
    """All or nothing: half of what was asked for is a surprise; the thread runs where it ran."""
    before = apart.submit(state_of_thread).result()
    found = apart.submit(tune, config_of(f"cpus = {[*others, NOT_THERE]}"), "brain").result()
    assert (found.in_force, [name for name, _ in told(found)]) == ("", ["cpus_refused"])
    assert str(found.warnings[0].fields["why"]).startswith(f"{NOT_THERE} not there or not allowed here; it runs on ")
    assert apart.submit(state_of_thread).result() == before


@LINUX
@pytest.mark.parametrize("lines", ['scheduler = "fifo"\npriority = 10', 'scheduler = "rr"\npriority = 99'])
def test_realtime_that_is_not_permitted_is_told(apart: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, lines: str) -> None:
    """With what it takes; the process runs on without it."""

    def refused(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refused)
    found = apart.submit(tune, config_of(lines), "brain").result()
    assert found.in_force == ""
    assert [name for name, _ in told(found)] == ["scheduler_refused"]
    assert "Operation not permitted; it runs as others do; give it CAP_SYS_NICE" in str(found.warnings[0].fields["why"])


@LINUX
def test_realtime_is_asked_for_as_configured(apart: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The class and the priority, for this thread."""
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(os, "sched_setscheduler", lambda *words: asked.append(words))
    assert apart.submit(tune, config_of('scheduler = "rr"\npriority = 7'), "brain").result() == Tuning("rr 7")
    assert asked == [(0, os.SCHED_RR, os.sched_param(7))]


@LINUX
@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ('idle = "spin"', 'process.brain.idle = "spin"'),
        ('scheduler = "fifo"\npriority = 1', 'process.brain.scheduler = "fifo"'),
        ('idle = "yield"', ""),
        ('scheduler = "rr"\npriority = 1', ""),
    ],
)
def test_one_processor_is_too_little_for_some(
    apart: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, lines: str, key: str
) -> None:
    """Who never waits, or goes before its own watchdog, is warned where the process has one processor; it has what it asked for."""
    monkeypatch.setattr(os, "sched_setscheduler", lambda *_: None)
    cpu = min(os.sched_getaffinity(0))
    found = apart.submit(tune, config_of(f"{lines}\ncpus = [{cpu}]"), "brain").result()
    assert told(found) == ([("one_processor", key)] if key else [])
    assert f"cpus={cpu}" in found.in_force
    monkeypatch.setattr(tuning, "_processors_count", lambda: 2)
    assert apart.submit(tune, config_of(lines), "brain").result().warnings == ()


def test_system_that_is_not_asked_is_told(apart: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows there is neither: each is told, the loop spins all the same, and all links go by TCP."""
    monkeypatch.setattr(tuning, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(tuning, "_processors_count", lambda: 4)
    config = config_of('cpus = [0]\nscheduler = "batch"\nidle = "spin"', "ipc = true")
    found = apart.submit(tune, config, "brain").result()
    assert (found.in_force, found.idle) == ("spin", "spin")
    assert told(found) == [
        ("cpus_refused", "process.brain.cpus = [0]"),
        ("scheduler_refused", 'process.brain.scheduler = "batch"'),
        ("ipc_not_here", "mesh.ipc = true"),
    ]
    assert not tuning.has_ipc(config)


def test_loop_waits_where_nobody_can_yield(apart: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no such call: told, and the loop waits."""
    monkeypatch.delattr(os, "sched_yield")
    found = apart.submit(tune, config_of('idle = "yield"'), "brain").result()
    assert (found.in_force, found.idle) == ("", "wait")
    assert told(found) == [("yield_not_here", 'process.brain.idle = "yield"')]


@LINUX
def test_unix_sockets_are_in_force_unless_links_may_be_turned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nodes still listen by them, for whoever is not turned, and say nothing of it."""
    config = config_of(mesh="ipc = true")
    assert tune(config, "master-1") == Tuning("ipc")
    monkeypatch.setenv(detour.VARIABLE, str(tmp_path / "detours.json"))
    assert tune(config, "master-1") == Tuning()
    assert (tuning.has_ipc(config), tuning.is_ipc_dialled(config)) == (True, False)


def test_what_will_be_refused_is_known_before_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """`mesh up` says each once, for people, and stays as it is itself."""
    text = '\n[process.local-1]\nnodes = ["local-1"]\nscheduler = "batch"\n'
    monkeypatch.setattr(tuning, "sys", SimpleNamespace(platform="win32"))
    config = parse(demo_text().replace("[mesh]", "[mesh]\nipc = true", 1) + text + '[process.one]\nnodes = ["local-2", "local-3"]\n')
    assert warnings_of(config) == [
        'process.local-1.scheduler = "batch": win32 is not asked for it; it runs as others do',
        "mesh.ipc = true: win32 has no abstract names; all links go by TCP",
    ]
    assert warnings_of(config_of(mesh="ipc = true")) == ["mesh.ipc = true: win32 has no abstract names; all links go by TCP"]
    assert warnings_of(config_of()) == []


@LINUX
def test_trying_leaves_who_tries_as_it_was() -> None:
    """The command that starts the others is not tuned by it."""
    before, cpu = state_of_thread(), min(os.sched_getaffinity(0))
    assert warnings_of(config_of(f'cpus = [{cpu}]\nscheduler = "batch"')) == []
    assert state_of_thread() == before


@LINUX
@pytest.mark.wire
def test_each_node_of_a_process_has_it_in_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was refused is a warning in the log of every node it concerns, after the word of its start; the loop idles as it was told."""
    idles: list[str] = []
    monkeypatch.setattr(run, "core_of", lambda *_: Told(at_start=(Halt(0, "done"),)))
    monkeypatch.setattr(run, "Shell", lambda hub, idle, **options: idles.append(idle) or Shell(hub, idle=idle, **options))
    config = config_of(f'idle = "spin"\ncpus = [{NOT_THERE}]', f"base_port = {free_base_port()}")
    assert run.run_nodes(["signals-1", "cci-1"], config, tmp_path) == 0
    assert idles == ["spin"]
    for name in ("signals-1", "cci-1"):
        notes = [json.loads(line) for line in (tmp_path / "log" / f"{name}.log").read_text().splitlines()]
        assert [note["event"] for note in notes][:2] == ["started", "cpus_refused"]
        assert (notes[1]["level"], notes[1]["key"]) == ("warning", f"process.brain.cpus = [{NOT_THERE}]")


@pytest.mark.skipif(sys.platform == "win32", reason="platform: Windows has no such limit")
def test_process_takes_as_many_descriptors_as_it_may_have() -> None:
    """Up to the hard limit; where that is small it is said with what to do. In a process of its own: the limit would stay."""
    words = (
        "import resource; from nodes.io.tuning import raise_descriptors, tune; from mesh.config import parse;"
        "from tests.smallmesh import small_mesh; resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}));"
        "found = tune(parse(small_mesh()), 'router-1');"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], [note.name for note in found.warnings])"
    )
    checkout = Path(__file__).resolve().parents[3]
    for hard, said in ((2_000, "2000 ['descriptors_few']"), (10_000, "10000 []")):
        command = [sys.executable, "-c", words.format(hard=hard)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=checkout)
        assert done.stdout.strip() == said
