"""``mesh up``: from wishes to a running mesh, and from its end to a summary.

Start: read and check everything, write the run's effective configuration, start supervisord, watch. End (Ctrl-C, SIGTERM,
the end of the feed, ``--for``): stop the feed, let what is in flight come home (timers.drain_ms at most), stop every process, merge the
events, print the summary and what to try next.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress, TaskID

from mesh.config import Config, configured
from mesh.errors import BadConfig
from mesh.io.ports import holder_of, is_free, outgoing_ports
from mesh.links import LINKS
from nodes.io.cli import screen
from nodes.io.cli.client import Client
from nodes.io.cli.consolerun import run_on_console
from nodes.io.cli.grid import cell
from nodes.io.cli.plaintext import say
from nodes.io.cli.summary import print_summary, summarise, write_summary
from nodes.io.cli.watching import Ending, Run
from nodes.io.cli.wishes import Wishes, check_wishes, effective_config
from nodes.io.fleet import Fleet
from nodes.io.keymaking import make_keys
from nodes.io.livespec import is_live
from nodes.io.locate import Running, default_state, given, load, notes, remember, running_now, write_effective
from nodes.io.recording import Recording, read_recording
from nodes.io.statedir import StateDirectory
from nodes.io.tuning import warnings_of


def run_up(wishes: Wishes) -> int:
    """Run a mesh from start to summary; the exit code."""
    check_wishes(wishes)
    config, named = effective_config(wishes)
    check_ports(config)
    for line in warnings_of(config):
        say(f"mesh: {line}", sys.stderr)
    feeds = config.settings.market.feeds
    recording = read_feeds(config) if feeds and not is_live(feeds) else None
    state = state_directory(wishes, named)
    try:
        if recording is not None:
            config = with_digits(config, recording)
        return _run(config, recording, state.path, wishes)
    finally:
        state.close()


def _run(config: Config, recording: Recording | None, state: Path, wishes: Wishes) -> int:
    ending = Ending()
    ending.listen()
    fleet = Fleet(config, state)
    try:
        if recording is not None:
            recording.save(state)
        effective = write_effective(config, state)
        fleet.write_conf(effective, events=wishes.events is not None)
        make_keys(config, state)
    except OSError as error:
        raise BadConfig(f"--state {state}: cannot be written: {error}; free its disk, or give another --state") from None
    client = Client(config, state)
    try:
        note(config, effective, state, wishes)  # first, so that `mesh down` finds it from the first moment
        fleet.start()
        run = Run(config, fleet, client, ending)
        if wishes.console and sys.stdin.isatty() and sys.stdout.isatty():
            run_on_console(run, ending, config, state, wishes.for_s)
        else:
            run.watch(wishes.for_s, screen.of(sys.stdout, config, client))
        run.drain()
    finally:
        fleet.shutdown()
        client.close()
    document = summarise(config, state, client.view, ending.reason, run.roll.down, recording.about if recording is not None else None)
    events = written(wishes.events, partial(merge, state))
    summary = written(wishes.summary, partial(write_summary, document))
    with suppress(SystemExit):  # rich's answer where nobody reads any more (the reader got the same Ctrl-C)
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
        say(f"mesh: {path} cannot be written: {error.strerror}; free its disk; what happened is kept in the state", sys.stderr)
        return None
    return path


def note(config: Config, effective: Path, state: Path, wishes: Wishes) -> None:
    """Tell later commands of this user what runs; where that cannot be written, they need ``--config``."""
    path = given(wishes.config)
    try:
        remember(running_now(effective, path, config.settings.mesh.id, state))
    except OSError as error:
        say(f"mesh: cannot leave a note for other commands: {error}; give them --config {effective}", sys.stderr)


def listened(config: Config) -> Iterator[tuple[str, str, int]]:
    """(node, host, port) of every link the mesh listens on here."""
    for name, node in config.node.items():
        for link in LINKS.values():
            if link.bind_role == node.role:
                host, _, port = config.endpoint(name, link.name).removeprefix("tcp://").rpartition(":")
                yield name, host.strip("[]"), int(port)


def check_ports(config: Config) -> None:
    """Every port the mesh listens on here is free. Raises BadConfig naming the port, who holds it, and what to do."""
    shared = outgoing_ports()
    risky = [port for _, _, port in listened(config) if port in shared]
    if risky:
        say(
            f"mesh: ports {min(risky)} to {max(risky)} are among those that the system gives to outgoing connections "
            f"({min(shared)} to {max(shared)}): a node may find its own taken and has to wait for it; choose mesh.base_port below "
            f"{min(shared)}, or reserve them in net.ipv4.ip_local_reserved_ports",
            sys.stderr,
        )
    for name, host, port in listened(config):
        try:
            if not is_free(host, port):
                raise BadConfig(_in_use(name, port))
        except OSError as error:
            raise BadConfig(f"node.{name}.host = {host}: cannot listen there: {error.strerror}") from None


def _in_use(name: str, port: int) -> str:
    ours = next((running for running in notes() if running.is_alive() and _listens_on(running, port)), None)
    end = f"end that mesh with `{ours.command('down')}`" if ours else "end it"
    return (
        f"node.{name}: port {port} is in use by {holder_of(port)}; {end}, or choose other ports: mesh.base_port in the configuration "
        "(`mesh init DIR` writes one)"
    )


def _listens_on(running: Running, port: int) -> bool:
    try:
        return port in {taken for _, _, taken in listened(load(Path(running.config)))}
    except BadConfig:
        return False


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
        out.print(cell(line), soft_wrap=True)
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


def merge(state: Path, out: Path) -> None:
    """All nodes' event files as one, ordered by market time, sid, stage."""
    from mesh.io.eventfile import merge_events

    merge_events(sorted((state / "events").glob("*.jsonl")), out)
