"""Rows, totals and words of the page Trades, without a screen."""

import msgspec

from mesh.config import parse
from mesh.messages.accounts import AccountState
from mesh.messages.base import NO_OID, Msg
from mesh.messages.outcomes import Stamps
from mesh.units import E8, MS_NS, SECOND_NS
from mesh.view import Told, View
from nodes.io.locate import demo_text
from tests.tui.consolerig import CONFIG, MARKET_NS, NOW_NS, deal, outcome, pending, position, stamps, state, symbols
from tui.tablemodel import TableModel
from tui.tradecolumns import DEALS, ORDERS, POSITIONS
from tui.traderows import NOT_KNOWN, OrderRow, TradeBook
from tui.tradetotals import deal_totals, order_totals, position_totals
from tui.tradewords import line_of, lines_of, title_of


def told(view: View, *items: Msg, at_ns: int = NOW_NS) -> None:
    for item in items:
        view.put(Told("router-1", at_ns, item, b""), at_ns)


def book_of(*items: Msg, now_ns: int = NOW_NS) -> TradeBook:
    view, book = View(), TradeBook(CONFIG)
    told(view, *items)
    book.take(view, now_ns)
    return book


def rows_by_code(book: TradeBook) -> dict[str, OrderRow]:
    return {row.code: row for row in book.orders}


def test_rows_are_made_once_for_each_state() -> None:
    """Of two accounts only the one with another state has other rows; ages are those of now in both."""
    view, book = View(), TradeBook(CONFIG)
    told(view, state("demo-1", positions=(position(1),)), state("demo-2", positions=(position(2),)))
    book.take(view, NOW_NS)
    before = list(book.positions)
    told(view, state("demo-2", positions=(position(2, profit_e8=5),), number=2), at_ns=NOW_NS + SECOND_NS)
    book.take(view, NOW_NS + 2 * SECOND_NS)
    assert book.positions[0] is before[0]
    assert book.positions[1] is not before[1]
    assert [row.seen.age_ns for row in book.positions] == [2 * SECOND_NS, SECOND_NS]
    assert [row.seen.how for row in book.positions] == ["late", "fresh"]
    assert before[0].seen.age == "◐ 2 s"


def test_the_newest_position_of_an_account_is_its_first() -> None:
    """Accounts stand in the order of the configuration, whatever came first."""
    book = book_of(
        state("demo-2", positions=(position(3),)),
        state("demo-1", positions=(position(1), position(2, opened_ns=MARKET_NS + 1), position(4))),
    )
    assert [row.key for row in book.positions] == [("demo-1", 2), ("demo-1", 4), ("demo-1", 1), ("demo-2", 3)]
    assert book.position(("demo-1", 4)) is book.positions[1]
    assert book.position(("demo-1", 5)) is None
    assert book.position(("demo-9", 5)) is None


def test_an_account_that_is_not_configured_is_shown() -> None:
    """A router may know more than this console's file; it stays at the next look."""
    view, book = View(), TradeBook(CONFIG)
    told(view, state("other", positions=(position(),)))
    for _ in range(2):
        book.take(view, NOW_NS)
        assert [row.seen.account for row in book.positions] == ["other"]


def test_what_an_order_was_in_before_it_ended_is_left_out() -> None:
    """UNKNOWN is shown, and on top, until the same order has ended; another account's stays."""
    lost = outcome(1, code="UNKNOWN", final=False)
    other = outcome(1, "demo-2", code="UNKNOWN", final=False)
    book = book_of(lost, other)
    assert [row.is_open for row in book.orders] == [True, True]
    book = book_of(lost, other, outcome(2, oid=lost.oid))
    assert [(row.code, row.seen.account) for row in book.orders] == [("UNKNOWN", "demo-2"), ("FILLED", "demo-1")]


def test_a_resting_order_is_as_old_as_its_account() -> None:
    """It has no time of its own, and says when it expires."""
    (row,) = book_of(state("demo-1", orders=[pending()]), symbols("demo-1")).orders
    assert row.is_resting
    texts = dict(zip([column.key for column in ORDERS], [column.text(row) for column in ORDERS], strict=True))
    assert (texts["code"], texts["what"], texts["time"], texts["age"]) == ("… RESTING", "BUY_LIMIT", "", "0 s")
    assert row.detail == "expires=never"
    assert lines_of(row)[1] == "expires=never, ticket 7, as told 0 s ago"


def test_what_is_asked_about_a_row() -> None:
    """A line by its oid, an act by its position, or else by the signal it belongs to; a deposit has no story."""
    act = {"leg": "sl", "cause": "SL", "sid": "demo/cci/EURUSD/1/SL"}
    book = book_of(
        outcome(1), outcome(2, code="CLOSED", position_ticket=77, **act), outcome(3, code="REJECTED", position_ticket=0, **act),
        deal(1, oid=bytes([7]) * 16), deal(2), deal(3, kind="BALANCE", position_id=0),
    )  # fmt: skip
    rows = rows_by_code(book)
    assert rows["FILLED"].query == (bytes([1]) * 16).hex()
    assert rows["CLOSED"].query == "demo-1:77"
    assert rows["REJECTED"].query == "demo/cci/EURUSD/1"
    assert [row.query for row in book.deals] == ["07" * 16, "demo-1:2", ""]


def test_clocks_of_two_hosts_are_not_compared() -> None:
    """Mesh time is told on one host only; broker time is always of one clock; a stage that was not reached gives none."""
    (row,) = book_of(outcome(1)).orders
    assert (row.mesh_ns, row.broker_ns) == (1_800_000, 3 * MS_NS)
    (row,) = book_of(outcome(1, stamps=Stamps(signal_ns=5))).orders
    assert (row.mesh_ns, row.broker_ns) == (NOT_KNOWN, NOT_KNOWN)
    (row,) = book_of(outcome(1, stamps=msgspec.structs.replace(stamps(), called_ns=1))).orders
    assert row.mesh_ns == NOT_KNOWN  # the node began anew
    wide = parse(demo_text().replace('role = "master"', 'role = "master"\nhost = "10.0.0.1"'))
    view, book = View(), TradeBook(wide)
    told(view, outcome(1))
    book.take(view, NOW_NS)
    assert not book.is_one_host
    assert (book.orders[0].mesh_ns, book.orders[0].broker_ns) == (NOT_KNOWN, 3 * MS_NS)


def test_sides_that_are_none_are_not_told() -> None:
    """An act without a side is neither a buy nor a sell."""
    (row,) = book_of(outcome(1, action="CANCEL", side=0)).orders
    assert row.what == "CANCEL"


def test_money_of_two_currencies_is_never_added() -> None:
    """Totals are of what is shown, by currency; what is not ours, and what is old, is counted."""
    euro = state("demo-2", positions=(position(3, profit_e8=-5 * E8, swap_e8=-E8),), currency="EUR")
    foreign = position(2, ours=False, oid=NO_OID, strategy="", profit_e8=1_250 * E8)
    book = book_of(state("demo-1", positions=(position(1, profit_e8=2 * E8), foreign)), euro)
    whole = "3 positions  0.30 lots  profit -5.00 EUR, +1,252.00 USD  swap -1.00 EUR  * 1 not ours"
    assert position_totals(book.positions) == whole
    assert position_totals([]) == ""
    view = View()
    told(view, euro)
    book.take(view, NOW_NS + 5 * SECOND_NS)
    assert position_totals(book.positions).endswith("○ 1 of them old")


def test_orders_are_counted_by_how_they_ended() -> None:
    """Those that need a decision first; lots of what rests are not those of what was done."""
    book = book_of(
        outcome(1), outcome(2), outcome(3, code="DENIED"), outcome(4, code="UNKNOWN", final=False), outcome(5, code="CLOSED", profit_e8=E8),
        state("demo-1", orders=[pending()]),
    )  # fmt: skip
    words = "6 orders  0.50 lots  profit +1.00 USD  ‼ UNKNOWN 1  ✓ FILLED 2  ✓ CLOSED 1  ✗ DENIED 1  … RESTING 1"
    assert order_totals(book.orders) == words
    assert order_totals([]) == ""


def test_deposits_are_no_profit() -> None:
    """Money that was moved is told apart from what was traded."""
    book = book_of(deal(1), deal(2, kind="BALANCE", profit_e8=10_000 * E8, commission_e8=0, volume_e8=0, position_id=0), state("demo-1"))
    words = "2 deals  0.10 lots  profit -5.00 USD  costs -0.07 USD  moved +10,000.00 USD"
    assert deal_totals(book.deals) == words
    assert deal_totals([]) == ""


def test_what_is_not_ours_says_so() -> None:
    """By a mark and words that a filter finds."""
    book = book_of(state("demo-1", positions=(position(1), position(2, ours=False, oid=NO_OID, strategy=""))))
    model = TableModel(POSITIONS, key=lambda row: row.key)
    model.rows = book.positions
    model.filter = "not ours"
    assert [row.position.ticket for row in model.visible] == [2]
    assert "strategy: * not ours" in model.text_of_row(model.visible[0])
    assert any("not ours" in line for line in lines_of(model.visible[0]))


def test_every_column_sorts_and_has_a_text() -> None:
    """Of rows of every kind; a file has all columns."""
    book = book_of(
        state("demo-1", positions=(position(1), position(2)), orders=[pending()]), symbols("demo-1"),
        outcome(1), outcome(2, code="DENIED", stamps=Stamps()), deal(1), deal(2),
    )  # fmt: skip
    for columns, rows in ((POSITIONS, book.positions), (ORDERS, book.orders), (DEALS, book.deals)):
        model: TableModel[object] = TableModel(columns, key=id)  # type: ignore[arg-type]
        model.rows = list(rows)
        for column in columns:
            model.sort_by(column.key)
            assert len(model.visible) == len(rows)
        assert len(model.csv().splitlines()) == 1 + len(rows)


def test_prices_have_the_digits_of_their_broker() -> None:
    """As soon as the account has told them; five before."""
    account = state("demo-1", positions=(position(1, symbol="USDJPY"),))
    view, book = View(), TradeBook(CONFIG)
    told(view, account)
    book.take(view, NOW_NS)
    (row,) = book.positions
    assert line_of(row).startswith("open 1.10000 now 1.10001")
    told(view, symbols("demo-1"))
    book.take(view, NOW_NS)
    assert line_of(book.positions[0]).startswith("open 1.100 now 1.100 SL 1.090 TP 1.120  opened 2026-01-05 00:00 UTC")


def test_a_row_says_in_words_what_it_is() -> None:
    """Its title, one line below the table, and all of it above its chain."""
    denied = outcome(8, code="DENIED", detail="DAILY_LOSS used=312.00 limit=300.00", stamps=Stamps())
    book = book_of(state("demo-1", positions=(position(1, comment="mine", magic=5),)), denied, deal(5, comment="[sl 1.1]"))
    (held,), (order,), (sold,) = book.positions, book.orders, book.deals
    assert [title_of(row) for row in (held, order, sold)] == ["position demo-1:1", "OPEN buy EURUSD on demo-1", "deal 5 of demo-1"]
    assert line_of(order) == "DAILY_LOSS used=312.00 limit=300.00  demo/cci/EURUSD/8  ticket 8"
    assert line_of(sold) == "cause SL  deal 5 order 5 position 5  commission -0.07 swap 0.00  [sl 1.1]"
    assert lines_of(held)[-1] == "magic 5  mine"
    assert lines_of(order)[0] == "✗ DENIED  OPEN buy 0.10 lots EURUSD on demo-1 at 1.10000"
    assert lines_of(sold)[1] == "profit -5.00  commission -0.07  swap 0.00 USD"


def test_a_thousand_accounts_are_looked_at_only_where_they_changed() -> None:
    """Of 10,000 positions those of one account are made anew, the others are the same objects."""
    names = [f"acc-{number}" for number in range(1_000)]
    held = tuple(position(ticket) for ticket in range(10))
    states: list[AccountState] = [state(name, positions=held) for name in names]
    view, book = View(), TradeBook(CONFIG)
    told(view, *states)
    book.take(view, NOW_NS)
    before = book.positions
    assert len(before) == 10_000
    told(view, state("acc-500", positions=held, number=2))
    book.take(view, NOW_NS)
    made = [row.seen.account for row, old in zip(book.positions, before, strict=True) if row is not old]
    assert made == ["acc-500"] * 10
