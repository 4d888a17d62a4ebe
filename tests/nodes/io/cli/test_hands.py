"""What the console can have done: the verbs of the command line at a mesh of real sockets, and a freeze that waits for nobody."""

from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from mesh.errors import BadUsage, NoMesh
from mesh.io.hub import Hub
from mesh.messages.accounts import AccountSymbols
from mesh.messages.control import Command, CommandAnswer, Entry, Undo
from mesh.units import E8
from mesh.view import View
from nodes.io.cli import ask, client, commands, reconciles, stoprun, stops
from nodes.io.cli.hands import FREEZE_REASON, MeshHands
from tests.nodes.io.cli.controlrig import WAIT_S, ControlMesh
from tests.nodes.io.cli.fakeclient import renamed
from tests.nodes.io.cli.frontrig import pending, position, state
from tests.nodes.io.cli.lostmesh import OID, order
from tests.nodes.local.fakevenue import PRICE_E8, SPEC
from tui.hands import Hands, Progress, Unable

pytestmark = pytest.mark.wire
NODES = ("router-1", "router-2", "master-1")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on how fast this machine is: what is to come may take its time."""
    for stage in stops.WAIT_S:
        monkeypatch.setitem(stops.WAIT_S, stage, WAIT_S)
    monkeypatch.setattr(client, "LOOK_S", WAIT_S)
    monkeypatch.setattr(commands, "ANSWER_S", WAIT_S)


@pytest.fixture
def mesh() -> Iterator[ControlMesh]:
    made = ControlMesh()
    yield made
    made.close()


@pytest.fixture
def ours(mesh: ControlMesh) -> Iterator[MeshHands]:
    made = MeshHands(mesh.config, mesh.signer)
    yield made
    made.leave()


class Freeze:
    """A freeze in a thread of its own, as the console sends it."""

    def __init__(self, ours: MeshHands, told: Callable[[Progress], None] = lambda progress: None) -> None:
        self.told: list[Progress] = []
        self.ended: Progress | None = None
        self._ours = ours
        self._listener = told
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.ended = self._ours.freeze_all(self._hear)

    def _hear(self, progress: Progress) -> None:
        self.told.append(progress)
        self._listener(progress)

    def end(self) -> Progress:
        self._thread.join(WAIT_S)
        assert self.ended is not None
        return self.ended


def told_until(ours: MeshHands, condition: Callable[[Progress], bool]) -> Progress:
    """A freeze that is told until something is so, and is ended then; how it ended."""
    is_so = Event()
    freeze = Freeze(ours, lambda progress: is_so.set() if condition(progress) else None)
    assert is_so.wait(WAIT_S)
    ours.leave()
    return freeze.end()


def nobody(_progress: Progress) -> None:
    """Who is not told."""


# stops


def test_it_is_what_the_console_asks_for(ours: MeshHands) -> None:
    """The contract, and who acts."""
    found: Hands = ours
    assert (found.why_not, "@" in found.operator) == ("", True)


def test_freeze_goes_to_every_node_and_is_told_until_all_have_it(mesh: ControlMesh, ours: MeshHands) -> None:
    """One entry over everything; the last that is told is what comes back."""
    told: list[Progress] = []
    ended = ours.freeze_all(told.append)
    assert told[-1] == ended
    assert not any(progress.is_over for progress in told[:-1])
    assert (ended.what, ended.is_over, ended.confirmed_count, ended.lacking, ended.refusals) == ("FREEZE all", True, 2, (), {})
    (entry,) = {mesh.items(node)[0] for node in NODES}
    assert isinstance(entry, Entry)
    assert (entry.issuer, entry.level, entry.scope, entry.reason, entry.by) == ("operator", "FREEZE", "all", FREEZE_REASON, ours.operator)


def test_freeze_opens_no_connection(mesh: ControlMesh, ours: MeshHands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those it goes by are there before it is asked for."""
    ours.freeze_all(nobody)
    monkeypatch.delattr(Hub, "connect")
    assert ours.freeze_all(nobody).confirmed_count == 2
    assert len(set(mesh.items())) == 2


def test_second_freeze_does_not_wait_for_the_first(mesh: ControlMesh, ours: MeshHands) -> None:
    """Both are out while an account has confirmed neither."""
    mesh.silent = ("demo-2",)
    freezes = [Freeze(ours), Freeze(ours)]
    mesh.wait_for(lambda: all(len(set(mesh.items(node))) == 2 for node in NODES))
    mesh.silent = ()
    ended = [freeze.end() for freeze in freezes]
    assert [progress.confirmed_count for progress in ended] == [2, 2]
    assert ended[0].id != ended[1].id


def test_freeze_is_repeated_also_while_who_is_told_stands_still(
    mesh: ControlMesh, ours: MeshHands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A screen that hangs holds up no stop."""
    monkeypatch.setattr(stoprun, "REPEAT_NS", 1)
    mesh.silent = ("demo-2",)
    goes_on = Event()
    freeze = Freeze(ours, lambda progress: nobody(progress) if goes_on.wait(WAIT_S) else None)
    mesh.wait_for(lambda: len(mesh.items()) >= 3)
    assert len(freeze.told) == 1
    goes_on.set()
    mesh.silent = ()
    assert freeze.end().is_over


def test_node_that_is_not_there_is_told_and_holds_up_no_other() -> None:
    """It is named; so is why an account that it serves is not confirmed."""
    mesh = ControlMesh("router-2")
    ended = told_until(MeshHands(mesh.config, mesh.signer), lambda progress: progress.lacking == ("router-2",))
    assert (ended.is_over, ended.lacking) == (True, ("router-2",))
    assert set(mesh.items("master-1")) == set(mesh.items())
    mesh.close()


def test_refusals_are_told_by_node(mesh: ControlMesh, ours: MeshHands) -> None:
    """Each with its code; no account is confirmed."""
    mesh.refused = "NOT_ALLOWED"
    ended = told_until(ours, lambda progress: len(progress.refusals) == len(NODES))
    assert (set(ended.refusals), set(ended.refusals.values())) == (set(NODES), {"NOT_ALLOWED issuer=operator"})
    assert ended.confirmed_count == 0


def test_freeze_goes_out_also_where_its_thread_has_ended(mesh: ControlMesh, ours: MeshHands) -> None:
    """By a new one; to leave twice is nothing."""
    ours.leave()
    ended = ours.freeze_all(nobody)
    assert (ended.is_over, ended.confirmed_count, len(set(mesh.items()))) == (True, 2, 1)
    ours.leave()


def test_stop_of_a_scope_concerns_its_accounts(mesh: ControlMesh, ours: MeshHands) -> None:
    """One account, and its reason; a scope there is not is refused before anything is sent."""
    ended = ours.stop("FREEZE", "account:demo-2", "news", nobody)
    assert (ended.what, [verdict.account for verdict in ended.verdicts], ended.confirmed_count) == ("FREEZE account:demo-2", ["demo-2"], 1)
    (entry,) = set(mesh.items())
    assert (entry.reason, ended.lacking) == ("news", ())
    for scope in ("account:nobody", "symbol:NOSUCH", "all:"):
        with pytest.raises(BadUsage, match="scope"):
            ours.stop("FREEZE", scope, "", nobody)
    assert len(set(mesh.items())) == 1


def test_symbol_by_a_brokers_name_is_stopped_as_it_was_previewed(mesh: ControlMesh, ours: MeshHands) -> None:
    """The name is known of the accounts; our own name where it is one of ours."""
    view = View()
    view.symbols["demo-1"] = AccountSymbols("demo-1", 1, [SPEC, renamed(SPEC, symbol="DE40.x")])
    assert len(ours.preview("FREEZE", "symbol:DE40.x", view)) == 2
    assert ours.stop("FREEZE", "symbol:DE40.x", "", nobody).what == "FREEZE symbol:DE40.x"
    assert ours.stop("FREEZE", "symbol:eurusd", "", nobody).what == "FREEZE symbol:EURUSD"


def test_preview_says_what_each_account_has(mesh: ControlMesh, ours: MeshHands) -> None:
    """As far as it is seen; positions that are not ours where they are closed too."""
    view = View()
    view.accounts["demo-1"] = (1, state("demo-1", positions=(position(), position(2, ours=False)), orders=[pending()]))
    assert ours.preview("FLATTEN", "all", view) == [
        "demo-1: 2 positions (1 of them not ours: closed too), 1 pending orders", "demo-2: not seen",
    ]  # fmt: skip
    assert ours.preview("FREEZE", "account:demo-1", view) == ["demo-1: 2 positions, 1 pending orders"]
    with pytest.raises(BadUsage, match="no strategy 'nosuch'"):
        ours.preview("FREEZE", "strategy:nosuch", view)
    assert mesh.got == []


def test_resume_ends_the_stops_that_bind(mesh: ControlMesh, ours: MeshHands) -> None:
    """One undo names them; the accounts they held confirm it."""
    ending = mesh.show(Entry("operator", 1, 1, "FREEZE", "account:demo-1", "why"))
    mesh.show(Entry("operator", 2, 1, "FREEZE", "all", "why"))
    ended = ours.resume([ending, bytes(32)], "calm", nobody)
    assert (ended.what, [verdict.account for verdict in ended.verdicts]) == ("the end of FREEZE account:demo-1", ["demo-1"])
    assert (ended.is_over, ended.confirmed_count, ended.lacking) == (True, 1, ())
    undo, *again = mesh.items()
    assert isinstance(undo, Undo)
    assert (undo.entries, undo.reason) == ([ending], "calm")
    assert all(item == undo for item in again)


def test_resume_of_nothing_or_without_a_reason_sends_nothing(mesh: ControlMesh, ours: MeshHands) -> None:
    """Each is said."""
    with pytest.raises(BadUsage, match="no such stop binds"):
        ours.resume([bytes(32)], "calm", nobody)
    with pytest.raises(BadUsage, match="say why trading may go on"):
        ours.resume([bytes(32)], " ", nobody)
    assert mesh.items() == []


# who may only watch


def test_who_may_only_watch_does_nothing_and_asks_all(mesh: ControlMesh) -> None:
    """Each act says why not; no thread waits for a freeze; key or not."""
    acts: list[Callable[[MeshHands], Any]] = [
        lambda on: on.freeze_all(nobody),
        lambda on: on.stop("FREEZE", "all", "", nobody),
        lambda on: on.resume([bytes(32)], "calm", nobody),
        lambda on: on.resolve("demo-1", order(), 0, "seen", True),
        lambda on: on.reconcile("demo-1"),
        lambda on: on.close("all", False, "", True),
        lambda on: on.modify("demo-1:17", "1.1", "", True),
    ]
    for signer in (None, mesh.signer):
        watching = MeshHands(mesh.config, signer, "opened with --watch")
        for act in acts:
            with pytest.raises(Unable, match="opened with --watch"):
                act(watching)
        assert mesh.got == []
        watching.leave()
    assert watching.preview("FREEZE", "all", View()) == ["demo-1: not seen", "demo-2: not seen"]
    mesh.lost = {account: [] for account in mesh.config.account}
    assert [item.account for item in watching.lost()] == ["demo-1", "demo-2"]
    assert isinstance(watching.why("last", View()), Text)


# questions and acts


def test_why_gives_the_tree_or_the_words_of_the_verb(mesh: ControlMesh, ours: MeshHands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing known and nobody there are told apart; what no query is, is refused."""
    mesh.story = {"sid": "demo/1", "answer": "ACCEPTED"}
    assert isinstance(ours.why("demo/1", View()), Tree)
    mesh.story = {"sid": "demo/1", "pruned": True}
    out = Console(width=200)
    with out.capture() as told:
        out.print(ours.why("demo/1", View()))
    assert "its lines were pruned" in told.get()
    mesh.story = {}
    assert "nothing is known of 'demo/1'" in str(ours.why("demo/1", View()))
    with pytest.raises(BadUsage, match="a sid has 1 to"):
        ours.why("", View())
    monkeypatch.setattr(ask, "ANSWER_S", 0.01)
    mesh.story = None
    assert "master-1 did not answer" in str(ours.why("demo/1", View()))


def test_lost_orders_are_told_account_by_account(mesh: ControlMesh, ours: MeshHands) -> None:
    """As the node that knows them has them."""
    mesh.lost = {"demo-1": [order()], "demo-2": []}
    one, two = ours.lost()
    assert (one.account, one.said_by, one.why, one.orders) == ("demo-1", "local-1", "", (order(),))
    assert (two.account, two.orders) == ("demo-2", ())


def answering(mesh: ControlMesh, *codes: str) -> None:
    """Each account a command concerns answers with these codes."""

    def act(command: Command) -> list[CommandAnswer]:
        kind, _, name = command.scope.partition(":")
        accounts = [name] if kind == "account" else [kind] if kind in mesh.config.account else list(mesh.config.account)
        return [
            CommandAnswer(command.id, account, code, f"about {code}", 17, "EURUSD", E8 // 10, PRICE_E8, index == len(codes))
            for account in accounts
            for index, code in enumerate(codes, 1)
        ]

    mesh.act = act


def test_word_about_a_lost_order_is_about_the_attempt_that_was_shown(mesh: ControlMesh, ours: MeshHands) -> None:
    """Asked first, then said; a reason is needed, and a ticket that can be one."""
    answering(mesh, "FILLED")
    for dry_run in (True, False):
        assert ours.resolve("demo-1", order(attempt=2), 17, "broker says so", dry_run).code == "FILLED"
    assert [(item.verb, item.scope, item.oid, item.attempt, item.ticket, item.dry_run) for item in mesh.commands()] == [
        ("resolve", "account:demo-1", OID, 2, 17, dry_run) for dry_run in (True, False)
    ]
    assert ours.resolve("demo-1", order(code="NOT_FOUND", attempt=2), 0, "broker says so", True).code == "FILLED"
    assert (mesh.commands()[-1].attempt, mesh.commands()[-1].ticket) == (0, 0)
    for account, ticket, reason, words in (
        ("demo-1", 17, " ", "say how you know"), ("demo-1", -1, "seen", "executed TICKET"), ("nobody", 17, "seen", "no such account"),
    ):  # fmt: skip
        with pytest.raises(BadUsage, match=words):
            ours.resolve(account, order(), ticket, reason, True)


def test_reconcile_tells_a_line_for_each_finding(mesh: ControlMesh, ours: MeshHands) -> None:
    """With its mark, its numbers and its words."""
    answering(mesh, "DEAL_WITHOUT_RECORD", "DIFFERS")
    first, last = ours.reconcile("demo-1")
    assert first == "✗ DEAL_WITHOUT_RECORD  17  EURUSD  0.1 lots  1.10000  about DEAL_WITHOUT_RECORD"
    assert last.startswith("✗ DIFFERS  ")
    with pytest.raises(BadUsage, match="no such account"):
        ours.reconcile("nobody")


def test_reconcile_of_a_silent_local_tells_what_is_known_of_it(
    mesh: ControlMesh, ours: MeshHands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state as it was, what the list has, and that nobody confirms it."""
    monkeypatch.setattr(reconciles, "SILENT_S", 0.01)
    mesh.lost = {"demo-1": [order()]}
    mesh.states["demo-1"] = state("demo-1", positions=(position(),), unknown_count=1)
    lines = ours.reconcile("demo-1")
    assert lines[0].startswith("✗ NO_ANSWER")
    assert "1 positions, 0 orders, 1 unknown results" in lines[1]
    assert lines[2].startswith(f"UNKNOWN  {OID.hex()}@demo-1  OPEN buy")


def test_close_and_modify_give_every_answer(mesh: ControlMesh, ours: MeshHands) -> None:
    """Of every account; what it would touch where it is asked so; wrong words are refused unsent."""
    answering(mesh, "PREVIEW", "PREVIEW")
    assert [(item.account, item.code) for item in ours.close("all", True, "out", True)] == [
        ("demo-1", "PREVIEW"), ("demo-1", "PREVIEW"), ("demo-2", "PREVIEW"), ("demo-2", "PREVIEW"),
    ]  # fmt: skip
    answering(mesh, "MODIFIED")
    assert [item.code for item in ours.modify("demo-1:17", "1.2", "", False)] == ["MODIFIED"]
    close, modify = mesh.commands()
    assert (close.verb, close.foreign, close.reason, close.dry_run, close.volume_e8) == ("close", True, "out", True, 0)
    assert (modify.verb, modify.scope, modify.sl_e8, modify.tp_e8, modify.dry_run) == ("modify", "demo-1:17", 12 * E8 // 10, -1, False)
    with pytest.raises(BadUsage, match="nothing to change"):
        ours.modify("demo-1:17", "", "", False)
    with pytest.raises(BadUsage, match="ACCOUNT:TICKET"):
        ours.close("nobody:17", False, "", False)
    assert len(mesh.commands()) == 2


def test_mesh_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it was looked for, and what to do."""
    mesh = ControlMesh(*NODES)
    monkeypatch.setattr(client, "LOOK_S", 0.01)
    ours = MeshHands(mesh.config, mesh.signer)
    with pytest.raises(NoMesh, match=r"no router answers .*tcp://.*`mesh up`"):
        ours.lost()
    ours.leave()
    mesh.close()
