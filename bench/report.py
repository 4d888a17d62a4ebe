"""A page of one or several runs: HTML in one file, without anything from outside, to be opened offline, mailed or printed.

First the machine and commit of each run, the figures, then scenario by scenario the variants in a table, the numbers that are no latencies,
and plots of percentiles, those of several runs side by side on the same axes. Each further run is compared with the first. Nothing that
comes from a file is read as markup (``bench.markup``), and the page forbids itself to load anything.
"""

from collections.abc import Sequence
from string import ascii_uppercase

from bench.chapter import Side, chapter, run_cell, run_head, titled
from bench.compare import FASTER, SLOWER, Comparison, Row, compare, told
from bench.markup import Html, made, row, table
from bench.noise import HIGHER, LOWER, SAME, UNDECIDED
from bench.pagestyle import SCRIPT, STYLE
from bench.results import FAILS, HOLDS, Figure, Run
from bench.series import series_of
from bench.tables import amount_text, busy_text, limit_text, number_text, row_words, spread_text

RUNS_MAX = len(ascii_uppercase)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
CLASSES = {
    HOLDS: "good", FASTER: "good", FAILS: "bad", SLOWER: "bad", UNDECIDED: "warn", HIGHER: "warn", LOWER: "warn", SAME: "soft",
}  # fmt: skip
INTRO = (
    "Latencies count from when a message was due, not from when it was sent. A curve that stays flat to the right has no tail; "
    "p99 of 1 ms means that one message in a hundred took longer. Small print under a number: the middle half of the rounds. "
    "A dash: too few messages to tell it. How to read all of it: bench/README.md."
)


def page(runs: Sequence[tuple[str, Run]]) -> str:
    """The page of named runs. Raises ValueError for more than 26, or for a histogram that is none."""
    if not 1 <= len(runs) <= RUNS_MAX:
        raise ValueError(f"{len(runs)} runs: 1 to {RUNS_MAX} fit a page")
    letters = ascii_uppercase if len(runs) > 1 else [""]
    sides = [Side(letter, name, run, list(series_of(run.measured).values())) for letter, (name, run) in zip(letters, runs, strict=False)]
    scenarios = list(dict.fromkeys(one.scenario for side in sides for one in side.series))
    compared = [(side, compare(sides[0].run, side.run, (sides[0].letter, side.letter))) for side in sides[1:]]
    body = [
        made("h1", "trademesh bench"),
        made("p", INTRO, class_="soft"),
        made("nav", *(made("a", name, href=f"#s{at}") for at, name in enumerate(scenarios))) if len(scenarios) > 1 else "",
        made("div", *map(_card, sides), class_="runs"),
        *(_alarm(sides[0], side, found) for side, found in compared if found.machines),
        *_figures(sides),
        *(part for at, name in enumerate(scenarios) for part in chapter(name, f"s{at}", sides)),
        *(part for side, found in compared for part in _comparison(sides[0], side, found)),
    ]
    head = made(
        "head",
        made("meta", charset="utf-8"),
        made("meta", http_equiv="Content-Security-Policy", content=POLICY),
        made("meta", name="viewport", content="width=device-width, initial-scale=1"),
        made("title", "trademesh bench: " + ", ".join(side.name for side in sides)),
        made("style", Html(STYLE)),
    )
    return f"<!DOCTYPE html>\n{made('html', head, made('body', *body, made('script', Html(SCRIPT))), lang='en')}\n"


def _card(side: Side) -> Html:
    """Who ran what, on what."""
    run, machine = side.run, side.run.machine
    facts = {
        "command": run.command,
        "began": f"{run.began}, took {run.took_s:,.0f} s",
        "commit": run.commit or "(none)",
        "processor": f"{machine.cpu}, {machine.cpu_count} of them" + ", virtual" * machine.is_virtual,
        "memory": f"{machine.memory_gib:g} GiB",
        "system": machine.system,
        "python": f"{machine.python}, libzmq {machine.libzmq}",
        "packages": ", ".join(f"{name} {number}" for name, number in machine.packages.items()),
        "clock": f"{machine.clock_source or 'unknown'}, {machine.clock_read_ns:g} ns a read; governor {machine.governor or 'unknown'}",
        "load before": f"{machine.load_1min:g}",
        "fixed work": f"{machine.work_us:,.0f} µs for a piece of plain Python; a sleep of 1 ms ends {machine.wakeup_us:g} µs late",
    }
    items = [part for name, text in facts.items() for part in (made("dt", name), made("dd", text))]
    busy = busy_text(machine)
    warning = [made("p", busy, class_="warn")] if busy else []
    return made("article", made("h3", titled(side)), made("dl", *items), *warning, class_="card")


def _verdict(text: str, detail: str = "") -> Html:
    return made("td", made("span", text, class_=CLASSES.get(text, "")), *([made("small", detail)] if detail else []))


def _figures(sides: Sequence[Side]) -> list[Html]:
    """The table of figures: each of them, run by run."""
    found = [(side, figure) for side in sides for figure in side.run.figures]
    if not found:
        return []
    order = list(dict.fromkeys(figure.id for _, figure in found))
    rows = [_figure_row(side, figure) for name in order for side, figure in found if figure.id == name]
    words, numbers = ["figure", *run_head(sides)], ["value", "limit", "middle half", "repeats"]
    return [made("h2", "Figures"), table(words, rows, numbers, ["verdict", "against", "how"])]


def _figure_row(side: Side, figure: Figure) -> Html:
    value = amount_text(number_text(figure.value), figure.unit)
    numbers = [value, limit_text(figure), spread_text(*figure.spread), figure.repeats]
    words = [_verdict(figure.holds), made("td", figure.against), made("td", figure.how)]
    return row([made("td", figure.id), *run_cell(side), *numbers, *words])


def _alarm(a: Side, b: Side, found: Comparison) -> Html:
    """What is to be known before anything else."""
    text = f"The machines of {a.letter} and {b.letter} differ, in kind or in speed; what follows is as much about that as about the code."
    return made("div", made("strong", text), made("ul", *(made("li", line) for line in found.machines)), class_="alarm")


def _comparison(a: Side, b: Side, found: Comparison) -> list[Html]:
    """B beside A."""
    notes = [*found.notes, *_only(a, found.only_a), *_only(b, found.only_b)]
    return [
        made("h2", f"{b.letter} against {a.letter}"),
        made("p", f"Ratios are {b.letter}/{a.letter} with their 99 % bounds; a verdict is given only beyond the noise.", class_="soft"),
        *([_alarm(a, b, found)] if found.machines else []),
        *([made("ul", *(made("li", text) for text in notes), class_="soft")] if notes else []),
        *_compared(found, a, b),
    ]


def _only(side: Side, names: Sequence[str]) -> list[str]:
    return [f"only in {side.letter}: {name}" for name in names]


def _compared(found: Comparison, a: Side, b: Side) -> list[Html]:
    rows = [_compared_row(told(pair.key) if at == 0 else "", one) for pair in found.pairs for at, one in enumerate(pair.rows)]
    rows += [_compared_row("figures" if at == 0 else "", one) for at, one in enumerate(found.figures)]
    numbers = [a.letter, b.letter, f"{b.letter}/{a.letter}", "99 % bounds", "rounds"]
    return [table(["what", ""], rows, numbers, ["verdict"])] if rows else []


def _compared_row(name: str, one: Row) -> Html:
    words = row_words(one)
    what = f"{one.part} {one.what}, µs" if one.part else one.what
    cells = [made("td", name), made("td", what), words["a"], words["b"], words["ratio"], words["bounds"], words["rounds"]]
    return row([*cells, _verdict(one.verdict, one.why)], class_="first" if name else "")
