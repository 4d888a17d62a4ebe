"""All rounds of one variant under one setting: what tables, plots and comparisons speak of.

``Measured`` of a run that agree in scenario, variant, settings and rate asked are rounds of the same thing. A percentile of a series is
that of all its messages together; how far its rounds lie apart is told beside it, and is the noise of a comparison.
"""

import re
from collections.abc import Iterable

import msgspec

from bench.latencies import NAMES, PERCENTILES, Latencies
from bench.results import Measured

WHOLE = "whole"
MAX = "max"
ALL_NAMES = (*NAMES, MAX)
_PERCENTILE_OF = dict(zip(NAMES, PERCENTILES, strict=True))
PROBLEMS = ("lost", "doubled", "damaged", "out_of_order")
_COUNTED = re.compile(rf"\d+ messages ({'|'.join(PROBLEMS).replace('_', ' ')})")
_NUMBER = re.compile(r"\d[\d.,]*")

Key = tuple[str, str, str]
"""Scenario, setting as text, variant."""


class Series(msgspec.Struct, frozen=True):
    """``rounds``: at least one, all with the same key."""

    rounds: list[Measured]

    @property
    def scenario(self) -> str:
        """The scenario's name."""
        return self.rounds[0].scenario

    @property
    def setting(self) -> str:
        """Rate and settings, as they are shown."""
        return setting_of(self.rounds[0])

    @property
    def variant(self) -> str:
        """Ours, a peer, or the bare floor."""
        return self.rounds[0].variant

    @property
    def not_run(self) -> str:
        """Why there are no numbers; empty where any round has some."""
        return "" if any(not one.not_run for one in self.rounds) else self.rounds[0].not_run

    @property
    def stages(self) -> list[str]:
        """Names of the stages, the whole first."""
        names = dict.fromkeys(name for one in self.rounds for name in one.stages)
        return sorted(names, key=lambda name: name != WHOLE)

    @property
    def value_names(self) -> list[str]:
        """Names of the numbers that are no latencies."""
        return list(dict.fromkeys(name for one in self.rounds for name in one.values))

    @property
    def warnings(self) -> list[str]:
        """Of all rounds: of those that differ in their numbers only the first, with how many there are. Messages that were lost and the
        like are ``problems``, counted over all rounds.
        """
        alike: dict[str, list[str]] = {}
        for one in self.rounds:
            for text in one.warnings:
                if not _COUNTED.fullmatch(text):
                    alike.setdefault(_NUMBER.sub("#", text), []).append(text)
        return [texts[0] + (f" (so, or nearly so, {len(texts)} times)" if len(texts) > 1 else "") for texts in alike.values()]

    def latencies(self, stage: str) -> Latencies:
        """The messages of all rounds together. Raises ValueError for a histogram that is none."""
        found = Latencies()
        for one in self.rounds:
            if stage in one.stages:
                found.add(Latencies.decoded(one.stages[stage].histogram))
        return found

    def round_count(self, stage: str) -> int:
        """How many messages the round with the fewest has there. Raises ValueError for a histogram that is none."""
        return min((Latencies.decoded(one.stages[stage].histogram).count for one in self.rounds if stage in one.stages), default=0)

    def round_ns(self, stage: str, name: str) -> list[float]:
        """One percentile (or ``max``) of each round that has it."""
        return [float(one.stages[stage].ns[name]) for one in self.rounds if stage in one.stages and name in one.stages[stage].ns]

    def round_values(self, name: str) -> list[float]:
        """A number that is no latency, of each round that has it."""
        return [one.values[name] for one in self.rounds if name in one.values]

    def counted(self, what: str) -> int:
        """A field of ``Counted``, over all rounds."""
        return sum(int(getattr(one.counted, what)) for one in self.rounds)

    def problems(self) -> list[str]:
        """What became of messages and must not: ``3 lost``. Empty where all arrived once, whole and in order."""
        found = {what: self.counted(what) for what in PROBLEMS}
        return [f"{count:,} {what.replace('_', ' ')}" for what, count in found.items() if count]


class Group(msgspec.Struct, frozen=True):
    """What stands in one table and one plot: all variants under the settings that all of them have, by what tells them apart there."""

    scenario: str
    setting: str
    series: dict[str, Series]


def setting_of(measured: Measured) -> str:
    """Rate and settings in one line."""
    return ", ".join([*_rate_words(measured), *_words(measured, measured.settings)])


def grouped(series: Iterable[Series]) -> list[Group]:
    """Groups in the order in which each is met first. A setting that only some variants of a scenario have (how our processes idle)
    does not part them from the others: it stands beside their name.
    """
    found: dict[tuple[str, str], Group] = {}
    scenarios: dict[str, list[Series]] = {}
    for one in series:
        scenarios.setdefault(one.scenario, []).append(one)
    for scenario, members in scenarios.items():
        shared = [name for name in members[0].rounds[0].settings if all(name in one.rounds[0].settings for one in members)]
        for one in members:
            first = one.rounds[0]
            setting = ", ".join([*_rate_words(first), *_words(first, shared)])
            own = ", ".join(_words(first, [name for name in first.settings if name not in shared]))
            group = found.setdefault((scenario, setting), Group(scenario, setting, {}))
            group.series[one.variant + f" ({own})" * bool(own)] = one
    return list(found.values())


def _rate_words(measured: Measured) -> list[str]:
    return [f"{measured.rate_asked:,g}/s"] if measured.rate_asked else []


def _words(measured: Measured, names: Iterable[str]) -> list[str]:
    found = {name: measured.settings[name] for name in sorted(names)}
    return [f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in found.items()]


def key_of(series: Series) -> Key:
    """What pairs it with the same thing of another run."""
    return series.scenario, series.setting, series.variant


def series_of(measured: Iterable[Measured]) -> dict[Key, Series]:
    """Rounds put together, in the order in which each was met first."""
    found: dict[Key, Series] = {}
    for one in measured:
        fresh = Series([one])
        found.setdefault(key_of(fresh), Series([])).rounds.append(one)
    return found


def is_told(name: str, messages_count: int) -> bool:
    """Whether so many messages can tell this percentile: at least one of them must lie beyond it, or it is the max by another name."""
    return name not in _PERCENTILE_OF or round(messages_count * (100 - _PERCENTILE_OF[name])) >= 100
