"""What a run found as tables for a terminal of 80 columns, and the words for its numbers that the page uses too."""

from collections.abc import Sequence

import numpy as np
from rich.console import Console

from bench.compare import FASTER, RATIOS, SLOWER, Comparison, Row, is_rate, told
from bench.machine import Machine
from bench.noise import HIGHER, LOWER, UNDECIDED
from bench.results import FAILS, HOLDS, Figure, Run
from bench.series import ALL_NAMES, WHOLE, Group, Series, grouped, is_told, series_of
from mesh.units import US_NS
from nodes.io.cli.grid import GAP_COLUMNS, Column, cell, grid

COLUMNS = 80
"""What goes into a pipe is made for so many."""
NO_VALUE = "–"
STYLES = {
    HOLDS: "green", FASTER: "green", FAILS: "bold red", SLOWER: "bold red", UNDECIDED: "yellow", HIGHER: "yellow", LOWER: "yellow",
}  # fmt: skip
BUSY_SHARE = 0.5
"""A machine with more than so much load for each processor before the run was busy with something else."""
VARIANT = Column("what", "", least_columns=12)
LATENCIES = tuple(Column(name, name, is_number=True, rank=2 if name == "p99.99" else 0) for name in ALL_NAMES)
MEASURED = (VARIANT, Column("reached", "per s", is_number=True, rank=1), *LATENCIES)
VALUES = (VARIANT, Column("name", "number", least_columns=16), Column("value", "value", is_number=True),
          Column("spread", "middle half", is_number=True, rank=1))  # fmt: skip
FIGURES = (
    Column("id", "figure", least_columns=18), Column("value", "value", is_number=True), Column("limit", "limit", is_number=True),
    Column("holds", "verdict"), Column("spread", "middle half", is_number=True, rank=1),
    Column("against", "against", rank=2, least_columns=12),
)  # fmt: skip
COMPARED = (
    Column("what", "", least_columns=20), Column("a", "A", is_number=True), Column("b", "B", is_number=True),
    Column("ratio", "B/A", is_number=True), Column("bounds", "99 % bounds", is_number=True, rank=1),
    Column("rounds", "rounds", is_number=True, rank=2), Column("verdict", "verdict"),
)  # fmt: skip


def number_text(value: float) -> str:
    """Three digits or more, with commas in thousands."""
    size = abs(value)
    if size >= 100 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.3g}"


def us_text(value_ns: float) -> str:
    """Nanoseconds as microseconds."""
    return number_text(value_ns / US_NS)


def amount_text(text: str, unit: str) -> str:
    """A number, as text, with its unit."""
    return f"{text}×" if unit in RATIOS else f"{text} {unit}".rstrip()


def limit_text(figure: Figure) -> str:
    """A limit with the side it bounds: rates are to be at least so high, all else at most."""
    return f"{'≥' if is_rate(figure.unit) else '≤'} {amount_text(number_text(figure.limit), figure.unit)}"


def spread_text(low: float, high: float) -> str:
    """From – to."""
    return f"{number_text(low)} – {number_text(high)}"


def row_words(row: Row) -> dict[str, str]:
    """A row of a comparison in words, by column. Percentiles are µs, which their heading says, and a name may end with its unit."""
    show = us_text if row.part else number_text
    unit = "" if row.part or row.what.endswith(row.unit) else row.unit
    between = row.between
    return {
        "what": row.what,
        "a": amount_text(show(row.a), unit),
        "b": amount_text(show(row.b), unit),
        "ratio": f"{row.ratio:.2f}×" if row.ratio else NO_VALUE,
        "bounds": f"{between.low:.2f} – {between.high:.2f}" if between else NO_VALUE,
        "rounds": f"{row.a_count}, {row.b_count}",
        "verdict": row.verdict,
    }


def machine_text(machine: Machine) -> str:
    """The machine in one line."""
    virtual = ", virtual" if machine.is_virtual else ""
    return (
        f"{machine.cpu}{virtual}, {machine.cpu_count} processors, {machine.system}, Python {machine.python}, "
        f"libzmq {machine.libzmq}, load {machine.load_1min:g} before, {machine.work_us:,.0f} µs for a fixed piece of Python"
    )


def busy_text(machine: Machine) -> str:
    """A warning where something else ran; empty where not."""
    if machine.load_1min <= machine.cpu_count * BUSY_SHARE:
        return ""
    load = f"load {machine.load_1min:g} on {machine.cpu_count} processors before the run"
    return f"the machine was busy: {load}; latencies hold what that cost"


def columns_of(out: Console) -> int:
    """How wide a table may be here."""
    return out.width if out.is_terminal else COLUMNS


def print_run(run: Run, out: Console) -> None:
    """Machine, tables of latencies and numbers, figures, and what was wrong."""
    _line(out, f"commit {run.commit or '(none)'}  {run.began}  {run.took_s:,.0f} s")
    _line(out, machine_text(run.machine))
    if busy := busy_text(run.machine):
        _line(out, busy, "yellow")
    for group in grouped(series_of(run.measured).values()):
        _line(out, "")
        has_stages = any(series.stages for series in group.series.values())
        _line(out, f"{group.scenario}  {group.setting}" + "  latencies in µs" * has_stages, "bold")
        _print_group(group, out)
    if run.figures:
        _line(out, "")
        print_figures(run.figures, out)


def print_figures(figures: Sequence[Figure], out: Console) -> None:
    """The table of figures, and how those were measured that do not hold."""
    rows = [
        {
            "id": figure.id,
            "value": amount_text(number_text(figure.value), figure.unit),
            "limit": limit_text(figure),
            "holds": cell(figure.holds, STYLES.get(figure.holds, "")),
            "spread": spread_text(*figure.spread),
            "against": figure.against,
        }
        for figure in figures
    ]
    out.print(grid(FIGURES, rows, columns_of(out)))
    for figure in figures:
        if figure.holds != HOLDS and figure.how:
            _line(out, f"{figure.id}: {figure.how}")


def print_comparison(comparison: Comparison, out: Console) -> None:
    """Machines first, then a table for each pair, then what has no counterpart."""
    if comparison.machines:
        _line(out, "THE MACHINES DIFFER, in kind or in speed; the verdicts below are as much about that as about the code:", "bold red")
    for text in comparison.machines:
        _line(out, f"  {text}", "bold red")
    for text in comparison.notes:
        _line(out, f"note: {text}")
    for pair in comparison.pairs:
        _line(out, "")
        _line(out, told(pair.key), "bold")
        _print_rows(pair.rows, out)
    if comparison.figures:
        _line(out, "")
        _line(out, "figures", "bold")
        _print_rows(comparison.figures, out)
    for side, missing in (("A", comparison.only_a), ("B", comparison.only_b)):
        for text in missing:
            _line(out, f"only in {side}: {text}")


def _print_rows(rows: list[Row], out: Console) -> None:
    words: list[dict[str, object]] = []
    for at, row in enumerate(rows):
        if row.part and (at == 0 or rows[at - 1].part != row.part):
            words.append({**dict.fromkeys((column.key for column in COMPARED), ""), "what": f"{row.part}, µs"})
        name = f"  {row.what}" if row.part else row.what
        words.append({**row_words(row), "what": name, "verdict": cell(row.verdict, STYLES.get(row.verdict, ""))})
    out.print(grid(COMPARED, words, columns_of(out)))
    for why in dict.fromkeys(row.why for row in rows if row.why):
        _line(out, f"  {why}", "yellow")


def _print_group(group: Group, out: Console) -> None:
    latencies = [line for label, series in group.series.items() if series.stages for line in _latency_rows(label, series)]
    if latencies:
        columns = [column for column in MEASURED if column is VARIANT or any(line[column.key] for line in latencies)]
        out.print(grid(columns, latencies, columns_of(out)))
    _print_values(group, out)
    for label, series in group.series.items():
        if series.not_run:
            _line(out, f"{label}: {series.not_run}", "dim")
        for text in (*series.problems(), *series.warnings):
            _line(out, f"{label}: {text}", "yellow")


def _print_values(group: Group, out: Console) -> None:
    """A column for each number where they fit side by side (then their spread is on the page alone), else a line for each."""
    having = {label: series for label, series in group.series.items() if series.value_names}
    names = list(dict.fromkeys(name for series in having.values() for name in series.value_names))
    columns = [VARIANT, *(Column(name, name, is_number=True) for name in names)]
    rows = [{"what": label, **{name: _value_text(series, name) for name in names}} for label, series in having.items()]
    if names and natural_columns(columns, rows) <= columns_of(out):
        out.print(grid(columns, rows, columns_of(out)))
    elif names:
        lines = [_value_row(label, series, name) for label, series in having.items() for name in series.value_names]
        out.print(grid([column for column in VALUES if any(line[column.key] for line in lines)], lines, columns_of(out)))


def natural_columns(columns: Sequence[Column], rows: Sequence[dict[str, str]]) -> int:
    """How wide a table is with nothing cut or left out."""
    return sum(max(len(column.heading), *(len(row[column.key]) for row in rows)) + GAP_COLUMNS for column in columns) - GAP_COLUMNS


def _value_text(series: Series, name: str) -> str:
    values = series.round_values(name)
    return number_text(halves(values)[1]) if values else NO_VALUE


def reached_of(series: Series) -> float:
    """Messages a second, the mean of the rounds."""
    return sum(one.rate_reached for one in series.rounds) / len(series.rounds)


def latency_words(series: Series, stage: str) -> dict[str, str]:
    """The percentiles of a stage over all rounds, in µs; a dash where there were too few messages to tell one."""
    latencies = series.latencies(stage)
    summary = latencies.summary()
    return {name: us_text(summary[name]) if latencies.count and is_told(name, latencies.count) else NO_VALUE for name in ALL_NAMES}


def _latency_rows(label: str, series: Series) -> list[dict[str, str]]:
    """The whole beside the variant's name, its parts below."""
    reached = number_text(round(reached_of(series))) if reached_of(series) else ""
    whole = latency_words(series, WHOLE) if WHOLE in series.stages else dict.fromkeys(ALL_NAMES, "")
    parts = [{"what": f"  {stage}", "reached": "", **latency_words(series, stage)} for stage in series.stages if stage != WHOLE]
    return [{"what": label, "reached": reached, **whole}, *parts]


def _value_row(label: str, series: Series, name: str) -> dict[str, str]:
    low, middle, high = halves(series.round_values(name))
    return {"what": label, "name": name, "value": number_text(middle), "spread": spread_text(low, high) if low < high else ""}


def halves(values: list[float]) -> tuple[float, float, float]:
    """The middle half of some numbers: its lower end, the median, its upper end."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return float(low), float(middle), float(high)


def _line(out: Console, text: str, style: str = "") -> None:
    out.print(cell(text, style), width=columns_of(out))
