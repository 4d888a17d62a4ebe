"""What belongs to one id: the audit of each store here says which sid, oids and tickets are of one story, and what became of them.

A **story** is a signal with all orders it led to, and the closes of what they opened. It is found by its ``sid``, by an ``oid`` (whole, or
from its first eight hex digits on, as the comment of an order has it), or by a ticket.
"""

import heapq
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgpack

from mesh.audit import AuditRow
from mesh.errors import BadConfig
from mesh.ids import COMMENT_PREFIX
from mesh.io import auditwalk
from nodes.io.cli.auditing import read, words
from nodes.io.logfiles import LogLine

ROUNDS_MAX = 4
"""So often the stores are walked: a ticket leads to an order, that to its signal, that to its other orders, those to their closes."""
IDS_MAX = 2_000
AUDIT = "audit"
"""The level of a line that is a record of the audit."""
_OWN, _REFERENCE = ("sid", "oid"), "ref_oid"
_COMMENT = re.compile(COMMENT_PREFIX + r"([0-9a-f]{16})\.\d+")
_HEX = re.compile(r"[0-9a-f]{8,32}")


class Story:
    """Which ids belong together. It grows while the stores of a state directory are walked."""

    def __init__(self, state: Path, word: str) -> None:
        comment = _COMMENT.fullmatch(word)
        self._word = comment[1] if comment else word.rpartition(":")[2] if re.fullmatch(r"[^:]+:\d+", word) else word
        self._is_number = self._word.isdecimal() and self._word.isascii() and self._word != "0" and len(self._word) <= 20
        self._stores = sorted(state.glob("*.db"))
        self.unread: list[str] = []
        """Why a store was left out."""
        self._ids: dict[str, None] = {}
        """Sids and oids of the story itself."""
        self._closes: dict[str, None] = {}
        """Oids that close what it opened."""
        for _ in range(ROUNDS_MAX):
            known = len(self._ids), len(self._closes)
            needle = self._needle()
            for path in self._stores:
                for row in self._rows_of(path, 0, needle):
                    self._learn(read(row))
            if known == (len(self._ids), len(self._closes)):
                break
        self._pattern = _pattern([self._word, *self._ids, *self._closes], self._word)

    @property
    def ids(self) -> list[str]:
        """Those found besides the word that was asked for."""
        return [each for each in (*self._ids, *self._closes) if each != self._word]

    def has(self, line: LogLine) -> bool:
        """Whether a line of a log names one of them."""
        return self._pattern.search(line.raw) is not None

    def records(self, since_ns: int = 0) -> Iterator[LogLine]:
        """The records of the story in all stores, in the order of their times."""
        return heapq.merge(*(self._records_of(path, since_ns) for path in self._stores), key=_time)

    def _records_of(self, path: Path, since_ns: int) -> Iterator[LogLine]:
        for row in self._rows_of(path, since_ns, self._needle()):
            record = read(row)
            text = json.dumps(record)
            if self._pattern.search(text):
                yield LogLine(row.wall_ns, path.stem, AUDIT, row.kind, {"seq": row.seq, "record": record}, " ".join(words(record)))

    def _rows_of(self, path: Path, since_ns: int, needle: re.Pattern[bytes]) -> Iterator[AuditRow]:
        """Rows that may be of the story: only those are worth reading field by field."""
        try:
            yield from (row for row in auditwalk.records(path, since_ns) if needle.search(row.key) or needle.search(row.record))
        except BadConfig as error:
            if str(error) not in self.unread:
                self.unread.append(str(error))

    def _needle(self) -> re.Pattern[bytes]:
        """What a record of the story has in its bytes: a sid as text, an oid as it is or its beginning, a ticket as MessagePack."""
        found = [self._word.encode()]
        for each in (self._word, *self._ids, *self._closes):
            found += [bytes.fromhex(each[: len(each) // 2 * 2])] if _HEX.fullmatch(each) else [each.encode()]
        if self._is_number and int(self._word) < 1 << 64:
            found.append(msgpack.packb(int(self._word)))
        return re.compile(b"|".join(map(re.escape, found)))

    def _learn(self, record: Any) -> None:
        """Take the ids of a record that is of the story, and the closes of what it opened."""
        parts = list(_parts(record))
        own = [str(part[key]) for part in parts for key in _OWN if part.get(key)]
        if any(self._is_known(each) for each in own) or any(self._is_ticket(part) for part in parts):
            self._ids |= dict.fromkeys(own[: IDS_MAX - len(self._ids)])
        for part in parts:
            if part.get(_REFERENCE) in self._ids and part.get("oid") and len(self._closes) < IDS_MAX:
                self._closes[str(part["oid"])] = None

    def _is_known(self, own: str) -> bool:
        return own in self._ids or own == self._word or (bool(_HEX.fullmatch(self._word)) and own.startswith(self._word))

    def _is_ticket(self, part: Mapping[str, Any]) -> bool:
        return self._is_number and any(key.endswith("ticket") and str(value) == self._word for key, value in part.items())


def _parts(record: Any) -> Iterator[Mapping[str, Any]]:
    """The records inside of a record, itself among them."""
    if isinstance(record, Mapping):
        yield record
        for value in record.values():
            yield from _parts(value)
    elif isinstance(record, list):
        for value in record:
            yield from _parts(value)


def _pattern(ids: list[str], word: str) -> re.Pattern[str]:
    """Finds one of the ids in a line of JSON, whole; the word that was asked for also as a ticket, or as the beginning of an oid."""
    found = [rf"(?<![\w-]){re.escape(json.dumps(each)[1:-1])}(?![\w-])" for each in ids if each != word or not word.isdecimal()]
    if word.isdecimal() and word.isascii():
        found += [rf'ticket": ?"?{word}(?!\d)', rf'"sid": ?"{word}"']
    if _HEX.fullmatch(word):
        found.append(rf"(?<!\w){word}[0-9a-f]*")
    return re.compile("|".join(found))


def _time(line: LogLine) -> int:
    return line.at_ns
