"""One node opened: what it is, its last two minutes, its stages, counters, facts and notes, as lines for a width."""

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from rich.cells import cell_len
from rich.text import Text

from mesh.config import Config
from mesh.links import LINKS
from mesh.messages.health import NodeHealth, NoteTold, StageSummary
from mesh.stages import BROKER, INTERVAL_NS, STAGES
from mesh.texts import clock_text, iso_from_ns
from mesh.units import MS_NS, SECOND_NS, US_NS
from tui.amounts import age_text, rate_text
from tui.history import SAMPLES_MAX, NodeHistory
from tui.noderows import DUTIES, ODD, STYLES, NodeRow, made_of, offset_of, state_text
from tui.sparkline import sparkline, timeline
from tui.state import State
from tui.tablemodel import padded, plain

SPAN_NS = SAMPLES_MAX * SECOND_NS
SPARK_CELLS = 60
"""At most; then each is two seconds."""
BESIDE_SPARK_CELLS = 37
"""Label, edges and two numbers."""
LABEL_CELLS = 11
LEVEL_STYLE = {"warning": "yellow", "error": "red", "critical": "bold red", "audit": "bold"}
Lines = Iterator[Text]


def head(row: NodeRow) -> Text:
    """Two lines that stay: what it is and how it is, and what its layer is responsible for."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{row.name}  ", "bold")
    text.append(" ".join(state_text(row).split()), f"bold {STYLES[row.word]}")
    text.append(f"  {plain(row.health.phase) if row.health else 'no word of it yet'}")
    whose = f" of {row.account.account}" if row.account is not None else ""
    text.append(f"  {row.role}{whose}, {row.layer} layer\n")
    return text.append(DUTIES.get(row.layer, ""), "italic")


def title(words: str) -> Text:
    """The line above a part."""
    return Text(words, "bold underline")


def pairs(rows: Iterable[tuple[str, str]], width: int, style: str, label_cells: int = LABEL_CELLS) -> Lines:
    """A label and words a line, words folded where they are longer than the width."""
    for label, words in rows:
        room = max(10, width - label_cells - 2)
        for number, part in enumerate(wrap(plain(words), room) or ["-"]):
            yield Text(f"{padded('' if number else plain(label), label_cells, False)}  {part}", style)


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], left: int, style: str, styles: Sequence[str] = ()) -> Lines:
    """Rows below their titles; the first ``left`` columns stand left, numbers right. ``styles``: of each row."""
    lines = [titles, *([plain(text) for text in row] for row in rows)]
    cells = [max(cell_len(line[column]) for line in lines) for column in range(len(titles))]
    for number, line in enumerate(lines):
        texts = [padded(text, cells[column], column >= left) for column, text in enumerate(line)]
        own = styles[number - 1] if styles and number else style
        yield Text("  ".join(texts).rstrip(), own if number else "dim")


# the parts


def identity(config: Config, row: NodeRow, history: NodeHistory | None, width: int, style: str) -> Lines:
    """Where it listens, in which process and life it is, what it runs."""
    yield title("what it is")
    yield from pairs(_identity(config, row, history), width, style)


def _identity(config: Config, row: NodeRow, history: NodeHistory | None) -> Iterator[tuple[str, str]]:
    section, health = config.node[row.name], row.health
    ports = ", ".join(
        f"{link.name} {config.endpoint(row.name, link.name).rsplit(':', 1)[1]}" for link in LINKS.values() if link.bind_role == row.role
    )
    yield "listens", f"{section.host}: {ports}" if ports else f"nowhere: it dials, from {section.host}"
    if row.role == "local":
        yield "routers", ", then ".join(config.routers_of(row.name))
    process = config.process_of(row.name)
    shared = config.settings.process[process].nodes if process in config.settings.process else []
    others = ", ".join(name for name in shared if name != row.name)
    words = f"{process}, shared with {others}" if others else "its own"
    if health is None:
        yield "process", words
        return
    yield "process", f"{words}, pid {health.pid}"
    lives = f", {history.life_count} lives seen here" if history is not None and history.life_count > 1 else ""
    yield "life", f"{health.life:x}, up {age_text(health.uptime_ms * MS_NS)}{lives}"
    yield "version", f"{health.version}" + (f"  {ODD}most nodes have another" if row.is_odd_version else "")
    yield "config", f"{health.config_hash}" + (f"  {ODD}most nodes have another" if row.is_odd_config else "")
    if offset_of(row):
        yield "clock", f"{offset_of(row)} (the master's less its own)"
    if health.market_ns:
        yield "market", f"{clock_text(iso_from_ns(health.market_ns))} UTC"
    if health.disk_free_bytes:
        yield "disk free", f"{health.disk_free_bytes / 2**30:,.1f} GB where its store lies"


def minutes(row: NodeRow, history: NodeHistory | None, now_ns: int, width: int, style: str) -> Lines:
    """Its last two minutes as sparklines, each from 0 to its peak."""
    yield title("last two minutes (newest at the right)")
    samples = list(history.samples) if history is not None else []
    if not samples:
        yield Text("nothing told yet", "italic")
        return
    what, cells = made_of(row)[1], max(10, min(SPARK_CELLS, width - BESIDE_SPARK_CELLS))
    curves = (
        ("loop lag µs", [(sample.at_ns, sample.loop_lag_us) for sample in samples], ",.0f"),
        ("CPU %", [(sample.at_ns, sample.cpu_percent) for sample in samples], ",.0f"),
        ("memory MB", [(sample.at_ns, sample.rss_bytes / 2**20) for sample in samples], ",.0f"),
        (f"{what}/s", [(sample.at_ns, sample.rate) for sample in samples], ",.1f"),
    )
    rows = []
    for name, points, form in curves:
        steps = timeline(points, now_ns, SPAN_NS, cells)
        peak = max((value for value in steps if value is not None), default=None)
        drawn = sparkline(steps, cells)
        rows.append((name, f"▕{drawn}▏", format(points[-1][1], form), "-" if peak is None else format(peak, form)))
    yield from table(("", "", "newest", "peak"), rows, 2, style)


def stages(health: NodeHealth, style: str) -> Lines:
    """How long its stages take; the broker's time stands apart and is never added."""
    own = [stage for stage in health.stages if stage.name != BROKER]
    broker = [stage for stage in health.stages if stage.name == BROKER]
    if not health.stages:
        yield title("stages")
        yield Text(f"none told: where orders pass, {INTERVAL_NS // SECOND_NS} s after the first", "italic")
    if own:
        yield title(f"stages in the mesh (µs, the last {own[0].span_ns / SECOND_NS:.1f} s)")
        yield from _stages(own, style)
    if broker:
        yield title(f"at the broker (µs, the last {broker[0].span_ns / SECOND_NS:.1f} s; no part of the mesh)")
        yield from _stages(broker, style)


def _stages(found: list[StageSummary], style: str) -> Lines:
    rows = [
        (stage.name, f"{stage.count:,}", *(f"{value_ns / US_NS:,.0f}" if stage.count else "-" for value_ns in _percentiles(stage)))
        for stage in found
    ]
    # as wide in both tables, so that the eye can compare them
    width = max(map(len, STAGES))
    named = [(padded(name, width, False), *(padded(text, 8, True) for text in rest)) for name, *rest in rows]
    yield from table(("stage", "count", "p50", "p90", "p99", "max"), named, 1, style)


def _percentiles(stage: StageSummary) -> tuple[int, ...]:
    return stage.p50_ns, stage.p90_ns, stage.p99_ns, stage.max_ns


def counters(health: NodeHealth, history: NodeHistory | None, style: str) -> Lines:
    """Its totals in this life, and how fast each grows."""
    yield title("counters")
    rates = history.rates if history is not None else {}
    rows = [
        (name, f"{total:,}", rate_text(rates[name]) if name in rates and not name.endswith("_max") else "")
        for name, total in sorted(health.counters.items())
    ]
    yield from table(("", "in this life", "per s"), rows, 1, style)


def facts(health: NodeHealth, width: int, style: str) -> Lines:
    """What it says of itself."""
    yield title("facts")
    cells = max(map(len, health.facts), default=LABEL_CELLS)
    yield from pairs(health.facts.items(), width, style, cells)


def notes(health: NodeHealth, width: int) -> Lines:
    """The newest of its log, the newest first."""
    yield title("newest notes")
    if not health.notes:
        yield Text("none lately; its log has all", "italic")
    for note in reversed(health.notes):
        yield _note(note, width)


def _note(note: NoteTold, width: int) -> Text:
    often = f" ×{note.count}" if note.count > 1 else ""
    words = f"{clock_text(iso_from_ns(note.wall_ns))} UTC  {note.level:<8}  {note.name}{often}  {note.text}"
    text = Text(plain(words), LEVEL_STYLE.get(note.level, ""))
    text.truncate(width, overflow="ellipsis")
    return text


def columns(state: State, row: NodeRow, now_ns: int, width: int, others: list[Text]) -> tuple[Text, Text]:
    """All parts in two columns of this width, or to be put below each other; ``others``: of its account, its locals, its router."""
    style = "" if row.is_of_now else "dim"
    history = state.histories.get(row.name)
    left = [*identity(state.config, row, history, width, style), Text(), *minutes(row, history, now_ns, width, style)]
    right: list[Text] = []
    if row.health is not None:
        left += [Text(), *stages(row.health, style)]
        right += [*notes(row.health, width), Text(), *facts(row.health, width, style), Text(), *counters(row.health, history, style)]
    return Text("\n").join([*left, Text(), *others] if others else left), Text("\n").join(right)
