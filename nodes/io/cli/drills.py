"""``mesh kill --drill``: the whole way of a stop, again and again, without a stop: how long the accounts of this mesh take to hold one.

Routers and locals check the signature, commit a row and set the latch word to what it is; nothing joins the kill set, no order is touched.
"""

import secrets
import time
from typing import Any

from mesh import texts
from mesh.messages.control import FREEZE, LATCHED, Entry
from mesh.units import MS_NS
from nodes.io.cli.acting import NOT_ALL, operator_name
from nodes.io.cli.client import Client
from nodes.io.cli.plaintext import say, say_json
from nodes.io.cli.stoprun import StopRun, percentile, verdict_line
from nodes.io.cli.stops import Wish, signer_of

TOO_SLOW = 1
"""Exit code where the limit is passed."""
PAUSE_MS = 50
DRILL_S = 5.0


def drill(wish: Wish, rounds: int, limit_ms: float) -> int:
    """Drills one after the other; 3 where an account did not confirm one, 1 where p99 is over the limit."""
    config, signer = signer_of(wish)
    accounts = list(config.account)
    each_ns: list[int] = []
    missed: dict[str, int] = {}
    whys: dict[str, str] = {}
    with Client(config) as client:
        for _ in range(rounds):
            entry = Entry(signer.name, secrets.randbits(62), time.time_ns(), FREEZE, "all", wish.reason or "drill", operator_name())
            done = StopRun(client, signer, entry, accounts, LATCHED, is_drill=True).run(wish.limit_s or DRILL_S, lambda verdict: None)
            each_ns += done.times_ns[LATCHED]
            for verdict in done.verdicts:
                if not verdict.is_confirmed:
                    missed[verdict.account] = missed.get(verdict.account, 0) + 1
                    whys[verdict.account] = verdict_line(verdict, "")
            client.pump(PAUSE_MS)
    each_ns.sort()
    found = _found(rounds, len(accounts), each_ns, missed)
    if wish.as_json:
        say_json(found)
    else:
        _say(found, each_ns, whys)
    if missed or not each_ns:
        return NOT_ALL
    return TOO_SLOW if limit_ms and percentile(each_ns, 99) > limit_ms * MS_NS else 0


def _found(rounds: int, accounts: int, each_ns: list[int], missed: dict[str, int]) -> dict[str, Any]:
    shares = (("p50_ms", 50), ("p90_ms", 90), ("p99_ms", 99), ("max_ms", 100))
    times = {name: percentile(each_ns, share) / MS_NS for name, share in shares} if each_ns else {}
    return {"format": 1, "drills": rounds, "accounts": accounts, "latched": len(each_ns), "missed": missed, **times}


def _say(found: dict[str, Any], each_ns: list[int], whys: dict[str, str]) -> None:
    for line in whys.values():
        say(line)
    asked = found["drills"] * found["accounts"]
    say(f"drill: {found['drills']} times, {found['accounts']} accounts: {found['latched']} of {asked} latched")
    if each_ns:
        spans = "  ".join(f"p{share} {texts.span_text(percentile(each_ns, share))}" for share in (50, 90, 99))
        say(f"command to durable latch: {spans}  max {texts.span_text(each_ns[-1])}; nothing was stopped")
