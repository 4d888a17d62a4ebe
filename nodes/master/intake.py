"""Outcomes as they come from the locals: each taken once, in the order of ``f``, and acked when it is durable.

What comes too early waits; what was here before is acked again; what is of a decision that is in memory no more waits until that was
looked for in the archive. An outcome that is not a line's own (a stop moved by the local, a hand's close, a report of something this
master does not remember) is kept beside the lines and ends none.
"""

from collections.abc import Callable

import msgspec

from mesh.codec import encode
from mesh.core import Effect, Note, Put
from mesh.counters import Counters
from mesh.messages.base import NO_OID
from mesh.messages.orders import OPEN
from mesh.messages.outcomes import FINAL_CODES, Outcome
from nodes.codes import FILLED_LATE, MANUAL, NOBODY, OPENED, UNKNOWN, UNSEEN, WORKING
from nodes.decisions import Line
from nodes.ledger import Ledger
from nodes.master.account import STASH_MAX, Account
from nodes.shortened import PRUNED

ACT = "_act"
"""Kind of the rows of outcomes that ended no line, by ``act_key``."""


def act_key(sid: str, account: str = "", f: int = 0) -> bytes:
    """The key of an act. A local's own acts are called after the signal that opened the position: ``SID/CAUSE``."""
    return f"{sid}\0{account}\0{f:020d}".encode() if account else sid.encode()


class Taken:
    """What taking outcomes led to: rows to commit, notes to write at once, lines that ended (or ended otherwise), acts beside the lines."""

    __slots__ = ("acts", "ended", "notes", "puts")

    def __init__(self) -> None:
        self.puts: list[Put] = []
        self.notes: list[Effect] = []
        self.ended: list[Line] = []
        self.acts: list[Outcome] = []


class Intake:
    """Takes outcomes into the ledger. ``was_decided``: whether an order that is in no archive was decided here all the same."""

    def __init__(self, ledger: Ledger, counters: Counters, was_decided: Callable[[Outcome], bool]) -> None:
        self._ledger = ledger
        self._counters = counters
        self._was_decided = was_decided

    def take(self, account: Account, outcome: Outcome) -> Taken | None:
        """Take an outcome and those after it that waited; None where it was here before, or has to wait itself."""
        if outcome.f <= account.f:
            return self._again(account, outcome)
        if outcome.f > account.f + STASH_MAX:
            return None
        account.stash[outcome.f] = outcome
        return self.resume(account)

    def _again(self, account: Account, outcome: Outcome) -> Taken | None:
        """A number that was here before. Of a line that has not ended it is news, and so is another code under the number it ended with:
        another store may have used it; and that what ended unseen was executed."""
        line = self._ledger.find(outcome.oid, account.name)
        is_news = line is not None and (line.is_open or (outcome.f == line.f and outcome.code != line.code) or _was_seen(line, outcome))
        if not is_news or not outcome.final:
            self._counters.add("duplicate_outcome_count")
            if line is not None:
                line.heard = True
            return None
        taken = Taken()
        self._apply(account, outcome, taken)
        return taken

    def resume(self, account: Account) -> Taken | None:
        """Take what waits and whose turn has come; None where nothing has."""
        before_f = account.f
        taken = Taken()
        stash = account.stash
        account.pass_skipped()
        while (following := stash.get(account.f + 1)) is not None and self.to_recall(account) is None:
            del stash[following.f]
            account.told(0 if _is_shortened(following) else following.life)
            self._counters.add("outcome_count")
            self._apply(account, following, taken)
            account.pass_skipped()
        return taken if account.f > before_f else None

    def to_recall(self, account: Account) -> Outcome | None:
        """The next outcome, if it is of a line that is not in memory and was not looked for yet."""
        following = account.stash.get(account.f + 1)
        if following is None or not _is_own(following) or following.oid in (NO_OID, account.looked_oid):
            return None
        return following if self._ledger.find(following.oid, account.name) is None else None

    def _apply(self, account: Account, outcome: Outcome, taken: Taken) -> None:
        if outcome.oid == NO_OID:
            return  # only its number matters: what was told under it was pruned at the local
        line = self._ledger.find(outcome.oid, account.name)
        if line is None or not _is_own(outcome):
            self._beside(account, outcome, taken)
            if _is_own(outcome):
                taken.notes.append(self._adopted(outcome))
            return
        line.heard = True
        if not outcome.final or outcome.code not in FINAL_CODES:
            self._state(line, outcome, taken)
        elif line.is_open:
            line_puts = self._ledger.end(line, outcome.code, outcome.detail, outcome.f, outcome)
            taken.puts += line_puts
            taken.ended.append(line)
        else:
            self._late(account, line, outcome, taken)

    def _adopted(self, outcome: Outcome) -> Note:
        """What is said of an order without a line: what was pruned is no alarm, be it a line or an act: which, nobody knows any more."""
        if _is_shortened(outcome) or self._was_decided(outcome):
            return _alarm("outcome_of_pruned_line", outcome, "it ended long ago and was pruned: kept beside the lines", "warning")
        self._counters.add("adopted_count")
        return _alarm("outcome_adopted", outcome, "this master does not remember the order")

    def _beside(self, account: Account, outcome: Outcome, taken: Taken) -> None:
        """Keep what ends no line."""
        taken.puts.append(Put(ACT, act_key(outcome.sid, account.name, outcome.f), encode(outcome)))
        if outcome.final:
            taken.acts.append(outcome)

    def _state(self, line: Line, outcome: Outcome, taken: Taken) -> None:
        """The local tells a state; a code nobody knows is no end but a state too, and loud."""
        if outcome.final:
            taken.notes.append(_alarm("outcome_code_unknown", outcome, "the line stays UNKNOWN"))
        if not line.is_open:
            return
        self._ledger.mark(line, WORKING if outcome.code == WORKING else UNKNOWN)
        line.detail, line.outcome = outcome.detail, outcome
        taken.puts.append(self._ledger.end_put(line))

    def _late(self, account: Account, line: Line, outcome: Outcome, taken: Taken) -> None:
        """The line had ended: said twice it is nothing new. What ended unseen has one way on, to have been executed; any other word leaves
        the line as it is.

        Both are an alarm, and the other word is kept beside the lines.
        """
        if outcome.code == line.code:
            self._counters.add("duplicate_outcome_count")
            return
        self._counters.add("adopted_count")
        taken.notes.append(_alarm("outcome_changed", outcome, f"the line had ended {line.code}"))
        if _was_seen(line, outcome):
            late = msgspec.structs.replace(outcome, code=FILLED_LATE)
            taken.puts += self._ledger.amend(line, late.code, late.detail, late.f, late)
            taken.ended.append(line)
        else:
            self._beside(account, outcome, taken)


def _was_seen(line: Line, outcome: Outcome) -> bool:
    """Whether a line that ended unseen was executed after all: told late, or by another life, which saw it."""
    return line.code in UNSEEN and outcome.action == OPEN and outcome.code in OPENED


def _is_shortened(outcome: Outcome) -> bool:
    """Whether it was made again of what is left of a pruned one: who told that first is not known any more."""
    return (outcome.cause, outcome.detail) == (NOBODY, PRUNED)


def _is_own(outcome: Outcome) -> bool:
    """Whether it tells of its order itself, not of what a local or a hand did besides."""
    return outcome.cause == outcome.leg and outcome.cause != MANUAL


def _alarm(name: str, outcome: Outcome, why: str, level: str = "error") -> Note:
    told = {
        "account": outcome.account,
        "oid": outcome.oid.hex(),
        "sid": outcome.sid,
        "leg": outcome.leg,
        "code": outcome.code,
        "detail": outcome.detail,
        "f": outcome.f,
        "why": why,
    }
    return Note(level, name, told)
