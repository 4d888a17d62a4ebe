"""Many ticks at once give what the same ticks give one by one, and stop where a watch fires."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.units import SECOND_NS
from nodes.terminal import names
from nodes.terminal.service import TerminalService
from nodes.terminal.settings import TerminalConfig
from tests.nodes.terminal.terminal_rig import BUY, LOGIN, SELL, Rig, books_of, check_books, e8

SYMBOLS = ("EURUSD", "USDJPY", "EURJPY")
START_E8 = {"EURUSD": e8("1.10000"), "USDJPY": e8("110.000"), "EURJPY": e8("121.000")}
STEP_E8 = {"EURUSD": 1_000, "USDJPY": 100_000, "EURJPY": 100_000}


class Columns:
    """A random walk of several symbols, about five a second, sometimes crossed."""

    def __init__(self, seed: int, count: int, step_points: int, symbols: tuple[str, ...] = SYMBOLS, after_ns: int = 0) -> None:
        draw = np.random.default_rng(seed)
        self.symbols = symbols
        self.symbol_index = draw.integers(0, len(symbols), count).astype(np.uint16)
        self.time_ns = np.int64(after_ns) + np.cumsum(draw.integers(0, SECOND_NS // 2, count))
        self.bid_e8 = np.empty(count, dtype=np.int64)
        self.ask_e8 = np.empty(count, dtype=np.int64)
        for number, symbol in enumerate(symbols):
            mine = self.symbol_index == number
            walk = np.cumsum(draw.integers(-step_points, step_points + 1, mine.sum()))
            self.bid_e8[mine] = START_E8[symbol] + walk * STEP_E8[symbol]
            self.ask_e8[mine] = self.bid_e8[mine] + draw.integers(-2, 20, mine.sum()) * STEP_E8[symbol]

    def __len__(self) -> int:
        return len(self.time_ns)

    def args(self) -> tuple[Any, ...]:
        return self.symbol_index, self.time_ns, self.bid_e8, self.ask_e8, self.symbols


def traded_rig(seed: int, positions_count: int = 20) -> Rig:
    """An account with positions, levels and pending orders all around the market."""
    rig = Rig(
        symbols=SYMBOLS,
        config=TerminalConfig(server_zone="New York + 7 h", ticks_kept_count=500),
        account={"deposit_e8": e8("30000"), "commission_per_lot_e8": e8("7")},
        swap_mode=1,
        swap_long_e8=e8("-7"),
        swap_short_e8=e8("2"),
    )
    draw = np.random.default_rng(seed)
    for _ in range(positions_count):
        symbol = SYMBOLS[draw.integers(0, 3)]
        book, side = rig.terminal.books[symbol], int(draw.integers(0, 2))
        near_e8, far_e8 = (int(points) * STEP_E8[symbol] for points in draw.integers(5, 400, 2))
        sign = 1 if side == BUY else -1
        fields = {"symbol": symbol, "sl": text(book.bid_e8 - sign * (near_e8 + STEP_E8[symbol] * 20))}
        rig.deal(side, f"0.{draw.integers(1, 40):02}", **fields, tp=text(book.bid_e8 + sign * (far_e8 + STEP_E8[symbol] * 20)))
        kind = int(draw.integers(2, 6))
        is_below = kind in (names.ORDER_TYPE_BUY_LIMIT, names.ORDER_TYPE_SELL_STOP)
        price_e8 = book.bid_e8 - near_e8 if is_below else book.ask_e8 + near_e8
        until_ns = rig.now_ns + int(draw.integers(1, 3_000)) * SECOND_NS
        rig.pending(kind, text(price_e8), symbol=symbol, type_time=2, expiration_ns=until_ns)
    return rig


def text(value_e8: int) -> str:
    return f"{value_e8 // 10**8}.{value_e8 % 10**8:08}"


def play_one_by_one(rig: Rig, columns: Columns) -> list[Any]:
    changes: list[Any] = []
    rows = zip(columns.symbol_index, columns.time_ns, columns.bid_e8, columns.ask_e8, strict=True)
    for number, time_ns, bid_e8, ask_e8 in rows:
        changes += rig.terminal.on_tick(columns.symbols[number], int(time_ns), int(bid_e8), int(ask_e8))
    return changes


@pytest.mark.slow
@given(seed=st.integers(0, 10**6), step_points=st.integers(1, 30), block=st.sampled_from([7, 9, 50, 400, 2_000]))
def test_blocks_give_what_single_ticks_give(seed: int, step_points: int, block: int) -> None:
    """Positions, orders, deals, history and changes are the same for blocks of any size."""
    single, bulk = traded_rig(seed), traded_rig(seed)
    columns = Columns(seed + 1, 1_500, step_points, after_ns=single.now_ns)
    expected = play_one_by_one(single, columns)
    changes: list[Any] = []
    for start in range(0, len(columns), block):
        stop = min(len(columns), start + block)
        reached, more = bulk.terminal.on_ticks(*columns.args(), start, stop)
        assert reached == stop
        changes += more
    assert changes == expected or [change for change in changes if change.kind != "account"] == [
        change for change in expected if change.kind != "account"
    ]
    assert books_of(bulk.terminal) == books_of(single.terminal)
    assert bulk.terminal.quote_rows() == single.terminal.quote_rows()
    assert bulk.terminal.now_ns == single.terminal.now_ns
    for symbol in SYMBOLS:
        one, other = single.terminal.books[symbol].history, bulk.terminal.books[symbol].history
        assert np.array_equal(one.ticks(), other.ticks())
        assert np.array_equal(one.bars(), other.bars())
    check_books(bulk.terminal)


@pytest.mark.slow
@given(seed=st.integers(0, 10**6), below=st.integers(-3_000, 500))
def test_watch_stops_a_block_at_the_tick_that_fires_it(seed: int, below: int) -> None:
    """The block ends after the same tick at which single ticks fire the watch, with the same equity."""
    single, bulk = traded_rig(seed), traded_rig(seed)
    level_e8 = single.state.equity_e8 + below * 10**8
    columns = Columns(seed + 1, 1_000, 8, after_ns=single.now_ns)
    single.terminal.watch(LOGIN, level_e8)
    bulk.terminal.watch(LOGIN, level_e8)
    fired_at = len(columns)
    for index in range(len(columns)):
        number = columns.symbol_index[index]
        row = (int(columns.time_ns[index]), int(columns.bid_e8[index]), int(columns.ask_e8[index]))
        single.terminal.on_tick(columns.symbols[number], *row)
        if single.terminal.has_fired:
            fired_at = index + 1
            break
    reached, _ = bulk.terminal.on_ticks(*columns.args(), 0, len(columns))
    assert reached == fired_at
    assert bulk.terminal.take_fired() == single.terminal.take_fired()
    assert bulk.state == single.state
    assert books_of(bulk.terminal) == books_of(single.terminal)


def test_quiet_blocks_are_not_played_tick_by_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """With stops far away a block of 10,000 ticks is looked over as a whole."""
    rig = Rig()
    for side in (BUY, SELL):
        sl, tp = ("1.00", "1.20") if side == BUY else ("1.20", "1.00")
        rig.opened(side, sl=sl, tp=tp)
    columns = Columns(1, 10_000, 1, symbols=("EURUSD",), after_ns=rig.now_ns)
    taken: list[int] = []
    monkeypatch.setattr(type(rig.terminal), "take_tick", lambda *args: taken.append(1))
    reached, changes = rig.terminal.on_ticks(*columns.args(), 0, len(columns))
    assert (reached, changes, taken) == (len(columns), (), [])
    assert rig.terminal.books["EURUSD"].bid_e8 == columns.bid_e8[-1]


def test_ticks_outside_the_span_are_not_touched() -> None:
    """Only ticks from start to stop are taken."""
    rig = Rig()
    columns = Columns(1, 100, 3, symbols=("EURUSD",), after_ns=rig.now_ns)
    assert rig.terminal.on_ticks(*columns.args(), 10, 60) == (60, ())
    assert rig.terminal.books["EURUSD"].time_ns == columns.time_ns[59]
    assert rig.terminal.books["EURUSD"].history.ticks().shape[1] == 51
    assert rig.terminal.on_ticks(*columns.args(), 60, 60) == (60, ())


def test_work_of_a_tick_does_not_grow_with_positions() -> None:
    """A quiet tick looks at no position: not with ten of them, not with a thousand."""
    looked: dict[int, int] = {}
    for count in (10, 1_000):
        rig = Rig(account={"deposit_e8": e8("1000000")})
        for _ in range(count):
            rig.opened(BUY, "0.01", sl="1.05", tp="1.20")
        held = _Counted(rig.account.positions)
        rig.account.positions = held
        rig.quote("1.10001", "1.10011")
        rig.opened(BUY, "0.01", sl="1.05")
        looked[count] = held.looked_count
    assert looked[10] == looked[1_000]


def test_work_of_an_order_does_not_grow_with_positions() -> None:
    """Opening, new levels, a part closed, the rest closed, and finding one by its ticket: with ten as with a thousand."""
    looked: dict[int, int] = {}
    for count in (10, 1_000):
        rig = Rig(account={"deposit_e8": e8("1000000")})
        for _ in range(count):
            rig.opened(BUY, "0.02", sl="1.05", tp="1.20")
        service = TerminalService(rig.terminal)
        held = _Counted(rig.account.positions)
        rig.account.positions = held
        ticket = rig.deal(BUY, "0.02").order
        rig.send(names.TRADE_ACTION_SLTP, position=ticket, sl="1.06")
        rig.deal(SELL, "0.01", position=ticket)
        [found] = service.call(LOGIN, "positions_get", [ticket, ""], rig.now_ns).value
        assert found[0] == ticket
        assert service.call(LOGIN, "positions_total", [], rig.now_ns).value == count + 1
        rig.deal(SELL, "0.01", position=ticket)
        looked[count] = held.looked_count
    assert looked[10] == looked[1_000] > 0


class _Counted(dict[int, Any]):
    """Counts how many positions are looked at."""

    looked_count = 0

    def values(self) -> Any:
        self.looked_count += len(self)
        return super().values()

    def get(self, key: int, default: Any = None) -> Any:
        self.looked_count += 1
        return super().get(key, default)


def test_rest_of_an_order_takes_each_quote_of_a_block() -> None:
    """A partly filled order is filled by the ticks of a block as by single ones."""
    exchange = {"exemode": names.SYMBOL_TRADE_EXECUTION_EXCHANGE, "depth_e8": e8("0.01")}
    single, bulk = Rig(**exchange), Rig(**exchange)
    for rig in (single, bulk):
        rig.deal(BUY, "0.30", type_filling=names.ORDER_FILLING_RETURN)
    columns = Columns(5, 100, 1, symbols=("EURUSD",), after_ns=single.now_ns)
    play_one_by_one(single, columns)
    bulk.terminal.on_ticks(*columns.args(), 0, len(columns))
    assert len(bulk.deals) == 30
    assert books_of(bulk.terminal) == books_of(single.terminal)
