"""One stop or its end on its way: sent to every router and the master at once, repeated, and told account by account as it takes.

Nothing is asked of the mesh before it is sent: which accounts there are stands in the configuration, and a node that is not there holds up
no other. What makes an account CONFIRMED is decided by ``mesh.confirmations`` alone.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from mesh import texts
from mesh.codec import encode
from mesh.confirmations import Confirmations, Verdict
from mesh.keyring import Signer
from mesh.killset import entry_id
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Msg
from mesh.messages.control import LATCHED, STOP_STAGES, Drill, Entry, Item, OperatorHello, StopItem
from mesh.messages.outcomes import Outcome
from mesh.units import MS_NS, SECOND_NS
from nodes.io.cli.acting import operator_word
from nodes.io.cli.client import Client
from nodes.io.cli.plaintext import say

REPEAT_NS = 500 * MS_NS
"""Until all have confirmed, it is sent again this often."""
STEP_MS = 20


class StopEnd(msgspec.Struct, frozen=True):
    """How it ended, or how far it is. ``outcomes``: of the openings that were at the venue when the latch fell."""

    id: bytes
    verdicts: list[Verdict]
    lacking: list[str]
    """Routers and masters that have not said that they have it."""
    times_ns: dict[str, list[int]]
    refusals: dict[str, str]
    unreached: list[str]
    outcomes: dict[bytes, Outcome]
    is_over: bool
    """Whether no more of it is waited for."""

    @property
    def is_confirmed(self) -> bool:
        """Whether every account is; where a stop concerns none of this configuration, whether every router and the master have it."""
        return all(verdict.is_confirmed for verdict in self.verdicts) if self.verdicts else not self.lacking


class StopRun:
    """One item of the kill set at a running mesh. ``run`` waits for its end; who has more to wait for calls ``step``, ``take``, ``hear``.

    ``is_for_all``: it is not over before each router and master has answered, too.
    """

    def __init__(
        self,
        client: Client,
        signer: Signer,
        item: Item,
        accounts: Sequence[str],
        stage: str | None,
        is_drill: bool = False,
        is_for_all: bool = False,
    ) -> None:
        self._client = client
        self._item = item
        self._id = entry_id(encode(item))
        signed = signer.signed(item, is_drill)
        self._message: Msg = Drill(signed) if is_drill else signed
        self._is_for_all = is_for_all or not accounts
        self._nodes = (*client.config.nodes_of("router"), *client.config.nodes_of("master"))
        self._sent_ns = client.now_ns()
        self._confirmations = Confirmations(self._id, stage, client.config, accounts, self._sent_ns, is_drill)
        self._outcomes: dict[bytes, Outcome] = {}
        self._again_ns = self._sent_ns
        self._told: StopEnd | None = None

    def run(self, limit_s: float, told: Callable[[StopEnd], None]) -> StopEnd:
        """Send and wait until every account is CONFIRMED, for ``limit_s`` at most. ``told``: gets how far it is whenever that changes."""
        client = self._client
        client.listener = self.hear
        while True:
            stands = self.step(limit_s)
            if stands is not None:
                told(stands)
                if stands.is_over:
                    return stands
            for node, message in client.pump(STEP_MS):
                self.take(node, message)

    def step(self, limit_s: float) -> StopEnd | None:
        """Send it where that is due; how far it is, where that has changed."""
        now_ns = self._client.now_ns()
        is_late = now_ns - self._sent_ns >= int(limit_s * SECOND_NS)
        if not is_late and now_ns >= self._again_ns:
            self._send()
            self._again_ns = now_ns + REPEAT_NS
        stands = self._stands(now_ns, is_late)
        if stands == self._told:
            return None
        self._told = stands
        return stands

    def take(self, node: str, message: Msg) -> None:
        """What the control socket of a node said."""
        self._confirmations.take(message, node, self._client.now_ns())

    def hear(self, router: str, item: Msg) -> None:
        """What a router publishes."""
        if isinstance(item, Outcome):
            self._outcomes[item.oid] = item
        self.take(router, item)

    def _has_spread(self) -> bool:
        """Whether every node has answered; where accounts confirm, nobody waits for it longer than for them, but who asked to."""
        confirmations = self._confirmations
        return not self._is_for_all or set(self._nodes) <= {*confirmations.takers, *confirmations.refusals}

    def _send(self) -> None:
        hello = OperatorHello(operator_word(), self._client.life, PROTOCOL_VERSION)
        for node in self._nodes:
            if node not in self._client.unreached:
                self._client.queue(node, hello, self._message)

    def _stands(self, now_ns: int, is_late: bool) -> StopEnd:
        confirmations = self._confirmations
        verdicts = confirmations.verdicts(now_ns)
        named = {oid for verdict in verdicts for oid in verdict.in_flight}
        return StopEnd(
            id=self._id,
            verdicts=verdicts,
            lacking=[node for node in self._nodes if node not in confirmations.takers],
            times_ns={stage: confirmations.times_ns(stage) for stage in STOP_STAGES},
            refusals={node: f"{answer.code} {answer.detail}".strip() for node, answer in confirmations.refusals.items()},
            unreached=self._client.unreached,
            outcomes={oid: outcome for oid, outcome in self._outcomes.items() if oid in named},
            is_over=is_late or (all(verdict.is_confirmed for verdict in verdicts) and self._has_spread()),
        )


# for people and programs


def verdict_line(verdict: Verdict, words: str) -> str:
    """One account's line."""
    if not verdict.is_confirmed:
        return f"NOT CONFIRMED  {verdict.account}  {verdict.why}"
    left = ""
    if verdict.held is not None and verdict.held.orders_count + verdict.held.positions_count:
        left = f"; {verdict.held.positions_count} positions, {verdict.held.orders_count} pending orders stay"
    how = words if verdict.held is None else f"{words} {verdict.held.stage}"
    return f"CONFIRMED      {verdict.account}  {how} after {texts.span_text(verdict.after_ns)}{left}"


def say_sum(stopped: StopEnd) -> None:
    """What became of it altogether: in flight, times, refusals, who was not reached."""
    for verdict in stopped.verdicts:
        for oid in verdict.in_flight:
            outcome = stopped.outcomes.get(oid)
            ended = f"{outcome.code} {outcome.detail}".strip() if outcome is not None else "no outcome yet: mesh why " + oid.hex()
            say(f"in flight      {verdict.account}  {oid.hex()}  {ended}")
    for node, why in stopped.refusals.items():
        say(f"refused        {node}  {why}")
    for node in stopped.unreached:
        say(f"not reached    {node}")
    for stage, times_ns in stopped.times_ns.items():
        if times_ns:
            p50, p99, most = (texts.span_text(percentile(times_ns, share)) for share in (50, 99, 100))
            say(f"{stage.lower():14} {len(times_ns)} accounts  p50 {p50}  p99 {p99}  max {most}")
    count = sum(verdict.is_confirmed for verdict in stopped.verdicts)
    say(f"{count} of {len(stopped.verdicts)} accounts confirmed; id {stopped.id.hex()[:12]}")


def percentile(values: Sequence[int], share: int) -> int:
    """The nearest-rank percentile of sorted values: the least that ``share`` percent of them do not exceed."""
    return values[max(0, -(-len(values) * share // 100) - 1)]


def document(stopped: StopEnd, item: StopItem) -> dict[str, Any]:
    """The same for programs."""
    spans = {
        stage.lower(): {
            "accounts": len(times_ns),
            **{name: percentile(times_ns, share) / MS_NS for name, share in (("p50_ms", 50), ("p99_ms", 99), ("max_ms", 100))},
        }
        for stage, times_ns in stopped.times_ns.items()
        if times_ns
    }
    what = {"level": item.level, "scope": item.scope} if isinstance(item, Entry) else {"ends": [key.hex() for key in item.entries]}
    return {
        "format": 1,
        "id": stopped.id.hex(),
        **what,
        "issuer": item.issuer,
        "by": item.by,
        "reason": item.reason,
        "confirmed": stopped.is_confirmed,
        "accounts": [account_document(verdict) for verdict in stopped.verdicts],
        "times": spans,
        "in_flight": [_flight_document(each.account, oid, stopped.outcomes) for each in stopped.verdicts for oid in each.in_flight],
        "refused": stopped.refusals,
        "not_reached": stopped.unreached,
    }


def account_document(verdict: Verdict) -> dict[str, Any]:
    """One account's answer for programs."""
    held = verdict.held
    return {
        "account": verdict.account,
        "confirmed": verdict.is_confirmed,
        "why": verdict.why,
        "after_ms": verdict.after_ns / MS_NS if verdict.is_confirmed else None,
        "stage": held.stage if held is not None else (LATCHED if verdict.is_confirmed else ""),
        "positions": held.positions_count if held is not None else None,
        "pending_orders": held.orders_count if held is not None else None,
    }


def _flight_document(account: str, oid: bytes, outcomes: dict[bytes, Outcome]) -> dict[str, Any]:
    outcome = outcomes.get(oid)
    return {
        "account": account,
        "oid": oid.hex(),
        "code": outcome.code if outcome is not None else "",
        "detail": outcome.detail if outcome is not None else "",
    }

