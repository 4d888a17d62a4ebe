"""``make sim TWICE=1``: every seed in two processes that hash differently; both must see the same deliveries at the same times.

A seed that is not the same twice cannot be played again, and what it found cannot be mended.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator

from tests.sim.simulate import simulate

HASH_SEEDS = ("1", "4242")
SHOWN_EVERY = 50


def traces(first: int, count: int, hash_seed: str) -> Iterator[str]:
    """The trace of each seed, as another process sees it."""
    words = [sys.executable, "-m", "tests.sim.twice", "--child", "--first", str(first), "--seeds", str(count)]
    with subprocess.Popen(words, env={**os.environ, "PYTHONHASHSEED": hash_seed}, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        yield from (line.strip() for line in child.stdout)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make sim TWICE=1", description=__doc__, allow_abbrev=False)
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--child", action="store_true")
    chosen = parser.parse_args()
    if chosen.child:
        for seed in range(chosen.first, chosen.first + chosen.seeds):
            print(seed, simulate(seed).trace, flush=True)
        return 0
    same_count = 0
    pairs = zip(*(traces(chosen.first, chosen.seeds, hash_seed) for hash_seed in HASH_SEEDS), strict=False)
    for count, (one, other) in enumerate(pairs, 1):
        same_count += one == other
        if one != other:
            print(f"seed {one.partition(' ')[0]} is not the same twice: {one} and {other}", flush=True)
        if count % SHOWN_EVERY == 0:
            print(f"{count} seeds twice, {same_count} the same", file=sys.stderr, flush=True)
    print(f"{same_count} of {chosen.seeds} seeds give the same trace in two processes")
    return same_count != chosen.seeds


if __name__ == "__main__":
    sys.exit(main())
