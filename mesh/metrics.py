"""What Prometheus is told of a node: every counter of the catalogue, how the process is, what it says of itself, how long its stages take.

One catalogue, from which the page that is scraped, the dashboard and the rules are made. Numbers are whole, with what they are to be
divided by: floats are made where the page is. Stages are summaries: what an HDR histogram found in the last complete interval of ten
seconds, to 0.8 %, as the console shows it and as it is told with the health anyway, so that serving it costs the trading loop nothing.
Quantiles of several nodes cannot be added up; the worst of them is what rules and dashboard ask for.
"""

from collections.abc import Callable, Iterator

import msgspec

from mesh.counters import CATALOGUE
from mesh.messages.control import LADDER
from mesh.messages.health import NodeHealth, StageSummary
from mesh.phases import HELD, PHASES
from mesh.stages import STAGES
from mesh.units import MS_NS, SECOND_NS, US_NS

PREFIX = "trademesh_"
COUNTER, GAUGE, SUMMARY = "counter", "gauge", "summary"
US = SECOND_NS // US_NS
MS = SECOND_NS // MS_NS
PERCENT = 100
QUANTILES: dict[str, str] = {"0.5": "p50_ns", "0.9": "p90_ns", "0.99": "p99_ns", "0.999": "p999_ns"}
"""Quantile → field of a StageSummary."""


class Family(msgspec.Struct, frozen=True):
    """One metric. ``per``: what its whole numbers are divided by, for a base unit. ``labels``: beside ``node`` and ``role``."""

    name: str
    kind: str
    help: str
    per: int = 1
    labels: tuple[str, ...] = ()


class Sample(msgspec.Struct, frozen=True):
    """One number of a family; ``value`` None: there is none to be had (NaN on the page)."""

    family: Family
    labels: dict[str, str]
    value: int | None


def _of_counter(name: str, words: str) -> Family:
    """A counter of the catalogue, named as Prometheus names such things."""
    if name.endswith("_us_max"):
        return Family(f"{PREFIX}{name.removesuffix('_us_max')}_max_seconds", GAUGE, words, US)
    assert name.endswith("_count"), f"counter {name!r}: its unit has no name in mesh.metrics"
    return Family(f"{PREFIX}{name.removesuffix('_count')}_total", COUNTER, words)


COUNTERS: dict[str, Family] = {name: _of_counter(name, words) for name, words in CATALOGUE.items()}
"""Counter → its metric."""

Reader = Callable[[NodeHealth], int | None]
"""A number of a node; None where it has none."""


def _fact(name: str) -> Reader:
    """A fact that is a whole number."""

    def read(health: NodeHealth) -> int | None:
        word = health.facts.get(name, "")
        return int(word) if word.isdecimal() else None

    return read


def _has_leave(health: NodeHealth) -> int | None:
    return int(health.facts["grant"] == HELD) if "grant" in health.facts else None


def _stop_level(health: NodeHealth) -> int | None:
    word = health.facts.get("ladder", "")
    return LADDER.index(word) if word in LADDER else None


def _gauge(name: str, words: str, read: Reader, per: int = 1) -> tuple[Family, Reader]:
    return Family(PREFIX + name, GAUGE, words, per), read


GAUGES: dict[str, tuple[Family, Reader]] = {
    family.name: (family, read)
    for family, read in (
        _gauge("loop_lag_seconds", "largest lag of the trading loop since health was told before", lambda each: each.loop_lag_us, US),
        _gauge("cpu_ratio", "processor time of the process, of one processor", lambda each: each.cpu_percent, PERCENT),
        _gauge("resident_memory_bytes", "resident memory of the process", lambda each: each.rss_bytes),
        _gauge("uptime_seconds", "since this life of the node began", lambda each: each.uptime_ms, MS),
        _gauge("disk_free_bytes", "free where its store lies", lambda each: each.disk_free_bytes or None),
        _gauge("market_time_seconds", "market time, in seconds since 1970", lambda each: each.market_ns or None, SECOND_NS),
        _gauge(
            "clock_offset_seconds", "the master's clock less its own, estimated; nothing is decided by it",
            lambda each: each.clock_offset_ns if each.clock_error_ns else None, SECOND_NS,
        ),
        _gauge("clock_error_seconds", "by how much that may be wrong", lambda each: each.clock_error_ns or None, SECOND_NS),
        _gauge("leave_to_open", "1 while a local holds leave to open, 0 where nothing is opened (dead-man)", _has_leave),
        _gauge("stop_level", f"highest stop that binds a local, 0 to {len(LADDER) - 1}: {', '.join(LADDER)}", _stop_level),
        _gauge("orders_in_hand", "orders a local has in hand", _fact("in_hand")),
        _gauge("unknown_attempts", "attempts whose result a local does not know", _fact("unknown")),
        _gauge("unacked_outcomes", "outcomes the master has not acked yet", _fact("unacked")),
        _gauge("closes_waiting", "closes of a local that wait for the market to open", _fact("closes_waiting")),
        _gauge("connected_locals", "locals connected to a router", _fact("connected")),
        _gauge("live_stops", "stops that bind somewhere, as a router knows them", _fact("stops")),
        _gauge("refused_stops", "stops that were refused", _fact("stops_refused")),
        _gauge("open_lines", "lines of the master that have not ended", _fact("open_lines")),
    )
}  # fmt: skip
"""Metric → what it is and where it is read."""

BUILD = Family(f"{PREFIX}build_info", GAUGE, "1, with what runs", 1, ("version", "config_hash", "account"))
PHASE = Family(f"{PREFIX}phase", GAUGE, "1 for the phase the node is in", 1, ("phase",))
SNAPSHOT_AGE = Family(f"{PREFIX}snapshot_age_seconds", GAUGE, "age of these numbers: their loop leaves new ones each second", SECOND_NS)
LINES = Family(f"{PREFIX}lines", GAUGE, "lines of the master that have not ended, by state", 1, ("state",))
_SPAN = "in the last complete interval; " + "; ".join(f"{name}: {words}" for name, words in STAGES.items())
STAGE = Family(f"{PREFIX}stage_seconds", SUMMARY, f"how long a stage took {_SPAN}", SECOND_NS, ("stage", "quantile"))
STAGE_MAX = Family(f"{PREFIX}stage_max_seconds", GAUGE, "the longest a stage took in that interval", SECOND_NS, ("stage",))
STAGE_EVENTS = Family(f"{PREFIX}stage_events", GAUGE, "how often there was that stage in that interval", 1, ("stage",))
STAGE_SPAN = Family(f"{PREFIX}stage_interval_seconds", GAUGE, "how long that interval was", SECOND_NS, ("stage",))

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        *COUNTERS.values(), *(family for family, _ in GAUGES.values()),
        BUILD, PHASE, SNAPSHOT_AGE, LINES, STAGE, STAGE_MAX, STAGE_EVENTS, STAGE_SPAN,
    )
}  # fmt: skip
"""Every metric there is, by name."""


def samples_of(health: NodeHealth, age_ns: int) -> Iterator[list[Sample]]:
    """What a node's health says, ``age_ns`` after it was said: the samples of one family after the other. A counter nobody counted is 0."""
    yield [Sample(BUILD, {"version": health.version, "config_hash": health.config_hash, "account": health.facts.get("account", "")}, 1)]
    yield [Sample(PHASE, {"phase": phase}, int(phase == health.phase)) for phase in PHASES]
    yield [Sample(SNAPSHOT_AGE, {}, max(0, age_ns))]
    for family, read in GAUGES.values():
        value = read(health)
        if value is not None:
            yield [Sample(family, {}, value)]
    for name, family in COUNTERS.items():
        yield [Sample(family, {}, health.counters.get(name, 0))]
    states = [word.partition("=") for word in health.facts.get("states", "").split()]
    yield from _some([Sample(LINES, {"state": state}, int(count)) for state, _, count in states if count.isdecimal()])
    stages = [stage for stage in health.stages if stage.name in STAGES]
    yield from _some([sample for stage in stages for sample in _quantiles(stage)])
    for family, field in ((STAGE_MAX, "max_ns"), (STAGE_EVENTS, "count"), (STAGE_SPAN, "span_ns")):
        yield from _some([Sample(family, {"stage": stage.name}, getattr(stage, field)) for stage in stages])


def _some(samples: list[Sample]) -> Iterator[list[Sample]]:
    """A family that a node has nothing of is not on its page."""
    if samples:
        yield samples


def _quantiles(stage: StageSummary) -> Iterator[Sample]:
    """Of an interval without that stage there are none."""
    for quantile, field in QUANTILES.items():
        yield Sample(STAGE, {"stage": stage.name, "quantile": quantile}, getattr(stage, field) if stage.count else None)
