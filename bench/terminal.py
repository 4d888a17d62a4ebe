"""How fast the simulated terminal is: orders in process, growth with open positions, ticks a second.

``python -m bench.terminal [--quick]``. How to read it:

- **order_send**: microseconds of one call of ``nodes.io.mt5.order_send`` from a script, on a ``sim.toml`` without latency: arguments
  read and checked, executed, answered as a structure. Median, p90 and p99 of all calls; in brackets the medians of ten equal parts,
  lowest and highest: when they lie far apart the machine was busy with something else, and only a repetition tells more. The last
  kinds follow each other by turns, so that caches are as cold as in a session.
- **growth**: the server's work alone with 10 to 10,000 open positions, each with a stop loss and a take profit. A tick that meets no
  level; a tick that meets one stop loss (the position is closed); opening, moving levels, and closing. Constant or slowly growing
  columns are O(log n); a column that grows tenfold a line is not. Reading all positions is of course O(n), and is not in the table; nor
  is an account within a cent a position of its stop-out, where each tick adds up all of them to be exact.
- **ticks**: quotes a second through SL/TP checking with 100 positions, one by one (``on_tick``) and in columns (``on_ticks``), with
  levels away from the prices, and with levels that a random walk meets again and again (put back at once, which is in the figure).

The machine is measured too, by a loop of plain Python: figures of two runs compare when that line is about equal.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from bench.machine import machine_line
from mesh.units import E8, SECOND_NS
from nodes.contracts import contract_of
from nodes.io import mt5
from nodes.terminal import names
from nodes.terminal.engine import Terminal
from nodes.terminal.records import TradeRequest
from nodes.terminal.settings import AccountConfig, TerminalConfig
from nodes.terminal.symbols import spec_from_contract

LOGIN = 5_001
SYMBOL = "EURUSD"
POINT_E8 = E8 // 100_000
BID_E8, SPREAD_E8 = 11 * E8 // 10, 10 * POINT_E8
FAR_E8 = 20_000 * POINT_E8
START_NS = 1_767_600_000 * SECOND_NS
PARTS = 10
SIM = f"""
[clock]
kind = "step"
[prices]
source = "script"
symbols = ["{SYMBOL}"]
[server]
latency_ms = 0
[account.bench]
login = {LOGIN}
deposit = 1_000_000_000
"""


def told(times_ns: Sequence[int]) -> str:
    """Median, p90, p99 of times, and the lowest and highest median of ten parts, in microseconds."""
    cut = max(1, len(times_ns) // PARTS)
    medians = [statistics.median(times_ns[at : at + cut]) / 1_000 for at in range(0, cut * PARTS, cut) if times_ns[at : at + cut]]
    p50, p90, p99 = (float(value) / 1_000 for value in np.percentile(times_ns, [50, 90, 99]))
    return f"{p50:8.1f} {p90:8.1f} {p99:8.1f}   [{min(medians):.1f} .. {max(medians):.1f}]"


# --- order_send -----------------------------------------------------------------------------------------------------


def order_send(count: int) -> None:
    """Calls of a script, each timed by itself."""
    opening = {
        "action": mt5.TRADE_ACTION_DEAL, "symbol": SYMBOL, "volume": 0.1, "type": mt5.ORDER_TYPE_BUY, "price": 1.1001, "deviation": 10,
        "magic": 77, "comment": "tm.bench", "type_filling": mt5.ORDER_FILLING_FOK, "type_time": mt5.ORDER_TIME_GTC,
    }  # fmt: skip
    times: dict[str, list[int]] = {name: [] for name in ("open, close by turns", "open beside 100", "levels", "refused")}

    def timed(name: str, request: dict[str, Any], code: int = mt5.TRADE_RETCODE_DONE) -> Any:
        began_ns = time.perf_counter_ns()
        result = mt5.order_send(request)
        times[name].append(time.perf_counter_ns() - began_ns)
        assert result.retcode == code, result
        return result

    def close(ticket: int) -> dict[str, Any]:
        return {**opening, "type": mt5.ORDER_TYPE_SELL, "price": 1.1, "position": ticket}

    for _ in range(count):
        timed("open, close by turns", close(timed("open, close by turns", opening).order))
    for _ in range(100):
        mt5.order_send(opening)
    for number in range(count):
        ticket = timed("open beside 100", opening).order
        timed("levels", {"action": mt5.TRADE_ACTION_SLTP, "symbol": SYMBOL, "position": ticket, "sl": 1.0, "tp": 1.2 + number % 7 / 100})
        timed("refused", {**opening, "volume": 0.001}, mt5.TRADE_RETCODE_INVALID_VOLUME)
        mt5.order_send(close(ticket))
    print("order_send, µs                 p50      p90      p99   [medians of ten parts]")
    for name, taken in times.items():
        print(f"  {name:22}{told(taken)}")
    print(f"  {'all of them':22}{told([time_ns for row in zip(*times.values(), strict=False) for time_ns in row])}")


# --- growth ---------------------------------------------------------------------------------------------------------


def server(positions_count: int, far_e8: int, step_e8: int) -> tuple[Terminal, list[int]]:
    """A server whose one account holds so many longs, each with its levels ``far_e8`` away and ``step_e8`` further than the last's."""
    contract = contract_of(SYMBOL)
    assert contract is not None
    terminal = Terminal(TerminalConfig(), [AccountConfig(login=LOGIN, deposit_e8=10**9 * E8)], [spec_from_contract(contract)])
    terminal.open(START_NS)
    terminal.on_tick(SYMBOL, START_NS, BID_E8, BID_E8 + SPREAD_E8)
    tickets = []
    for number in range(positions_count):
        sl_e8 = BID_E8 - far_e8 - number * step_e8
        request = opening_request(sl_e8, BID_E8 + far_e8 + number * step_e8)
        tickets.append(terminal.order_send(LOGIN, request, START_NS, 1)[0].order)
    return terminal, tickets


def opening_request(sl_e8: int = 0, tp_e8: int = 0, **fields: Any) -> TradeRequest:
    """Buy a hundredth of a lot."""
    given: dict[str, Any] = {"action": names.TRADE_ACTION_DEAL, "symbol": SYMBOL, "volume_e8": E8 // 100, "sl_e8": sl_e8, "tp_e8": tp_e8}
    return TradeRequest(**(given | fields))


def tick_us(terminal: Terminal, bids_e8: Iterable[int]) -> float:
    """The median of quotes, each timed by itself."""
    times_ns = []
    for number, bid_e8 in enumerate(bids_e8):
        began_ns = time.perf_counter_ns()
        terminal.on_tick(SYMBOL, START_NS + number, bid_e8, bid_e8 + SPREAD_E8)
        times_ns.append(time.perf_counter_ns() - began_ns)
    return statistics.median(times_ns) / 1_000


def order_us(terminal: Terminal, requests: Iterable[TradeRequest]) -> float:
    """The median of requests, each timed by itself; all must succeed."""
    times_ns = []
    for request in requests:
        began_ns = time.perf_counter_ns()
        result, _ = terminal.order_send(LOGIN, request, START_NS, 1)
        times_ns.append(time.perf_counter_ns() - began_ns)
        assert result.retcode == names.TRADE_RETCODE_DONE, result
    return statistics.median(times_ns) / 1_000


def growth(sizes: Sequence[int], calls_count: int) -> None:
    """Microseconds of each kind of work, by open positions."""
    print("\ngrowth, µs (median)  quiet tick   tick that stops one      open    levels     close")
    for size in sizes:
        terminal, tickets = server(size, FAR_E8, POINT_E8)
        some = tickets[: max(1, size // 2)][:calls_count]
        levels = TradeRequest(action=names.TRADE_ACTION_SLTP, symbol=SYMBOL, sl_e8=BID_E8 - FAR_E8 // 2)
        moved = [replace(levels, position=ticket) for ticket in some]
        closing = [opening_request(type=names.ORDER_TYPE_SELL, position=ticket) for ticket in some]
        quiet_us = tick_us(terminal, [BID_E8 + number % 9 * POINT_E8 for number in range(calls_count)])
        open_us = order_us(terminal, [opening_request(BID_E8 - FAR_E8, BID_E8 + FAR_E8)] * calls_count)
        levels_us, close_us = order_us(terminal, moved), order_us(terminal, closing)
        near, _ = server(size, 100 * POINT_E8, POINT_E8)
        falls = min(size, calls_count)
        stop_us = tick_us(near, [BID_E8 - (100 + number) * POINT_E8 for number in range(falls)])
        assert len(near.positions(LOGIN)) == size - falls
        print(f"  {size:6} positions     {quiet_us:8.2f}              {stop_us:8.1f}  {open_us:8.1f}  {levels_us:8.1f}  {close_us:8.1f}")


# --- ticks ----------------------------------------------------------------------------------------------------------


def walk(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, bids and asks of a random walk."""
    steps = np.random.default_rng(7).integers(-2, 3, count)
    bids = BID_E8 + np.cumsum(steps) * POINT_E8
    return START_NS + np.arange(count, dtype=np.int64) * 1_000_000, bids, bids + SPREAD_E8


def ticks(count: int) -> None:
    """Quotes a second through SL/TP checking with 100 positions, five times each."""
    times_ns, bids, asks = walk(count)
    rows = list(zip(times_ns.tolist(), bids.tolist(), asks.tolist(), strict=True))
    index = np.zeros(count, dtype=np.uint16)

    def one_by_one(terminal: Terminal) -> None:
        for time_ns, bid_e8, ask_e8 in rows:
            terminal.on_tick(SYMBOL, time_ns, bid_e8, ask_e8)

    def in_columns(terminal: Terminal) -> None:
        terminal.on_ticks(index, times_ns, bids, asks, (SYMBOL,), 0, count)

    def met(terminal: Terminal) -> None:
        for time_ns, bid_e8, ask_e8 in rows:
            if terminal.on_tick(SYMBOL, time_ns, bid_e8, ask_e8):
                terminal.order_send(LOGIN, opening_request(bid_e8 - 50 * POINT_E8, bid_e8 + 50 * POINT_E8), time_ns, 1)

    print(f"\nticks a second with 100 positions, {count:,} ticks      median    [lowest .. highest of five]")
    for name, play, far_e8 in (
        ("on_tick, one by one, levels away", one_by_one, FAR_E8),
        ("on_ticks, in columns, levels away", in_columns, FAR_E8),
        ("on_tick, levels met and put back", met, 50 * POINT_E8),
    ):
        rates = []
        for _ in range(5):
            terminal, _tickets = server(100, far_e8, 0)
            began_ns = time.perf_counter_ns()
            play(terminal)
            rates.append(count * SECOND_NS / (time.perf_counter_ns() - began_ns))
        print(f"  {name:48} {statistics.median(rates):12,.0f}    [{min(rates):,.0f} .. {max(rates):,.0f}]")


def main() -> None:
    """Entry of the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.terminal", description="How fast the simulated terminal is.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    count = 500 if parser.parse_args().quick else 5_000
    print(machine_line())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sim.toml"
        path.write_text(SIM)
        assert mt5.initialize(str(path)), mt5.last_error()
        mt5._quote(SYMBOL, 1.1, 1.1001)
        order_send(count)
        mt5.shutdown()
    growth((10, 100, 1_000, 10_000), min(500, count))
    ticks(20 * count)


if __name__ == "__main__":
    main()
