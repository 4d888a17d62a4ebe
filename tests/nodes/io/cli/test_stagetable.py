"""``mesh status --stages``: mesh time and broker time apart, clocks with their error, in eighty columns."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from rich.console import Console, Group

from mesh.messages.health import NodeHealth, StageSummary
from mesh.stages import ACK, BROKER, FORWARD, HAND_OVER, INTENT, PUBLISH, STAGES, TO_MASTER, TOLD
from mesh.texts import offset_text
from mesh.units import MS_NS, SECOND_NS, US_NS
from nodes.io.cli import show as status
from nodes.io.cli.client import Client
from nodes.io.cli.show import show_status, status_document
from nodes.io.cli.stagetable import BROKER_TITLE, MESH_TITLE, stages_picture
from tests.nodes.io.cli.frontrig import CONFIG, health, show

STAGES_OF = {"signals": [TO_MASTER], "master": [PUBLISH, ACK], "router": [FORWARD], "local": [INTENT, HAND_OVER, BROKER, TOLD]}


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(CONFIG) as client:
        yield client


def measured(node: str, times_us: list[int] | None = None, offset: tuple[int, int] = (0, 0)) -> NodeHealth:
    """The health of a node each of whose stages took so long: p50, p90, p99, p99.9, max."""
    role = CONFIG.role_of(node)
    numbers = [time_us * US_NS for time_us in times_us or [310, 450, 1_200, 1_300, 59_999_999]]
    stages = [StageSummary(name, 24, *numbers, 10_400 * MS_NS) for name in STAGES_OF.get(role, [])]
    return msgspec.structs.replace(health(node, role), stages=stages, clock_offset_ns=offset[0], clock_error_ns=offset[1])


def printed(client: Client, width: int = 80) -> list[str]:
    out = io.StringIO()
    rows = status_document(CONFIG, client)["nodes"]
    Console(file=out, width=width, highlight=False).print(Group(*stages_picture(rows, width)))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_broker_time_is_apart_and_never_added(client: Client) -> None:
    """In a table of its own; no row and no line has a sum of both."""
    show(client, *(measured(node) for node in CONFIG.node))
    lines = printed(client)
    mesh_at, broker_at = lines.index(MESH_TITLE), lines.index(BROKER_TITLE)
    clocks_at = next(index for index, line in enumerate(lines) if "the master's clock less its own" in line)
    shown = {"mesh": lines[mesh_at + 2 : broker_at], "broker": lines[broker_at + 2 : clocks_at]}
    rows = {part: [line.split()[:2] for line in found if line] for part, found in shown.items()}
    locals_ = CONFIG.nodes_of("local")
    assert rows["broker"] == [[node, BROKER] for node in locals_]
    expected = [[node, name] for node in CONFIG.node for name in STAGES_OF.get(CONFIG.role_of(node), []) if name != BROKER]
    assert rows["mesh"] == expected
    assert "total" not in "\n".join(lines)


@pytest.mark.parametrize(("width", "left_out"), [(80, {"p90", "p99.9", "s"}), (95, {"p99.9", "s"}), (160, set())])
def test_a_row_a_stage_fits_the_screen(client: Client, width: int, left_out: set[str]) -> None:
    """No number is cut at eighty columns, though each took a minute: columns go, and the age stays."""
    show(client, *(measured(node, [59_999_999] * 5) for node in CONFIG.node))
    lines = printed(client, width)
    assert max(map(len, lines)) <= width
    assert "…" not in "\n".join(lines)
    headings = next(line.split() for line in lines if line.startswith("node "))
    assert {"p50", "p90", "p99", "p99.9", "max", "s", "age"} - {*headings} == left_out
    (row,) = [line.split() for line in lines if line.startswith("local-1 ") and INTENT in line]
    assert row.count("59,999,999") == 5 - len(left_out - {"s"})


def test_stage_that_did_not_happen_has_no_percentiles(client: Client) -> None:
    """The count says that it is there; a zero would be a time."""
    idle = msgspec.structs.replace(measured("local-1"), stages=[StageSummary(TOLD, 0, 0, 0, 0, 0, 0, 10 * SECOND_NS)])
    show(client, idle, measured("router-1", [0, 0, 0, 0, 0]))
    rows = {line.split()[1]: line.split() for line in printed(client) if line.startswith(("local-1 ", "router-1 "))}
    assert rows[TOLD][2:7] == ["0", "-", "-", "-", "-"]
    assert rows[FORWARD][2:7] == ["24", "0", "0", "0", "0"]


def test_only_what_is_shown_is_explained(client: Client) -> None:
    """Each stage in the table has its sentence below it, and nothing else has one."""
    show(client, measured("master-1"))
    text = " ".join(printed(client, 160))
    assert {name for name in STAGES if f"{name}: {STAGES[name]}" in text} == {PUBLISH, ACK}


def test_clocks_say_how_wrong_they_may_be(client: Client) -> None:
    """Of those that ask for grants; one of which nothing is known is not shown as right."""
    show(client, measured("local-1", offset=(123_456, 45_001)), measured("router-1"), measured("master-1"))
    lines = printed(client)
    clocks = [line for line in lines if " ms ± " in line or "not known" in line]
    assert [" ".join(line.split()[:-1]) for line in clocks] == ["router-1 not known", "local-1 +0.12 ms ± 0.05 ms"]


def test_error_is_rounded_up_and_an_offset_keeps_its_sign() -> None:
    """What is told is never narrower than what is known."""
    offsets = [(0, 1), (-2_000_000, 10_000), (-86_400 * SECOND_NS, 10_001), (4_999, 3 * MS_NS)]
    assert [offset_text(offset_ns, error_ns) for offset_ns, error_ns in offsets] == [
        "+0.00 ms ± 0.01 ms", "-2.00 ms ± 0.01 ms", "-86,400,000.00 ms ± 0.02 ms", "+0.00 ms ± 3.00 ms",
    ]  # fmt: skip


def test_without_any_stage_it_says_when_there_will_be_one(client: Client) -> None:
    """A mesh that has just started is not an empty table."""
    show(client, health("local-1", "local"))
    text = "\n".join(printed(client))
    assert "no node has told of a stage yet: 10 s after the first signal they do" in text
    assert MESH_TITLE not in text


def test_command_shows_them_and_json_has_them_always(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--stages`` in place of the nodes and accounts; in JSON 64-bit integers are text."""

    @contextmanager
    def attached(_path: Path | None) -> Iterator[Client]:
        yield client

    monkeypatch.setattr(status, "attached", attached)
    show(client, measured("local-1", offset=(-5, 7)))
    assert show_status(None, as_json=False, watch=False, stages=True) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"trademesh {CONFIG.settings.mesh.id}")
    assert BROKER_TITLE in text
    assert "balance" not in text
    assert show_status(None, as_json=True, watch=False) == 0
    nodes = {row["name"]: row["health"] for row in json.loads(capsys.readouterr().out)["nodes"]}
    assert nodes["local-1"]["clock"] == {"offset_ns": "-5", "error_ns": "7"}
    assert nodes["local-1"]["stages"][2] == {
        "stage": BROKER, "count": 24, "p50_ns": "310000", "p90_ns": "450000", "p99_ns": "1200000", "p99.9_ns": "1300000",
        "max_ns": "59999999000", "span_ns": "10400000000",
    }  # fmt: skip
