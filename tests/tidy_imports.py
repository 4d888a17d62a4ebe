"""Tidy rules about imports: what is pure, which way imports run, who may touch ZeroMQ."""

import ast
from collections.abc import Iterator

from mesh.links import ROLES
from tests.tidy_source import FOLDERS, Rule, Source, is_under, line_of

IMPURE_MODULES = (
    "MetaTrader5", "asyncio", "concurrent", "datetime", "ftplib", "glob", "http", "importlib", "io", "logging",
    "multiprocessing", "numpy.random", "os", "pathlib", "psutil", "queue", "random", "rich", "sched", "secrets",
    "select", "selectors", "shutil", "signal", "socket", "sqlite3", "ssl", "structlog", "subprocess", "supervisor",
    "sys", "tempfile", "textual", "threading", "time", "typer", "urllib", "uuid", "uvloop", "winloop", "zmq",
    "zoneinfo",
)
"""What touches the world: clocks, randomness, files, sockets, processes, logs, people."""
IMPURE_CALLS = ("__import__", "breakpoint", "hash", "id", "input", "open")
"""Built-ins that do (``hash`` of a text and ``id`` differ from process to process)."""
CALENDAR_MODULES = ("datetime", "zoneinfo", "importlib.resources")
CALENDAR_FILES = ("mesh/texts.py", "nodes/zones.py")
"""Given times are written as text in the one, and local clocks turned into UTC in the other, by the rules of the pinned tzdata package,
which it reads as data."""

ZMQ_FILES = ("mesh/io/sockets.py", "mesh/io/hub.py", "mesh/io/doorprobe.py", "nodes/io/mt5backend.py")
NAMED_FILES = (*CALENDAR_FILES, *ZMQ_FILES)
"""Files these rules name; each must be there."""


def pure(source: Source) -> Iterator[tuple[int, str]]:
    """Pure code imports nothing and calls nothing that touches the world."""
    if not source.is_pure:
        return
    for node, name in source.imports():
        if is_under(name, *CALENDAR_MODULES) and source.path in CALENDAR_FILES:
            continue
        if is_under(name, *IMPURE_MODULES):
            yield line_of(node), f"pure code imports {name}: take it as an argument, or move this to io/"
    in_hash = frozenset(
        id(inner)
        for node in source.nodes
        if isinstance(node, ast.FunctionDef) and node.name == "__hash__"
        for inner in ast.walk(node)
    )
    for node in source.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            if id(node) not in in_hash:
                yield line_of(node), f"pure code calls {node.func.id}()"
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in ("np.random", "numpy.random"):
            yield line_of(node), "pure code uses numpy's randomness: draw from a hash of (seed, ids)"


def direction(source: Source) -> Iterator[tuple[int, str]]:
    """Imports run one way: mesh ← nodes ← nodes/io; mesh ← tui; bench and tests on top of all."""
    for node, name in source.imports():
        if is_under(name, *FOLDERS) and not _may_import(source, name, id(node) in source.nodes_not_run):
            yield line_of(node), f"{source.path} may not import {name} here"


def _may_import(source: Source, name: str, is_not_run: bool) -> bool:
    folder = source.folder
    if folder == "tests":
        return True
    if folder == "bench":
        return not is_under(name, "tests")
    if source.is_cli and is_not_run and is_under(name, "tui", "bench"):
        return True
    if folder == "tui":
        if source.path == "tui/feed.py" and is_under(name, "mesh.io.sockets", "mesh.io.hub"):
            return True
        return is_under(name, "mesh", "tui") and not is_under(name, "mesh.io")
    if folder == "mesh":
        return is_under(name, "mesh") and not (source.is_pure and is_under(name, "mesh.io"))
    if not is_under(name, "mesh", "nodes"):
        return False
    return not source.is_pure or not is_under(name, "mesh.io", "nodes.io")


def role(source: Source) -> Iterator[tuple[int, str]]:
    """A role never imports another role, and what roles share imports none: they meet in messages only."""
    parts = source.path.removesuffix(".py").split("/")
    if parts[0] != "nodes" or parts[1] == "io":
        return
    others = [f"nodes.{name}" for name in ROLES if name != parts[1]]
    for node, name in source.imports():
        if is_under(name, *others):
            yield line_of(node), f"nodes/{parts[1]} imports {name}: what roles share goes in a module beside their folders"


def zmq(source: Source) -> Iterator[tuple[int, str]]:
    """ZeroMQ is behind mesh/io/sockets.py and hub.py; only benchmarks and tests may also use it bare."""
    if source.folder in ("bench", "tests") or source.path in ZMQ_FILES:
        return
    for node, name in source.imports():
        if is_under(name, "zmq"):
            yield line_of(node), f"imports {name}: use mesh.io.sockets"


RULES: dict[str, Rule] = {"pure": pure, "direction": direction, "role": role, "zmq": zmq}
