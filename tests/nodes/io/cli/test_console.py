"""``mesh console``: which mesh, which routers, which key; where it opens, and who could reach it in a browser."""

import asyncio
import errno
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from textual_serve.server import Server

from mesh.config import parse
from mesh.errors import BadConfig, BadUsage, NoMesh, PortInUse
from mesh.io.clock import monotonic_ns
from nodes.io.cli import console as consoles
from nodes.io.cli import webconsole
from nodes.io.cli.app import main
from nodes.io.cli.console import DRIVER, WATCHING, check_terminal, only_watches, run_console
from nodes.io.cli.hands import MeshHands
from nodes.io.cli.webconsole import is_own_page, serve_console, url_of, warning_of
from nodes.io.keymaking import make_keys
from nodes.io.locate import demo_text
from tui.hands import Unable

CONFIG = parse(demo_text())


class Opened:
    """What was opened in place of a console."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_terminal: bool = True) -> None:
        self.path = tmp_path / "mesh.toml"
        self.path.write_text(demo_text(), encoding="utf-8")
        self.state = tmp_path / "state"
        self.routers: dict[str, str] = {}
        self.hands: MeshHands | None = None
        self.return_code = None
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        monkeypatch.delenv("MESH_CONFIG", raising=False)
        monkeypatch.delenv(DRIVER, raising=False)
        monkeypatch.setattr("nodes.io.cli.stops.default_state", lambda _given: self.state)
        monkeypatch.setenv("MESH_KEYS", str(self.state / "keys"))
        for stream in (sys.stdin, sys.stdout):
            monkeypatch.setattr(stream, "isatty", lambda: is_terminal)
        monkeypatch.setitem(sys.modules, "tui.app", SimpleNamespace(Console=self))

    def __call__(self, config: Any, routers: dict[str, str], hands: MeshHands, now_ns: Callable[[], int], feed: Any, ends: str) -> "Opened":
        assert now_ns is monotonic_ns, "ages go on while a host sleeps"
        self.config, self.routers, self.hands = config, routers, hands
        feed.stop()
        return self

    def run(self) -> None:
        """The operator quits at once."""

    def open(self, *routers: str, watch_only: bool = False, key: Path | None = None) -> int:
        return run_console(self.path, list(routers), watch_only, key, False, "127.0.0.1", 7480)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Opened:
    return Opened(monkeypatch, tmp_path)


# on a terminal


@pytest.mark.wire
def test_console_of_the_mesh_that_is_named_listens_to_its_routers(opened: Opened) -> None:
    """All of them, or those that are named; one that is none is refused with those there are."""
    make_keys(CONFIG, opened.state)
    assert opened.open() == 0
    assert opened.routers == {name: CONFIG.endpoint(name, "front") for name in CONFIG.nodes_of("router")}
    assert opened.config.fingerprint == CONFIG.fingerprint
    assert opened.open("router-2", "router-2") == 0
    assert list(opened.routers) == ["router-2"]
    with pytest.raises(BadUsage, match="--router nosuch: there is no such router; there are: router-1, router-2"):
        opened.open("nosuch")


@pytest.mark.wire
def test_console_with_a_key_acts_and_leaves_the_mesh_at_its_end(opened: Opened) -> None:
    """Nothing of it stays when it has been quit."""
    make_keys(CONFIG, opened.state)
    opened.open()
    assert opened.hands is not None
    assert opened.hands.why_not == ""
    assert opened.hands._freezer is not None
    assert not opened.hands._freezer._thread.is_alive()


def test_console_without_a_key_watches_and_says_why(opened: Opened) -> None:
    """It opens all the same; what may not be done says what to do about it."""
    make_keys(CONFIG, opened.state)
    for watch_only, key, why in ((False, Path("nosuch.key"), "nosuch.key: this private key cannot be read"), (True, None, WATCHING)):
        assert opened.open(watch_only=watch_only, key=key) == 0
        assert opened.hands is not None
        assert opened.hands.why_not.startswith(why)
        with pytest.raises(Unable, match=why):
            opened.hands.freeze_all(lambda progress: None)


def test_console_where_no_mesh_is_known_is_refused(opened: Opened) -> None:
    """As every verb is."""
    opened.path.unlink()
    with pytest.raises(NoMesh, match="no mesh is known"):
        run_console(None, [], False, None, False, "127.0.0.1", 7480)


def test_console_needs_a_terminal_unless_a_browser_shows_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What there is without one is named."""
    opened = Opened(monkeypatch, tmp_path, is_terminal=False)
    with pytest.raises(BadUsage, match="needs a terminal; without one: mesh status --watch, mesh status --json"):
        opened.open()
    monkeypatch.setenv(DRIVER, "textual.drivers.web_driver:WebDriver")
    check_terminal()


@pytest.mark.parametrize(
    ("watch", "serve", "act", "watches"),
    [
        (False, False, False, False),
        (True, False, False, True),
        (False, True, False, True),
        (False, True, True, False),
        (True, True, False, True),
    ],
)
def test_browsers_only_look_unless_they_are_let_act(watch: bool, serve: bool, act: bool, watches: bool) -> None:
    """A terminal acts unless it is to look only."""
    assert only_watches(watch, serve, act) == watches


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--act"], "--act: it lets browsers act, so it goes with --serve"), (["--watch", "--serve", "--act"], "--watch and --act")],
)
def test_options_that_contradict_each_other_are_refused(
    words: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, exit 2."""
    monkeypatch.setattr(sys, "argv", ["mesh", "console", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_verb_hands_its_options_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, and the exit code back."""
    given: list[Any] = []
    monkeypatch.setattr(consoles, "run_console", lambda *options: (given.extend(options), 7)[1])
    words = "mesh console --config a.toml --router r1 --router r2 --key b.key --serve --act --host ::1 --port 7000"
    monkeypatch.setattr(sys, "argv", shlex.split(words))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 7
    assert given == [Path("a.toml"), ["r1", "r2"], False, Path("b.key"), True, "::1", 7000]


# in a browser


class Served:
    """What textual-serve was to serve; ``error``: what became of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: OSError | None = None) -> None:
        self.servers: list[Server] = []

        def serve(server: Server) -> None:
            self.servers.append(server)
            if error is not None:
                raise error

        monkeypatch.setattr(Server, "serve", serve)

    def words(self) -> list[str]:
        return shlex.split(self.servers[-1].command)


def test_each_tab_is_a_console_of_this_mesh_that_only_looks(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever mesh is started meanwhile; with --act it gets the key, and it is said where it listens and what it can."""
    served = Served(monkeypatch)
    start = [sys.executable, "-m", "nodes.io.cli", "console", "--config", str(opened.path)]
    assert run_console(None, ["router-2"], True, Path("a.key"), True, "127.0.0.1", 7480) == 0
    assert served.words() == [*start, "--watch", "--router", "router-2"]
    assert capsys.readouterr().out == "the console listens at http://127.0.0.1:7480 and looks only; Ctrl-C ends it\n"
    assert run_console(None, [], False, Path("a.key"), True, "127.0.0.1", 7480) == 0
    assert served.words() == [*start, "--key", str(opened.path.parent / "a.key")]
    told = capsys.readouterr()
    assert (told.out.count("can stop and trade"), told.err) == (1, "")
    server = served.servers[-1]
    assert (server.host, server.port, server.title, server.public_url) == ("127.0.0.1", 7480, "trademesh", "http://127.0.0.1:7480")


@pytest.mark.parametrize(
    ("watch_only", "can"), [(True, "sees the accounts:"), (False, "sees the accounts, can stop them and trade on them:")]
)
def test_who_listens_beyond_this_machine_is_warned(
    watch_only: bool, can: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who sees what, that nothing protects it, and what to do instead."""
    Served(monkeypatch)
    assert serve_console(["mesh"], "192.0.2.7", 7480, watch_only) == 0
    err = capsys.readouterr().err
    assert err.startswith("mesh: WARNING: --host 192.0.2.7: everybody who reaches port 7480 ")
    assert can in err
    assert "no password and no encryption" in err
    assert "ssh -L 7480:127.0.0.1:7480" in err
    assert [warning_of(host, 7480, watch_only) for host in ("127.0.0.1", "127.8.8.8", "localhost", "::1")] == [""] * 4
    assert all(warning_of(host, 7480, watch_only) for host in ("0.0.0.0", "::", "desk.example", "10.0.0.1"))


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EADDRINUSE, PortInUse, "port 7480 of 127.0.0.1 is in use by .*; give another --port"),
        (errno.EADDRNOTAVAIL, BadConfig, "cannot listen at 127.0.0.1, port 7480: gone"),
    ],
)
def test_address_that_cannot_be_had_is_said(number: int, kind: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has the port, or what is wrong with the address."""
    Served(monkeypatch, OSError(number, "gone"))
    with pytest.raises(kind, match=words):
        serve_console(["mesh"], "127.0.0.1", 7480, True)


@pytest.mark.parametrize(
    ("origin", "asked", "is_own"),
    [
        ("http://127.0.0.1:7480", "127.0.0.1:7480", True),
        ("http://localhost:9000", "localhost:9000", True),
        ("http://[::1]:7480", "[::1]:7480", True),
        ("http://127.0.0.1:8000", "127.0.0.1:7480", False),
        ("https://127.0.0.1:7480", "127.0.0.1:7480", False),
        ("http://evil.example:7480", "127.0.0.1:7480", False),
        ("http://evil.example:7480", "evil.example:7480", False),
        ("http://192.0.2.7:7480", "192.0.2.7:7480", False),
        ("null", "127.0.0.1:7480", False),
        ("", "127.0.0.1:7480", False),
        ("http://", "", False),
    ],
)
def test_page_of_somebody_else_opens_no_console(origin: str, asked: str, is_own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser of an operator would let any page on the net connect to his own machine, and a name may point to it."""
    assert is_own_page(origin, asked, "127.0.0.1") == is_own
    served = Served(monkeypatch)
    serve_console(["mesh"], "127.0.0.1", 7480, False)

    async def shown(_server: Server, _request: Any) -> str:
        return "a console"

    monkeypatch.setattr(Server, "handle_websocket", shown)
    request: Any = SimpleNamespace(headers={"Origin": origin} if origin else {}, host=asked)
    if is_own:
        assert asyncio.run(served.servers[0].handle_websocket(request)) == "a console"
    else:
        with pytest.raises(web.HTTPForbidden):
            asyncio.run(served.servers[0].handle_websocket(request))


def test_page_finds_its_console_under_the_name_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a tunnel it is another port than the one that is listened at."""
    served = Served(monkeypatch)
    serve_console(["mesh"], "127.0.0.1", 7480, True)

    async def shown(server: Server, _request: Any) -> str:
        return server.public_url

    monkeypatch.setattr(Server, "handle_index", shown)
    request: Any = SimpleNamespace(host="localhost:9000")
    assert asyncio.run(served.servers[0].handle_index(request)) == "http://localhost:9000"


def test_machine_that_others_reach_is_known_by_its_address_or_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """By no other name: somebody else may have had it point here."""
    monkeypatch.setattr(webconsole.socket, "gethostname", lambda: "desk")
    for asked, is_own in (("192.0.2.7:7480", True), ("desk:7480", True), ("desk.example:7480", True), ("evil.example:7480", False)):
        assert is_own_page(f"http://{asked}", asked, "desk.example") == is_own
    assert not is_own_page("http://192.0.2.9:7480", "192.0.2.7:7480", "0.0.0.0")
    assert [url_of(host, 7480) for host in ("0.0.0.0", "::", "::1")] == ["http://desk:7480", "http://desk:7480", "http://[::1]:7480"]


def test_command_line_is_of_this_systems_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path with a blank stays one word."""
    assert shlex.split(webconsole.command_line(["mesh", "a b"])) == ["mesh", "a b"]
    monkeypatch.setattr(webconsole.sys, "platform", "win32")
    assert webconsole.command_line(["mesh", "a b"]) == 'mesh "a b"'
