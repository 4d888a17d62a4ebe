"""The mesh that chaos is brought over: every role in a process of its own, accounts of both kinds, no rail that thins the orders out."""

from pathlib import Path

from tests.e2e.replay import NO_RAILS
from tests.smallmesh import small_mesh

ALONE_COUNT = 8
"""Locals with a process of their own; what is more shares processes, as on a host that is not big enough."""
CROWD_COUNT = 5
"""Locals in each of those."""
NETTING_EVERY = 4
FIRST_LOGIN = 8_001
SETTLE_MS = 10_000
"""An attempt that nobody has heard of is looked for so long. The field's 60 s would let a symbol of an account stand still as long."""

HEAD = """
[mesh]
id = "chaos"
seed = {seed}
[timers]
unknown_settle_ms = {settle_ms}
unknown_read_ms = 1_000
venue_call_ms = 8_000
[market]
speed = {speed}
backfill_minutes = 300
[broker]
record = "{record}"
latency_ms = {latency_ms}
[strategy.hand]
kind = "manual"
sl_points = 3_000
[strategy.reversion]
kind = "reversion"
sl_atr = 4
tp_atr = 4
[strategy.reversion.sizing]
kind = "lots"
lots = 0.01
[[fault]]
kind = "lose_reply"
chance = 0.002
[[fault]]
kind = "retcode"
retcode = 10004
chance = 0.01
"""


def configuration(seed: int, locals_count: int, record: Path, settle_ms: int = SETTLE_MS, speed: int = 4, latency_ms: int = 0) -> str:
    """The TOML of a mesh with so many locals, whose broker writes its record there."""
    head = HEAD.format(seed=seed, settle_ms=settle_ms, speed=speed, record=record, latency_ms=latency_ms) + NO_RAILS
    modes = {number: "netting" if number % NETTING_EVERY == 0 else "hedging" for number in range(1, locals_count + 1)}
    accounts = {f"a{number}": f'balance = 10_000_000\nmargin_mode = "{mode}"' for number, mode in modes.items()}
    parts = [small_mesh(head, accounts, routers_count=2, first_login=FIRST_LOGIN)]
    shared = list(range(ALONE_COUNT + 1, locals_count + 1))
    for start in range(0, len(shared), CROWD_COUNT):
        names = ", ".join(f'"local-{number}"' for number in shared[start : start + CROWD_COUNT])
        parts.append(f"[process.crowd-{start // CROWD_COUNT + 1}]\nnodes = [{names}]\n")
    return "\n".join(parts)
