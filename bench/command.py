"""What the verbs of ``mesh bench`` do: measure, keep, show and compare; each returns the exit code.

What is asked for is checked before the first message is sent: a name, a folder that cannot be written to. A scenario that fails does not
take the others' numbers with it.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Shown

from bench.catalogue import NAMES, help_of, scenario
from bench.compare import compare, joined
from bench.latencies import Latencies
from bench.machine import Machine, commit_of, machine
from bench.report import page
from bench.results import FORMAT, Figure, Measured, Run, load, save
from bench.scenario import Options, Scenario
from bench.series import series_of, setting_of
from bench.tables import COLUMNS, print_comparison, print_run
from mesh.errors import BadFeed, BadUsage
from mesh.texts import iso_of
from mesh.units import MS_NS, SECOND_NS
from nodes.io.cli.grid import Column, console, grid

LISTED = (Column("name", "scenario"), Column("help", "what it measures", least_columns=30))
_UNSAFE = re.compile(r"[^A-Za-z0-9.=_-]+")


class Outputs(msgspec.Struct, frozen=True):
    """Where results go, beside the table on stdout."""

    json: Path | None = None
    html: Path | None = None
    log: Path | None = None

    def check(self) -> None:
        """Make the folders. Raises BadUsage for a place nothing can be written to: a long run is not to end on that."""
        for option, path in (("--json", self.json), ("--html", self.html), ("--log", self.log)):
            if path is None:
                continue
            folder = path if option == "--log" else path.parent
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise BadUsage(f"{option} {path}: {folder} cannot be made ({error.strerror}); name another place") from None
            if not os.access(folder, os.W_OK) or (folder is not path and path.is_dir()):
                raise BadUsage(f"{option} {path}: this cannot be written to; name another place")


class Bar:
    """The progress bar on stderr; a line for each beginning where that is no terminal. It draws when a step is done and never by itself:
    a thread that wakes up would be in what is measured.
    """

    def __init__(self, shown: Shown, name: str) -> None:
        self._shown, self._task = shown, shown.add_task(name, total=None)

    def begin(self, what: str, steps: int) -> None:
        """So many steps of this begin."""
        out = self._shown.console
        if out.is_terminal:
            self._shown.reset(self._task, total=steps, description=what)
            self._shown.refresh()
        else:
            out.print(f"{what}, {steps} steps", markup=False, soft_wrap=True)

    def advance(self) -> None:
        """One is done."""
        self._shown.advance(self._task)
        if self._shown.console.is_terminal:
            self._shown.refresh()


@contextmanager
def progress_bar() -> Iterator[Callable[[str], Bar]]:
    """Bars by name, one below the other, while this is open."""
    words = TextColumn("{task.description}", markup=False)
    columns = (words, BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    errors = Console(stderr=True, highlight=False)
    with Shown(*columns, console=errors, auto_refresh=False, disable=not errors.is_terminal) as shown:
        yield lambda name: Bar(shown, name)


def list_scenarios() -> int:
    """Each scenario with its line of help."""
    out = console()
    rows = [{"name": name, "help": help_of(name)} for name in NAMES]
    out.print(grid(LISTED, rows, out.width if out.is_terminal else COLUMNS, folds=True))
    return 0


def run_scenarios(names: Sequence[str], options: Options, outputs: Outputs) -> int:
    """Measure them one after the other. 1 where one failed, 2 where one cannot run so; the others' results are kept and shown.
    Raises BadUsage.
    """
    chosen = [_chosen(name) for name in dict.fromkeys(names)]
    outputs.check()
    here, began_ns = machine(), time.time_ns()
    measured: list[Measured] = []
    figures: list[Figure] = []
    failed: dict[str, Exception] = {}
    with progress_bar() as bar:
        for one in chosen:
            try:
                found = one.run(options, bar(one.name))
                measured += found
                # a smoke pass has too few messages to be held against anything
                figures += one.judge(found) if one.judge is not None and not options.is_smoke else []
            except (ValueError, RuntimeError) as failure:
                failed[one.name] = failure
    run = _run(f"run {' '.join(names)}{_words_of(options)}", here, began_ns, measured, figures)
    if measured:
        _keep(run, outputs, began_ns)
    for name, error in failed.items():
        _complain(name, error)
    return 0 if not failed else 2 if any(isinstance(error, ValueError) for error in failed.values()) else 1


def measure_figures(options: Options, outputs: Outputs) -> int:
    """All figures, each against its limit; 1 where a process failed. Raises BadUsage."""
    from bench.figures import FiguresMissing, measure

    outputs.check()
    here, began_ns = machine(), time.time_ns()
    with progress_bar() as bar:
        try:
            figures, code = measure(options, bar("figures")), 0
        except ValueError as error:
            raise BadUsage(str(error)) from None
        except FiguresMissing as error:
            _complain("figures", error)
            figures, code = error.found, 1
    _keep(_run(f"figures{_words_of(options)}", here, began_ns, figures=figures), outputs, began_ns)
    return code


def report_runs(paths: Sequence[Path], html: Path) -> int:
    """The page of these runs. Raises BadUsage, BadFeed."""
    Outputs(html=html).check()
    runs = [(path.name, loaded(path)) for path in paths]
    try:
        text = page(runs)
    except ValueError as error:
        raise BadFeed(str(error)) from None
    html.write_text(text, "utf-8")
    console().print(f"{html}: {len(runs)} run{'s' * (len(runs) > 1)}", markup=False, soft_wrap=True)
    return 0


def compare_runs(paths: Sequence[Path]) -> int:
    """B beside A; of more than two files each second one is of B. Raises BadUsage, BadFeed."""
    if len(paths) % 2:
        raise BadUsage(f"{len(paths)} files: A and B, or several of each by turns (A1 B1 A2 B2 …), are allowed")
    runs = [loaded(path) for path in paths]
    try:
        found = compare(joined(runs[::2]), joined(runs[1::2]))
    except ValueError as error:
        raise BadUsage(str(error)) from None
    out = console()
    for side, names in (("A", paths[::2]), ("B", paths[1::2])):
        out.print(f"{side}: {', '.join(map(str, names))}", markup=False, soft_wrap=True)
    print_comparison(found, out)
    return 0


def loaded(path: Path) -> Run:
    """A run from its file, every histogram of it readable. Raises BadFeed."""
    try:
        run = load(path)
        for one in run.measured:
            for stage in one.stages.values():
                Latencies.decoded(stage.histogram)
    except ValueError as error:
        raise BadFeed(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from None
    return run


def _complain(name: str, error: Exception) -> None:
    Console(stderr=True, highlight=False).print(f"mesh: {name}: {error}", markup=False, soft_wrap=True)


def _chosen(name: str) -> Scenario:
    try:
        return scenario(name)
    except ValueError as error:
        raise BadUsage(str(error)) from None


def _run(command: str, here: Machine, began_ns: int, measured: Sequence[Measured] = (), figures: Sequence[Figure] = ()) -> Run:
    took_s = round((time.time_ns() - began_ns) / SECOND_NS, 1)
    return Run(FORMAT, f"mesh bench {command}", iso_of(began_ns), took_s, commit_of(), here, list(measured), list(figures))


def _words_of(options: Options) -> str:
    """Options as they are typed, those that differ from their default; never a path."""
    usual = Options()
    words = {name: getattr(options, name) for name in ("rate", "seconds", "rounds", "locals", "idle", "account", "symbol")}
    found = "".join(f" --{name} {value:g}" if isinstance(value, float) else f" --{name} {value}"
                    for name, value in words.items() if value != getattr(usual, name))  # fmt: skip
    return found + " --smoke" * options.is_smoke


def _keep(run: Run, outputs: Outputs, began_ns: int) -> None:
    """Write what was asked for, then show the table."""
    if outputs.json is not None:
        save(run, outputs.json)
    if outputs.html is not None:
        outputs.html.write_text(page([(outputs.json.name if outputs.json else run.command, run)]), "utf-8")
    if outputs.log is not None:
        # whole milliseconds: a log tells its start rounded to them, and readers leave out an interval that begins before it
        _write_logs(run, outputs.log, began_ns // MS_NS / 1_000)
    print_run(run, console())


def _write_logs(run: Run, folder: Path, began_s: float) -> None:
    """An interval log for each stage of each round; the interval is the whole run, for a round does not keep its time."""
    for series in series_of(run.measured).values():
        for number, one in enumerate(series.rounds, 1):
            for stage, kept in one.stages.items():
                words = (one.scenario, one.variant, setting_of(one), stage, str(number) if len(series.rounds) > 1 else "")
                name = _UNSAFE.sub("-", "_".join(filter(None, words)).replace(", ", "_").replace("/s", "ps"))
                text = Latencies.decoded(kept.histogram).log(" ".join(filter(None, words)), began_s, began_s + run.took_s)
                (folder / f"{name}.hlog").write_text(text, "utf-8")
