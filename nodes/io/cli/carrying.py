"""One item of a live change on its way: every account, router and the master must hold it, and say themselves what follows from it.

That each of them holds it is judged as of a stop (``nodes.io.cli.stoprun``). What follows is in the health of those who decide by the
configuration: of a change that is not in force yet whether it fits, of one that is which configuration they run now.
"""

from collections.abc import Callable

import msgspec

from mesh.keyring import Signer
from mesh.messages.control import Activation, Revision
from mesh.messages.health import NodeHealth
from mesh.phases import UP_PHASES
from mesh.revisions import FOLLOWING_ROLES
from mesh.units import SECOND_NS
from mesh.view import node_state
from nodes.io.cli.client import Client
from nodes.io.cli.stoprun import STEP_MS, StopEnd, StopRun

Asked = Callable[[NodeHealth], str]
"""Why what a node says is not what is waited for; empty where it is."""
Told = Callable[[StopEnd], None]
"""Gets how far it is whenever that changes."""


class Carried(msgspec.Struct, frozen=True):
    """How it ended. ``unfit``: nodes that do not say what follows, each with why; ``is_taken``: whether any router or master has it."""

    stands: StopEnd
    unfit: dict[str, str]
    is_taken: bool

    @property
    def is_complete(self) -> bool:
        """Whether every account, router and the master holds it, and says what follows."""
        return self.stands.is_confirmed and not self.lacking

    @property
    def lacking(self) -> dict[str, str]:
        """Nodes without it, each with why."""
        stands = self.stands
        silent = {node: stands.refusals.get(node, "has not said that it has it") for node in stands.lacking}
        return self.unfit | silent | dict.fromkeys(stands.unreached, "not reached")


def carry(client: Client, signer: Signer, item: Revision | Activation, asked: Asked, limit_s: float, told: Told) -> Carried:
    """Sign and send it, and wait until all have it, for ``limit_s`` at most, or until every node has refused it."""
    began_ns = client.now_ns()
    nodes = {*client.config.nodes_of("router"), *client.config.nodes_of("master")}
    run = StopRun(client, signer, item, list(client.config.account), None, is_for_all=True)
    client.listener = run.hear
    stands: StopEnd | None = None
    while True:
        newer = run.step(limit_s)
        if newer is not None:
            stands = newer
            told(stands)
        assert stands is not None, "the first step tells how it stands"
        unfit = unfit_nodes(client, asked)
        is_late = client.now_ns() - began_ns >= int(limit_s * SECOND_NS)
        is_refused = stands.refusals.keys() >= nodes
        if is_late or is_refused or (stands.is_over and not unfit):
            return Carried(stands, unfit, is_taken=len(stands.lacking) < len(nodes))
        for node, message in client.pump(STEP_MS):
            run.take(node, message)


def unfit_nodes(client: Client, asked: Asked) -> dict[str, str]:
    """Those who decide by the configuration and are not up, or do not say what they should: each with why."""
    nodes = [name for role in FOLLOWING_ROLES for name in client.config.nodes_of(role)]
    return {name: why for name in nodes if (why := _why_unfit(client, name, asked))}


def _why_unfit(client: Client, name: str, asked: Asked) -> str:
    seen = client.view.nodes.get(name)
    if seen is None:
        return "was never heard"
    at_ns, health = seen
    age_ns = client.now_ns() - at_ns
    word = node_state(health, age_ns)
    if word != "fresh":
        return f"is {word}: {health.phase}, last heard {age_ns / SECOND_NS:.1f} s ago"
    if health.phase not in UP_PHASES:
        return f"is {health.phase} {health.facts.get('waiting', '')}".rstrip()
    return asked(health)
