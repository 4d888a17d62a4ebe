"""Numbers against a setting that takes several values: latency against the rate, time to the last against the number of locals."""

from collections.abc import Iterable
from statistics import median

import msgspec

from bench.results import Measured
from bench.series import WHOLE, Series, setting_of
from mesh.units import US_NS

SETTINGS_MIN = 3
"""A curve has at least so many points."""
RATE = "rate"
PERCENTILES = ("p50", "p99")
Line = list[tuple[float, float]]


class Sweep(msgspec.Struct, frozen=True):
    """``what`` against ``setting``: for each variant its (setting, number), all above 0."""

    setting: str
    what: str
    lines: dict[str, Line]


def sweeps_of(series: Iterable[Series]) -> list[Sweep]:
    """What can be drawn so of one scenario in one run: two percentiles and each other number, all other settings being equal."""
    found = [one for one in series if not one.not_run]
    names = dict.fromkeys(name for one in found for name in _positive(one.rounds[0]))
    numbers = dict.fromkeys(name for one in found for name in one.value_names)
    whats = [*(f"{WHOLE} {name}, µs" for name in PERCENTILES), *numbers]
    sweeps = [Sweep(setting, what, _lines(found, setting, what)) for setting in names for what in whats]
    return [sweep for sweep in sweeps if sweep.lines]


def _lines(series: list[Series], setting: str, what: str) -> dict[str, Line]:
    lines: dict[tuple[str, str], Line] = {}
    for one in series:
        places, number = _positive(one.rounds[0]), _number(one, what)
        if setting in places and number > 0:
            lines.setdefault((one.variant, _others(one.rounds[0], setting)), []).append((places[setting], number))
    drawn = {key: sorted(points) for key, points in lines.items() if len(points) >= SETTINGS_MIN}
    are_parted = len(drawn) > len({variant for variant, _ in drawn})
    return {variant + f" ({rest})" * (are_parted and bool(rest)): points for (variant, rest), points in drawn.items()}


def _number(series: Series, what: str) -> float:
    """Its median over the rounds; 0 where there is none."""
    for name in PERCENTILES:
        if what == f"{WHOLE} {name}, µs":
            found = series.round_ns(WHOLE, name)
            return median(found) / US_NS if found else 0.0
    values = series.round_values(what)
    return median(values) if values else 0.0


def _positive(measured: Measured) -> dict[str, float]:
    """The rate and the settings that are numbers above 0."""
    found = {name: float(value) for name, value in measured.settings.items() if isinstance(value, int | float) and value > 0}
    return ({RATE: measured.rate_asked} if measured.rate_asked > 0 else {}) | found


def _others(measured: Measured, setting: str) -> str:
    """All settings but this one."""
    rest = {name: value for name, value in measured.settings.items() if name != setting}
    rate = 0.0 if setting == RATE else measured.rate_asked
    return setting_of(Measured("", "", rest, rate))
