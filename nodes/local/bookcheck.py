"""Whether what a local has written down agrees with the deals and positions of its venue: what does not, in findings.

By lots: the deals of a position on an opening's side are its openings' lots (on a netting account at least those, there may be others'),
those on the other side at least what our closes took. By mark: a deal that bears an order's comment is of an order that did something.
"""

import msgspec

from mesh.answercodes import DEAL_WITHOUT_RECORD, FOREIGN, RECORD_WITHOUT_DEAL, VOLUME_DIFFERS
from mesh.messages.accounts import Position
from mesh.messages.outcomes import DealReport
from mesh.units import text_from_e8
from nodes.local.accountbook import TRADE_KINDS
from nodes.local.evidence import OUR_COMMENT, Statement
from nodes.local.openings import Opening, Openings

PREFIX_BYTES = 8
"""Of an oid, in a comment."""


class Finding(msgspec.Struct, frozen=True):
    """One thing found. ``agrees``: it is worth saying, but nothing is amiss."""

    code: str
    detail: str
    ticket: int = 0
    symbol: str = ""
    volume_e8: int = 0
    price_e8: int = 0
    agrees: bool = False


def closed_lots(openings: Openings, f: int) -> dict[bytes, int]:
    """What is closed of each opening that is told by outcome ``f``, by oid: what a statement read from now on has to bear out."""
    return {opening.record.oid: opening.record.closed_e8 for opening in openings.known() if opening.record.f <= f}


def findings_of(statement: Statement, openings: Openings, closed_e8: dict[bytes, int], executed: dict[bytes, bool]) -> list[Finding]:
    """What does not agree, and positions that are not ours.

    ``closed_e8``: the ``closed_lots`` of when the statement's reading began; what was done since then it need not show.
    ``executed``: by the first bytes of its oid, whether a known order did something, or may have.
    """
    return [*_lots(statement, openings, closed_e8), *_unrecorded(statement, executed), *_foreign(statement.positions, openings)]


def _lots(statement: Statement, openings: Openings, closed_e8: dict[bytes, int]) -> list[Finding]:
    """Openings whose lots the venue's deals do not bear out."""
    dealt: dict[tuple[int, int], int] = {}
    for deal in statement.deals:
        if deal.kind in TRADE_KINDS:
            key = deal.position_id, _side(deal)
            dealt[key] = dealt.get(key, 0) + deal.volume_e8
    shared: dict[tuple[int, int], list[Opening]] = {}
    for opening in openings.known():
        if opening.record.oid in closed_e8:
            shared.setdefault((opening.position_id, opening.record.side), []).append(opening)
    found: list[Finding] = []
    for (position_id, side), group in shared.items():
        opened_e8, taken_e8 = sum(each.record.volume_e8 for each in group), sum(closed_e8[each.record.oid] for each in group)
        in_e8, out_e8 = dealt.get((position_id, side), 0), dealt.get((position_id, -side), 0)
        oids, symbol = " ".join(each.record.oid.hex() for each in group[:3]), group[0].record.symbol
        if not in_e8:
            found.append(Finding(RECORD_WITHOUT_DEAL, f"opened by {oids}", position_id, symbol, opened_e8))
        elif in_e8 < opened_e8 or (openings.is_hedging and in_e8 != opened_e8):
            words = f"opened={_lots_text(opened_e8)} deals={_lots_text(in_e8)} {oids}"
            found.append(Finding(VOLUME_DIFFERS, words, position_id, symbol, in_e8))
        if out_e8 < taken_e8:
            words = f"closed={_lots_text(taken_e8)} deals={_lots_text(out_e8)} {oids}"
            found.append(Finding(VOLUME_DIFFERS, words, position_id, symbol, out_e8))
    return found


def _side(deal: DealReport) -> int:
    return 1 if deal.kind == "BUY" else -1


def _lots_text(volume_e8: int) -> str:
    return text_from_e8(volume_e8, 2)


def _unrecorded(statement: Statement, executed: dict[bytes, bool]) -> list[Finding]:
    """Deals and positions that bear the mark of one of our orders which, as far as is known, did nothing, or is not known."""
    found: list[Finding] = []
    for deal in statement.deals:
        if deal.kind in TRADE_KINDS and (words := _objection(deal.comment, executed)):
            found.append(Finding(DEAL_WITHOUT_RECORD, words, deal.deal_ticket, deal.symbol, deal.volume_e8, deal.price_e8))
    dealt = dict.fromkeys(deal.position_id for deal in statement.deals)
    for position in statement.positions:
        # one whose deals are shown was looked at with them
        if position.position_id not in dealt and (words := _objection(position.comment, executed)):
            told = Finding(DEAL_WITHOUT_RECORD, f"position {words}", position.ticket, position.symbol, position.volume_e8)
            found.append(msgspec.structs.replace(told, price_e8=position.price_open_e8))
    return found


def _objection(comment: str, executed: dict[bytes, bool]) -> str:
    if not OUR_COMMENT.fullmatch(comment):
        return ""
    did = executed.get(bytes.fromhex(comment[2 : 2 + 2 * PREFIX_BYTES]))
    if did is None:
        return f"comment={comment}: no such order is known here"
    return "" if did else f"comment={comment}: its order ended as having done nothing"


def _foreign(positions: list[Position], openings: Openings) -> list[Finding]:
    """Positions that are not ours, or only in part."""
    found: list[Finding] = []
    for position in positions:
        others_e8 = position.volume_e8 - (openings.ours_e8(position) if openings.of_position(position) is not None else 0)
        if others_e8 > 0:
            words = f"not ours, comment={position.comment}" if position.comment else "not ours"
            found.append(Finding(FOREIGN, words, position.ticket, position.symbol, others_e8, position.price_open_e8, agrees=True))
    return found
