"""How long a local needs from its start to its first full scan, with the orders of years in its store.

Builds a store with known orders, their archived outcomes and their audit, then starts a process with the real core on it again and again,
and does what the shell does: open (with every check), load, recover, start, attach, first full state of the terminal.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.rig.layout import FIRST_LOGIN, account_of, layout, local_of
from mesh import links
from mesh.codec import encode
from mesh.core import Commit, Envelope, Put, Send
from mesh.drawnkeys import DrawnKeys
from mesh.io.clock import monotonic_ns, random_life, wall_ns
from mesh.io.store import Store, create, open_store
from mesh.messages.accounts import AccountState
from mesh.messages.base import NO_OID, Msg
from mesh.messages.outcomes import DealReport, Outcome, Stamps
from mesh.messages.venue import VenueAttach, VenueAttached, VenueRead, VenueState
from mesh.units import E8
from nodes.local.attempts import OrderRecord
from nodes.local.core import Local
from nodes.local.finishing import ORDER_ROW
from nodes.local.knownends import KnownRecord
from nodes.local.reports import ARCHIVE, KNOWN, OUTCOME, key_of
from nodes.local.state import META, MetaRecord

ROLE, NODE, ACCOUNT = "local", local_of(1), account_of(1)
BATCH = 500
TARGET_S = 5.0
FIRST_NS = 1_767_571_200_000_000_000
STEPS = ("store open and checked", "recovered", "first full scan told")


def oid_of_number(number: int) -> bytes:
    """Made-up oids, spread as hashes are."""
    return (number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)).to_bytes(16, "big")


def outcome_of(number: int) -> Outcome:
    """A filled open."""
    oid, sid = oid_of_number(number), f"cci-1/EURUSD/M1/14/up/{number}"
    tickets = (number, number, number, 10_009, 1)
    return Outcome(
        ACCOUNT, 1, 1, number, oid, sid, "reversion", "open", "OPEN", "FILLED", True, "open", "slip=0", "EURUSD", 1, 10_000_000,
        108_500_000, 0, *tickets, FIRST_NS + number, Stamps(*range(1, 9)),
    )  # fmt: skip


def order_of(outcome: Outcome) -> OrderRecord:
    """Its INTENT, as the audit has it."""
    return OrderRecord(
        outcome.oid, "ORDER", 1, outcome.f, outcome.f, outcome.sid, "reversion", "open", "open", "OPEN", "EURUSD", 1, 10_000_000
    )  # fmt: skip


def fill(store: Store, count: int) -> None:
    """Orders in the commits that a local makes of them, many at a time: INTENT, outcome and known, then acked."""
    for first in range(1, count + 1, BATCH):
        intents: list[Put] = []
        ended: list[Put] = []
        acked: list[Put] = []
        for number in range(first, min(first + BATCH, count + 1)):
            outcome = outcome_of(number)
            raw, key = encode(outcome), key_of(number)
            intents.append(Put(ORDER_ROW, outcome.oid, encode(order_of(outcome))))
            ended += [Put(ORDER_ROW, outcome.oid, None), Put(OUTCOME, key, raw), Put(KNOWN, outcome.oid, encode(KnownRecord(number)))]
            acked += [Put(OUTCOME, key, None), Put(ARCHIVE, key, raw)]
        meta = Put(META, b"", encode(MetaRecord(1, count, count)))
        for puts in (intents, [*ended, meta], acked):
            store.commit(puts)


def answered(message: Msg) -> list[Msg]:
    """A terminal with one balance deal and nothing else."""
    if isinstance(message, VenueAttach):
        return [VenueAttached(ACCOUNT, FIRST_LOGIN, "trademesh-sim", "USD", True, True, 100, "", [])]
    if isinstance(message, VenueRead):
        balance_e8 = 10_000 * E8
        paid = DealReport(ACCOUNT, 1, 0, 0, "", "BALANCE", "IN", "", 0, 0, balance_e8, 0, 0, FIRST_NS, NO_OID, "")
        money = (balance_e8, balance_e8, 0, balance_e8, 0)
        return [VenueState(message.call, message.block, 1, FIRST_NS, *money, True, True, [], [], [paid])]
    return []


def start(path: Path, begin_s: float) -> list[float]:
    """One start: seconds from ``begin_s`` until the store is open, recovered, and the first full scan is told."""
    config = layout()
    store = open_store(path, config.settings.mesh.id, NODE, ROLE, config.settings.store.keep_days)
    times_s = [time.monotonic() - begin_s]
    core = Local(NODE, config, random_life(), store.store_id, wall_ns(), DrawnKeys(config).of(NODE))
    effects = [*core.recover(store.load(), monotonic_ns()), *core.start(monotonic_ns())]
    store.commit([put for effect in effects if isinstance(effect, Commit) for put in effect.puts])
    times_s.append(time.monotonic() - begin_s)
    while not any(isinstance(effect, Send) and isinstance(effect.message, AccountState) for effect in effects):
        asked = [effect.message for effect in effects if isinstance(effect, Send) and effect.link == links.WORKER]
        now_ns = max(monotonic_ns(), 0 if asked else core.deadline_ns)
        told = [Envelope(links.WORKER, 0, answer) for message in asked for answer in answered(message)]
        effects = [effect for envelope in told for effect in core.handle(envelope, now_ns)]
        effects += core.on_deadline(now_ns) if core.deadline_ns <= now_ns or not told else ()
    times_s.append(time.monotonic() - begin_s)
    store.close()
    return times_s


def main() -> int:
    """Build, start, report; 1 where the target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.restart", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000, help="orders of long ago (default 100000)")
    parser.add_argument("--starts", type=int, default=30, help="how often it is started (default 30)")
    parser.add_argument("--once", nargs=2, metavar=("STORE", "BEGIN"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.once:
        print(*start(Path(chosen.once[0]), float(chosen.once[1])))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{NODE}.db"
        store = create(path, "demo", NODE, ROLE)
        fill(store, chosen.records)
        audit_count = store.head.audit_seq
        store.close()
        size_mb = path.stat().st_size / 1e6
        print(f"store: {chosen.records} orders known, as many outcomes, {audit_count} audit records, {size_mb:.0f} MB")
        runs = [begun(path) for _ in range(chosen.starts)]
    worst_s = 0.0
    for number, step in enumerate(STEPS):
        times_s = sorted(run[number] for run in runs)
        worst_s = times_s[min(len(times_s) - 1, len(times_s) * 99 // 100)]
        print(f"{step:<28} p50 {times_s[len(times_s) // 2]:6.2f} s   p99 {worst_s:6.2f} s")
    is_met = worst_s <= TARGET_S
    print(f"target {TARGET_S:g} s p99 over {chosen.starts} starts, interpreter included: {'met' if is_met else 'MISSED'}")
    return 0 if is_met else 1


def begun(path: Path) -> list[float]:
    """A process of its own, as after a crash; its times, from before it was there."""
    words = [sys.executable, "-m", "bench.restart", "--once", str(path), str(time.monotonic())]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


if __name__ == "__main__":
    sys.exit(main())
