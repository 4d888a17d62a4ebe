"""Opens market data files and hands them on in blocks of complete lines.

Plain or gzip (told by the first bytes, not by the name), UTF-8 or UTF-16 with a byte order mark (what MetaTrader writes
when asked for Unicode). What cannot be read raises ``BadFeed`` naming the file and what to do.
"""

import codecs
import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from typing import IO, cast

from mesh.errors import BadFeed

BLOCK_BYTES = 4 * 1024 * 1024
"""Large enough for numpy to pay, small enough that a block and its columns stay in a few tens of megabytes."""

LINE_BYTES_MAX = BLOCK_BYTES
"""A line longer than a block: not a text file."""

Progress = Callable[[int, int], None]
"""Told (bytes read, bytes in all) of the file as it lies on disk, at most once a block."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"


def _open(file: str) -> IO[bytes]:
    try:
        return open(file, "rb")
    except FileNotFoundError:
        raise BadFeed(f"{file}: no such file") from None
    except OSError as error:
        raise BadFeed(f"{file}: cannot be opened: {error.strerror}") from None


def _content(file: str, raw: IO[bytes]) -> IO[bytes]:
    """The text inside, unpacked if need be."""
    magic = raw.read(4)
    raw.seek(0)
    if not magic:
        raise BadFeed(f"{file}: is empty")
    if magic.startswith(_GZIP_MAGIC):
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    if magic == _ZIP_MAGIC:
        raise BadFeed(f"{file}: is a zip archive; unpack it, the text inside may stay as it is or be gzipped")
    if file.lower().endswith(".gz"):
        raise BadFeed(f"{file}: is named .gz but is not gzip data; take .gz off its name if it is plain text")
    return raw


def _decoded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks as UTF-8 without byte order mark."""
    first = next(chunks, b"")
    if first.startswith(codecs.BOM_UTF8):
        first = first[len(codecs.BOM_UTF8) :]
    elif first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
        yield decoder.decode(first).encode()
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        return
    yield first
    yield from chunks


def _chunks(file: str, progress: Progress | None) -> Iterator[bytes]:
    with _open(file) as raw:
        total_bytes = os.fstat(raw.fileno()).st_size
        content = _content(file, raw)
        while True:
            try:
                chunk = content.read(BLOCK_BYTES)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise BadFeed(f"{file}: its gzip data is cut short or damaged ({error}); fetch it again") from None
            except OSError as error:
                raise BadFeed(f"{file}: cannot be read: {error.strerror}") from None
            if progress is not None:
                progress(raw.tell(), total_bytes)
            if not chunk:
                return
            yield chunk


def blocks_of(file: str, progress: Progress | None = None) -> Iterator[bytes]:
    """Complete lines of a file, about ``BLOCK_BYTES`` at a time; only the very last line may lack its end.

    Raises BadFeed for a file that is missing, empty, unreadable, damaged gzip, or no text.
    """
    rest = b""
    for chunk in _decoded(_chunks(file, progress)):
        block = rest + chunk
        end = block.rfind(b"\n") + 1
        if not end and len(block) > LINE_BYTES_MAX:
            raise BadFeed(f"{file}: is no text: no line end in its first {len(block)} bytes")
        rest = block[end:]
        if end:
            yield block[:end]
    if rest:
        yield rest
