"""Heads of audits as lines of JSON: ``mesh audit heads`` writes them on one host, ``mesh audit verify --heads FILE`` reads them on
another.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from mesh.errors import BadConfig, BadUsage, StoreFailed
from mesh.io.headwalk import KeptHead, kept_heads
from mesh.messages.base import Name
from mesh.messages.heads import AuditHead
from mesh.texts import iso_of
from nodes.io.cli.plaintext import say

Hex = Annotated[str, Meta(pattern="^[0-9a-f]*$")]
Number = Annotated[str, Meta(pattern="^[0-9]{1,18}$")]
Moment = Annotated[str, Meta(pattern="^[0-9]{1,19}$")]
"""Nanoseconds; 64 bits are text in JSON."""


class HeadLine(msgspec.Struct, frozen=True):
    """One head, who keeps it and since when. ``time``, ``kept`` are for people."""

    node: Name
    seq: Number
    hash: Annotated[Hex, Meta(min_length=64, max_length=64)]
    store_id: Annotated[Hex, Meta(min_length=32, max_length=32)]
    wall_ns: Moment
    signature: Annotated[Hex, Meta(min_length=128, max_length=128)]
    keeper: Name
    kept_ns: Moment
    time: str = ""
    kept: str = ""


def line_of(kept: KeptHead) -> str:
    """A head as its line."""
    head = kept.head
    line = HeadLine(
        head.node, str(head.seq), head.hash.hex(), head.store_id.hex(), str(head.wall_ns), head.signature.hex(),
        kept.keeper, str(kept.kept_ns), iso_of(head.wall_ns), iso_of(kept.kept_ns),
    )  # fmt: skip
    return json.dumps(msgspec.to_builtins(line))


def heads_in(path: Path) -> Iterator[KeptHead]:
    """The heads in a file of such lines. Raises BadUsage naming the line."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadUsage(f"--heads {path}: {error.strerror}; `mesh audit heads` of another host writes such a file") from None
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            line = msgspec.json.decode(raw, type=HeadLine)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadUsage(f"--heads {path}: line {number} is no head: {error}; bring the file here once more, whole") from None
        hashes = (bytes.fromhex(line.store_id), int(line.seq), bytes.fromhex(line.hash))
        head = AuditHead(line.node, *hashes, int(line.wall_ns), bytes.fromhex(line.signature))
        yield KeptHead(line.keeper, int(line.kept_ns), head)


def say_heads(place: Path, nodes: list[str], since_ns: int) -> int:
    """``mesh audit heads``: what the stores of a directory keep of others (``nodes``; none: of all). Raises BadUsage, and in
    the end BadConfig where some could not be read.
    """
    stores = sorted(place.glob("*.db"))
    if not stores:
        raise BadUsage(f"--state {place}: there is no store in it; name the directory of a mesh")
    failed: list[str] = []
    for path in stores:
        try:
            for kept in kept_heads(path, since_ns):
                if not nodes or kept.head.node in nodes:
                    say(line_of(kept))
        except (BadConfig, StoreFailed) as error:
            failed.append(str(error))
    if failed:
        raise BadConfig("; ".join(failed))
    return 0
