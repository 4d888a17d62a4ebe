"""Tidy rules about what stands in a file: lengths, banned words and calls, order, units, floats, docstrings."""

import ast
import re
from collections.abc import Iterator

from tests.tidy_source import FUNCTION, Rule, Source, line_of

Found = Iterator[tuple[int, str]]

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
OURS = ("mesh", "nodes", "tui", "bench")

LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
MACHINE = re.compile(r"/work/|/root/|pypi\.org|pythonhosted|registry\.npmjs|debian\.org|proxy\.golang")
"""Paths of one machine and hosts of package registries."""

USER = re.compile(r"(os\.)?(environ\[|environ\.get\(|getenv\()'(HOME|USER|LOGNAME)'.*")
"""What a process is told about who runs it."""

TIME_WORDS = ("timeout", "interval", "delay", "deadline", "latency", "age", "duration", "elapsed")
AMOUNT_WORDS = frozenset(
    word + plural
    for word in ("price", "volume", "money", "balance", "equity", "margin", "profit", "commission")
    for plural in ("", "s")
)
OTHER_UNITS = frozenset((
    "bits", "bytes", "columns", "count", "digits", "id", "index", "mode", "ms", "ns", "percent", "points", "ppm", "s",
    "us",
))
COUNTS = ("tick_volume",)
"""MetaTrader's word for a number of ticks, which is no volume."""
INTEGERS = frozenset(("int", "Count", "Int64"))
"""Names of integer types; the last two are those of mesh.messages.base."""
NUMBERS = INTEGERS | {"float", "Decimal", "Fraction"}

ITERATING = ("list", "tuple", "iter", "enumerate", "join", "map", "zip")
"""Calls whose result has the order of what they are given."""

FLOAT_FILES = ("nodes/kernels.py", "nodes/candles.py")
"""The numba kernels and the CCI they return."""


def file_length(source: Source) -> Found:
    """A file has one noun: 400 lines at most."""
    count = len(source.text.splitlines())
    if source.tree is not None and count > FILE_LINES_MAX:
        yield FILE_LINES_MAX, f"{count} lines, {FILE_LINES_MAX} are allowed: split it by noun"


def function_length(source: Source) -> Found:
    """A function fits on a screen: 60 lines at most, its docstring not counted."""
    for node in source.nodes:
        if not isinstance(node, FUNCTION):
            continue
        count = (node.end_lineno or node.lineno) - node.lineno + 1
        if ast.get_docstring(node, clean=False) is not None:
            docstring = node.body[0]
            count -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
        if count > FUNCTION_LINES_MAX:
            yield node.lineno, f"{node.name} has {count} lines, {FUNCTION_LINES_MAX} are allowed"


def prints(source: Source) -> Found:
    """Only the command, the bench and tests print; shells log, cores note."""
    if source.folder in ("bench", "tests") or source.is_cli:
        return
    for node in source.nodes:
        if isinstance(node, ast.Name) and node.id == "print":
            yield node.lineno, "print: a core returns a Note, a shell logs"


def sleeps(source: Source) -> Found:
    """No test waits for time to pass; it waits for a handshake, an event or virtual time."""
    if source.folder != "tests":
        return
    for node, name in source.imports():
        if name.endswith(".sleep"):
            yield line_of(node), f"imports {name}: no test sleeps"
    for node in source.nodes:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr == "sleep" or (node.func.attr == "pause" and node.args):
            yield node.lineno, f"{ast.unparse(node.func)}() in a test: no test sleeps"


def broad(source: Source) -> Found:
    """Never catch what cannot be named: our own bugs must crash."""
    if source.folder not in OURS:
        return
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("suppress", "contextlib.suppress"):
            caught = list(node.args)
        else:
            continue
        for error in caught:
            if error is None or ast.unparse(error).split(".")[-1] in ("Exception", "BaseException"):
                yield line_of(node), "catches everything: name the errors you expect"


def evaluates(source: Source) -> Found:
    """No text becomes code."""
    for node in source.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec"):
            yield node.lineno, f"calls {node.func.id}()"


def leftover(source: Source) -> Found:
    """Nothing is left for later in the code."""
    yield from _lines_with(source, LEFTOVER, "do it, or file an issue")


def machine(source: Source) -> Found:
    """No file names a path of one machine or the host of a package registry."""
    yield from _lines_with(source, MACHINE, "belongs to one machine: leave it out")


def _lines_with(source: Source, pattern: re.Pattern[str], advice: str) -> Found:
    for number, line in enumerate(source.text.splitlines(), 1):
        if match := pattern.search(line):
            yield number, f"{match.group()!r}: {advice}"


def set_order(source: Source) -> Found:
    """Pure code never iterates a set: its order depends on PYTHONHASHSEED. ``sorted(…)`` of one is fine."""
    if not source.is_pure:
        return
    names = frozenset(_set_names(source))
    for node in source.nodes:
        if isinstance(node, ast.For | ast.comprehension):
            iterated = [node.iter]
        elif isinstance(node, ast.Starred):
            iterated = [node.value]
        elif isinstance(node, ast.Call) and _callee(node) in ITERATING:
            iterated = list(node.args)
        else:
            continue
        for value in iterated:
            if _is_set(value) or ast.unparse(value) in names:
                yield value.lineno, f"iterates the set {ast.unparse(value)}: use a dict or sorted()"


def _callee(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)


def _is_set(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        return ast.unparse(value.func) in ("set", "frozenset")
    return isinstance(value, ast.Set | ast.SetComp)


def _set_names(source: Source) -> Iterator[str]:
    """Names and attributes this file makes sets of, or annotates as such."""
    for node in source.nodes:
        if isinstance(node, ast.Assign) and _is_set(node.value):
            yield from (ast.unparse(target) for target in node.targets)
        elif isinstance(node, ast.AnnAssign) and _is_set_type(node.annotation):
            yield ast.unparse(node.target)
        elif isinstance(node, ast.arg) and _is_set_type(node.annotation):
            yield node.arg


def _is_set_type(annotation: ast.expr | None) -> bool:
    outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return isinstance(outer, ast.Name) and outer.id in ("set", "frozenset")


def unit(source: Source) -> Found:
    """A number that is a time says its unit last: ``timeout_ms``, never ``timeout``."""
    if source.folder not in OURS:
        return
    for node, name, annotation, value in _definitions(source):
        if name.lower().split("_")[-1] in TIME_WORDS and _may_be_number(annotation, value):
            yield line_of(node), f"{name} lacks its unit: {name}_ns, {name}_ms, …"


def _definitions(source: Source) -> Iterator[tuple[ast.AST, str, ast.expr | None, ast.expr | None]]:
    """Every name the file binds to a value, with its annotation and its value where they stand there."""
    annotated = {id(node.target): node for node in source.nodes if isinstance(node, ast.AnnAssign)}
    values = {
        id(target): node.value for node in source.nodes if isinstance(node, ast.Assign) for target in node.targets
    }
    for node in source.nodes:
        if isinstance(node, ast.arg):
            yield node, node.arg, node.annotation, None
        elif isinstance(node, FUNCTION) and node.returns is not None:
            yield node, node.name, node.returns, None
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            name = node.id if isinstance(node, ast.Name) else node.attr
            declared = annotated.get(id(node))
            yield node, name, declared.annotation if declared else None, values.get(id(node))


def _may_be_number(annotation: ast.expr | None, value: ast.expr | None) -> bool:
    if annotation is not None:
        return not _names_in(annotation).isdisjoint(NUMBERS)
    if isinstance(value, ast.Call):
        return not _callee(value)[:1].isupper()
    if isinstance(value, ast.Constant):
        return isinstance(value.value, int | float)
    return not isinstance(value, ast.Dict | ast.List | ast.Tuple | ast.JoinedStr)


def _names_in(annotation: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}


def fixed_point(source: Source) -> Found:
    """An integer field that is a price, a volume or money ends in ``_e8``."""
    if not source.is_pure:
        return
    for node in source.nodes:
        if not isinstance(node, ast.ClassDef):
            continue
        for field in node.body:
            if not isinstance(field, ast.AnnAssign) or _names_in(field.annotation).isdisjoint(INTEGERS):
                continue
            name = ast.unparse(field.target)
            words = frozenset() if name in COUNTS else frozenset(name.split("_"))
            if words & AMOUNT_WORDS and "e8" not in words and not words & OTHER_UNITS:
                yield field.lineno, f"{node.name}.{name} is an amount in an integer: {name}_e8"


def floats(source: Source) -> Found:
    """Pure code computes in integers: no float type, literal or true division outside the numba kernels."""
    if not source.is_pure or source.path in FLOAT_FILES:
        return
    for node in source.nodes:
        if isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno, "float in pure code: prices and money are integers (_e8)"
        elif isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node.lineno, f"the float {node.value!r} in pure code"
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield node.lineno, "true division in pure code gives a float: use //"


def test_docstring(source: Source) -> Found:
    """Each test says in a sentence what it proves."""
    if source.folder != "tests" or not source.path.split("/")[-1].startswith("test_"):
        return
    for node in source.nodes:
        if isinstance(node, FUNCTION) and node.name.startswith("test_"):
            text = ast.get_docstring(node) or ""
            if len(text.split()) < 3:
                yield node.lineno, f"{node.name} needs a docstring that says what it proves"


def home(source: Source) -> Found:
    """No test depends on who runs it."""
    if source.folder != "tests":
        return
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and node.attr in ("home", "expanduser"):
            yield node.lineno, f"{ast.unparse(node)}: a test uses tmp_path"
        elif isinstance(node, ast.Subscript | ast.Call) and USER.fullmatch(text := ast.unparse(node)):
            yield node.lineno, f"{text}: a test does not depend on who runs it"


RULES: dict[str, Rule] = {
    "file_length": file_length,
    "function_length": function_length,
    "print": prints,
    "sleep": sleeps,
    "broad": broad,
    "eval": evaluates,
    "leftover": leftover,
    "machine": machine,
    "set_order": set_order,
    "unit": unit,
    "fixed_point": fixed_point,
    "float": floats,
    "test_docstring": test_docstring,
    "home": home,
}
