"""How long the stages of this local's orders take, for its health: taken down when the broker has answered and when the master has acked.

An order of an earlier life is not counted where its stage began there: that may have been before the machine was started anew.
"""

from mesh.counters import Counters
from mesh.messages.health import StageSummary
from mesh.messages.venue import VenueResult
from mesh.stages import BROKER, HAND_OVER, INTENT, TOLD, StageMeter
from nodes.local.jobs import Job

TOLD_MAX = 4_096
"""Outcomes whose ack is waited for; of those told before, the time is forgotten."""


class StageTimes:
    """The stages of one local."""

    def __init__(self, counters: Counters) -> None:
        self._meter = StageMeter(counters)
        self._told_ns: dict[int, int] = {}
        """Number of an outcome of this life → when it was told first."""

    def answered(self, job: Job, result: VenueResult) -> None:
        """A call is over. One that was not made, for what allowed it was gone, has no stages."""
        if not result.called_ns:
            return
        record = job.record
        # what came in this life has arrived when its stamp says; what the store had has not
        if record.attempt == 1 and record.stamps.local_in_ns == job.arrived_ns:
            self._meter.record(INTENT, job.durable_ns - job.arrived_ns)
        self._meter.record(HAND_OVER, result.called_ns - job.durable_ns)
        self._meter.record(BROKER, result.answered_ns - result.called_ns)

    def told(self, f: int, now_ns: int) -> None:
        """An outcome is durable and sent for the first time; each has a higher number than the one before."""
        told_ns = self._told_ns
        told_ns[f] = now_ns
        if len(told_ns) > TOLD_MAX:
            del told_ns[next(iter(told_ns))]

    def acked(self, f: int, now_ns: int) -> None:
        """The master has all outcomes up to ``f``."""
        while self._told_ns and (first_f := next(iter(self._told_ns))) <= f:
            self._meter.record(TOLD, now_ns - self._told_ns.pop(first_f))

    def summaries(self, now_ns: int) -> list[StageSummary]:
        """What they took in the last complete interval."""
        return self._meter.summaries(now_ns)
