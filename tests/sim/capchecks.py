"""The hard caps, counted at the simulated server (C1): what goes out to open is within them in virtual time, whatever was restarted."""

from mesh.messages.orders import CLOSE, OPEN
from mesh.simnet import Place
from mesh.units import MINUTE_NS, MS_NS, SECOND_NS
from nodes.sizing import e8_of
from tests.sim.broken import Broken
from tests.sim.seen import SLACK_NS, Seen, Sent

FORWARD_NS = 50 * MS_NS
"""More than a clock drifts while a mesh is simulated."""
SLACK_SHARE = 1_000
"""Two clocks of 200 ppm, over the span of a rate."""


class CapChecks:
    """Of one fleet."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._calls_ns: dict[str, list[int]] = {}
        """By account: calls that opened or closed."""
        self._ahead_ns: dict[str, int] = {}
        """By account: its local's clock less virtual time, at its newest call."""
        self.full_count = 0
        """Opens that were the last ones a rate allowed."""

    def called(self, place: Place, sent: Sent) -> None:
        """Directly before an order_send."""
        if sent.send.action not in (OPEN, CLOSE):
            return
        calls_ns = self._calls_ns.setdefault(sent.account, [])
        ahead_ns = place.clock.local_ns(sent.at_ns) - sent.at_ns
        if ahead_ns > self._ahead_ns.get(sent.account, ahead_ns) + FORWARD_NS:
            calls_ns.clear()  # another clock since its last life, and the wall clock may have gone forward, too: nothing tells it the time
        self._ahead_ns[sent.account] = ahead_ns
        # a store that was put back, or that two locals have, does not know all calls
        if sent.send.action == OPEN and sent.account not in self._seen.exempt:
            self._opens(sent, calls_ns)
        calls_ns.append(sent.at_ns)

    def _opens(self, sent: Sent, calls_ns: list[int]) -> None:
        caps, oid = self._seen.fleet.config.caps_of(sent.account), sent.send.oid.hex()
        if caps.lots is not None and sent.send.volume_e8 > e8_of(caps.lots):
            raise Broken("C1", f"{oid} opens {sent.send.volume_e8} at {sent.account}, whose cap is {caps.lots} lots", oid)
        for limit_count, span_ns in ((caps.orders_per_second_count, SECOND_NS), (caps.orders_per_minute_count, MINUTE_NS)):
            if limit_count is None:
                continue
            since_ns = sent.at_ns - span_ns + span_ns // SLACK_SHARE + SLACK_NS
            count = sum(at_ns > since_ns for at_ns in calls_ns) + 1
            if count > limit_count:
                raise Broken("C1", f"{oid} is call {count} of {span_ns // SECOND_NS} s at {sent.account}, whose cap is {limit_count}", oid)
            self.full_count += count == limit_count
