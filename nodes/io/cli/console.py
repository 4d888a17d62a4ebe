"""``mesh console``: finds the mesh, lends the console its hands, and opens it on this terminal, or for browsers."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mesh import links
from mesh.config import Config
from mesh.errors import BadConfig, BadUsage
from mesh.io.clock import monotonic_ns
from mesh.keyring import Signer
from nodes.io.cli.hands import MeshHands
from nodes.io.cli.stops import signer_here
from nodes.io.cli.webconsole import serve_console
from nodes.io.doorfiles import client_door
from nodes.io.locate import Running, find, given

if TYPE_CHECKING:
    from tui.app import Console

WATCHING = "it was opened with --watch; a console without that acts, too"
DRIVER = "TEXTUAL_DRIVER"
"""Set by what serves a console to a browser: the process has pipes then, and no terminal."""


def run_console(config_path: Path | None, routers: list[str], watch_only: bool, key: Path | None, serve: bool, host: str, port: int) -> int:
    """``mesh console``: 0 when the operator has quit it. ``routers``: those it listens to, none: all.

    Raises BadUsage for a router there is not or where there is no terminal, NoMesh, BadConfig, PortInUse.
    """
    config, running = find(config_path)
    chosen = check_routers(config, routers)
    if serve:
        named = given(config_path)
        path = named.resolve() if named is not None else Path(running.config if running is not None else "")
        return serve_console(tab_words(path, routers, watch_only, key), host, port, watch_only)
    check_terminal()
    signer, why_not = key_of(config, running, config_path, key, watch_only)
    hands = MeshHands(config, signer, why_not)
    try:
        return open_console(config, chosen, hands)
    finally:
        hands.leave()


def open_console(config: Config, routers: list[str], hands: MeshHands) -> int:
    """The console on this terminal, until it is quit."""
    app = console_of(config, routers, hands)
    app.run()
    return app.return_code or 0


def console_of(config: Config, routers: list[str], hands: MeshHands, ends: str = "") -> "Console":
    """A console of these routers. Its ages are on the clock that goes on while a host sleeps: what is old by then is shown as old.

    ``ends``: what ends with it, where something does.
    """
    from tui.app import Console
    from tui.feed import Feed

    endpoints = {name: config.endpoint(name, links.FRONT) for name in routers}
    door = client_door(config)
    feed = Feed(endpoints, monotonic_ns, {name: door.way(name) for name in routers} if door is not None else None)
    return Console(config, endpoints, hands, now_ns=monotonic_ns, feed=feed, ends=ends)


def key_of(
    config: Config, running: Running | None, config_path: Path | None, key: Path | None, watch_only: bool
) -> tuple[Signer | None, str]:
    """The key the console signs with; None where there is none to be had, and why. A console that cannot act can still look."""
    if watch_only:
        return None, WATCHING
    try:
        return signer_here(config, running, config_path, key), ""
    except BadConfig as error:
        return None, str(error)


def tab_words(config: Path, routers: list[str], watch_only: bool, key: Path | None) -> list[str]:
    """The command line of one browser tab's console: of this mesh and no other, whatever is started meanwhile."""
    named = [word for name in routers for word in ("--router", name)]
    signing = ["--key", str(key.resolve())] if key is not None and not watch_only else []
    watching = ["--watch"] if watch_only else []
    return [sys.executable, "-m", "nodes.io.cli", "console", "--config", str(config), *watching, *signing, *named]


# words


def check_routers(config: Config, names: list[str]) -> list[str]:
    """Routers the console listens to, all where none is named. Raises BadUsage naming those there are."""
    known = config.nodes_of("router")
    for name in names:
        if name not in known:
            raise BadUsage(f"--router {name}: there is no such router; there are: {', '.join(known)}")
    return list(dict.fromkeys(names)) or list(known)


def only_watches(watch: bool, serve: bool, act: bool) -> bool:
    """Whether it is to watch only: as --watch says, and in browsers unless --act says otherwise. Raises BadUsage for both."""
    if act and watch:
        raise BadUsage("--watch and --act: it either only looks or may act; leave one of them out")
    if act and not serve:
        raise BadUsage("--act: it lets browsers act, so it goes with --serve; on a terminal the console acts unless --watch is given")
    return watch or (serve and not act)


def check_terminal() -> None:
    """Raises BadUsage where nobody could see the console or press a key."""
    if os.environ.get(DRIVER) or (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    raise BadUsage("the console needs a terminal; without one: mesh status --watch, mesh status --json, or, for a browser, --serve")
