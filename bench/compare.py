"""Two runs side by side: for each percentile, number and figure the ratio B/A, and a verdict only beyond the noise.

What has the same scenario, variant, rate and settings is a pair. The noise is how far the rounds of each side lie apart; ``bench.noise``
says how a verdict comes of it, and its sources. One round tells nothing of its noise: its verdict is ``undecided``, whatever the ratio.
Machines that differ are told before anything else: then a verdict is one about machines.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from statistics import median

import msgspec
from msgspec.structs import replace

from bench.machine import Machine
from bench.noise import HIGHER, LOWER, ROUNDS_MIN, UNDECIDED, Between, of_rounds, of_spreads
from bench.results import Figure, Measured, Run
from bench.series import ALL_NAMES, Key, Series, is_told, key_of, series_of

FASTER, SLOWER = "faster", "slower"
WORK_SHARE = 0.1
"""Machines whose fixed piece of work differs by more than this are two machines, whatever they are called."""
REPEAT = f"too few rounds to tell: repeat it (--rounds {ROUNDS_MIN} or more)"
_NO_RATIO = "a number that is not above 0 has no ratio"
RATIOS = ("x", "×")
"""Units of a figure that is our time against another's."""
_TIMES = ("ns", "us", "µs", "ms", "s")
_RATE = re.compile(r"(/|_per_)s$")
_WORDS = re.compile(r"[\s_(]+")
Names = tuple[str, str]
"""What the two sides are called."""


class Row(msgspec.Struct, frozen=True):
    """One number on both sides: a percentile of the stage ``part``, or another number, whose ``part`` is empty. ``a``, ``b``: medians of
    the rounds, in ``unit``; ``why``: where a verdict could not be had.
    """

    part: str
    what: str
    unit: str
    a: float
    b: float
    a_count: int
    b_count: int
    between: Between | None
    verdict: str
    why: str = ""

    @property
    def ratio(self) -> float:
        """B/A; 0 where A is 0."""
        if self.between is not None:
            return self.between.ratio
        return self.b / self.a if self.a else 0.0


class Pair(msgspec.Struct, frozen=True):
    """One variant under one setting, measured on both sides."""

    key: Key
    rows: list[Row]


class Comparison(msgspec.Struct, frozen=True):
    """``machines``: how the machines differ, to be said first and loudly; ``notes``: what else differs or went wrong on either side."""

    machines: list[str]
    notes: list[str]
    pairs: list[Pair]
    figures: list[Row]
    only_a: list[str]
    only_b: list[str]


def compare(a: Run, b: Run, names: Names = ("A", "B")) -> Comparison:
    """B beside A, as ``names`` calls them in what is said. Raises ValueError for a histogram that is none."""
    all_a, all_b = series_of(a.measured), series_of(b.measured)
    mine, theirs = _ran(all_a), _ran(all_b)
    pairs = [Pair(key, rows_of(mine[key], theirs[key])) for key in mine if key in theirs]
    ours, others = _figures(a), _figures(b)
    return Comparison(
        machines=_machines(a.machine, b.machine, names),
        notes=[*_versions(a, b, names), *_troubles(names[0], mine.values()), *_troubles(names[1], theirs.values())],
        pairs=[pair for pair in pairs if pair.rows],
        figures=[_figure_row(ours[name], others[name]) for name in ours if name in others],
        only_a=[*_missing(mine, all_b), *(f"figure {name}" for name in ours if name not in others)],
        only_b=[*_missing(theirs, all_a), *(f"figure {name}" for name in others if name not in ours)],
    )


def joined(runs: Sequence[Run]) -> Run:
    """Several runs of one side as one: their rounds together. Raises ValueError where they are not of one commit and processor."""
    first = runs[0]
    for run in runs:
        if run.commit != first.commit:
            raise ValueError(f"one side has runs of commits {first.commit or '(none)'} and {run.commit or '(none)'}: give it one commit")
        if _parts(run.machine) != _parts(first.machine):
            raise ValueError(f"one side has runs of {first.machine.cpu} and of {run.machine.cpu}: give it those of one machine")
    measured: list[Measured] = [one for run in runs for one in run.measured]
    figures: list[Figure] = [one for run in runs for one in run.figures]
    machine = replace(first.machine, work_us=median(run.machine.work_us for run in runs))
    return replace(first, measured=measured, figures=figures, machine=machine, took_s=sum(run.took_s for run in runs))


def told(key: Key) -> str:
    """A key in words."""
    scenario, setting, variant = key
    return f"{scenario} {variant}" + f" ({setting})" * bool(setting)


def is_rate(unit: str) -> bool:
    """Whether more of it is better: a number a second."""
    return _RATE.search(unit) is not None


def rows_of(a: Series, b: Series) -> list[Row]:
    """Each percentile of each stage that so many messages can tell, then the other numbers."""
    rows: list[Row] = []
    for stage in a.stages:
        if stage not in b.stages:
            continue
        messages_count = min(a.round_count(stage), b.round_count(stage))
        for name in ALL_NAMES:
            sides = a.round_ns(stage, name), b.round_ns(stage, name)
            if is_told(name, messages_count) and all(sides):
                rows.append(_row(stage, name, "ns", *sides))
    for name in a.value_names:
        if sides := (a.round_values(name), b.round_values(name)):
            rows += [_row("", name, unit_of(name), *sides)] if all(sides) else []
    return rows


def unit_of(name: str) -> str:
    """The unit a number's name ends with; empty where it names no time and no rate."""
    if is_rate(name):
        return "/s"
    last = _WORDS.split(name)[-1].strip(")")
    return last if last in _TIMES else ""


def _row(part: str, what: str, unit: str, a: Sequence[float], b: Sequence[float]) -> Row:
    between = of_rounds(a, b)
    why = "" if between else REPEAT if min(*a, *b) > 0 else _NO_RATIO
    return Row(part, what, unit, median(a), median(b), len(a), len(b), between, verdict_of(between, unit), why)


def _figure_row(a: Sequence[Figure], b: Sequence[Figure]) -> Row:
    """Figures measured once are told apart by their own spread, those of several runs by the runs'."""
    one, other = a[-1], b[-1]
    if len(a) > 1 or len(b) > 1:
        return _row("", one.id, one.unit, [figure.value for figure in a], [figure.value for figure in b])
    widths = [figure.spread[1] - figure.spread[0] for figure in (one, other)]
    between = of_spreads(one.value, widths[0], one.repeats, other.value, widths[1], other.repeats)
    why = "" if between else REPEAT if min(one.value, other.value) > 0 else _NO_RATIO
    return Row("", one.id, one.unit, one.value, other.value, one.repeats, other.repeats, between, verdict_of(between, one.unit), why)


def verdict_of(between: Between | None, unit: str) -> str:
    """In words that suit the unit: a time that is lower is faster, a rate that is lower is slower, else it is just lower."""
    verdict = UNDECIDED if between is None else between.verdict
    if verdict not in (LOWER, HIGHER):
        return verdict
    if is_rate(unit):
        return SLOWER if verdict == LOWER else FASTER
    if unit in _TIMES or unit in RATIOS:
        return FASTER if verdict == LOWER else SLOWER
    return verdict


def _parts(machine: Machine) -> tuple[str, int]:
    return machine.cpu, machine.cpu_count


def _machines(a: Machine, b: Machine, names: Names) -> list[str]:
    found = []
    if a.cpu != b.cpu:
        found.append(_differs("processor", names, a.cpu, b.cpu))
    if a.cpu_count != b.cpu_count:
        found.append(_differs("processors", names, a.cpu_count, b.cpu_count))
    if a.work_us > 0 and b.work_us > 0 and abs(b.work_us / a.work_us - 1) > WORK_SHARE:
        times = _differs("the same piece of Python", names, f"{a.work_us:,.0f} µs", f"{b.work_us:,.0f} µs")
        found.append(f"{times} ({b.work_us / a.work_us:.2f}×)")
    return found


def _differs(what: str, names: Names, one: object, other: object) -> str:
    return f"{what}: {names[0]} {one or '(none)'}, {names[1]} {other or '(none)'}"


def _versions(a: Run, b: Run, sides: Names) -> list[str]:
    found = ["both are of the same commit"] if a.commit == b.commit and a.commit else []
    shown: dict[str, Callable[[Machine], object]] = {
        "system": lambda machine: machine.system,
        "memory": lambda machine: f"{machine.memory_gib:g} GiB",
        "clock source": lambda machine: machine.clock_source,
        "governor": lambda machine: machine.governor,
        "python": lambda machine: machine.python,
        "libzmq": lambda machine: machine.libzmq,
    }
    names = dict.fromkeys([*a.machine.packages, *b.machine.packages])
    both = {name: (of(a.machine), of(b.machine)) for name, of in shown.items()}
    both |= {name: (a.machine.packages.get(name, ""), b.machine.packages.get(name, "")) for name in names}
    return found + [_differs(name, sides, one, other) for name, (one, other) in both.items() if one != other]


def _troubles(side: str, series: Iterable[Series]) -> list[str]:
    return [f"{side}: {told(key_of(one))}: {text}" for one in series for text in (*one.problems(), *one.warnings)]


def _ran(series: dict[Key, Series]) -> dict[Key, Series]:
    return {key: one for key, one in series.items() if not one.not_run}


def _missing(here: dict[Key, Series], there: dict[Key, Series]) -> list[str]:
    """What has no counterpart on the other side, and why where that is known."""
    lacking = [key for key in here if key not in _ran(there)]
    return [told(key) + (f": {there[key].not_run} on the other side" if key in there else "") for key in lacking]


def _figures(run: Run) -> dict[str, list[Figure]]:
    found: dict[str, list[Figure]] = {}
    for figure in run.figures:
        found.setdefault(figure.id, []).append(figure)
    return found
