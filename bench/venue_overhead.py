"""``python -m bench.venue_overhead [--count N]``: what the adapter and its process border add to the package's own order_send.

Three ways to open and close a position on the same simulated terminal, which lives in the process that calls it: the package's
``order_send`` alone, the adapter in this process, and the adapter in a worker behind its pipe, as a local uses it. The overhead of an
order is its whole time less the time inside its ``order_send`` (``called_ns`` to ``answered_ns``). It holds the adapter's own looks at
account, symbol, quote and deal, each a call of the package: with a real terminal each of them costs a round trip to it.

The machine is measured too, as in ``bench.terminal``: figures of two runs compare when that line is about equal.
"""

import argparse
import os
import select
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.machine import machine_line
from mesh.config import Config, parse
from mesh.messages.base import Msg
from mesh.messages.venue import VenueAttach, VenueAttached, VenueLatch, VenueResult, VenueSend
from nodes.io import mt5
from nodes.io.venue import Venue
from nodes.io.worker import WorkerAttachment

SIM = """
[server]
latency_ms = 0
[clock]
kind = "step"
[prices]
source = "synthetic"
symbols = ["EURUSD"]
backfill_minutes = 5
[account.bench]
login = 5001
deposit = 100_000_000
"""
CONFIG = """
[market]
symbols = ["EURUSD"]
[strategy.swing]
[account.bench]
login = 5001
server = "trademesh-Demo"
terminal = "{sim}"
[node.market-1]
role = "market"
[node.cci-1]
role = "indicator"
[node.signals-1]
role = "signals"
[node.master-1]
role = "master"
[node.router-1]
role = "router"
[node.local-1]
role = "local"
account = "bench"
"""
SHIM = "from nodes.io.mt5 import *\n"
"""Stands in for the real package, which is imported by its name in the worker."""
LOT_E8 = 1_000_000
ROOT = Path(__file__).parents[1]
NAME_WIDTH = 40

Answer = Callable[[VenueSend], VenueResult]


def order(number: int, action: str, ticket: int = 0) -> VenueSend:
    """An open of 0.01 lots, or its close."""
    side = 1 if action == "OPEN" else -1
    return VenueSend(
        number, number.to_bytes(16, "big"), 1, number, action, "EURUSD", side, LOT_E8, ticket, 0, 0, 0, 0, 20, 0, 0, 0, 0, 0, f"tm{number}"
    )


def orders_ns(answer: Answer, count: int) -> tuple[list[int], list[int]]:
    """For each of ``count`` opens and closes: the whole time, and the time inside order_send."""
    whole_ns, inside_ns = [], []
    for number in range(1, count + 1):
        ticket = 0
        for action in ("OPEN", "CLOSE"):
            began_ns = time.perf_counter_ns()
            result = answer(order(2 * number + (action == "CLOSE"), action, ticket))
            whole_ns.append(time.perf_counter_ns() - began_ns)
            inside_ns.append(result.answered_ns - result.called_ns)
            ticket = result.position_ticket
            if result.class_ != "ACCEPTED":
                raise SystemExit(f"{action} ended {result.class_}: {result.detail}")
    return whole_ns, inside_ns


def told(name: str, times_ns: list[int]) -> None:
    """One line: median and tail in µs."""
    ordered = sorted(times_ns)
    picks = (ordered[int((len(ordered) - 1) * share)] / 1_000 for share in (0.5, 0.9, 0.99, 1))
    print(f"{name:<{NAME_WIDTH}} {len(ordered):>6}" + "".join(f"{pick:>10,.1f}" for pick in picks))


def alone_ns(sim: Path, count: int) -> list[int]:
    """The package's order_send with nothing around it: each of ``count`` opens and closes."""
    if not mt5.initialize(str(sim)):
        raise SystemExit(f"not attached: {mt5.last_error()}")
    opening = {"action": mt5.TRADE_ACTION_DEAL, "symbol": "EURUSD", "volume": 0.01, "deviation": 20}
    times_ns = []
    for number in range(1, count + 1):
        ticket = 0
        for side in (mt5.ORDER_TYPE_BUY, mt5.ORDER_TYPE_SELL):
            request = {**opening, "type": side, "position": ticket, "magic": 2 * number + side, "comment": f"tm{number}"}
            began_ns = time.perf_counter_ns()
            result = mt5.order_send(request)
            times_ns.append(time.perf_counter_ns() - began_ns)
            if result.retcode != mt5.TRADE_RETCODE_DONE:
                raise SystemExit(f"order_send ended {result.retcode} {result.comment}")
            ticket = result.order
    return times_ns


def in_process(config: Config, count: int) -> tuple[list[int], list[int]]:
    """The adapter in this process."""
    venue = Venue("bench", config, mt5, lambda: 0, time.perf_counter_ns)
    attached = venue.handle(VenueAttach("bench"))
    if not isinstance(attached, VenueAttached) or attached.refused:
        raise SystemExit(f"not attached: {attached}")

    def answer(send: VenueSend) -> VenueResult:
        result = venue.handle(send)
        assert isinstance(result, VenueResult), f"{result}"
        return result

    return orders_ns(answer, count)


def in_worker(config: Config, state: Path, count: int) -> tuple[list[int], list[int]]:
    """The adapter in a worker of its own, asked over its pipe."""
    attachment = WorkerAttachment("bench", config, state)
    attachment.started()

    def ask(message: Msg) -> Msg:
        attachment.send(message)
        while True:
            select.select([attachment.fileno()], [], [])
            for answer in attachment.receive():
                return answer

    def answer(send: VenueSend) -> VenueResult:
        result = ask(send)
        assert isinstance(result, VenueResult), f"{result}"
        return result

    try:
        attachment.send(VenueLatch(0))
        attached = ask(VenueAttach("bench"))
        if not isinstance(attached, VenueAttached) or attached.refused:
            raise SystemExit(f"not attached: {attached}")
        return orders_ns(answer, count)
    finally:
        attachment.close()


def attached_to(folder: Path) -> tuple[Config, Path]:
    """A configuration whose account trades on a simulated terminal, and that terminal's file; workers started from now on find it."""
    sim = folder / "sim.toml"
    sim.write_text(SIM, encoding="utf-8")
    (folder / "MetaTrader5.py").write_text(SHIM, encoding="utf-8")
    os.environ["PYTHONPATH"] = f"{folder}{os.pathsep}{ROOT}"
    return parse(CONFIG.format(sim=sim)), sim


def main() -> None:
    """Entry of the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.venue_overhead", description="What the adapter adds to order_send.")
    parser.add_argument("--count", type=int, default=2_000, help="opens and closes each way (default 2000)")
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory(prefix="trademesh-") as folder:
        path = Path(folder)
        config, sim = attached_to(path)
        print(machine_line())
        print(f"{'µs':<{NAME_WIDTH}} {'count':>6}{'p50':>10}{'p90':>10}{'p99':>10}{'max':>10}")
        told("order_send alone", alone_ns(sim, count))
        for name, (whole_ns, inside_ns) in (
            ("in process", in_process(config, count)),
            ("in a worker, over its pipe", in_worker(config, path / "state", count)),
        ):
            told(f"{name}: whole", whole_ns)
            told(f"{name}: order_send", inside_ns)
            told(f"{name}: overhead", [whole - inside for whole, inside in zip(whole_ns, inside_ns, strict=True)])


if __name__ == "__main__":
    main()
