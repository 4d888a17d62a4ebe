"""The lines of ``--events``: each node writes its own file; ``merge_events`` makes one of them, in order.

A line begins with ``kind``, ``ts`` (market time, ISO 8601 UTC) and ``ts_ns`` (the same as text); the rest is the event's own.
Writing is buffered and nothing is dropped: a disk that does not keep up slows the node, and so the feed.
"""

import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from mesh.core import Emit
from mesh.errors import StoreFailed
from mesh.events import STAGES
from mesh.texts import iso_of

BUFFER_BYTES = 256 * 1024
CHUNK_BYTES = 16 * 1024 * 1024
"""Lines sorted in memory at once."""
RUNS_MAX = 64
"""Sorted files merged at once: far below the number of files a process may open."""
_ENCODER = msgspec.json.Encoder(decimal_format="number")

Keyed: TypeAlias = tuple[int, str, int, bytes]
"""Market time, sid, stage, and the line itself, which makes the order total and puts duplicates side by side."""


class EventFile:
    """One node's events. Raises StoreFailed where the disk takes no more: nothing is dropped in silence."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _cut_torn_line(path)
            self._file = path.open("ab", buffering=BUFFER_BYTES)
        except OSError as error:
            raise self._failed(error) from None

    def write(self, emit: Emit) -> None:
        """Append one event."""
        fields: dict[str, Any] = {"kind": STAGES[emit.stage], "ts": iso_of(emit.market_ns), "ts_ns": str(emit.market_ns)}
        fields.update(emit.event)
        try:
            self._file.write(_ENCODER.encode(fields) + b"\n")
        except OSError as error:
            raise self._failed(error) from None

    def flush(self) -> None:
        """Hand everything to the operating system. Done each second, before each commit, and at the end."""
        try:
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        self._file.close()

    def _failed(self, error: OSError) -> StoreFailed:
        return StoreFailed(f"events file {self._path} cannot be written: {error.strerror}; free its disk, or run without --events")


def _cut_torn_line(path: Path) -> None:
    """What a crash left of a line is removed; the node emits it again."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        size_bytes = file.seek(0, os.SEEK_END)
        while size_bytes > 0:
            step_bytes = min(size_bytes, 65_536)
            file.seek(size_bytes - step_bytes)
            newline = file.read(step_bytes).rfind(b"\n")
            if newline >= 0:
                size_bytes += newline + 1 - step_bytes
                break
            size_bytes -= step_bytes
        file.truncate(size_bytes)


class _Head(msgspec.Struct):
    """What of a line decides its place."""

    ts_ns: str
    kind: str
    sid: str = ""


def merge_events(paths: Iterable[Path], out: Path, chunk_bytes: int = CHUNK_BYTES) -> int:
    """Write all lines of ``paths`` to ``out`` by market time, sid, stage; each once, though it was emitted again after a restart.

    An external merge sort: right whatever the order of the files, in memory bounded by ``chunk_bytes``. Returns how many lines were
    no event and left out (the torn end of a file whose node was killed). ``out`` appears whole or not at all.
    """
    skipped_count = 0
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
        runs: list[Path] = []
        for path in paths:
            for keyed, bad_count in _chunks(path, chunk_bytes):
                skipped_count += bad_count
                keyed.sort()
                runs.append(_write_run(Path(folder) / f"{len(runs)}.run", keyed))
        made = len(runs)
        while len(runs) > RUNS_MAX:
            group, runs = runs[:RUNS_MAX], runs[RUNS_MAX:]
            runs.append(_write_run(Path(folder) / f"{made}.run", _merged(group)))
            made += 1
            for path in group:
                path.unlink()
        _write_run(Path(folder) / "whole", _merged(runs)).replace(out)
    return skipped_count


def _chunks(path: Path, chunk_bytes: int) -> Iterator[tuple[list[Keyed], int]]:
    """The file's lines with their keys, so many bytes at a time, and how many lines were no event."""
    with path.open("rb") as file:
        while lines := file.readlines(chunk_bytes):
            keyed = [key for key in map(_keyed, lines) if key is not None]
            yield keyed, len(lines) - len(keyed)


def _keyed(line: bytes) -> Keyed | None:
    try:
        head = msgspec.json.decode(line, type=_Head)
        stage = STAGES.index(head.kind) if head.kind in STAGES else len(STAGES)
        return int(head.ts_ns), head.sid, stage, line if line.endswith(b"\n") else line + b"\n"
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _merged(runs: list[Path]) -> Iterator[Keyed]:
    return heapq.merge(*(_read_run(path) for path in runs))


def _read_run(path: Path) -> Iterator[Keyed]:
    with path.open("rb") as file:
        for line in file:
            keyed = _keyed(line)
            assert keyed is not None, f"a sorted run holds only events, not {line!r}"
            yield keyed


def _write_run(path: Path, ordered: Iterable[Keyed]) -> Path:
    """Write lines that come in order, each once."""
    last = b""
    with path.open("wb", buffering=BUFFER_BYTES) as file:
        for *_, line in ordered:
            if line != last:
                file.write(line)
                last = line
    return path
