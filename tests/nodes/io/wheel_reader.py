"""What the published wheel of MetaTrader5 exports, read without running it: a Windows extension module cannot be imported here.

Constants and helpers come from its ``__init__.py`` by syntax tree; functions (name, METH_* flags, docstring) and structures
(fields in order) from the method table and the PyStructSequence descriptions in ``_core.pyd``. To write the golden file anew:
``python -m tests.nodes.io.wheel_reader WHEEL > tests/golden/mt5_surface.json``.
"""

import ast
import json
import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

METHOD_FLAGS = (1, 3, 4)
"""METH_VARARGS, with METH_KEYWORDS, METH_NOARGS."""


class Image:
    """A PE file: addresses to bytes (Microsoft PE format: section table behind the optional header)."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        header = struct.unpack_from("<I", raw, 0x3C)[0]
        section_count, optional_size = struct.unpack_from("<H12xH", raw, header + 6)
        self.base = struct.unpack_from("<Q", raw, header + 48)[0]
        self.sections = [
            struct.unpack_from("<8sIIII", raw, header + 24 + optional_size + 40 * number) for number in range(section_count)
        ]

    def offset(self, address: int) -> int | None:
        for _, _, start, size, offset in self.sections:
            if self.base + start <= address < self.base + start + size:
                return offset + address - self.base - start
        return None

    def is_code(self, address: int) -> bool:
        _, size, start, _, _ = self.sections[0]
        return self.base + start <= address < self.base + start + size

    def text(self, address: int) -> str | None:
        offset = self.offset(address)
        if offset is None:
            return None
        raw = self.raw[offset : self.raw.index(b"\0", offset)]
        return raw.decode() if raw and raw.isascii() else None

    def words(self, count: int) -> Iterator[tuple[int, ...]]:
        """Each run of 64-bit words in the data sections."""
        for name, _, _, size, offset in self.sections:
            if name.rstrip(b"\0") in (b".data", b".rdata"):
                for at in range(offset, offset + size - 8 * count, 8):
                    yield struct.unpack_from(f"<{count}Q", self.raw, at)


def functions(image: Image) -> dict[str, dict[str, Any]]:
    """Name → METH_* flags and docstring of each function of the module."""
    found = {}
    for name_at, code, flags, doc_at in image.words(4):
        if flags in METHOD_FLAGS and image.is_code(code):
            name, doc = image.text(name_at), image.text(doc_at)
            if name and doc and not name.startswith("_"):
                found[name] = {"kind": flags, "doc": doc}
    return found


def structures(image: Image) -> dict[str, list[str]]:
    """Name → field names of each structure."""
    found = {}
    for name_at, doc_at, fields_at, count in image.words(4):
        name, start = image.text(name_at), image.offset(fields_at)
        if not (name and name[0].isupper() and name.isalpha() and image.text(doc_at) and start and 0 < count < 200):
            continue
        if start + 16 * count + 8 > len(image.raw):
            continue
        words = struct.unpack_from(f"<{2 * count + 1}Q", image.raw, start)
        fields = [image.text(at) for at in words[:-1:2]]
        if all(fields) and words[-1] == 0:
            found[name] = [str(field) for field in fields]
    return found


def constants(tree: ast.Module) -> dict[str, Any]:
    """Name → value of each plain assignment."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = _value(node.value)
    return found


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.BinOp):
        assert isinstance(node.op, ast.BitOr)
        return _value(node.left) | _value(node.right)
    return ast.literal_eval(node)


def helpers(tree: ast.Module) -> dict[str, str]:
    """Name → arguments of each function written in Python."""
    return {node.name: ast.unparse(node.args) for node in tree.body if isinstance(node, ast.FunctionDef)}


def surface(wheel: Path) -> dict[str, Any]:
    """All that a wheel exports."""
    with zipfile.ZipFile(wheel) as archive:
        tree = ast.parse(archive.read("MetaTrader5/__init__.py").decode())
        core = next(name for name in archive.namelist() if name.endswith(".pyd"))
        image = Image(archive.read(core))
    return {
        "constants": constants(tree),
        "functions": dict(sorted(functions(image).items())),
        "helpers": helpers(tree),
        "structures": dict(sorted(structures(image).items())),
    }


if __name__ == "__main__":
    print(json.dumps(surface(Path(sys.argv[1])), indent=1))
