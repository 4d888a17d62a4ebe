"""What the dashboard shows where there is room left: the accounts with the worst day, the last outcomes, the last lines of the log."""

from heapq import nlargest
from itertools import islice

from rich.text import Text

from mesh.messages.outcomes import Outcome
from mesh.texts import clock_text, iso_from_ns, side
from mesh.view import freshness
from tui.amounts import age_text, amount, basis_points_text, lots_text
from tui.board import OLD_MARKS, Cell, right, row, signed_style
from tui.fleet import Fleet, Worst, day_result_e8
from tui.notelog import LogLine
from tui.state import State

ACCOUNT_CELLS, TIME_CELLS = 12, 15
RECENT = 400
"""Outcomes that came last, among which the newest by market time are looked for."""
LEVEL_STYLE = {"warning": "yellow", "error": "red", "critical": "bold red", "audit": "bold"}


def time_text(time_ns: int) -> str:
    """Day and time, without the year: its header says UTC."""
    return clock_text(iso_from_ns(time_ns))[5:]


def account_lines(state: State, fleet: Fleet, now_ns: int, width: int, height: int) -> list[Text]:
    """The accounts whose day is worst for their size."""
    titles = [Cell("WORST DAYS", ACCOUNT_CELLS), right("equity", 14), Cell("", 5), right("floating", 10), right("day PnL", 11)]
    lines = [row([*titles, right("day %", 7), right("pos.", 5), Cell(" ladder", 9), Cell("", 8)], width)]
    lines += [_account(each, width) for each in fleet.worst(state.view.accounts, now_ns, max(0, height - 1))]
    if not state.view.accounts:
        lines.append(Text("no account seen yet", "dim"))
    return lines[:height]


def _account(worst: Worst, width: int) -> Text:
    account, word = worst.state, freshness(worst.age_ns)
    day_e8, floating_e8 = day_result_e8(account), account.equity_e8 - account.balance_e8
    cells = [
        Cell(account.account, ACCOUNT_CELLS),
        right(amount(account.equity_e8), 14),
        Cell(f" {account.currency}", 5),
        right(amount(floating_e8, is_signed=True), 10, signed_style(floating_e8)),
        right("-" if day_e8 is None else amount(day_e8, is_signed=True), 11, signed_style(day_e8 or 0)),
        right(basis_points_text(worst.day_basis_points), 7),
        right(f"{len(account.positions):,}", 5),
        Cell(f" {account.ladder}", 9),
        Cell(f"{OLD_MARKS[word]} {age_text(worst.age_ns)}" if word != "fresh" else "", 8),
    ]
    return row(cells, width, word != "fresh")


def outcome_lines(state: State, width: int, height: int) -> list[Text]:
    """What became of orders last, by market time."""
    titles = [Cell("OUTCOMES, UTC", TIME_CELLS), Cell("account", ACCOUNT_CELLS), Cell("symbol", 9), Cell("side", 5), right("lots", 8)]
    lines = [row([*titles, Cell(" what", 9), Cell("code", 12), Cell("detail", 7)], width)]
    room = max(0, height - 1)
    newest = nlargest(room, islice(reversed(state.view.outcomes.values()), RECENT), key=lambda outcome: (outcome.market_ns, outcome.f))
    lines += [_outcome(each, width) for each in newest]
    if not newest:
        lines.append(Text("none yet", "dim"))
    return lines[:height]


def _outcome(outcome: Outcome, width: int) -> Text:
    cells = [
        Cell(time_text(outcome.market_ns), TIME_CELLS),
        Cell(outcome.account, ACCOUNT_CELLS),
        Cell(outcome.symbol, 9),
        Cell(side(outcome.side), 5),
        right(lots_text(outcome.volume_e8), 8),
        Cell(f" {outcome.action.lower() if outcome.cause == outcome.leg else outcome.cause}", 9),
        Cell(outcome.code, 12),
        Cell(outcome.detail, width),
    ]
    return row(cells, width)


def note_lines(state: State, width: int, height: int) -> list[Text]:
    """The last lines of the log, the newest first."""
    lines = [row([Cell("LOG, UTC", TIME_CELLS), Cell("level", 9), Cell("source", ACCOUNT_CELLS), Cell("what", width)], width)]
    newest = list(state.log)[-max(1, height - 1) :]
    lines += [_note(each, width) for each in reversed(newest)]
    if not newest:
        lines.append(Text("nothing noted yet", "dim"))
    return lines[:height]


def _note(note: LogLine, width: int) -> Text:
    times = f" x{note.count:,}" if note.count > 1 else ""
    cells = [
        Cell(time_text(note.wall_ns), TIME_CELLS),
        Cell(note.level, 9, style=LEVEL_STYLE.get(note.level, "")),
        Cell(note.source, ACCOUNT_CELLS),
        Cell(f"{note.name}{times}  {note.text}", width),
    ]
    return row(cells, width)
