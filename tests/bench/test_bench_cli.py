"""``mesh bench``: what is asked for is checked before it is measured, a table of 80 columns ends it, and files hold what was found."""

import importlib.util
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from msgspec.structs import replace
from rich.console import Console
from rich.progress import Progress as Shown

from bench import catalogue, command, figures
from bench.figures import FiguresMissing
from bench.latencies import DIGITS, HIGHEST_NS, LOWEST_NS
from bench.results import Figure, Measured, load, save
from bench.scenario import Options, Progress, Scenario
from nodes.io.cli.app import main
from tests.bench.madeup import MACHINE, figure, measured, rounds, run
from tests.tidy import project_root

Mesh = Callable[..., tuple[int, str, str]]
STEADY = (100.0, 101.0, 99.0, 100.5, 99.5, 100.2)


class Scenarios:
    """Stand-ins for the scenarios: what each is to do, and with what it was called."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.called: list[tuple[str, Options]] = []
        self.faults: dict[str, Exception] = {}
        self.found: list[Measured] = rounds(STEADY)
        for name in catalogue.NAMES:
            module = ModuleType(f"bench.scenarios.{name}")
            module.SCENARIO = Scenario(name, f"measures {name}", self._runner(name))  # type: ignore[attr-defined]
            patch.setitem(sys.modules, module.__name__, module)

    def _runner(self, name: str) -> Callable[[Options, Progress], list[Measured]]:
        def measure(options: Options, progress: Progress) -> list[Measured]:
            self.called.append((name, options))
            progress.begin(f"{name}: made up", 2)
            progress.advance()
            progress.advance()
            if name in self.faults:
                raise self.faults[name]
            return [replace(one, scenario=name) for one in self.found]

        return measure


@pytest.fixture
def scenarios(monkeypatch: pytest.MonkeyPatch) -> Scenarios:
    """Every scenario made up, on a made-up machine."""
    monkeypatch.setattr(command, "machine", lambda: MACHINE)
    monkeypatch.setattr(command, "commit_of", lambda: "0123456789ab")
    return Scenarios(monkeypatch)


@pytest.fixture
def mesh(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mesh:
    """The command as a user types it: exit code, stdout, stderr."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mesh", "bench", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return call


def test_run_ends_with_a_table_of_80_columns(scenarios: Scenarios, mesh: Mesh) -> None:
    """Also with stages, many numbers, long names, warnings and a peer that is not there."""
    one = scenarios.found[0]
    whole = one.stages["whole"]
    scenarios.found += [
        replace(one, variant="a peer with a name that goes on and on", stages={"whole": whole, "signal to master": whole}),
        replace(one, values={"taken_per_s": 31_234.0, "an_order": 1.25}, warnings=["a warning " * 12]),
        replace(one, variant="parts", stages={"each": whole, "last": whole}),
        replace(one, variant="numbers", values={f"a number with a long name {at}_ms": at / 3 for at in range(8)}),
        Measured("hop", "nats", {}, 1_000.0, not_run="not installed: nats-server"),
    ]
    code, out, err = mesh("run", "hop")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    for words in ("commit 0123456789ab", "Made-up 1000", "hop  1,000/s  latencies in µs", "p99.9", "nats: not installed", "31,234"):
        assert words in out
    names = [line.split()[0] for line in out.splitlines() if line.startswith(("parts ", "  each ", "  last "))]
    assert names == ["parts", "each", "last"]
    assert "hop: made up, 2 steps" in err


def test_scenario_is_a_verb_of_its_own(scenarios: Scenarios, mesh: Mesh) -> None:
    """``mesh bench flow`` is ``mesh bench run flow``, with the same options."""
    options = ("--rate", 500, "--seconds", 2, "--rounds", 3, "--locals", 4, "--idle", "spin", "--smoke")
    assert mesh("flow", *options)[0] == 0
    assert mesh("run", "flow", *options)[0] == 0
    assert scenarios.called == [("flow", Options(500.0, 2.0, 3, 4, "spin", True))] * 2


def test_files_hold_what_was_found(scenarios: Scenarios, mesh: Mesh, tmp_path: Path) -> None:
    """The run as JSON, its page, and an interval log for each stage of each round, in folders that are made."""
    json, html, log = tmp_path / "a" / "run.json", tmp_path / "b" / "run.html", tmp_path / "logs"
    code, _, _ = mesh("run", "hop", "flow", "--rounds", 6, "--rate", 1000, "--json", json, "--html", html, "--log", log)
    kept = load(json)
    assert (code, kept.command) == (0, "mesh bench run hop flow --rate 1000 --rounds 6")
    assert (kept.commit, kept.machine, len(kept.measured)) == ("0123456789ab", MACHINE, 12)
    assert [one.scenario for one in kept.measured] == ["hop"] * 6 + ["flow"] * 6
    assert "Made-up 1000" in html.read_text("utf-8")
    names = sorted(path.name for path in log.iterdir())
    assert names[:2] == ["flow_mesh_1-000ps_whole_1.hlog", "flow_mesh_1-000ps_whole_2.hlog"]
    assert len(names) == 12
    reader = HistogramLogReader(str(log / names[0]), HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS))
    with closing(reader):
        assert reader.get_next_interval_histogram().get_total_count() == 1_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("flow", "--rate", "-1"), "--rate"),
        (("hop", "--idle", "sleep"), "--idle"),
        (("run", "hop", "--rounds", "many"), "--rounds"),
        (("run", "hopp"), "hopp: no scenario of this name; there are hop, flow"),
        (("run",), "NAME"),
        (("compare", "a.json"), "1 files: A and B, or several of each by turns"),
        (("report", "a.json"), "--html"),
    ],
)
def test_wrong_options_are_said_before_anything_is_measured(scenarios: Scenarios, mesh: Mesh, words: tuple[str, ...], said: str) -> None:
    """Exit 2 with a sentence."""
    code, out, err = mesh(*words)
    assert (code, scenarios.called) == (2, [])
    assert said in out + err


def test_place_that_cannot_be_written_to_is_said_first(scenarios: Scenarios, mesh: Mesh, tmp_path: Path) -> None:
    """An hour of measuring does not end on a wrong path."""
    (tmp_path / "file").write_text("")
    for option, path in (("--json", tmp_path / "file" / "run.json"), ("--html", tmp_path), ("--log", tmp_path / "file")):
        code, _, err = mesh("hop", option, path)
        assert (code, scenarios.called) == (2, [])
        assert f"mesh: {option} {path}: " in err


def test_scenario_that_fails_leaves_the_others_numbers(scenarios: Scenarios, mesh: Mesh, tmp_path: Path) -> None:
    """It is named with what it said; 1 where a process failed, 2 where options do not suit it."""
    scenarios.faults["hop"] = RuntimeError("nats-server said: no port")
    code, out, err = mesh("run", "hop", "flow", "--json", tmp_path / "run.json")
    assert (code, [one.scenario for one in load(tmp_path / "run.json").measured]) == (1, ["flow"] * 6)
    assert "flow  1,000/s" in out
    assert "mesh: hop: nats-server said: no port" in err
    scenarios.faults["hop"] = ValueError("a rate of 1e+09/s; between 1 and 50000 are possible")
    code, out, err = mesh("hop", "--json", tmp_path / "none.json")
    assert (code, out) == (2, "")
    assert "between 1 and 50000" in err
    assert not (tmp_path / "none.json").exists()


def test_list_tells_each_scenario(scenarios: Scenarios, mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose file is not there, or that cannot be imported, does not hide the others; what it lacks is said."""
    monkeypatch.delitem(sys.modules, "bench.scenarios.soak")
    monkeypatch.setattr(catalogue, "import_module", _without("bench.scenarios.soak", "bench.scenarios.venue"))
    code, out, _ = mesh("list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:] if not line.startswith(" ")] == list(catalogue.NAMES)
    assert "measures hop" in out
    assert "(not in this checkout)" in out
    assert "(cannot be imported: No module named 'talib')" in out
    assert "soak" in mesh("--help")[1]
    code, _, err = mesh("soak")
    assert code == 2
    assert "mesh: soak: this scenario is not in this checkout" in err


def _without(missing: str, broken: str) -> Callable[[str], ModuleType]:
    """Imports, except of two files."""

    def found(name: str) -> ModuleType:
        lacking = {missing: missing, broken: "talib"}.get(name)
        if lacking is not None:
            raise ModuleNotFoundError(f"No module named {lacking!r}", name=lacking)
        return sys.modules[name]

    return found


def test_every_scenario_that_is_there_names_itself() -> None:
    """The catalogue finds each by its name, with a line of help."""
    there = [name for name in catalogue.NAMES if importlib.util.find_spec(f"bench.scenarios.{name}")]
    assert "hop" in there
    assert [catalogue.scenario(name).name for name in there] == there
    assert all(0 < len(catalogue.scenario(name).help) < 160 for name in there)


def test_report_and_compare_read_what_was_kept(mesh: Mesh, tmp_path: Path) -> None:
    """Two runs on one page, and a verdict in 80 columns; several files are taken by turns."""
    a, b, html = tmp_path / "a.json", tmp_path / "b.json", tmp_path / "c" / "both.html"
    save(run(rounds(STEADY), [figure(1.0)]), a)
    save(run(rounds([value * 2 for value in STEADY]), [figure(2.0)], replace(MACHINE, cpu="Other")), b)
    code, out, _ = mesh("report", a, b, "--html", html)
    assert (code, out.replace("\n", "")) == (0, f"{html}: 2 runs")
    assert "B against A" in html.read_text("utf-8")
    code, out, _ = mesh("compare", a, b)
    lines = out.splitlines()
    assert code == 0
    assert lines[:2] == [f"A: {a}", f"B: {b}"]
    assert lines[2].startswith("THE MACHINES DIFFER")
    assert max(map(len, lines[2:])) <= 80
    assert [line.split()[-1] for line in lines if line.startswith(("  p50", "flow_bare_p50"))] == ["slower", "slower"]
    assert mesh("compare", a, b, a, b)[0] == 0


def test_file_that_is_no_run_is_65(mesh: Mesh, tmp_path: Path) -> None:
    """It is named, whether it is missing, something else, or has a broken histogram."""
    broken, good = tmp_path / "broken.json", tmp_path / "good.json"
    save(run([measured(100.0)]), good)
    broken.write_text(good.read_text().replace('"histogram": "HIST', '"histogram": "TSIH'))
    (tmp_path / "text.json").write_text("{}")
    for name in ("missing.json", "text.json", "broken.json"):
        code, _, err = mesh("compare", good, tmp_path / name)
        assert code == 65
        assert f"mesh: {tmp_path / name}: " in err.replace("\n", "")
        assert mesh("report", tmp_path / name, "--html", tmp_path / "x.html")[0] == 65


def test_sides_of_two_commits_are_refused(mesh: Mesh, tmp_path: Path) -> None:
    """By turns means A B A B; files in another order would be compared with themselves."""
    for name, commit in (("a.json", "a"), ("b.json", "b")):
        save(run([measured(100.0)], commit=commit), tmp_path / name)
    code, _, err = mesh("compare", *(tmp_path / name for name in ("a.json", "a.json", "b.json", "b.json")))
    assert code == 2
    assert "one side has runs of commits a and b" in err.replace("\n", " ")


def test_figures_are_measured_and_shown(mesh: Mesh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each against its limit, at most or, for a rate, at least; kept as JSON; what does not suit or fails is a sentence."""

    def measure(options: Options, progress: Progress) -> list[Figure]:
        if options.rounds == 1:
            raise ValueError("1 round has no spread; at least 3 are possible")
        if options.rounds == 2:
            raise FiguresMissing("flow: no order has come through", [figure(1.2)])
        progress.begin("figures", 1)
        progress.advance()
        return [figure(1.10), replace(figure(31_000.0, name="status_rate", unit="/s"), limit=30_000.0)]

    monkeypatch.setattr(figures, "measure", measure)
    monkeypatch.setattr(command, "machine", lambda: MACHINE)
    code, out, _ = mesh("figures", "--json", tmp_path / "figures.json")
    assert code == 0
    assert [one.id for one in load(tmp_path / "figures.json").figures] == ["flow_bare_p50", "status_rate"]
    rows = {line.split()[0]: line for line in out.splitlines() if line.startswith(("flow_bare", "status_rate"))}
    assert rows["flow_bare_p50"].split()[1:5] == ["1.10×", "≤", "1.15×", "holds"]
    assert "≥ 30,000 /s" in rows["status_rate"]
    code, _, err = mesh("figures", "--rounds", 1)
    assert (code, "1 round has no spread" in err) == (2, True)
    code, out, err = mesh("figures", "--rounds", 2)
    assert (code, "mesh: figures: flow: no order has come through" in err, "1.20×" in out) == (1, True, True), "the others are kept"


def test_bar_draws_only_when_a_step_is_done() -> None:
    """No thread of its own wakes up beside what is measured."""
    screen, before = StringIO(), threading.active_count()
    with Shown(console=Console(file=screen, force_terminal=True, width=80), auto_refresh=False) as shown:
        bar = command.Bar(shown, "hop")
        bar.begin("hop: 8 ways [by turns]", 2)
        assert threading.active_count() == before
        at_first = len(screen.getvalue())
        bar.advance()
        assert len(screen.getvalue()) > at_first
    assert "hop" in screen.getvalue()


def test_bench_is_imported_by_its_own_verbs_only() -> None:
    """Every other verb starts without it."""
    code = (
        "import sys; sys.argv = ['mesh', 'status', '--help']\n"
        "from nodes.io.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: print([name for name in sys.modules if name.partition('.')[0] == 'bench'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project_root(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
