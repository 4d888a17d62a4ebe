"""``make replay``: ten thousand signals through 23 locals in one replay; nothing lost, nothing doubled. Keeps its report.

``python -m tests.e2e.replay [SIGNALS] [REPORT]``. Locals share three processes, the brain one. Every rail that would thin the orders out
is off, so that each signal of the strategy reaches every account. The check reads three independent books: the events, the
master's store (by way of the summary) and the broker's journal.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.e2e.meshrig import Rig, entry_magics
from tests.smallmesh import small_mesh

LOCALS = 23
SIGNALS_A_MINUTE = 0.8
"""Of the synthetic market's four symbols together, counted."""
UP_LIMIT_S = 5_400
NO_RAILS = """
[rails]
risk_percent = "off"
positions_per_symbol_count = "off"
positions_count = "off"
exposure_times = "off"
orders_per_minute_count = "off"
orders_per_hour_count = "off"
spread_times = "off"
price_collar_percent = "off"
signal_age_ms = "off"
duplicate_window_ms = "off"
daily_loss_percent = "off"
drawdown_percent = "off"
margin_level_percent = "off"
closed_from = "off"
errors_count = "off"
[fleet]
loss_percent = "off"
errors_count = "off"
"""


def configuration(signals: int) -> str:
    """23 accounts in three processes, a market long enough for so many signals."""
    minutes = int(signals / SIGNALS_A_MINUTE) + 1
    head = [
        '[mesh]\nid = "replay"\n[market]\nspeed = "max"\nbackfill_minutes = 300\n' + f"minutes = {minutes}\n",
        '[strategy.reversion]\nkind = "reversion"\nsl_atr = 2\ntp_atr = 3\n[strategy.reversion.sizing]\nkind = "lots"\nlots = 0.01\n',
        NO_RAILS,
    ]
    accounts = {f"a{number}": "balance = 1_000_000" for number in range(1, LOCALS + 1)}
    parts = [small_mesh("".join(head), accounts, routers_count=2, first_login=7_001)]
    parts.append('[process.brain]\nnodes = ["cci-1", "signals-1", "master-1"]\n')
    for share in range(3):
        mine = ", ".join(f'"local-{number}"' for number in range(1, LOCALS + 1) if number % 3 == share)
        parts.append(f"[process.locals-{share}]\nnodes = [{mine}]\n")
    return "\n".join(parts)


def check(rig: Rig, name: str) -> dict[str, Any]:
    """The three books against each other."""
    summary = rig.summary(name)
    published = [(e["oid"], e["account"]) for e in rig.events(name, "decision") if e["code"] == "PUBLISHED"]
    ended = [(e["oid"], e["account"]) for e in rig.events(name, "outcome")]
    filled = [(e["oid"], e["account"]) for e in rig.events(name, "outcome") if e["code"] == "FILLED" and e["leg"] == "open"]
    magics = entry_magics(rig.folder / name)
    return {
        "signals": summary["signals"]["decided"],
        "lines": summary["lines"]["decided"],
        "by_code": summary["lines"]["by_code"],
        "states": summary["lines"]["states"],
        "adds_up": summary["adds_up"],
        "published": len(published),
        "published_without_outcome": len(set(published) - set(ended)),
        "ended_twice": len(ended) - len(set(ended)),
        "openings_filled": len(filled),
        "opening_deals_at_the_broker": len(magics),
        "magics_used_twice": len(magics) - len(set(magics)),
        "comparable": summary["comparable"],
        "latency_us": summary["latency_us"],
    }


def main() -> int:
    """Run, check, write the report; 0 where nothing was lost or doubled."""
    signals = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    report = Path(sys.argv[2] if len(sys.argv) > 2 else "replay-report.json").absolute()
    with tempfile.TemporaryDirectory(prefix="trademesh-replay-") as folder:
        rig = Rig(Path(folder), configuration(signals))
        began_s = time.monotonic()
        done = rig.run(*rig.up_words("replay"), limit_s=UP_LIMIT_S)
        print(done.stdout[-3_000:])
        if done.returncode != 0:
            print(done.stderr[-3_000:], rig.logs("replay"))
            return 1
        found = check(rig, "replay")
    found["seconds"] = round(time.monotonic() - began_s, 1)
    report.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    sound = (
        found["adds_up"]
        and not found["states"]
        and not (found["published_without_outcome"] or found["ended_twice"] or found["magics_used_twice"])
        and found["openings_filled"] == found["opening_deals_at_the_broker"] > 0
        and found["signals"] >= signals
    )
    print("sound: nothing lost, nothing doubled" if sound else "NOT SOUND")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
