"""The commands of operators a local has taken, each with what was answered: the second time one is answered with what became of the first.

A row each, in the audit, too: who asked for what and why, and what it led to. The newest are kept.
"""

import msgspec

from mesh.codec import decode_record_untrusted, encode
from mesh.core import Put, Send
from mesh.messages.base import Msg, Oid
from mesh.messages.control import Command, CommandAnswer
from nodes.local.state import LocalState

COMMAND = "command"
"""Kind of the rows of ``CommandRecord``, by command id."""
COMMANDS_MAX = 500


class CommandRecord(Msg):
    """A command taken: the orders it became (of a ``resolve`` the one it was about), and what has been answered."""

    id: Oid
    oids: list[Oid]
    answers: list[CommandAnswer]
    asked: Command | None = None
    """As it came; None in rows of older versions."""


class CommandLog:
    """Those of one local."""

    def __init__(self, state: LocalState) -> None:
        self._state = state
        self._records: dict[bytes, CommandRecord] = {}
        self._links: dict[bytes, str] = {}
        """Command → link to answer on."""

    def restore(self, record: bytes) -> None:
        """Take a row of the store."""
        kept = decode_record_untrusted(record, CommandRecord)
        self._records[kept.id] = kept

    def get(self, command_id: bytes) -> CommandRecord | None:
        """A command that was taken; None where it was not, or is forgotten."""
        return self._records.get(command_id)

    def resolved(self, command: Command) -> CommandRecord | None:
        """The newest command that said the same of the same order's attempt, under whichever id; None where none did."""
        said = (command.verb, command.oid, command.ticket)
        alike = [record for record in self._records.values() if record.asked is not None and _said(record.asked) == said]
        return next((record for record in reversed(alike) if command.attempt in (0, _attempt(record))), None)

    def keep(self, record: CommandRecord, link: str) -> list[Put]:
        """Remember a command with what is answered so far, and whom to answer; the rows of that."""
        self._records[record.id] = record
        self._links[record.id] = link
        puts = [Put(COMMAND, record.id, encode(record))]
        if len(self._records) > COMMANDS_MAX:
            oldest = next(iter(self._records))
            del self._records[oldest]
            self._links.pop(oldest, None)
            puts.append(Put(COMMAND, oldest, None))
        return puts

    def answered(self, record: CommandRecord, answer: CommandAnswer) -> list[Put]:
        """Another answer of a command that was taken; the rows of that."""
        return self.keep(msgspec.structs.replace(record, answers=[*record.answers, answer]), self.link_of(record.id))

    def link_of(self, command_id: bytes) -> str:
        """Where a command came from last."""
        return self._links.get(command_id, self._state.home_link)

    def again(self, command: Command, link: str) -> list[Send]:
        """What was answered to a command that comes again, by its id; it is answered there from now on."""
        known = self._records[command.id]
        self._links[command.id] = link
        return [Send(link, 0, answer) for answer in known.answers]


def answer_of(command: Command, account: str, code: str, detail: str, **changes: object) -> CommandAnswer:
    """An account's only answer to a command, or with ``changes`` one of several."""
    plain = CommandAnswer(command.id, account, code, detail[:500], 0, "", 0, 0, True)
    return msgspec.structs.replace(plain, **changes)


def _said(command: Command) -> tuple[str, bytes, int]:
    return command.verb, command.oid, command.ticket


def _attempt(record: CommandRecord) -> int:
    return record.asked.attempt if record.asked is not None else 0
