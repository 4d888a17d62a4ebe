"""The rows of the control page: stops, what locals say of one, what a stop would touch, and how each account took what was sent from here.

A row keeps what it is about; its texts are made when it is seen.
"""

from functools import lru_cache

import msgspec

from mesh.confirmations import Verdict
from mesh.killset import item_of
from mesh.messages.accounts import AccountState
from mesh.messages.control import GENESIS, STAGE_OF, STOP_STAGES, Entry, Held, Undo
from mesh.stopset import UNKNOWN_LEVEL
from mesh.texts import clock_text, iso_from_ns
from mesh.units import MS_NS, SECOND_NS
from mesh.view import freshness
from tui.alerts import accounts_of, is_held
from tui.state import State
from tui.tablemodel import Column

BINDS, TO_ARM, ENDING, ENDED = "binds", "to arm", "ending", "ended"
"""A stop can bind; be the one a new real account begins with; be ended while locals still hold it; be ended."""
AGE_MARKS = {"fresh": "●", "late": "◐", "dead": "○"}
LEVEL_STYLE = {"FREEZE": "bold yellow", "CANCEL": "bold dark_orange", "FLATTEN": "bold red", UNKNOWN_LEVEL: "bold red"}


def since_text(wall_ns: int) -> str:
    """When, in UTC, without the year."""
    return clock_text(iso_from_ns(wall_ns))[5:]


def seconds_text(age_ns: int) -> str:
    """An age in seconds with one decimal."""
    tenths = max(0, age_ns) * 10 // SECOND_NS
    return f"{tenths // 10:,}.{tenths % 10}"


# stops


class StopRow(msgspec.Struct, frozen=True, eq=False):
    """One stop. ``undo``: what ended it."""

    key: bytes
    entry: Entry
    word: str
    undo: Undo | None
    state: State
    now_ns: int

    @property
    def by(self) -> str:
        """Who stopped it."""
        return self.entry.by or self.entry.issuer

    @property
    def holders(self) -> list[str]:
        """Accounts whose locals say lately that they are as far as its level goes; of one that was ended those that hold it still."""
        if self.word in (ENDING, ENDED):
            return [name for name in self.state.config.account if held_of(self.state, name, self.key) is not None]
        names = accounts_of(self.state, self.entry.scope)
        return [name for name in names if is_held(self.state, name, self.key, self.entry, self.now_ns)]


def is_arming(state: State, entry: Entry) -> bool:
    """Whether it is the stop a new real account begins with: its local's own."""
    kind, _, name = entry.scope.partition(":")
    is_own = kind == "account" and name in state.config.account and entry.issuer == state.config.local_of(name)
    return is_own and entry.reason.startswith(GENESIS)


def held_of(state: State, account: str, key: bytes) -> Held | None:
    """How far a local said last that it is with a stop; None where it did not."""
    seen = state.view.latched.get(account)
    return next((held for held in seen[1].held if held.id == key), None) if seen is not None else None


def stop_rows(state: State, now_ns: int, with_ended: bool) -> list[StopRow]:
    """Stops that bind, the newest first; then those that were ended and are still held somewhere; then all others, where asked for."""
    live = [StopRow(key, entry, TO_ARM if is_arming(state, entry) else BINDS, None, state, now_ns) for key, entry in state.stops]
    ended: list[StopRow] = []
    undone = state.undone()
    if undone:
        held = {each.id for _, latched in state.view.latched.values() for each in latched.held}
        for key, entry in state.entries():
            word = ENDING if key in held else ENDED
            if key in undone and (with_ended or word == ENDING):
                ended.append(StopRow(key, entry, word, undone[key], state, now_ns))
    return [
        *sorted(live, key=lambda row: -row.entry.issued_ns),
        *sorted(ended, key=lambda row: (row.word != ENDING, -row.entry.issued_ns)),
    ]


def _holding_text(row: StopRow) -> str:
    count = len(row.holders)
    if row.word in (ENDING, ENDED):
        return f"{count} still" if count else "-"
    return f"{count} of {len(accounts_of(row.state, row.entry.scope))}"


def _reason_text(row: StopRow) -> str:
    """Why; of one that was ended who did it and why, first."""
    why = row.entry.reason or "no reason"
    if row.undo is None:
        return why
    return f"ended by {row.undo.by or row.undo.issuer}: {row.undo.reason or 'no reason'}; was: {why}"


STOP_COLUMNS: tuple[Column[StopRow], ...] = (
    Column("word", "state", lambda row: row.word, lambda row: row.word, width_min=6),
    Column(
        "level", "level", lambda row: row.entry.level, lambda row: row.entry.level, width_min=7, searched=True,
        style=lambda row: LEVEL_STYLE.get(row.entry.level, ""),
    ),
    Column("scope", "scope", lambda row: row.entry.scope, lambda row: row.entry.scope, width_min=6, searched=True),
    Column("held", "locals", lambda row: len(row.holders), _holding_text),
    Column("since", "since UTC", lambda row: row.entry.issued_ns, lambda row: since_text(row.entry.issued_ns), rank=3),
    Column("by", "by", lambda row: row.by, lambda row: row.by, rank=2, width_max=24, searched=True),
    Column("reason", "reason", lambda row: row.entry.reason, _reason_text, rank=1, width_min=16, searched=True, is_rest=True),
)  # fmt: skip


# what locals say of one


class LocalRow(msgspec.Struct, frozen=True, eq=False):
    """What an account's local says of one stop."""

    account: str
    stop: StopRow

    @property
    def age_ns(self) -> int | None:
        """Of its newest word; None: there was none."""
        seen = self.stop.state.view.latched.get(self.account)
        return None if seen is None else self.stop.now_ns - seen[0]

    @property
    def held(self) -> Held | None:
        """How far it says that it is."""
        return held_of(self.stop.state, self.account, self.stop.key)

    @property
    def is_settled(self) -> bool:
        """Whether it says lately what is wanted: that it is as far as the level goes, or that the end is there."""
        stop = self.stop
        if stop.undo is None:
            return is_held(stop.state, self.account, stop.key, stop.entry, stop.now_ns)
        return self.age_ns is not None and freshness(self.age_ns) != "dead" and self.held is None

    @property
    def words(self) -> str:
        """What it says, without how old that is."""
        seen, held, need = self.stop.state.view.latched.get(self.account), self.held, STAGE_OF.get(self.stop.entry.level, "")
        if seen is None:
            return "said nothing yet"
        if self.stop.undo is not None:
            if held is not None:
                return f"holds it still: {held.stage}"
            return "has the undo" if _has_undo(self.stop, seen[1].entries) else "does not hold it"
        if held is None:
            return "has it, not judged yet" if self.stop.key in seen[1].entries else "does not hold it"
        if held.stage in STOP_STAGES and need in STOP_STAGES and STOP_STAGES.index(held.stage) < STOP_STAGES.index(need):
            return f"{held.stage}, not {need}"
        return held.stage


def _has_undo(stop: StopRow, known: list[bytes]) -> bool:
    undos = [raw for raw, item in stop.state.view.stops.items() if isinstance(item, Undo) and stop.key in item.entries]
    return any(_id_of(raw) in known for raw in undos)


@lru_cache(maxsize=1_024)
def _id_of(raw: bytes) -> bytes:
    return item_of(raw)[0]


def local_rows(stop: StopRow) -> list[LocalRow]:
    """Each account a stop concerns."""
    return [LocalRow(name, stop) for name in accounts_of(stop.state, stop.entry.scope)]


def _says(row: LocalRow) -> str:
    if row.age_ns is None:
        return f"○ {row.words}"
    word = freshness(row.age_ns)
    if word != "fresh":
        return f"{AGE_MARKS[word]} {row.words}, {seconds_text(row.age_ns)} s ago"
    return f"{'✓' if row.is_settled else '✗'} {row.words}"


def _local_ages(row: LocalRow) -> str:
    return "-" if row.age_ns is None else seconds_text(row.age_ns)


LOCAL_COLUMNS: tuple[Column[LocalRow], ...] = (
    Column("account", "account", lambda row: row.account, lambda row: row.account, width_min=8, searched=True),
    Column("says", "its local says", lambda row: row.words, _says, searched=True),
    Column("age", "age s", lambda row: row.age_ns or 0, _local_ages, is_right=True),
    Column(
        "positions", "positions", lambda row: row.held.positions_count if row.held else -1,
        lambda row: f"{row.held.positions_count:,}" if row.held else "-", is_right=True, rank=1,
    ),
    Column(
        "pending", "pending", lambda row: row.held.orders_count if row.held else -1,
        lambda row: f"{row.held.orders_count:,}" if row.held else "-", is_right=True, rank=1,
    ),
    Column(
        "detail", "waits for", lambda row: row.held.detail if row.held else "", lambda row: row.held.detail if row.held else "",
        rank=2, width_min=12, searched=True, is_rest=True,
    ),
)  # fmt: skip


def is_unsettled(row: LocalRow) -> bool:
    """Whether somebody should look at it."""
    return not row.is_settled


def local_style(row: LocalRow) -> str:
    """Old words are grey."""
    return "" if row.age_ns is not None and freshness(row.age_ns) == "fresh" else "dim"


# what a stop would touch


class AccountRow(msgspec.Struct, frozen=True, eq=False):
    """An account as it is seen. ``state`` None: it was not."""

    account: str
    age_ns: int
    state: AccountState | None

    @property
    def foreign_count(self) -> int:
        """Positions that are not ours."""
        return sum(not position.ours for position in self.state.positions) if self.state is not None else -1


def account_rows(state: State, now_ns: int) -> list[AccountRow]:
    """Each configured account."""
    seen = state.view.accounts
    return [
        AccountRow(name, now_ns - seen[name][0], seen[name][1]) if name in seen else AccountRow(name, 0, None)
        for name in state.config.account
    ]


def _ladder(row: AccountRow) -> str:
    return row.state.ladder if row.state is not None else "not seen"


ACCOUNT_COLUMNS: tuple[Column[AccountRow], ...] = (
    Column("account", "account", lambda row: row.account, lambda row: row.account, width_min=8, searched=True),
    Column("ladder", "in force", _ladder, _ladder, width_min=8, searched=True, style=lambda row: LEVEL_STYLE.get(_ladder(row), "")),
    Column(
        "positions", "positions", lambda row: len(row.state.positions) if row.state else -1,
        lambda row: f"{len(row.state.positions):,}" if row.state else "-", is_right=True,
    ),
    Column(
        "foreign", "not ours", lambda row: row.foreign_count, lambda row: f"{row.foreign_count:,}" if row.state else "-", is_right=True,
    ),
    Column(
        "pending", "pending", lambda row: len(row.state.orders) if row.state else -1,
        lambda row: f"{len(row.state.orders):,}" if row.state else "-", is_right=True,
    ),
    Column("age", "age s", lambda row: row.age_ns, lambda row: seconds_text(row.age_ns) if row.state else "-", is_right=True),
)  # fmt: skip


def account_style(row: AccountRow) -> str:
    """Old numbers are grey."""
    return "" if row.state is not None and freshness(row.age_ns) == "fresh" else "dim"


# how each account took what was sent from here


def answer_text(verdict: Verdict) -> str:
    """There is no third answer."""
    return "✓ CONFIRMED" if verdict.is_confirmed else "✗ NOT CONFIRMED"


def _stage(verdict: Verdict) -> str:
    return verdict.held.stage if verdict.held is not None else "-"


def _tenths_ms(verdict: Verdict) -> str:
    return f"{verdict.after_ns / MS_NS:,.1f}" if verdict.is_confirmed else "-"


VERDICT_COLUMNS: tuple[Column[Verdict], ...] = (
    Column("account", "account", lambda row: row.account, lambda row: row.account, width_min=8, searched=True),
    Column(
        "answer", "answer", answer_text, answer_text, width_min=15, searched=True,
        style=lambda row: "green" if row.is_confirmed else "bold red",
    ),
    Column("after", "after ms", lambda row: row.after_ns, _tenths_ms, is_right=True, rank=1),
    Column("stage", "stage", _stage, _stage, rank=2, width_min=7),
    Column(
        "positions", "positions", lambda row: row.held.positions_count if row.held else -1,
        lambda row: f"{row.held.positions_count:,}" if row.held else "-", is_right=True, rank=3,
    ),
    Column(
        "pending", "pending", lambda row: row.held.orders_count if row.held else -1,
        lambda row: f"{row.held.orders_count:,}" if row.held else "-", is_right=True, rank=3,
    ),
    Column("flight", "in flight", lambda row: len(row.in_flight), lambda row: f"{len(row.in_flight):,}", is_right=True, rank=4),
    Column("why", "why not", lambda row: row.why, lambda row: row.why, width_min=24, searched=True, is_rest=True),
)  # fmt: skip


def is_unconfirmed(verdict: Verdict) -> bool:
    """Whether it is on top of the table."""
    return not verdict.is_confirmed
