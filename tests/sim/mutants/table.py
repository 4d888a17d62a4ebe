"""``make mutants``: every planted bug is hunted in a process of its own; how soon each is found is printed and kept (MUTANTS.md).

``python -m tests.sim.mutants.table [--seeds 500] [--only name,…]``; ends with 1 if one is not found.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import msgspec

from tests.sim.mutants.catalogue import MUTANTS, mutant_of
from tests.sim.mutants.hunt import NONE, Find
from tests.sim.mutants.mutant import CHECKOUT

TABLE = CHECKOUT / "tests" / "sim" / "MUTANTS.md"
HEAD = """# Mutants

Each line is a bug planted in the code (`tests/sim/mutants/`) as it is imported. `make mutants` plants one after the other and counts the
seeds of the ordinary swarm, from 1 on, until a check finds it; the code as it is passes those seeds. `RAISED` is an assertion of the
code's own. The list says how sharp the checks and the faults are: what is not found here would not be found in the code either.

| mutant | what it breaks | file | seeds | found by |
|---|---|---|---|---|
"""


def hunted(name: str, seeds: int, first: int = 1) -> Find:
    """Hunt a mutant in another process. Raises RuntimeError, with what it said, where that process fails."""
    words = [sys.executable, "-m", "tests.sim.mutants.hunt", name, "--seeds", str(seeds), "--first", str(first)]
    done = subprocess.run(words, cwd=CHECKOUT, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False)
    try:
        return msgspec.json.decode(done.stdout, type=Find)
    except msgspec.DecodeError:
        raise RuntimeError(f"hunting {name} failed: {done.stderr[-2000:]}") from None


def unsound(finds: list[Find], pool: ThreadPoolExecutor) -> list[Find]:
    """Of the seeds that found something those that fail without any mutant, too."""
    seeds = sorted({find.seed for find in finds if find.seed})
    return [clean for clean in pool.map(lambda seed: hunted(NONE, 1, seed), seeds) if clean.seed]


def rows(finds: list[Find]) -> Iterable[str]:
    """The lines of the table, and what they come to."""
    for find in finds:
        mutant = mutant_of(find.name)
        paths = ", ".join(change.path for change in mutant.changes)
        yield f"| {find.name} | {mutant.rule} | {paths} | {find.count if find.seed else '**none**'} | {find.broken} |"
    counts = [find.count for find in finds if find.seed]
    found = f"{len(counts)} of {len(finds)} found"
    yield f"\n{found}; seeds to find: median {statistics.median(counts):g}, worst {max(counts)}." if counts else f"\n{found}."


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--only", default="")
    chosen = parser.parse_args()
    names = [mutant_of(name).name for name in filter(None, chosen.only.split(","))] or [mutant.name for mutant in MUTANTS]
    finds: list[Find] = []
    began_s = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for find in pool.map(lambda name: hunted(name, chosen.seeds), names):
            finds.append(find)
            print(f"{len(finds)}/{len(names)} {time.perf_counter() - began_s:4.0f} s  {find.name}: ", end="")
            print(f"{find.count} seeds, {find.text[:160]}" if find.seed else f"NOT FOUND in {find.count} seeds", flush=True)
        broken = unsound(finds, pool)
    for clean in broken:
        print(f"seed {clean.seed} fails without any mutant: {clean.text}; mend that first, it may have found nothing else")
    text = "\n".join(rows(finds)) + "\n"
    print(text)
    if not chosen.only and not broken:
        TABLE.write_text(HEAD + text, "utf-8")
    return int(bool(broken) or any(not find.seed for find in finds))


if __name__ == "__main__":
    sys.exit(main())
