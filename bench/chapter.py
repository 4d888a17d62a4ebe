"""One scenario on the page: for each setting its variants in a table and the plots of their percentiles, those of several runs side by side
on the same axes; then the numbers that are no latencies, and what depends on a setting.
"""

from collections.abc import Iterable, Sequence

import msgspec

from bench.latencies import NAMES, PERCENTILES
from bench.markup import Html, made, row, table
from bench.plot import COLOURS, Curve, latency_axis, numbers_plot, percentile_plot, swatch
from bench.results import Run
from bench.series import ALL_NAMES, PROBLEMS, WHOLE, Group, Series, grouped, is_told
from bench.sweeps import Sweep, sweeps_of
from bench.tables import NO_VALUE, halves, number_text, reached_of, spread_text, us_text

CURVES_MAX = 2 * COLOURS
NUMBERS_MAX = 6
COLUMNS_MAX = 3
HEADS = ("a second: asked / reached", "messages", *ALL_NAMES, " / ".join(PROBLEMS).replace("_", " "))


class Side(msgspec.Struct, frozen=True):
    """One run on the page. ``letter``: A, B, …; empty where it is alone."""

    letter: str
    name: str
    run: Run
    series: list[Series]


Member = tuple[Side, Group]


def titled(side: Side) -> str:
    """Its letter and name."""
    return f"{side.letter}: {side.name}" if side.letter else side.name


def run_head(sides: Sequence[Side]) -> list[str]:
    """The heading of the column of runs, where there are several."""
    return ["run"] if len(sides) > 1 else []


def run_cell(side: Side) -> list[Html]:
    """The run's letter in that column."""
    return [made("td", side.letter)] if side.letter else []


def chapter(name: str, anchor: str, sides: Sequence[Side]) -> list[Html]:
    """One scenario: for each setting a table and its plots, then the other numbers and what depends on a setting."""
    mine = [[one for one in side.series if one.scenario == name] for side in sides]
    groups = [(side, group) for side, found in zip(sides, mine, strict=True) for group in grouped(found)]
    colours = {label: at for at, label in enumerate(dict.fromkeys(label for _, group in groups for label in group.series))}
    parts = [made("h2", name, id=anchor)]
    for setting in dict.fromkeys(group.setting for _, group in groups):
        members = [(side, group) for side, group in groups if group.setting == setting]
        if any(one.stages or one.not_run or one.problems() or one.warnings for _, group in members for one in group.series.values()):
            parts += [made("h3", setting)] if setting else []
            parts.append(_variants(members, sides))
        parts += _plots(members, sides, colours)
    return [*parts, *_numbers(groups, sides), *_sweep_plots(sides, mine, colours)]


def _variants(members: Sequence[Member], sides: Sequence[Side]) -> Html:
    """Each variant with its stages; runs of the same variant below each other."""
    labels = dict.fromkeys(label for _, group in members for label in group.series)
    by_label = [(label, side, group.series[label]) for label in labels for side, group in members if label in group.series]
    rows = [part for label, side, one in by_label for part in _variant_rows(label, side, one)]
    return table(["variant, µs", *run_head(sides)], rows, HEADS)


def _variant_rows(label: str, side: Side, one: Series) -> list[Html]:
    first = [made("td", label, *([made("small", f"{len(one.rounds)} rounds")] if len(one.rounds) > 1 else [])), *run_cell(side)]
    columns = len(HEADS) + len(first)
    if one.not_run:
        return [row([*first, made("td", one.not_run, colspan=columns - len(first), class_="soft")], class_="first")]
    rates = [number_text(value) if value else NO_VALUE for value in (one.rounds[0].rate_asked, round(reached_of(one)))]
    counts = made("td", " / ".join(f"{one.counted(what):,}" for what in PROBLEMS), class_="n bad" if one.problems() else "n")
    whole = _latency_cells(one, WHOLE) if WHOLE in one.stages else ["" for _ in ALL_NAMES]
    cells = [*first, made("td", " / ".join(rates), class_="n"), f"{one.counted('received'):,}", *whole, counts]
    stages = [
        row([made("td", stage), *("" for _ in first), "", *_latency_cells(one, stage), ""], class_="stage")
        for stage in one.stages
        if stage != WHOLE
    ]
    warnings = [made("tr", made("td", text, colspan=columns), class_="told") for text in one.warnings]
    return [row(cells, class_="first"), *stages, *warnings]


def _latency_cells(one: Series, stage: str) -> list[Html]:
    """The percentiles in µs over all rounds, each with the middle half of the rounds."""
    latencies, round_count = one.latencies(stage), one.round_count(stage)
    summary = latencies.summary()
    cells = []
    for name in ALL_NAMES:
        is_there = latencies.count > 0 and is_told(name, latencies.count)
        values = one.round_ns(stage, name)
        low, _, high = halves(values) if values else (0.0, 0.0, 0.0)
        small = [made("small", f"{us_text(low)} – {us_text(high)}")] if len(values) > 1 and is_told(name, round_count) else []
        cells.append(made("td", us_text(summary[name]) if is_there else NO_VALUE, *small, class_="n"))
    return cells


def _legend(names: Iterable[tuple[str, int]]) -> Html:
    return made("ul", *(made("li", swatch(colour), name) for name, colour in names), class_="legend")


def _plots(members: Sequence[Member], sides: Sequence[Side], colours: dict[str, int]) -> list[Html]:
    """A plot for each stage; those of several runs beside each other on the same axis."""
    having = [(side, label, one) for side, group in members for label, one in group.series.items() if one.stages]
    labels = list(dict.fromkeys(label for _, label, _ in having))
    if len(labels) > CURVES_MAX:
        return [made("p", f"{len(labels)} variants are too many for one plot; their percentiles are in the table.", class_="soft")]
    figures: list[list[Html]] = []
    for stage in sorted(dict.fromkeys(stage for _, _, one in having for stage in one.stages), key=lambda stage: stage != WHOLE):
        drawn = {
            side.letter: [_curve(label, one, stage, colours) for other, label, one in having if other is side and stage in one.stages]
            for side in sides
        }
        axis = latency_axis([value for curves in drawn.values() for curve in curves for _, value in curve.points])
        titles = {side.letter: made("figcaption", made("b", stage), f" {titled(side)}" * (len(sides) > 1)) for side in sides}
        plots = {letter: percentile_plot(curves, f"percentiles of {stage}", axis) for letter, curves in drawn.items()}
        figures.append([made("figure", titles[letter], plot) for letter, plot in plots.items()])
    return [_legend((label, colours[label]) for label in labels), *_laid(figures)] if figures else []


def _laid(figures: Sequence[Sequence[Html]]) -> list[Html]:
    """Figures of one run two in a row; those of several runs beside each other, a row for each list."""
    columns = max(len(row_of) for row_of in figures)
    if columns == 1:
        return [made("div", *(one for row_of in figures for one in row_of), class_="plots")]
    return [made("div", *row_of, class_="plots", style=f"--columns:{min(columns, COLUMNS_MAX)}") for row_of in figures]


def _curve(label: str, one: Series, stage: str, colours: dict[str, int]) -> Curve:
    """Its percentiles along the tail, and exactly those of the table."""
    latencies = one.latencies(stage)
    exact = {percent: latencies.at(percent) for name, percent in zip(NAMES, PERCENTILES, strict=True) if is_told(name, latencies.count)}
    points = {**dict(latencies.curve()), **exact} if latencies.count else {}
    return Curve(label, colours[label], [(percent, float(points[percent])) for percent in sorted(points)], latencies.count)


def _numbers(members: Sequence[Member], sides: Sequence[Side]) -> list[Html]:
    """Numbers that are no latencies: a column for each while they are few, else a row."""
    having = [(side, group.setting, label, one) for side, group in members for label, one in group.series.items() if one.value_names]
    names = list(dict.fromkeys(name for _, _, _, one in having for name in one.value_names))
    words = ["setting", "variant", *run_head(sides)]
    firsts = [[made("td", setting), made("td", label), *run_cell(side)] for side, setting, label, _ in having]
    if len(names) > NUMBERS_MAX:
        rows = [row([*first, made("td", name), _number_cell(one, name)]) for first, (*_, one) in zip(firsts, having, strict=True)
                for name in one.value_names]  # fmt: skip
        return [table([*words, "number"], rows, ["value"])]
    rows = [row([*first, *(_number_cell(one, name) for name in names)]) for first, (*_, one) in zip(firsts, having, strict=True)]
    return [table(words, rows, names)] if rows else []


def _number_cell(one: Series, name: str) -> Html:
    """The median of the rounds, and the middle half of them."""
    values = one.round_values(name)
    if not values:
        return made("td", NO_VALUE, class_="n")
    low, middle, high = halves(values)
    small = [made("small", spread_text(low, high))] if len(values) > 1 else []
    return made("td", number_text(middle), *small, class_="n")


def _sweep_plots(sides: Sequence[Side], mine: Sequence[list[Series]], colours: dict[str, int]) -> list[Html]:
    found = [(side, sweep) for side, series in zip(sides, mine, strict=True) for sweep in sweeps_of(series)]
    if not found:
        return []
    order = list(dict.fromkeys((sweep.setting, sweep.what) for _, sweep in found))
    names = dict.fromkeys(name for _, sweep in found for name in sweep.lines)
    hues = {name: colours.get(name, at) for at, name in enumerate(names)}
    figures = [[_sweep_figure(side, sweep, hues) for side, sweep in found if (sweep.setting, sweep.what) == key] for key in order]
    return [made("h3", "against a setting"), _legend(hues.items()), *_laid(figures)]


def _sweep_figure(side: Side, sweep: Sweep, hues: dict[str, int]) -> Html:
    title = made("figcaption", made("b", f"{sweep.what} against {sweep.setting}"), f" {titled(side)}" * bool(side.letter))
    curves = [Curve(name, hues[name], points) for name, points in sweep.lines.items()]
    return made("figure", title, numbers_plot(curves, f"{sweep.what} against {sweep.setting}", sweep.setting, sweep.what, number_text))
