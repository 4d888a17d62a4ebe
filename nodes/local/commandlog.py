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
RUN = "manual"
"""The run of all that operators' commands lead to."""


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
        self._durable: dict[bytes, int] = {}
        """Command → how many of its answers are durable: no other is ever sent."""
        self._links: dict[bytes, str] = {}
        """Command → link to answer on."""

    def restore(self, record: bytes) -> None:
        """Take a row of the store."""
        kept = decode_record_untrusted(record, CommandRecord)
        self._records[kept.id] = kept
        self._durable[kept.id] = len(kept.answers)

    def get(self, command_id: bytes) -> CommandRecord | None:
        """A command that was taken; None where it was not, or is forgotten."""
        return self._records.get(command_id)

    def resolved(self, command: Command) -> CommandRecord | None:
        """The newest command that said the same of the same order's attempt, under whichever id; None where none did."""
        said = (command.verb, command.oid, command.ticket)
        alike = [record for record in self._records.values() if record.asked is not None and _said(record.asked) == said]
        return next((record for record in reversed(alike) if command.attempt in (0, _attempt(record))), None)

    def keep(self, record: CommandRecord, link: str) -> list[Put]:
        """Remember a command with what is answered so far, and whom to answer; the rows of that. Then ``durable``."""
        self._records[record.id] = record
        self._durable.setdefault(record.id, 0)
        self._links[record.id] = link
        puts = [Put(COMMAND, record.id, encode(record))]
        if len(self._records) > COMMANDS_MAX:
            oldest = next(iter(self._records))
            del self._records[oldest]
            del self._durable[oldest]
            self._links.pop(oldest, None)
            puts.append(Put(COMMAND, oldest, None))
        return puts

    def answered(self, record: CommandRecord, answer: CommandAnswer) -> tuple[CommandRecord, list[Put]]:
        """A command that was taken with another answer, and the rows of that."""
        record = msgspec.structs.replace(record, answers=[*record.answers, answer])
        return record, self.keep(record, self._links.get(record.id, self._state.home_link))

    def durable(self, record: CommandRecord) -> list[Send]:
        """The rows of a command are on disk: the answers that came with them, to where it came from last."""
        told_count = self._durable.get(record.id, 0)
        if record.id in self._durable:
            self._durable[record.id] = len(record.answers)
        link = self._links.get(record.id, self._state.home_link)
        return [Send(link, 0, answer) for answer in record.answers[told_count:]]

    def answers(self, record: CommandRecord) -> list[CommandAnswer]:
        """What has been answered to a command."""
        return record.answers[: self._durable[record.id]]

    def again(self, command: Command, link: str) -> list[Send]:
        """What has been answered to a command that comes again, by its id; it is answered there from now on."""
        self._links[command.id] = link
        return [Send(link, 0, answer) for answer in self.answers(self._records[command.id])]


def answer_of(command: Command, account: str, code: str, detail: str, **changes: object) -> CommandAnswer:
    """An account's only answer to a command, or with ``changes`` one of several."""
    plain = CommandAnswer(command.id, account, code, detail[:500], 0, "", 0, 0, True)
    return msgspec.structs.replace(plain, **changes)


def _said(command: Command) -> tuple[str, bytes, int]:
    return command.verb, command.oid, command.ticket


def _attempt(record: CommandRecord) -> int:
    return record.asked.attempt if record.asked is not None else 0
