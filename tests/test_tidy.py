"""The house rules hold over the whole project, and each rule catches what it is there for."""

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from tests import tidy
from tests.tidy_source import Source, Violation

PURE = "nodes/sizing.py"
SHELL = "nodes/io/run.py"
TEST = "tests/nodes/test_sizing.py"

BAD: list[tuple[str, str, str]] = [
    ("pure", PURE, "import time"),
    ("pure", PURE, "from os import path"),
    ("pure", PURE, "import os.path as p"),
    ("pure", PURE, "def f():\n    from zmq.utils import monitor"),
    ("pure", "mesh/codec.py", "from datetime import datetime"),
    ("pure", "nodes/terminal/ledger.py", "import random"),
    ("pure", "nodes/sizing.py", "import zoneinfo"),
    ("pure", "nodes/zones.py", "import pathlib"),
    ("pure", PURE, "rows = open('x').read()"),
    ("pure", PURE, "bucket = hash(name) % 4"),
    ("pure", PURE, "import numpy as np\nx = np.random.default_rng()"),
    ("direction", "mesh/codec.py", "import nodes.risk"),
    ("direction", "mesh/codec.py", "from mesh.io import sockets"),
    ("direction", "mesh/codec.py", "from .io.sockets import Link"),
    ("direction", "mesh/codec.py", "from . import io"),
    ("direction", "mesh/io/shell.py", "from nodes import router"),
    ("direction", "nodes/risk.py", "from mesh import io"),
    ("direction", "nodes/risk.py", "from nodes.io.feed import Feed"),
    ("direction", "nodes/terminal/ledger.py", "from ..io import feed"),
    ("direction", "nodes/io/cli/app.py", "import tui.app"),
    ("direction", "nodes/io/run.py", "def f():\n    import bench.rig"),
    ("direction", "tui/app.py", "from nodes import risk"),
    ("direction", "tui/app.py", "from mesh.io import sockets"),
    ("direction", "tui/feed.py", "from mesh.io import store"),
    ("direction", "bench/rig.py", "from tests import helpers"),
    ("direction", "nodes/io/cli/app.py", "def f():\n    import tests.sim"),
    ("role", "nodes/master/core.py", "from nodes.router.core import Router"),
    ("role", "nodes/local/core.py", "from nodes import broker"),
    ("role", "nodes/signals/core.py", "from .. import market"),
    ("role", "nodes/broker/core.py", "from nodes import local"),
    ("role", "nodes/risk.py", "from nodes.master.account import Account"),
    ("role", "nodes/terminal/engine.py", "import nodes.broker.desk"),
    ("zmq", SHELL, "import zmq"),
    ("zmq", "tui/feed.py", "from zmq import Context"),
    ("zmq", "nodes/io/mt5.py", "def f():\n    import zmq"),
    ("file_length", SHELL, "x = 1\n" * 401),
    ("file_length", TEST, "\n" * 401),
    ("function_length", SHELL, "def f():\n" + "    x = 1\n" * 60),
    ("function_length", TEST, "class A:\n    async def f(self):\n" + "        x = 1\n" * 60),
    ("print", SHELL, "print('x')"),
    ("print", "mesh/io/shell.py", "say = print"),
    ("print", "tui/app.py", "def f():\n    print('x')"),
    ("print", "nodes/io/client.py", "print('x')"),
    ("sleep", TEST, "import time\ntime.sleep(1)"),
    ("sleep", TEST, "from asyncio import sleep"),
    ("sleep", TEST, "async def f(loop):\n    await loop.sleep(0)"),
    ("sleep", TEST, "async def f(pilot):\n    await pilot.pause(0.1)"),
    ("broad", SHELL, "try:\n    f()\nexcept:\n    pass"),
    ("broad", SHELL, "try:\n    f()\nexcept Exception as error:\n    raise"),
    ("broad", "bench/rig.py", "try:\n    f()\nexcept (OSError, BaseException):\n    pass"),
    ("broad", PURE, "from contextlib import suppress\nwith suppress(Exception):\n    f()"),
    ("eval", TEST, "eval('1')"),
    ("eval", SHELL, "exec('x = 1')"),
    ("leftover", SHELL, "x = 1  # TODO later"),
    ("leftover", "mesh/PROTOCOL.md", "FIXME"),
    ("leftover", TEST, "# HACK"),
    ("machine", "Makefile", "x: ; cp /work/shared/x ."),
    ("machine", "requirements.lock", "--index-url https://pypi.org/simple"),
    ("set_order", PURE, "for x in {1, 2}:\n    pass"),
    ("set_order", PURE, "y = [x for x in set(rows)]"),
    ("set_order", PURE, "y = tuple({x for x in rows})"),
    ("set_order", PURE, "y = ','.join(frozenset(rows))"),
    ("set_order", PURE, "seen = set()\nfor x in seen:\n    pass"),
    ("set_order", PURE, "def f(names: frozenset[str]):\n    return [*names]"),
    ("set_order", PURE, "class A:\n    def f(self):\n        self.a: set[int] = set()\n        return list(self.a)"),
    ("unit", PURE, "def f(timeout: int): pass"),
    ("unit", SHELL, "class A:\n    grant_age: int = 0"),
    ("unit", "tui/app.py", "class A:\n    def f(self):\n        self.latency = self.now() - 1"),
    ("unit", "mesh/io/shell.py", "deadline = now() + 1"),
    ("unit", PURE, "HEARTBEAT_INTERVAL = 250"),
    ("unit", PURE, "def f(*, settle_delay): pass"),
    ("unit", PURE, "class A:\n    def age(self) -> int:\n        return 1"),
    ("unit", PURE, "for elapsed in rows:\n    pass"),
    ("fixed_point", "mesh/messages/orders.py", "class Order(Msg):\n    price: Int64"),
    ("fixed_point", "mesh/config.py", "class Rails(Struct):\n    equity_stop: int = 0"),
    ("fixed_point", PURE, "class A:\n    volume_step: Annotated[int, Meta(ge=0)]"),
    ("fixed_point", PURE, "class A:\n    prices: list[int]"),
    ("float", PURE, "def f(x: float): pass"),
    ("float", PURE, "Level = Annotated[float, Meta(ge=0)]"),
    ("float", PURE, "x = 0.5"),
    ("float", PURE, "x = float('1')"),
    ("float", PURE, "x = a / b"),
    ("float", PURE, "x /= 2"),
    ("test_docstring", TEST, "def test_a():\n    assert f()"),
    ("test_docstring", TEST, "class TestA:\n    async def test_a(self):\n        'It works.'"),
    ("home", TEST, "from pathlib import Path\nx = Path.home()"),
    ("home", TEST, "import os\nx = os.environ['HOME']"),
    ("home", TEST, "import os\nx = os.environ.get('USER', '')"),
]

GOOD: list[tuple[str, str, str]] = [
    ("pure", SHELL, "import time, os, zmq"),
    ("pure", "nodes/zones.py", "import zoneinfo, datetime"),
    ("pure", PURE, "from mesh.units import E8\nimport hashlib, timeit_like\nfrom dataclasses import dataclass"),
    ("pure", PURE, "class A:\n    def __hash__(self):\n        return hash(self.name)"),
    ("pure", PURE, "row = store.open(1)"),
    ("direction", "mesh/io/shell.py", "from mesh.io import sockets\nfrom mesh import codec"),
    ("direction", "nodes/risk.py", "from mesh.units import E8\nfrom nodes import sizing"),
    ("direction", "nodes/io/run.py", "import mesh.io.shell, nodes.master.core, nodes.io.feed"),
    ("direction", "nodes/io/cli/top.py", "def f():\n    from tui.app import App"),
    ("direction", "nodes/io/cli/top.py", "if TYPE_CHECKING:\n    from tui.app import App"),
    ("direction", "tui/feed.py", "from mesh.io.sockets import Link\nfrom tui import state"),
    ("direction", "bench/rig.py", "import nodes.io.run, mesh.io.sockets, tui.state"),
    ("direction", TEST, "import bench.rig, tests.sim, nodes.io.run"),
    ("role", "nodes/master/core.py", "from nodes import risk, sizing"),
    ("role", "nodes/local/core.py", "from nodes.marketable import x"),
    ("role", "nodes/io/run.py", "from nodes import master, router"),
    ("zmq", "mesh/io/sockets.py", "import zmq"),
    ("zmq", "tests/wire/test_foreign.py", "import zmq"),
    ("file_length", SHELL, "x = 1\n" * 400),
    ("function_length", SHELL, "def f():\n    '''A\n    docstring.\n    '''\n" + "    x = 1\n" * 59),
    ("print", "nodes/io/cli/show.py", "print('x')"),
    ("sleep", SHELL, "import time\ntime.sleep(1)"),
    ("sleep", TEST, "async def f(pilot):\n    await pilot.pause()"),
    ("broad", SHELL, "try:\n    f()\nexcept (OSError, ValueError):\n    pass"),
    ("eval", PURE, "core.exec(1)"),
    ("leftover", SHELL, "METHODOLOGY = 'todo list'"),
    ("machine", "README.md", "cd network/working && make"),
    ("set_order", PURE, "seen = set()\nfor x in sorted(seen):\n    y = x in seen"),
    ("set_order", PURE, "def f(seen: dict[str, int]):\n    return list(seen)"),
    ("unit", PURE, "def f(timeout_ms: int, page: int, coverage: int, timeframe: str): pass"),
    ("unit", PURE, "class A:\n    latency: Histogram\n    def deadline(self) -> None: pass"),
    ("unit", SHELL, "latency = Histogram(1, 2)\nrun(x, timeout=5)"),
    ("unit", TEST, "timeout = 5"),
    ("fixed_point", PURE, "class A:\n    price_e8: int\n    volume_e8_max: int\n    equity_stop: str"),
    ("fixed_point", PURE, "class A:\n    margin_mode: int"),
    ("fixed_point", PURE, "class A:\n    price_count: int\n    tick_volume: int"),
    ("float", "nodes/kernels.py", "def f(x: float) -> float:\n    return x / 0.015"),
    ("float", SHELL, "x = 0.5"),
    ("float", PURE, "x = a // b"),
    ("test_docstring", TEST, "def test_a():\n    '''A lot never exceeds the maximum.'''"),
    ("test_docstring", "tests/helpers.py", "def test_frame(): pass"),
    ("home", TEST, "def f(tmp_path, monkeypatch):\n    monkeypatch.setenv('HOME', str(tmp_path))"),
]


def lines_found(rule: str, path: str, text: str) -> list[tuple[int, str]]:
    tree = ast.parse(dedent(text)) if path.endswith(".py") else None
    return list(tidy.RULES[rule](Source(path, text, tree)))


@pytest.fixture(scope="module")
def found() -> list[Violation]:
    return tidy.check(tidy.project_root())


@pytest.mark.parametrize("rule", [*tidy.RULES, "present", "allow"])
def test_project_keeps_the_rule(rule: str, found: list[Violation]) -> None:
    """No file of the project breaks this rule, but for the rows of tidy.ALLOW."""
    assert not [str(violation) for violation in found if violation.rule == rule]


@pytest.mark.parametrize(("rule", "path", "text"), BAD)
def test_rule_catches_bad_code(rule: str, path: str, text: str) -> None:
    """Each rule finds the snippet it is there for, in the kind of file it is there for."""
    assert lines_found(rule, path, text)


@pytest.mark.parametrize(("rule", "path", "text"), GOOD)
def test_rule_passes_good_code(rule: str, path: str, text: str) -> None:
    """No rule complains of code that is as it should be."""
    assert lines_found(rule, path, text) == []


def test_every_rule_has_snippets() -> None:
    """A rule without a snippet it must catch and one it must pass is not a rule."""
    assert list(dict.fromkeys(rule for rule, _, _ in BAD)) == list(tidy.RULES)
    assert list(dict.fromkeys(rule for rule, _, _ in GOOD)) == list(tidy.RULES)


def test_missing_files_and_folders_are_violations(tmp_path: Path) -> None:
    """An empty checkout fails in every place where something should be."""
    missing = [violation.path for violation in tidy.sources(tmp_path) if isinstance(violation, Violation)]
    assert missing == [*tidy.ROOT_FILES, "mesh", "nodes", "tui", "bench", "tests"]


def test_rules_name_only_files_that_are_there(tmp_path: Path) -> None:
    """A file that a rule names and that has gone, or was never there, is a violation; so is an exception for such a file."""
    assert [violation.path for violation in tidy.absent(tmp_path)] == list(tidy.NAMED_FILES)
    assert len(tidy.NAMED_FILES) == 8
    assert [violation.path for violation in tidy.judge([], {("float", "mesh/gone.py"): "reason"})] == ["mesh/gone.py"]


def test_unreadable_python_is_a_violation() -> None:
    """A file that does not parse is reported with its line, not passed over."""
    expected = Violation("present", "mesh/x.py", 2, "is not Python: invalid syntax")
    assert tidy.parsed("mesh/x.py", "x = 1\ndef :\n") == expected


def test_all_python_files_are_read() -> None:
    """The rules see the folders' files, this one among them, and the text files at the top."""
    read = {source.path for source in tidy.sources(tidy.project_root()) if isinstance(source, Source)}
    assert {"mesh/units.py", "nodes/__init__.py", "tests/test_tidy.py", "pyproject.toml", ".ci/run"} <= read


def test_allow_excuses_one_rule_in_one_file() -> None:
    """A row excuses its own rule and file only, and one that excuses nothing is reported."""
    float_here, print_here = Violation("float", "mesh/a.py", 3, "x"), Violation("print", "mesh/a.py", 4, "x")
    stale = Violation("allow", "mesh/b.py", 1, "no longer breaks 'float': drop its row")
    allow = {("float", "mesh/a.py"): "reason", ("float", "mesh/b.py"): "reason"}
    assert tidy.judge([float_here, print_here], allow) == [print_here, stale]
