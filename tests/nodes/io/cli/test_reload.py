"""``mesh reload``: all hold a change and say that it fits before it is put in force; else nothing changes, and who lacks it is named."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from mesh.codec import encode
from mesh.config import Config, parse
from mesh.drawnkeys import DrawnKeys
from mesh.errors import BadConfig, BadUsage, NoMesh
from mesh.keyring import Verified
from mesh.killset import entry_id, item_of
from mesh.messages.base import Msg
from mesh.messages.control import TAKEN, Activation, GrantedLife, Item, Latched, OperatorHello, Revision, Signed, StopAnswer
from mesh.revisions import FOLLOWING_ROLES, Revisions, patch_of
from nodes.io.cli import reload
from nodes.io.cli.reload import reload_config
from nodes.io.cli.stops import Wish
from nodes.io.locate import load
from tests.nodes.io.cli.fakeclient import FakeClient, health, renamed
from tests.smallmesh import small_mesh

HEAD = '[strategy.rev]\nkind = "reversion"\nlevel = {}\n[rails]\npositions_count = {}\n'
ACCOUNTS = {"one": "", "two": ""}
YES = Wish(yes=True, reason="news")


def text(count: int, level: int = 100) -> str:
    """A file with so many positions allowed."""
    return small_mesh(HEAD.format(level, count), ACCOUNTS, routers_count=2)


class PlayedMesh(FakeClient):
    """Nodes that take what is signed as real ones do. ``deaf``: accounts that hold nothing more once ``is_deaf_to`` comes."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, count: int = 5) -> None:
        super().__init__(parse(text(count)), self.answered)
        self.folder = folder
        self.keys = DrawnKeys(self.config)
        names = [name for role in FOLLOWING_ROLES for name in self.config.nodes_of(role)]
        self.runs = {name: Revisions(self.config) for name in names}
        self.held: dict[str, list[bytes]] = {name: [] for name in self.config.account}
        self.deaf: tuple[str, ...] = ()
        self.is_deaf_to: type[Msg] = Revision
        self.unable: dict[str, str] = {}
        """Nodes that hold a change and cannot make it, and why."""
        self.phases: dict[str, str] = {}
        self.silent: tuple[str, ...] = ()
        """Nodes that are heard no more."""
        self.refused = ""
        self.is_seeing = True
        self.words: list[Item] = []
        """What was sent, each once, as it was sent first."""
        self.fitting_count = 0
        """Nodes that said that a change fits when it was put in force."""
        self.state = folder / "state"
        self.state.mkdir(exist_ok=True)
        running = SimpleNamespace(config=str(folder / "effective.toml"), state=str(self.state), given=str(folder / "mesh.toml"))
        Path(running.config).write_text(text(count), encoding="utf-8")

        @contextmanager
        def attached_to(config: Config, _state: Path | None) -> Iterator[PlayedMesh]:
            assert config.fingerprint == self.config.fingerprint
            yield self

        monkeypatch.setattr(reload, "attached_to", attached_to)
        monkeypatch.setattr(reload, "find", lambda _path: (self.config, running))
        monkeypatch.setattr(reload, "signer_here", lambda *_: self.keys.signer("operator"))
        self.pump(1)

    def answered(self, node: str, message: Msg) -> list[Msg]:
        """What a router or the master says, and what becomes of it."""
        if not isinstance(message, Signed):
            assert isinstance(message, OperatorHello)
            return []
        assert isinstance(self.keys.keyring.verify_untrusted(encode(message), False), Verified)
        key, item = item_of(encode(message))
        if self.refused:
            return [StopAnswer(key, node, self.refused, "issuer=operator may not resume")]
        if item not in self.words:
            self.words.append(item)
            self.fitting_count = sum(each.prepared.endswith(" fits") for each in self.runs.values())
        self.runs[node].take(key, item)
        if node == "master-1":
            return [StopAnswer(key, node, TAKEN, "")]
        granted = [GrantedLife(account, 1, 100) for account in self.config.account]
        return [StopAnswer(key, node, TAKEN, "", 0, 1, 60_000, granted), *self._latched(key, item)]

    def _latched(self, key: bytes, item: Item) -> list[Msg]:
        for account, held in self.held.items():
            if key not in held and not (account in self.deaf and isinstance(item, self.is_deaf_to)):
                held.append(key)
                self.runs[self.config.local_of(account)].take(key, item)
        return [Latched(account, 1, "ACTIVE", held[:], [], len(held)) for account, held in self.held.items()]

    def pump(self, limit_ms: int) -> list[tuple[str, Msg]]:
        coming = super().pump(limit_ms)
        for name, runs in self.runs.items():
            if name not in self.silent:
                said = health(self.config, name, phase=self.phases.get(name, "READY"))
                word = runs.prepared.replace("fits", self.unable.get(name, "fits"))
                facts = said.facts | {"change": word}
                self.view.nodes[name] = (self._now_ns, renamed(said, facts=facts, config_hash=runs.current.fingerprint))
        return coming

    def reload(self, text: str, wish: Wish = YES) -> int:
        """The verb with a file of this text."""
        file = self.folder / "new.toml"
        file.write_text(text, encoding="utf-8")
        return reload_config(file, wish)

    def show(self, item: Item) -> bytes:
        """What routers show already; its id."""
        key = entry_id(encode(item))
        assert isinstance(item, Revision | Activation)
        self.view.live_changes[key] = item
        for runs in self.runs.values():
            runs.take(key, item)
        return key


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlayedMesh:
    """Two accounts, two routers, a master, up and of one configuration."""
    return PlayedMesh(tmp_path, monkeypatch)


def test_change_is_with_all_before_it_is_in_force(mesh: PlayedMesh, capsys: pytest.CaptureFixture[str]) -> None:
    """Two signed words, the second when every node has said that the first fits; each account confirms; the file is kept, exit 0."""
    assert mesh.reload(text(3)) == 0
    revision, activation = mesh.words
    assert isinstance(revision, Revision)
    assert isinstance(activation, Activation)
    before, after = mesh.config.fingerprint, parse(text(3)).fingerprint
    assert (revision.number, revision.before, revision.after, revision.reason) == (1, before, after, "news")
    assert activation.revision == entry_id(encode(revision))
    assert mesh.fitting_count == len(mesh.runs)
    assert {each.current.fingerprint for each in mesh.runs.values()} == {after}
    out = capsys.readouterr().out
    assert "rails.positions_count  5       3      live" in out
    assert [out.count(f"CONFIRMED      {account}  change 1 in force after") for account in ACCOUNTS] == [1, 1]
    assert f"change 1 is in force: {before} → {after}" in out
    kept = sorted((mesh.state / "configurations").iterdir())
    assert [load(path).fingerprint for path in kept] == [before, after]
    assert f"the way back: mesh reload {kept[0]}" in out
    assert f"{mesh.folder / 'mesh.toml'} does not say so yet: write it there too" in out


def test_next_change_follows_what_runs_not_what_the_file_says(mesh: PlayedMesh, capsys: pytest.CaptureFixture[str]) -> None:
    """With a number above every one there was, also of one that never came into force."""
    now = parse(text(3))
    done = Revision("operator", 1, 5, 1, mesh.config.fingerprint, now.fingerprint, patch_of(mesh.config, now), "first")
    mesh.show(Activation("operator", 2, 6, mesh.show(done), "first"))
    mesh.show(Revision("operator", 3, 7, 4, now.fingerprint, "0" * 16, b"[[],[]]", "given up"))
    mesh.pump(1)
    assert mesh.reload(text(5)) == 0
    revision = mesh.words[0]
    assert isinstance(revision, Revision)
    assert (revision.number, revision.before, revision.after) == (5, now.fingerprint, mesh.config.fingerprint)
    assert "rails.positions_count  3       5      live" in capsys.readouterr().out


def test_what_cannot_change_live_is_refused(mesh: PlayedMesh) -> None:
    """With the keys and the verb that takes them; nothing is sent."""
    with pytest.raises(BadConfig, match=r"strategy\.rev\.level: these hold once nodes start again: `mesh config apply .*new\.toml`"):
        mesh.reload(text(3, level=90))
    assert mesh.sent == []


def test_same_file_changes_nothing(mesh: PlayedMesh, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, told, and as one document for programs."""
    assert mesh.reload(text(5)) == 0
    assert capsys.readouterr().out == "nothing changes\n"
    assert mesh.reload(text(5), Wish(yes=True, reason="x", as_json=True)) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {"format": 1, "changes": [], "in_force": True, "after": mesh.config.fingerprint, "lacking": {}}
    assert mesh.sent == []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ({"phases": {"local-2": "STARTING"}}, "local-2 is STARTING the broker"),
        ({"phases": {"router-2": "FATAL"}}, "router-2 is down: FATAL"),
        ({"silent": ("master-1",)}, "master-1 is dead: READY, last heard "),
        ({"runs": {"local-1": Revisions(parse(text(7)))}}, f"local-1 runs {parse(text(7)).fingerprint}, not {parse(text(5)).fingerprint}"),
    ],
)
def test_nothing_is_sent_where_not_all_run_the_same(
    mesh: PlayedMesh, spoil: dict[str, Any], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3, and who does not, also where it would only be tried."""
    for name, value in spoil.items():
        setattr(mesh, name, mesh.runs | value if name == "runs" else value)
    mesh.pump(1_850)
    for wish in (YES, Wish(dry_run=True, reason="x")):
        assert mesh.reload(text(3), wish) == 3
        told = capsys.readouterr().err
        assert says in told
        assert "nothing has changed" in told
    assert mesh.sent == []


def test_node_that_was_never_heard_is_named(mesh: PlayedMesh, capsys: pytest.CaptureFixture[str]) -> None:
    """It might run anything."""
    mesh.silent = ("local-2",)
    del mesh.view.nodes["local-2"]
    assert mesh.reload(text(3)) == 3
    assert "local-2 was never heard\n" in capsys.readouterr().err
    assert mesh.sent == []


def test_account_that_does_not_hold_it_keeps_it_out_of_force(mesh: PlayedMesh, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is put in force, and everybody runs what ran before."""
    mesh.deaf = ("two",)
    assert mesh.reload(text(3)) == 3
    assert [type(item) for item in mesh.words] == [Revision]
    assert {each.current.fingerprint for each in mesh.runs.values()} == {mesh.config.fingerprint}
    told = capsys.readouterr().err
    assert "NOT CONFIRMED  two  no LATCHED\n" in told
    assert "NOT CONFIRMED  local-2  does not say that the change fits\n" in told
    assert told.endswith("nothing has changed: the change is not in force\n")
    assert not (mesh.state / "configurations").exists()


def test_node_that_cannot_make_it_says_why(mesh: PlayedMesh, capsys: pytest.CaptureFixture[str]) -> None:
    """All hold it, and one of them would not come to the same configuration."""
    mesh.unable["local-1"] = "leads to another one here"
    assert mesh.reload(text(3)) == 3
    assert [type(item) for item in mesh.words] == [Revision]
    assert "NOT CONFIRMED  local-1  leads to another one here\n" in capsys.readouterr().err


def test_refusal_ends_it_at_once(mesh: PlayedMesh, capsys: pytest.CaptureFixture[str]) -> None:
    """A key that may not resume may not change limits: each node says so, and nobody waits."""
    mesh.refused = "NOT_ALLOWED"
    began_ns = mesh.now_ns()
    assert mesh.reload(text(3)) == 3
    assert mesh.now_ns() - began_ns < 1_000_000_000
    assert "NOT CONFIRMED  master-1  NOT_ALLOWED issuer=operator may not resume\n" in capsys.readouterr().err


def test_account_without_the_second_word_is_told_with_what_it_means(mesh: PlayedMesh, capsys: pytest.CaptureFixture[str]) -> None:
    """In force for all others; that one opens nothing until it has it. It is kept, for it spreads, exit 3; and so again till it has it."""
    mesh.deaf, mesh.is_deaf_to = ("two",), Activation
    assert mesh.reload(text(3)) == 3
    told = capsys.readouterr()
    assert "CONFIRMED      one  change 1 in force after" in told.out
    lacks = f"NOT CONFIRMED  local-2  runs {mesh.config.fingerprint}, not {parse(text(3)).fingerprint}\n"
    assert "NOT CONFIRMED  two  no LATCHED; it opens nothing once the leave it holds has run out (3 s), until it has" in told.err
    assert lacks in told.err
    assert "is not in force everywhere yet; it spreads by itself" in told.err
    assert (mesh.state / "configurations" / "0002.json").exists()
    for item in mesh.words:
        mesh.view.live_changes[entry_id(encode(item))] = item
    assert mesh.reload(text(3)) == 3, "the file is what is in force, and one does not run it"
    assert capsys.readouterr().err == lacks


def test_second_word_that_nobody_takes_is_told_so(mesh: PlayedMesh, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is claimed of what holds then."""

    def answer(node: str, message: Msg) -> list[Msg]:
        is_second = isinstance(message, Signed) and isinstance(item_of(encode(message))[1], Activation)
        return [] if is_second else mesh.answered(node, message)

    mesh._answer = answer
    assert mesh.reload(text(3)) == 3
    told = capsys.readouterr().err
    assert "NOT CONFIRMED  master-1  has not said that it has it\n" in told
    assert told.endswith("nobody has said that change 1 is in force; look at `mesh status`, then try again\n")
    assert "opens nothing" not in told


def test_told_as_one_document(mesh: PlayedMesh, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a try, too; nobody can be asked then."""
    with pytest.raises(BadUsage, match="--json: nobody is asked"):
        mesh.reload(text(3), Wish(reason="x", as_json=True))
    assert mesh.reload(text(3), Wish(reason="x", as_json=True, dry_run=True)) == 0
    tried = json.loads(capsys.readouterr().out)
    assert (tried["dry_run"], tried["in_force"], tried["lacking"]) == (True, False, {})
    assert mesh.sent == []
    assert mesh.reload(text(3), Wish(reason="x", as_json=True, yes=True)) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["number"], told["prepared"], told["in_force"], told["issuer"]) == (1, True, True, "operator")
    assert told["changes"] == [{"key": "rails.positions_count", "before": "5", "after": "3", "how": "live"}]
    assert told["id"] == entry_id(encode(mesh.words[0])).hex()
    assert [(row["account"], row["confirmed"]) for row in told["accounts"]] == [("one", True), ("two", True)]


def by_eve(mesh: PlayedMesh) -> Revision:
    """A change that another operator has just begun."""
    runs, tight = mesh.config, parse(text(2))
    return Revision("desk", 1, time.time_ns(), 1, runs.fingerprint, tight.fingerprint, patch_of(runs, tight), "fed", "eve@desk")


def test_change_that_was_begun_while_somebody_thought_is_not_taken_back_unseen(
    mesh: PlayedMesh, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is sent then. Done once more, the number is above it, and the change that nobody put in force hinders nobody."""

    def thought(_question: str, _yes: bool) -> bool:
        if not mesh.view.live_changes:
            mesh.show(msgspec.structs.replace(by_eve(mesh), number=2))
        return True

    monkeypatch.setattr(reload, "is_confirmed", thought)
    assert mesh.reload(text(3)) == 3
    says = capsys.readouterr().err
    assert says.startswith("change 2 of eve@desk (fed) has been under way since 20")
    assert says.endswith("this command has changed nothing: see `mesh config show`, then reload again\n")
    assert mesh.sent == []
    assert mesh.reload(text(3)) == 0
    assert isinstance(mesh.words[0], Revision)
    assert mesh.words[0].number == 3


def test_nothing_is_put_in_force_by_who_does_not_see_the_mesh(
    mesh: PlayedMesh, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While somebody thought, or on the way: exit 3, what was sent is told with who lacks it, and one document for programs."""
    pump, why = mesh.pump, "no router shows all it knows, so nobody can tell whether somebody else makes a change, too"

    def blind(limit_ms: int) -> list[tuple[str, Msg]]:
        mesh.is_seeing = not mesh.words
        return pump(limit_ms)

    mesh.deaf, mesh.pump = ("two",), blind
    assert mesh.reload(text(3)) == 3
    says = capsys.readouterr().err
    assert "NOT CONFIRMED  two  no LATCHED\n" in says
    assert f"{why}; this command has changed nothing" in says
    assert [type(item) for item in mesh.words] == [Revision]
    mesh.pump = pump
    mesh.words.clear()
    mesh.is_seeing = True
    monkeypatch.setattr(reload, "is_confirmed", lambda *_: setattr(mesh, "is_seeing", False) is None)
    assert mesh.reload(text(3), Wish(yes=True, reason="x", as_json=True)) == 3
    assert json.loads(capsys.readouterr().out)["rival"] == why
    assert mesh.words == []


@pytest.mark.parametrize("is_in_force", [False, True])
def test_change_of_somebody_else_that_came_in_between_keeps_this_one_out_of_force(
    mesh: PlayedMesh, is_in_force: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is there when all nodes have this one: of equal numbers the higher id goes on, and the second word is never sent, exit 3."""
    other = msgspec.structs.replace(by_eve(mesh), number=1 if is_in_force else 2)
    fits = mesh.runs["local-1"]

    def shown_then(limit_ms: int) -> list[tuple[str, Msg]]:
        coming = pump(limit_ms)
        if mesh.words and fits.prepared.endswith(" fits") and not any(item is other for item in mesh.view.live_changes.values()):
            key = entry_id(encode(other))
            mesh.view.live_changes[key] = other
            if is_in_force:
                mesh.view.live_changes[b"y" * 32] = Activation("desk", 2, 6, key, "fed")
        return coming

    pump, mesh.pump = mesh.pump, shown_then
    assert mesh.reload(text(3), Wish(yes=True, reason="x", as_json=True)) == 3
    assert [type(item) for item in mesh.words] == [Revision]
    said = json.loads(capsys.readouterr().out)
    assert (said["prepared"], said["in_force"]) == (True, False)
    assert said["rival"].startswith("somebody has changed what runs meanwhile" if is_in_force else "change 2 of eve@desk")


def test_reason_is_needed(mesh: PlayedMesh) -> None:
    """It is kept for ever with what was changed."""
    with pytest.raises(BadUsage, match="--reason: say why the configuration changes"):
        mesh.reload(text(3), Wish(yes=True, reason="  "))


def test_without_the_live_changes_nothing_is_known(mesh: PlayedMesh) -> None:
    """A router that has not shown its whole set may leave out the newest."""
    mesh.is_seeing = False
    with pytest.raises(NoMesh, match="which live changes are in force is not known"):
        mesh.reload(text(3))


def test_from_another_desk_files_of_hosts_stay(
    mesh: PlayedMesh, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no ``mesh up`` runs there is no place to keep it; what older files mean is said."""
    monkeypatch.setattr(reload, "find", lambda _path: (mesh.config, None))
    assert mesh.reload(text(3)) == 0
    assert "files of hosts are older now, which does no harm" in capsys.readouterr().out
    assert list(mesh.state.iterdir()) == []
