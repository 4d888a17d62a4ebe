"""Calls from several threads: one at a time, whatever they wait for, as the real package keeps the interpreter's lock."""

import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from mesh.faults import FaultSection
from nodes.io import mt5
from nodes.io.mt5session import SESSION
from tests.nodes.io.mt5_rig import attached
from tests.nodes.terminal.terminal_rig import check_books

THREADS, ROUNDS = 4, 100


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads that are switched at every chance."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    with ThreadPoolExecutor(THREADS) as found:
        yield found
    sys.setswitchinterval(before_s)


def bought(magic: int = 0) -> Any:
    return mt5.order_send({"action": 1, "symbol": "EURUSD", "volume": 0.01, "type": 0, "magic": magic})


def test_a_call_that_waits_keeps_the_others_out(pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """While an order hangs nobody else's call begins, last_error included; they are answered after it."""
    others: list[Future[Any]] = []
    seen: list[bool] = []

    def wait(market_ns: int) -> None:
        others.extend(pool.submit(call) for call in (mt5.positions_total, mt5.last_error))
        seen.append(pool.submit(SESSION.lock.acquire, blocking=False).result(10))
        seen.extend(other.done() for other in others)

    with attached(faults=(FaultSection(kind="hang", nth=1, for_ms=1_000, executed=True),)) as desk:
        monkeypatch.setattr(desk, "wait", wait)
        assert bought().retcode == 10009
        assert seen == [False] * 3
        assert [other.result(10) for other in others] == [1, (1, "Success")]


def test_books_stay_right_whatever_thread_trades(pool: ThreadPoolExecutor) -> None:
    """Four threads that trade and read at once: each finds its own, and the sums are right."""

    def work(number: int) -> None:
        for turn in range(ROUNDS):
            magic = number * ROUNDS + turn + 1
            order = bought(magic).order
            [position] = mt5.positions_get(ticket=order)
            assert position.magic == magic
            assert len(mt5.history_deals_get(position=order)) == 1
            assert mt5.account_info().balance == 10_000

    with attached() as desk:
        for done in [pool.submit(work, number) for number in range(THREADS)]:
            done.result(60)
        assert mt5.positions_total() == THREADS * ROUNDS
        check_books(desk.rig.terminal)
