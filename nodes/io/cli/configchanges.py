"""What a file changes of the mesh that runs, and what it takes: ``mesh config diff``, ``config apply`` and ``reload`` begin with it.

What runs is the file that nodes were started with and the live changes that routers show (``mesh.revisions``).
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from mesh.config import Config, configured
from mesh.configdiff import ANEW, LIVE, ONE_BY_ONE, TOGETHER, Change
from mesh.errors import BadConfig, NoMesh
from mesh.revisions import Revisions
from mesh.view import View
from nodes.io.cli.client import Client
from nodes.io.cli.grid import Column, console, grid
from nodes.io.cli.plaintext import say
from nodes.io.locate import load

COLUMNS = (
    Column("key", "key"),
    Column("before", "before", least_columns=8),
    Column("after", "after", least_columns=8),
    Column("how", "how"),
)
DO = {
    ANEW: "these make another mesh of it: begin one with stores and keys of its own (another mesh.id and --state)",
    TOGETHER: "these have to be taken by all at once: `mesh down`, then `mesh up` with this file and `--state` of what runs",
    ONE_BY_ONE: "these hold once nodes start again: `mesh config apply {file}` does it one by one, no order is lost or doubled, stops stay",
    LIVE: "`mesh reload {file} --reason …` has it taken while all nodes run",
}
"""What takes a change, the hardest first."""
BY_RESTART = (LIVE, ONE_BY_ONE)
"""What takes hold as nodes start, one after the other."""


def running_config(client: Client) -> Config:
    """What the mesh runs that a client sees. Raises NoMesh where no router shows all it knows, BadConfig where it cannot be told here."""
    if not client.is_seeing:
        raise NoMesh("no router shows all it knows: which live changes are in force is not known; see `mesh status`, then try again")
    followed = with_live(client.config, client.view)
    if followed.problem:
        raise BadConfig(f"what runs cannot be told here: {followed.problem}; use the version of `mesh` that the nodes have")
    return followed.current


def with_live(config: Config, view: View) -> Revisions:
    """What the live changes that routers show make of a configuration."""
    followed = Revisions(config)
    followed.take_all(view.live_changes)
    return followed


def wanted_of(file: Path, now: Config) -> Config:
    """The file's configuration, with what only ``mesh up`` knows. Raises BadConfig."""
    read, market = load(file).settings, now.settings.market
    kept = msgspec.structs.replace(read.market, feeds=market.feeds, speed=market.speed, strict=market.strict, digits=market.digits)
    return configured(msgspec.structs.replace(read, market=kept))


def show(found: list[Change], file: Path) -> None:
    """A line for each change, and what takes all of them."""
    if not found:
        say("nothing changes")
        return
    out = console()
    out.print(grid(COLUMNS, [msgspec.structs.asdict(change) for change in found], out.width, folds=True))
    hows = {change.how for change in found}
    say(next(words for how, words in DO.items() if how in hows).format(file=file))


def check_hows(found: list[Change], allowed: Iterable[str], file: Path) -> None:
    """Raises BadConfig where something changes in another way than these, naming the keys and what to do instead."""
    for how, words in DO.items():
        if how not in allowed and (keys := [change.key for change in found if change.how == how]):
            raise BadConfig(f"{file}: {', '.join(keys[:8])}{' …' if len(keys) > 8 else ''}: {words.format(file=file)}")


def check_stays(wanted: Config, view: View) -> None:
    """Raises BadConfig where live changes in force would make another one of this configuration as soon as a node starts with it."""
    followed = with_live(wanted, view)
    if followed.problem:
        raise BadConfig(f"nodes that start with it would open nothing: {followed.problem}")
    if followed.current.fingerprint != wanted.fingerprint:
        why = f"live change {followed.number} leads on from this configuration, so that nodes which start with it would run the next one"
        raise BadConfig(f"{why}: have what changes live taken by `mesh reload` first, then the rest by `mesh config apply`")
