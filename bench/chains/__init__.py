"""Chains of processes that carry one message over hops, each variant in the way its users would, with the same payload."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.chains.processchain import ProcessChain


def peers(hops: int) -> "list[ProcessChain]":
    """One of each that is not ours, the bare floor among them, not started yet. Raises ValueError for less than 1 or more than 4 hops."""
    # Here and not above: every stage imports this package, and needs nothing of what its chain is made of.
    from bench.chains.processchain import ProcessChain
    from bench.chains.variants import PEERS

    return [ProcessChain(name, hops) for name in PEERS]
