"""The facade's surface is that of MetaTrader5 5.0.6231: a golden copy read from the wheel, and the wheel itself."""

import ast
import inspect
import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from nodes.io import mt5, mt5structs
from tests.nodes.io.wheel_reader import surface

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "mt5_surface.json"
SURFACE: dict[str, Any] = json.loads(GOLDEN.read_text("utf-8"))
PACKAGE = "MetaTrader5==5.0.6231"
NO_INDEX = ("Network is unreachable", "Name or service not known", "Temporary failure", "Connection", "timed out")


def public(module: Any) -> list[str]:
    return sorted(name for name in vars(module) if not name.startswith("_"))


def test_every_constant_has_its_value() -> None:
    """Names, values and types of all constants, version and author included."""
    ours = {name: getattr(mt5, name) for name in SURFACE["constants"]}
    assert ours == SURFACE["constants"]
    assert all(type(value) in (int, str) for value in ours.values())


def test_nothing_more_and_nothing_less_is_public() -> None:
    """The public names are the package's, and no others."""
    constants = [name for name in SURFACE["constants"] if not name.startswith("_")]
    helpers = [name for name in SURFACE["helpers"] if not name.startswith("_")]
    assert public(mt5) == sorted([*constants, *helpers, *SURFACE["functions"], *SURFACE["structures"]])


@pytest.mark.parametrize("name", SURFACE["functions"])
def test_functions_have_their_kind_and_docstring(name: str) -> None:
    """Docstrings are the package's; keywords are refused by METH_VARARGS and METH_NOARGS, arguments by METH_NOARGS."""
    function, given = getattr(mt5, name), SURFACE["functions"][name]
    assert inspect.getdoc(function) == given["doc"]
    assert function.__name__ == name
    assert function.kind == given["kind"]


@pytest.mark.parametrize("name", [name for name, given in SURFACE["functions"].items() if given["kind"] == 1])
def test_varargs_functions_take_no_keywords(name: str) -> None:
    """A keyword raises the TypeError of a C function."""
    with pytest.raises(TypeError, match=rf"{name}\(\) takes no keyword arguments"):
        getattr(mt5, name)(symbol="EURUSD")


@pytest.mark.parametrize("name", [name for name, given in SURFACE["functions"].items() if given["kind"] == 4])
def test_noargs_functions_take_nothing(name: str) -> None:
    """An argument or a keyword raises a TypeError."""
    with pytest.raises(TypeError):
        getattr(mt5, name)(1)
    with pytest.raises(TypeError):
        getattr(mt5, name)(symbol="EURUSD")


@pytest.mark.parametrize("name", SURFACE["helpers"])
def test_helpers_have_their_arguments(name: str) -> None:
    """Buy, Sell, Close and _RawOrder: names, order, defaults and keyword-only arguments."""
    node = ast.parse(inspect.getsource(getattr(mt5, name))).body[0]
    assert isinstance(node, ast.FunctionDef)
    for argument in [*node.args.args, *node.args.kwonlyargs]:
        argument.annotation = None
    assert ast.unparse(node.args) == SURFACE["helpers"][name]


@pytest.mark.parametrize("name", SURFACE["structures"])
def test_structures_are_struct_sequences(name: str) -> None:
    """Fields in order, tuple equality, _asdict; no namedtuple's _fields or _replace; not to be pickled."""
    kind, fields = getattr(mt5, name), SURFACE["structures"][name]
    struct = kind(tuple(range(len(fields))))
    assert [getattr(struct, field) for field in fields] == list(range(len(fields)))
    assert isinstance(struct, kind)
    assert isinstance(struct, tuple)
    assert struct == tuple(range(len(fields)))
    assert struct._asdict() == dict(zip(fields, range(len(fields)), strict=True))
    assert repr(struct).startswith(f"{name}({fields[0]}=0, {fields[1]}=1")
    assert not hasattr(struct, "_fields")
    assert not hasattr(struct, "_replace")
    assert (kind.n_fields, kind.n_sequence_fields, kind.__name__, kind.__module__) == (len(fields),) * 2 + (name, "builtins")
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(struct)
    with pytest.raises(TypeError):
        kind((1,))
    with pytest.raises(AttributeError):
        setattr(struct, fields[0], 1)


def test_structures_differ() -> None:
    """Each structure is a type of its own, also to isinstance."""
    kinds = [getattr(mt5, name) for name in SURFACE["structures"]]
    assert len(dict.fromkeys(kinds)) == len(kinds)
    assert not isinstance(mt5structs.Tick(range(8)), mt5structs.BookInfo)


def test_importing_brings_in_no_socket_and_no_loop() -> None:
    """A script that only uses constants pays for neither zmq nor uvloop."""
    script = "import sys; from nodes.io import mt5; print([n for n in ('zmq', 'uvloop', 'asyncio') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True, cwd=GOLDEN.parents[2]
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_golden_copy_is_that_of_the_real_wheel(tmp_path: Path) -> None:
    """The wheel of the package index, read without running it, says what the golden copy says."""
    options = ["--platform", "win_amd64", "--python-version", "3.11", "--only-binary=:all:", "--no-deps", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", "-q", *options, "--retries", "2", "--timeout", "15", "-d", str(tmp_path), PACKAGE]
    # the golden copy is what the other tests hold the facade against; without an index it cannot be read anew, and that is said
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the package index did not give {PACKAGE} within 100 s")
    if done.returncode and any(reason in done.stderr for reason in NO_INDEX):
        pytest.skip(f"no package index gave {PACKAGE}: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    assert surface(wheel) == SURFACE
    with zipfile.ZipFile(wheel) as archive:
        assert "Permission is hereby granted, free of charge" in archive.read("metatrader5-5.0.6231.dist-info/LICENSE.txt").decode()
