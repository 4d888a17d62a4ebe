"""One node opened: identity, sparklines, stages, counters, facts, notes, account, locals."""

from mesh.config import parse
from mesh.messages.control import LADDER
from mesh.units import MS_NS
from nodes.io.locate import demo_text
from tests.tui.consolerig import CONFIG, NOW_NS, WALL_NS, FakeFeed, health, note, quiet, seen, stage
from tests.tui.consolerig import state as account_state
from tui.nodedetail import columns, head
from tui.nodepeers import PEERS_MAX, peers
from tui.noderows import NodeRows
from tui.sparkline import BLOCKS
from tui.state import State

SHARED = parse(demo_text() + '\n[process.hot]\nnodes = ["signals-1", "master-1"]\n')
WIDTH = 90


class Opened:
    """A node, as lines."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = State(SHARED, NOW_NS)
        self.feed = FakeFeed(CONFIG.nodes_of("router"))
        self.tell(*quiet())

    def tell(self, *items: object, after_ms: int = 0, router: str = "router-1") -> None:
        now_ns = NOW_NS + after_ms * MS_NS
        self.feed.tell(*items, router=router, now_ns=now_ns, age_ms=0)  # type: ignore[arg-type]
        self.state.take(self.feed.take(), now_ns, WALL_NS)

    def text(self, after_ms: int = 0) -> str:
        now_ns = NOW_NS + after_ms * MS_NS
        row = NodeRows(SHARED).row(self.name, self.state, now_ns)
        left, right = columns(self.state, row, now_ns, WIDTH, peers(self.state, row, now_ns, WIDTH))
        return "\n".join((head(row).plain, left.plain, right.plain))

    def style_of(self, word: str, after_ms: int = 0) -> str:
        now_ns = NOW_NS + after_ms * MS_NS
        row = NodeRows(SHARED).row(self.name, self.state, now_ns)
        left, right = columns(self.state, row, now_ns, WIDTH, peers(self.state, row, now_ns, WIDTH))
        text = left if word in left.plain else right
        at = text.plain.index(word)
        return next((str(span.style) for span in text.spans if span.start <= at < span.end), "")


def line_of(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


def test_words_of_the_wire_do_nothing_to_the_terminal() -> None:
    """Neither a phase nor a fact's name nor what it says."""
    opened = Opened("master-1")
    opened.tell(health("master-1", phase="READY\x1b[2J", facts={"a\x1b]0;x\x07b": "c\x1b[1md"}, version="1\x1b[m"))
    text = opened.text()
    assert "READY [2J" in text
    assert "a ]0;x b" in text
    assert not any(sign != "\n" and not sign.isprintable() for sign in text)


def test_identity_says_where_it_is_and_what_it_runs() -> None:
    """Ports, the process it shares, lives, version, clock, market time."""
    opened = Opened("master-1")
    opened.tell(health("master-1", 1_000, life=2, version="0.2.0"))
    text = opened.text()
    assert text.splitlines()[:2] == [
        "master-1  ● fresh 0 s  READY  master, decision layer",
        "strategies and risk rules; every line durable before it is published",
    ]
    assert line_of(text, "listens").split("  ")[-1] == "127.0.0.1: decide 7425, orders 7426, replay 7427, control.master 7428"
    assert line_of(text, "process").endswith("hot, shared with signals-1, pid 4242")
    assert line_of(text, "life").endswith("2, up 1 s, 2 lives seen here")
    assert line_of(text, "version").endswith("0.2.0  ≠ most nodes have another")
    assert line_of(text, "market").endswith("2026-01-05 00:00:00 UTC")


def test_a_node_nobody_saw_has_no_numbers() -> None:
    """It says so, and what the configuration knows of it."""
    opened = Opened("local-1")
    opened.state = State(SHARED, NOW_NS)
    text = opened.text()
    assert text.startswith("local-1  ○ never seen  no word of it yet  local, execution layer")
    assert "nothing told yet" in text
    assert line_of(text, "routers").endswith("router-1, then router-2")


def test_two_minutes_lie_in_the_sparklines_where_they_were() -> None:
    """A silence is blank, a peak stands out, the newest number stands beside."""
    opened = Opened("local-1")
    for second in range(1, 41):
        if not 20 < second <= 30:
            opened.tell(health("local-1", 9_000 + second * 1_000, loop_lag_us=8_000 if second == 35 else 1_000), after_ms=second * 1_000)
    line = line_of(opened.text(40_000), "loop lag µs")
    drawn = line[line.index("▕") + 1 : line.index("▏")]
    assert drawn.count("█") == 1
    assert BLOCKS[1] + "    " + BLOCKS[1] in drawn
    assert line.split()[-2:] == ["1,000", "8,000"]
    assert line_of(opened.text(40_000), "outcomes/s").split()[-2:] == ["0.0", "2.7"]


def test_the_brokers_time_stands_apart() -> None:
    """Mesh and broker are two tables; what did not happen has no percentile."""
    opened = Opened("local-1")
    opened.tell(health("local-1", 10_000, stages=[stage("intent"), stage("broker", 9_000)]))
    lines = opened.text().splitlines()
    intent, broker = (next(number for number, line in enumerate(lines) if line.startswith(word)) for word in ("intent", "broker"))
    assert lines[intent].split() == ["intent", "12", "300", "600", "900", "1,500"]
    assert lines[broker].split() == ["broker", "12", "9,000", "18,000", "27,000", "45,000"]
    assert any("no part of the mesh" in line for line in lines[intent:broker])
    none = stage("intent")
    opened.tell(health("local-1", 11_000, stages=[type(none)("intent", 0, 0, 0, 0, 0, 0, none.span_ns)]))
    assert line_of(opened.text(), "intent").split() == ["intent", "0", "-", "-", "-", "-"]


def test_counters_have_their_rates() -> None:
    """But a maximum has none."""
    opened = Opened("local-1")
    counters = {"order_count": 14, "commit_us_max": 31_381}
    opened.tell(health("local-1", 10_000, counters={"order_count": 4, "commit_us_max": 7}), health("local-1", 11_000, counters=counters))
    opened.tell(health("local-1", 12_000, counters=counters | {"order_count": 1_014}))
    text = opened.text()
    assert line_of(text, "order_count").split() == ["order_count", "1,014", "1,000"]
    assert line_of(text, "commit_us_max").split() == ["commit_us_max", "31,381"]


def test_facts_are_folded_and_notes_tell_the_newest_first() -> None:
    """Nothing is cut off but what a note has beyond the width."""
    opened = Opened("master-1")
    words = " ".join(f"CODE_{number}={number}" for number in range(20))
    notes = [note(1, text="first"), note(2, "error", "lost", text="x" * 200)]
    opened.tell(health("master-1", 10_000, facts={"codes": words, "waiting": ""}, notes=notes))
    text = opened.text()
    assert all(f"CODE_{number}={number}" in text for number in range(20))
    assert all(len(line) <= WIDTH for line in text.splitlines())
    assert line_of(text, "waiting").split() == ["waiting", "-"]
    assert text.index("lost") < text.index("first")


def test_a_local_shows_its_account_and_how_routers_see_it() -> None:
    """Money with its currency; a router's old word is called one."""
    opened = Opened("local-1")
    opened.tell(account_state("demo-1", number=2, connected=False, unknown_count=1, ladder=LADDER[1]))
    opened.tell(seen("demo-1", homed=False, state="late"), router="router-2", after_ms=4_000)
    text = opened.text(4_000)
    assert line_of(text, "equity").endswith("10,000.00 USD, balance 10,000.00 USD")
    assert line_of(text, "terminal     NOT connected to its broker, ping 41.0 ms, trading allowed")
    assert line_of(text, "holds").endswith("positions 0, pending orders 0, orders of UNKNOWN result 1")
    assert line_of(text, "its account").endswith("○ dead 4 s")
    assert line_of(text, "router-1").split() == ["router-1", "○", "was", "fresh", "home", "ACTIVE", "120", "4", "s"]
    assert line_of(text, "router-2").split() == ["router-2", "◐", "late", "-", "ACTIVE", "120", "0", "s"]


def test_a_router_shows_its_locals_and_this_consoles_link() -> None:
    """Those that are not well come first."""
    opened = Opened("router-1")
    opened.tell(seen("demo-3", state="dead", homed=False))
    text = opened.text()
    assert line_of(text, "link").endswith("connected to tcp://127.0.0.1:7440 since 0 s")
    assert line_of(text, "heard").endswith("● fresh, last word 0 s ago")
    at = text.index("locals it sees: 3 of 4 at home here")
    assert [line.split()[0] for line in text[at:].splitlines()[2:6]] == ["demo-3", "demo-1", "demo-2", "demo-4"]
    assert len(CONFIG.account) < PEERS_MAX


def test_what_is_old_is_grey() -> None:
    """Every number of a silent node, and of its account."""
    opened = Opened("local-1")
    for word in ("pid 4242", "loop lag", "intent", "5001", "attached", "outcome_count"):
        assert opened.style_of(word) == ""
        assert opened.style_of(word, 10_000) == "dim"
