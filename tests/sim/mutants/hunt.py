"""One mutant in one process: seeds of the ordinary swarm until one finds it.

``python -m tests.sim.mutants.hunt NAME [--seeds 500] [--first 1]`` prints a line of JSON: the seed (0: none found it) and what broke.
``--story`` tells of the seed that found it.
"""

import argparse
import sys

import msgspec

from tests.sim.mutants.catalogue import mutant_of
from tests.sim.mutants.mutant import plant

NONE = "none"
"""In the place of a mutant: the code as it is."""


class Find(msgspec.Struct):
    """``seed`` that found it, 0 where none did; ``count``: seeds it took; ``broken``: the invariant."""

    name: str
    seed: int = 0
    count: int = 0
    broken: str = ""
    text: str = ""


def hunt(name: str, seeds: range) -> Find:
    """Plant a mutant in this process and look for it."""
    if name != NONE:
        plant(mutant_of(name))
    from tests.sim.simulate import simulate

    for count, seed in enumerate(seeds, 1):
        result = simulate(seed)
        if result.broken:
            return Find(name, seed, count, result.broken, result.text)
    return Find(name, count=len(seeds))


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim.mutants.hunt", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--first", type=int, default=1)
    chosen = parser.parse_args()
    found = hunt(chosen.name, range(chosen.first, chosen.first + chosen.seeds))
    print(msgspec.json.encode(found).decode())
    return int(not found.seed)


if __name__ == "__main__":
    sys.exit(main())
