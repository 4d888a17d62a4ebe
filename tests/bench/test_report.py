"""The page of a bench: one file that loads nothing, holds every number, and reads nothing from a file as markup."""

import math
import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from bench.chapter import CURVES_MAX
from bench.markup import VOID, Html, made, row
from bench.plot import WIDTH, Curve, log_axis, nines, percentile_plot
from bench.report import RUNS_MAX, page
from bench.results import Measured, Stage
from bench.series import grouped, is_told, series_of
from bench.sweeps import sweeps_of
from tests.bench.madeup import MACHINE, figure, measured, rounds, run, stage

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;"
LOADING = ("src", "srcset", "action", "background", "data", "poster", "xlink:href", "ping", "formaction")


class Page(HTMLParser):
    """Reads a page strictly: every element is closed in order. ``texts``: what a reader sees, by the element it stands in."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def all_text(self) -> str:
        """What a reader sees."""
        return " ".join(text for tag, found in self.texts.items() if tag not in ("style", "script") for text in found)


def with_stages() -> Measured:
    """A round with two parts and a number."""
    return replace(measured(300.0), stages={"whole": stage(300.0), "router to local": stage(80.0)}, values={"cpu_us": 16.25})


def test_page_is_well_formed_and_loads_nothing() -> None:
    """Nothing is fetched, no address stands in it, and the page forbids itself to."""
    text = page([("run.json", run([with_stages(), *rounds([200.0, 210.0], "nats")], [figure(1.1)]))])
    found = Page(text)
    assert not [name for name, _ in found.attributes if name in LOADING or name.startswith("on")]
    assert all(value.startswith("#s") for name, value in found.attributes if name == "href")
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'") in found.attributes
    assert (found.tags.count("style"), found.tags.count("script"), found.tags.count("link")) == (1, 1, 0)
    assert "prefers-color-scheme:dark" in text
    assert "@media print" in text


def test_page_has_machine_commit_figures_and_numbers() -> None:
    """What is in the run is on the page, in the units it says."""
    found = Page(page([("run.json", run([with_stages()], [figure(1.1)]))]))
    text = found.all_text()
    for words in ("Made-up 1000, 8 of them", "0123456789ab", "mesh bench run hop", "10:00:00.000000Z, took 12 s", "100 µs for a piece"):
        assert words in text
    assert all(cell in found.texts["td"] for cell in ("flow_bare_p50", "1.10×", "≤ 1.15×", "1.09 – 1.11", "the bare chain", "15 pairs"))
    summary = stage(300.0).ns
    assert all(f"{summary[name] / 1_000:,.0f}" in found.texts["td"] for name in ("p50", "p90", "p99", "p99.9", "max"))
    assert all(cell in found.texts["td"] for cell in ("1,000 / 1,000", "0 / 0 / 0 / 0", "router to local", "16.2"))
    assert found.texts["b"] == ["whole", "router to local"]
    assert found.tags.count("figure") == 2


def test_hostile_names_are_escaped() -> None:
    """Whatever a file says stays text: names, warnings, versions, stages, figures."""
    bad = replace(
        with_stages(), scenario=HOSTILE, variant=HOSTILE, settings={HOSTILE: HOSTILE}, warnings=[HOSTILE], stages={HOSTILE: stage(5.0)},
        values={HOSTILE: 1.0},
    )  # fmt: skip
    missing = Measured(HOSTILE, "peer", not_run=HOSTILE)
    machine = replace(MACHINE, cpu=HOSTILE, packages={HOSTILE: HOSTILE})
    made_up = run([bad, missing], [replace(figure(1.0, name=HOSTILE), how=HOSTILE, holds=HOSTILE, unit=HOSTILE)], machine, HOSTILE)
    text = page([(HOSTILE, made_up), (HOSTILE, run([bad], machine=MACHINE))])
    found = Page(text)
    assert "img" not in found.tags
    assert found.tags.count("script") == 1
    assert "alert" not in "".join(found.texts["script"])
    assert text.count(HOSTILE) == 0
    assert found.all_text().count(HOSTILE) > 20


def test_curves_are_readable_without_a_script() -> None:
    """Each percentile of the tables is a dot with its words, and each curve names its variant."""
    found = Page(page([("run.json", run(rounds([100.0, 101.0]) + rounds([200.0], "nats")))]))
    titles = found.texts["title"]
    assert "mesh" in titles
    summary = stage(200.0).ns
    shown = {"50 %": "p50", "90 %": "p90", "99 %": "p99", "99.9 %": "p99.9", "max": "max"}
    assert [text for text in titles if text.startswith("nats, ")] == [
        f"nats, {percent}: {summary[name] / 1_000:,.0f} µs" for percent, name in shown.items()
    ]


def test_runs_stand_side_by_side_on_the_same_axis() -> None:
    """Two runs have a plot each with the same ticks, a row each in the table, and a comparison; one run has none of it."""
    one = page([("a.json", run(rounds([100.0])))])
    two = Page(page([("a.json", run(rounds([100.0]))), ("b.json", run(rounds([900.0])))]))
    assert "against" not in "".join(Page(one).texts["h2"])
    assert two.texts["h2"] == ["hop", "B against A"]
    assert two.texts["figcaption"] == [" A: a.json", " B: b.json"]
    ticks = [text for text in two.texts["text"] if re.fullmatch(r"[\d,]+", text)]
    assert ticks[: len(ticks) // 2] == ticks[len(ticks) // 2 :]
    assert [two.texts["td"].count(letter) for letter in "AB"] == [1, 1]
    assert ("style", "--columns:2") in two.attributes


def test_machines_that_differ_are_said_before_the_numbers() -> None:
    """Before the first table, and again at the comparison."""
    text = page([("a", run(rounds([100.0]))), ("b", run(rounds([100.0]), machine=replace(MACHINE, cpu="Other")))])
    assert text.index("processor: A Made-up 1000, B Other") < text.index("<table>")
    assert text.count('class="alarm"') == 2
    third = page([("a", run()), ("b", run()), ("c", run(machine=replace(MACHINE, cpu_count=2)))])
    assert "processors: A 8, C 2" in third
    assert "The machines of A and C differ" in third
    assert 'class="alarm"' not in page([("a", run(rounds([100.0]))), ("b", run(rounds([100.0])))])


def test_row_without_numbers_says_why() -> None:
    """A peer that is not installed is a row without any number; what was lost stands out; a warning stands below."""
    found = [Measured("hop", "nats", {}, 1_000.0, not_run="not installed: nats-server"), measured(100.0, lost=3)]
    text = page([("a", run([*found, replace(measured(100.0, "redis"), warnings=["rate 900/s reached"])]))])
    row_of = re.search(r"<tr[^>]*><td>nats</td>.*?</tr>", text)
    assert row_of is not None
    assert re.findall(r"\d+", re.sub(r'colspan="\d+"', "", row_of.group())) == []
    assert "not installed: nats-server" in row_of.group()
    assert '<td class="n bad">3 / 0 / 0 / 0</td>' in text
    assert '<tr class="told"><td colspan="10">rate 900/s reached</td></tr>' in text


def test_percentile_of_too_few_messages_is_a_dash() -> None:
    """Of fifty messages p99 is the max by another name."""
    assert [is_told(name, 50) for name in ("p50", "p90", "p99", "max")] == [True, True, False, True]
    assert is_told("p99.9", 1_000)
    assert Page(page([("a", run([measured(100.0, count=50)]))])).texts["td"].count("–") == 3


def test_rounds_are_put_together_with_their_spread() -> None:
    """One row, all messages, and the middle half of the rounds in small print."""
    found = Page(page([("a", run(rounds([100.0, 200.0, 300.0])))]))
    assert "3,000" in found.texts["td"]
    assert "3 rounds" in found.texts["small"]
    assert len([text for text in found.texts["small"] if "–" in text]) == 5


def test_setting_that_only_some_have_stands_beside_their_name() -> None:
    """Ours idles one way or another, peers do not: they share a table all the same; the rate parts."""
    ours = [*rounds([1.0], hops=1, idle="spin"), *rounds([1.0], hops=1, idle="wait")]
    slow = [replace(one, rate_asked=100.0) for one in rounds([1.0], "nats", hops=1)]
    groups = grouped(series_of([*ours, *rounds([1.0], "nats", hops=1), *slow]).values())
    assert [(group.setting, list(group.series)) for group in groups] == [
        ("1,000/s, hops=1", ["mesh (idle=spin)", "mesh (idle=wait)", "nats"]),
        ("100/s, hops=1", ["nats"]),
    ]


def test_numbers_are_drawn_against_a_setting_with_three_values() -> None:
    """Two values are no curve; other settings part the curves; a number of 0 has no place on a log scale."""

    def fanout(locals_count: int, value: float, idle: str = "wait") -> Measured:
        return Measured("fanout", "mesh", {"locals": locals_count, "idle": idle}, values={"send_loop_ms": value})

    three = [fanout(1, 0.1), fanout(10, 0.5), fanout(100, 2.0)]
    (sweep,) = sweeps_of(series_of([*three, fanout(1, 0.1, "spin"), fanout(1_000, 0.0)]).values())
    assert (sweep.setting, sweep.what, sweep.lines) == ("locals", "send_loop_ms", {"mesh": [(1.0, 0.1), (10.0, 0.5), (100.0, 2.0)]})
    assert sweeps_of(series_of(three[:2]).values()) == []
    spun = [fanout(1, 0.2, "spin"), fanout(10, 0.6, "spin"), fanout(100, 3.0, "spin")]
    (sweep,) = sweeps_of(series_of([*three, *spun]).values())
    assert list(sweep.lines) == ["mesh (idle=wait)", "mesh (idle=spin)"]
    found = Page(page([("a", run(three))]))
    assert "send_loop_ms against locals" in found.texts["b"]
    assert "mesh, locals 10: 0.50" in found.texts["title"]


def test_many_variants_are_a_table_without_plot() -> None:
    """More curves than can be told apart are not drawn."""
    crowd = [measured(100.0 + at, f"handler {at}") for at in range(CURVES_MAX + 1)]
    found = Page(page([("a", run(crowd))]))
    assert "figure" not in found.tags
    assert f"{CURVES_MAX + 1} variants are too many" in found.all_text()
    assert Page(page([("a", run(crowd[1:]))])).tags.count("figure") == 1


def test_page_refuses_what_it_cannot_show() -> None:
    """Too many runs, or a histogram that is none."""
    with pytest.raises(ValueError, match=f"{RUNS_MAX + 1} runs"):
        page([("a", run())] * (RUNS_MAX + 1))
    with pytest.raises(ValueError, match="no HDR histogram"):
        page([("a", run([replace(measured(1.0), stages={"whole": Stage("rubbish", {})})]))])
    assert "trademesh bench" in page([("empty", run())])


def test_each_nine_has_the_same_room() -> None:
    """90, 99 and 99.9 % lie at 1, 2 and 3; of a thousand messages nothing lies beyond 3."""
    assert [nines(percent, 10**6) for percent in (0.0, 90.0, 99.0, 99.9)] == pytest.approx([0, 1, 2, 3])
    assert [nines(percent, 1_000) for percent in (99.99, 100.0)] == pytest.approx([3, 3])


@pytest.mark.parametrize(
    ("low", "high", "first", "last"),
    [(30.0, 700.0, 20, 1_000), (20.0, 20.0, 20, 50), (0.003, 4.0, 0.002, 5)],
    ids=["inside", "one value", "small"],
)
def test_log_axis_begins_and_ends_at_round_numbers(low: float, high: float, first: float, last: float) -> None:
    """At a 1, 2 or 5 below and above the data, with every tick within."""
    axis = log_axis(low, high, "µs")
    assert (axis.low, axis.high) == pytest.approx((math.log10(first), math.log10(last)))
    assert all(axis.low - 1e-9 <= place <= axis.high + 1e-9 for place, _ in axis.ticks)
    assert any(label for _, label in axis.ticks)


def test_curve_stays_within_its_plot() -> None:
    """From the first percentile to the max, with values far apart."""
    plot = percentile_plot([Curve("a", 9, [(0.0, 1_000.0), (50.0, 30_000.0), (99.0, 9e6), (100.0, 6e10)], 200)], "a")
    (path,) = re.findall(r'class="c1 dashed curve" d="M([^"]*)"', plot)
    places = [tuple(map(float, point.split())) for point in path.split("L")]
    assert len(places) == 4
    assert all(0 <= x <= WIDTH and 0 <= y <= 340 for x, y in places)
    assert places == sorted(places, key=lambda place: place[0])
    assert "percentile" in percentile_plot([], "empty")


def test_only_markup_is_put_in_as_it_is() -> None:
    """Text and attributes are escaped; a number in words stands to the right."""
    assert made("p", "<b>", Html("<i></i>"), title='"', class_="") == '<p title="&quot;">&lt;b&gt;<i></i></p>'
    assert row(["a<b", "1,5", Html('<td class="x">c</td>')]) == '<tr><td>a&lt;b</td><td class="n">1,5</td><td class="x">c</td></tr>'
