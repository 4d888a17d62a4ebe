"""``mesh up``: from wishes to a running mesh, and from its end to a summary.

Start: read and check everything, write the run's effective configuration, start supervisord, watch. End (Ctrl-C, SIGTERM,
the end of the feed, ``--for``): stop the feed, let what is in flight come home (5 s at most), stop every process, merge the
events, print the summary and what to try next.
"""

import errno
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress, TaskID

from mesh.config import Config, configured, parse
from mesh.errors import BadConfig
from mesh.io.ports import holder_of
from mesh.links import LINKS
from mesh.settings import Settings
from nodes.io.cli import screen
from nodes.io.cli.client import Client
from nodes.io.cli.summary import print_summary, summarise, write_summary
from nodes.io.fleet import Fleet, FleetDown
from nodes.io.locate import default_state, demo_text, given, load, remember, running_now, write_effective
from nodes.io.recording import Recording, read_recording
from nodes.io.statedir import StateDirectory

DRAIN_S = 5.0
LOOK_S = 1.0
"""How often supervisord is asked for processes that stay down."""
STOP_S = 8.0
NEEDED_ROLES = {"market", "broker", "indicator", "signals", "master"}
"""Without one of them nothing is decided or executed."""
SETTLE_S = 1.5
"""After the feed's end: one more snapshot, so that the last numbers shown are those after the last trade."""


class Wishes(msgspec.Struct, frozen=True):
    """The options of ``mesh up``."""

    config: Path | None = None
    feeds: tuple[str, ...] = ()
    speed: str | None = None
    for_s: float | None = None
    state: Path | None = None
    summary: Path | None = None
    events: Path | None = None
    strict: bool = False


class Ending:
    """Why and when the run is to end; signals only set it."""

    def __init__(self) -> None:
        self.reason = ""
        self.exit_code = 0
        self.down: dict[str, str] = {}
        """Processes that stay down, with their last words; the others go on."""

    def ask(self, reason: str, exit_code: int = 0) -> None:
        """Remember the first reason."""
        if not self.reason:
            self.reason, self.exit_code = reason, exit_code

    def on_signal(self, number: int, _frame: object) -> None:
        """Ctrl-C, or SIGTERM from ``mesh down``."""
        self.ask("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)


def run_up(wishes: Wishes) -> int:
    """Run a mesh from start to summary; the exit code."""
    config, named = effective_config(wishes)
    check_feeds(config)
    check_ports(config)
    check_outputs(wishes)
    recording = read_feeds(config) if config.settings.market.feeds else None
    state = state_directory(wishes, named)
    try:
        if recording is not None:
            config = with_digits(config, recording)
        return _run(config, recording, state.path, wishes)
    finally:
        state.close()


def _run(config: Config, recording: Recording | None, state: Path, wishes: Wishes) -> int:
    ending = Ending()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ending.on_signal)
    fleet = Fleet(config, state)
    try:
        if recording is not None:
            recording.save(state)
        effective = write_effective(config, state)
        fleet.write_conf(effective, events=wishes.events is not None)
    except OSError as error:
        raise BadConfig(f"--state {state}: cannot be written: {error}; free its disk, or give another --state") from None
    client = Client(config)
    try:
        note(config, effective, state, wishes)  # first, so that `mesh down` finds it from the first moment
        fleet.start()
        watch(config, fleet, client, ending, wishes)
        drain(config, fleet, client)
    finally:
        fleet.shutdown()
        client.close()
    document = summarise(config, state, client.view, ending.reason, ending.down)
    events = written(wishes.events, partial(merge, state))
    summary = written(wishes.summary, partial(write_summary, document))
    print_summary(document, events, summary)
    if ending.exit_code or document["problem"]:
        return ending.exit_code or BadConfig.exit_code
    is_all_written = (events, summary) == (wishes.events, wishes.summary)
    return 0 if document["adds_up"] and not document["down"] and is_all_written else 1


def written(path: Path | None, write: Callable[[Path], None]) -> Path | None:
    """Write a file of the end; where that fails it is said, and there is none."""
    if path is None:
        return None
    try:
        write(path)
    except OSError as error:
        print(f"mesh: {path} cannot be written: {error.strerror}; free its disk; what happened is kept in the state", file=sys.stderr)
        return None
    return path


def note(config: Config, effective: Path, state: Path, wishes: Wishes) -> None:
    """Tell later commands of this user what runs; where that cannot be written, they need ``--config``."""
    path = given(wishes.config)
    try:
        remember(running_now(effective, path, config.settings.mesh.id, state))
    except OSError as error:
        print(f"mesh: cannot leave a note for other commands: {error}; give them --config {effective}", file=sys.stderr)


def effective_config(wishes: Wishes) -> tuple[Config, bool]:
    """The configuration with the wishes applied, and whether a file was named. Raises BadConfig."""
    path = given(wishes.config)
    config = load(path) if path is not None else parse(demo_text())
    settings = config.settings
    if wishes.feeds:
        settings = _with_feeds(settings, wishes)
    if wishes.strict:
        settings = msgspec.structs.replace(settings, market=msgspec.structs.replace(settings.market, strict=True))
    if wishes.speed is not None:
        settings = _with_speed(settings, wishes.speed)
    return configured(settings), path is not None


def _with_feeds(settings: Settings, wishes: Wishes) -> Settings:
    from nodes.io.feedspec import parse_feed_spec

    specs = [parse_feed_spec(text) for text in wishes.feeds]
    market = msgspec.structs.replace(
        settings.market,
        feeds=[spec.text() for spec in specs],
        symbols=tuple(dict.fromkeys(spec.symbol for spec in specs)),
        speed=None if wishes.speed == "max" else settings.market.speed if wishes.config else 1,
    )
    return msgspec.structs.replace(settings, market=market)


def _with_speed(settings: Settings, word: str) -> Settings:
    try:
        plain = msgspec.to_builtins(settings.market) | {"speed": None if word == "max" else word}
        market = msgspec.convert(plain, type(settings.market), strict=False)
    except msgspec.ValidationError as error:
        raise BadConfig(f"--speed {word}: {error}; a number above 0, or max, is allowed") from None
    return msgspec.structs.replace(settings, market=market)


def check_feeds(config: Config) -> None:
    """Every feed file is there, every symbol has contract data. Raises BadConfig naming what is missing."""
    from nodes.contracts import contract_of

    for symbol in config.settings.market.symbols:
        if symbol not in config.settings.symbol and contract_of(symbol) is None:
            raise BadConfig(
                f"symbol {symbol}: no contract data is known; add a section [symbol.{symbol}] with "
                "digits, contract_size, base and profit to the configuration"
            )


def check_ports(config: Config) -> None:
    """Every port the mesh listens on here is free. Raises BadConfig naming the port and who holds it."""
    for name, node in config.node.items():
        for link in LINKS.values():
            if link.bind_role != node.role:
                continue
            host, _, port = config.endpoint(name, link.name).removeprefix("tcp://").rpartition(":")
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host.strip("[]"), int(port)))
                except OSError as error:
                    raise BadConfig(_why_not(name, host, int(port), error)) from None


def _why_not(name: str, host: str, port: int, error: OSError) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"node.{name}.host = {host}: cannot listen there: {error.strerror}"
    return (
        f"node.{name}: port {port} is in use by {holder_of(port)}; end it (`mesh down`), "
        "or set another mesh.base_port or the node's port"
    )


def read_feeds(config: Config) -> Recording:
    """Read the feed files, with progress on a terminal, and say what was guessed and what was wrong with rows."""
    out = Console(stderr=True, highlight=False)
    with Progress(*Progress.get_default_columns(), console=out, transient=True, disable=not out.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def told(file: str, done: int, total: int) -> None:
            if file not in tasks:
                tasks[file] = bar.add_task(f"reading {file}", total=total)
            bar.update(tasks[file], completed=done)

        recording = read_recording(config, told)
    for line in recording.about.lines:
        out.print(line, soft_wrap=True)
    return recording


def with_digits(config: Config, recording: Recording) -> Config:
    """The configuration with the decimals found in the feeds; what the file says stands."""
    market = config.settings.market
    digits = {**recording.about.digits, **market.digits}
    return configured(msgspec.structs.replace(config.settings, market=msgspec.structs.replace(market, digits=digits)))


def state_directory(wishes: Wishes, named: bool) -> StateDirectory:
    """Where this run keeps its state: the one named (resumed), else a fresh one in the default place."""
    if wishes.state is not None:
        return StateDirectory(wishes.state, is_fresh=False)
    return StateDirectory(default_state(named), is_fresh=True)


def check_outputs(wishes: Wishes) -> None:
    """The files that are written at the end can be. Raises BadConfig: an hour later would be late."""
    for option, path in (("--summary", wishes.summary), ("--events", wishes.events)):
        if path is None:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("ab").close()
        except OSError as error:
            raise BadConfig(f"{option} {path}: cannot be written: {error.strerror}; name another file") from None


def watch(config: Config, fleet: Fleet, client: Client, ending: Ending, wishes: Wishes) -> None:
    """Show the mesh until something ends it."""
    started_s = time.monotonic()
    show = screen.of(sys.stdout, config, client)
    looked_s = 0.0
    with show:
        while not ending.reason:
            client.pump(100)
            elapsed_s = time.monotonic() - started_s
            if wishes.for_s is not None and elapsed_s >= wishes.for_s:
                ending.ask(f"--for {wishes.for_s:g}")
            if is_done(config, client):
                ending.ask("end of the feed")
            if not fleet.alive():
                ending.ask(f"the end of supervisord: {fleet.last_words()}", 1)
            if elapsed_s >= looked_s + LOOK_S:
                looked_s = elapsed_s
                look_for_dead(config, fleet, client, ending, show)
            show.update(elapsed_s)
        if ending.reason == "end of the feed":
            client.pump_for(SETTLE_S)
            show.update(time.monotonic() - started_s)


def look_for_dead(config: Config, fleet: Fleet, client: Client, ending: Ending, show: screen.Screen) -> None:
    """Processes that will not come back by themselves. Before the market has opened it never will without those all need.

    Later the rest goes on: closes, stops and local management must not end with one node.
    """
    market = client.view.nodes.get(config.nodes_of("market")[0])
    is_open = market is not None and market[1].phase in ("READY", "DONE")
    try:
        fatal = fatal_processes(fleet)
    except FleetDown:
        return  # not up yet, or ended: the watch sees that itself
    # What an operator repaired and started again is down no longer.
    ending.down = {process: words for process, words in ending.down.items() if process in fatal}
    for process, code in fatal.items():
        if process in ending.down:
            continue
        words = f"{process} exited {code} and stays down: {last_words(fleet.state, process)}"
        ending.down[process] = words
        show.tell(words)
        roles = {config.role_of(node) for node in fleet.processes()[process]}
        if not is_open and roles & NEEDED_ROLES:
            ending.ask(words, code)


def is_done(config: Config, client: Client) -> bool:
    """Whether the market says that all is played and settled."""
    seen = client.view.nodes.get(config.nodes_of("market")[0])
    return seen is not None and seen[1].phase == "DONE"


def fatal_processes(fleet: Fleet) -> dict[str, int]:
    """Processes that will not come back by themselves, and their exit codes. Raises FleetDown."""
    return {
        process.name: process.exit_code or 1
        for process in fleet.states()
        if process.state == "FATAL" or (process.state == "EXITED" and process.exit_code in (70, 78))
    }


def last_words(state: Path, process: str) -> str:
    """The last line a process wrote."""
    try:
        lines = (state / "log" / f"{process}.out").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return "no output"
    return lines[-1] if lines else "no output"


def drain(config: Config, fleet: Fleet, client: Client) -> None:
    """Stop the feed, wait for open lines (5 s at most), then stop the rest in order."""
    if not fleet.alive():
        return
    with suppress(FleetDown):  # it may end at any moment: then there is nothing left to stop
        _drain(config, fleet, client)


def _drain(config: Config, fleet: Fleet, client: Client) -> None:
    groups = fleet.stop_groups()
    fleet.stop(groups[0])
    _until(lambda: _stopped(fleet, groups[0]), client, STOP_S)
    _until(lambda: open_lines(config, client) == 0, client, DRAIN_S)
    client.pump_for(0.3)
    for group in groups[1:]:
        fleet.stop(group)
        _until(partial(_stopped, fleet, group), client, STOP_S)


def open_lines(config: Config, client: Client) -> int:
    """Lines the master says are not terminal yet."""
    seen = client.view.nodes.get(config.nodes_of("master")[0])
    return int(seen[1].facts.get("open_lines", "0")) if seen else 0


def _stopped(fleet: Fleet, names: list[str]) -> bool:
    states = {process.name: process.state for process in fleet.states()}
    return all(states.get(name) in ("STOPPED", "EXITED", "FATAL", None) for name in names)


def _until(done: Callable[[], bool], client: Client, limit_s: float) -> bool:
    end_s = time.monotonic() + limit_s
    while not done():
        if time.monotonic() >= end_s:
            return False
        client.pump(50)
    return True


def merge(state: Path, out: Path) -> None:
    """All nodes' event files as one, ordered by market time, sid, stage."""
    from mesh.io.eventfile import merge_events

    merge_events(sorted((state / "events").glob("*.jsonl")), out)
