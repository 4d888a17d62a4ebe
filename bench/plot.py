"""Plots as inline SVG, readable without any script: percentiles of latencies, and numbers against a setting.

A percentile plot has the percentile on the scale of HDR plots, log10(1 / (1 - share)), so that each further nine has as much room as
the one before, and the latency on a log scale in µs. A curve ends where its messages do: of a thousand the 99.9th is the last that can
be told, and the max stands there. The percentiles of the tables are dots with a title, which browsers show on hover; ``data-points`` is
for the script of the page, which shows all curves under the pointer.
"""

import math
from collections.abc import Callable, Sequence
from html import escape

import msgspec

from bench.latencies import PERCENTILES
from bench.markup import Html
from mesh.units import US_NS

WIDTH, HEIGHT = 600, 340
LEFT, RIGHT, TOP, BOTTOM = 76, 24, 28, 42
COLOURS = 8
"""So many curves have a colour of their own; the next ones have the same again, dashed."""
SHARES = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 99.9999)
MINOR_DECADES_MAX = 2.3
"""Over more decades than this only the tens are labelled."""


class Curve(msgspec.Struct, frozen=True):
    """One variant. ``points``: for percentiles (percent, ns) up to (100, max), for numbers (setting, number); ``count``: its messages.
    ``colour``: its place among all variants of the page, so that it looks the same in every plot.
    """

    name: str
    colour: int
    points: list[tuple[float, float]]
    count: int = 0


class Axis(msgspec.Struct, frozen=True):
    """From data to the plot: ``low`` … ``high`` in data, logarithms where it is a log axis. ``ticks``: (position in data, label)."""

    low: float
    high: float
    ticks: list[tuple[float, str]]
    title: str

    def at(self, value: float, length: float) -> float:
        """Where a value lies on an axis of so many units."""
        return (value - self.low) / (self.high - self.low) * length


def nines(percentile: float, count: int) -> float:
    """Where a percentile lies on the scale of nines: 90 at 1, 99 at 2; the last message, and what is beyond it, at log10(count)."""
    last = math.log10(max(count, 2))
    return min(last, -math.log10(1 - percentile / 100)) if percentile < 100 else last


def latency_axis(values_ns: Sequence[float]) -> Axis:
    """A log axis in µs that holds them all."""
    lows, highs = min(values_ns, default=US_NS) / US_NS, max(values_ns, default=US_NS) / US_NS
    return log_axis(lows, highs, "latency, µs")


def log_axis(low: float, high: float, title: str) -> Axis:
    """From the 1, 2 or 5 below ``low`` to the one above ``high``, both above 0."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    steps = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    first = max(step for step in steps if step <= low * 1.000001)
    last = min(step for step in steps if step >= high * 0.999999 and step > first)
    is_wide = math.log10(last / first) > MINOR_DECADES_MAX
    shown = [step for step in steps if first <= step <= last]
    ticks = [(math.log10(step), "" if is_wide and not _is_ten(step) else tick_text(step)) for step in shown]
    return Axis(math.log10(first), math.log10(last), ticks, title)


def tick_text(value: float) -> str:
    """A number at an axis."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def percentile_plot(curves: Sequence[Curve], title: str, axis: Axis | None = None) -> Html:
    """One SVG. ``axis``: that of the latencies, where several plots are to share it; else it fits the curves."""
    found = [curve for curve in curves if curve.points]
    y = axis or latency_axis([value for curve in found for _, value in curve.points])
    high = max([2.0, *(nines(100, curve.count) for curve in found)])
    ticks = [(nines(share, 10**9), f"{share:g} %") for share in SHARES if nines(share, 10**9) <= high + 0.001]
    x = Axis(0.0, high, ticks, "percentile")
    body = [_frame(x, y)]
    for curve in found:
        placed = [(nines(percent, curve.count), math.log10(value / US_NS)) for percent, value in curve.points]
        words = [f"{_percent_text(percent)}: {_us(value)}" for percent, value in curve.points]
        marks = [at for at, (percent, _) in enumerate(curve.points) if percent in (*PERCENTILES, 100)]
        body.append(_drawn(curve, [(x.at(here, _inner_width()), y.at(there, _inner_height())) for here, there in placed], words, marks))
    return _svg(title, body)


def numbers_plot(curves: Sequence[Curve], title: str, setting: str, unit: str, show: Callable[[float], str]) -> Html:
    """Numbers (all above 0) against a setting (above 0), both on log scales; ``show`` puts a number in words."""
    settings = [place for curve in curves for place, _ in curve.points]
    x = log_axis(min(settings), max(settings), setting)
    numbers = [value for curve in curves for _, value in curve.points]
    y = log_axis(min(numbers), max(numbers), unit)
    body = [_frame(x, y)]
    for curve in curves:
        placed = [(x.at(math.log10(here), _inner_width()), y.at(math.log10(there), _inner_height())) for here, there in curve.points]
        words = [f"{setting} {tick_text(here)}: {show(there)}" for here, there in curve.points]
        body.append(_drawn(curve, placed, words, list(range(len(placed)))))
    return _svg(title, body)


def swatch(colour: int) -> Html:
    """A piece of a curve, for a legend."""
    return Html(f'<svg class="swatch" width="26" height="10" aria-hidden="true"><path class="{_class(colour)}" d="M1 5H25"/></svg>')


def _inner_width() -> int:
    return WIDTH - LEFT - RIGHT


def _inner_height() -> int:
    return HEIGHT - TOP - BOTTOM


def _is_ten(value: float) -> bool:
    return abs(math.log10(value) - round(math.log10(value))) < 1e-9


def _percent_text(percent: float) -> str:
    return "max" if percent == 100 else f"{percent:.7g} %"


def _us(value_ns: float) -> str:
    value = value_ns / US_NS
    return f"{value:,.0f} µs" if value >= 100 else f"{value:.3g} µs"


def _class(colour: int) -> str:
    return f"c{colour % COLOURS}" + " dashed" * (colour >= COLOURS)


def _frame(x: Axis, y: Axis) -> str:
    """The axes with their ticks, grid and titles."""
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for place, label in y.ticks:
        at = bottom - y.at(place, _inner_height())
        parts.append(f'<line class="grid{" faint" * (not label)}" x1="{LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        if label:
            parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{escape(label)}</text>')
    for place, label in x.ticks:
        at = LEFT + x.at(place, _inner_width())
        parts.append(f'<line class="grid{" faint" * (not label)}" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{bottom}"/>')
        if label:
            parts.append(f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{escape(label)}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>')
    parts.append(f'<text class="title" x="{(LEFT + right) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x.title)}</text>')
    parts.append(f'<text class="title" x="8" y="{TOP - 12}" text-anchor="start">{escape(y.title)}</text>')
    return "".join(parts)


def _drawn(curve: Curve, placed: Sequence[tuple[float, float]], words: Sequence[str], marks: Sequence[int]) -> str:
    """A curve with a dot, and its words, at each of ``marks``."""
    points = [(LEFT + here, HEIGHT - BOTTOM - there) for here, there in placed]
    line = "M" + "L".join(f"{here:.1f} {there:.1f}" for here, there in points)
    data = escape("|".join(f"{here:.1f};{there:.1f};{word}" for (here, there), word in zip(points, words, strict=True)))
    name, colour = escape(curve.name), _class(curve.colour)
    dots = "".join(
        f'<circle class="{colour}" cx="{here:.1f}" cy="{there:.1f}" r="2.6"><title>{name}, {escape(word)}</title></circle>'
        for here, there, word in ((*points[at], words[at]) for at in marks)
    )
    return f'<path class="{colour} curve" d="{line}" data-name="{name}" data-points="{data}"><title>{name}</title></path>{dots}'


def _svg(title: str, body: Sequence[str]) -> Html:
    return Html(f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(body)}</svg>')
