"""The orders a local has in hand, in the order in which they get their turn at the worker.

Closes before opens, opens before changes of SL and TP; within each, first come first served. What has to wait (for a grant, a
pause, a read, the result of another order) lets the next one pass.
"""

from collections.abc import Iterator
from itertools import takewhile

from mesh.messages.orders import CANCEL, CLOSE, MODIFY, OPEN
from nodes.local.attempts import QUEUED, UNKNOWN, OrderRecord

RANK = {CLOSE: 0, CANCEL: 0, OPEN: 1, MODIFY: 2}
"""The turn of an action."""


class Job:
    """One order in hand and what need not be durable of it."""

    __slots__ = (
        "arrived_ns",
        "call",
        "durable_ns",
        "find_count",
        "is_shut_out",
        "is_stored",
        "is_storing",
        "is_told",
        "ks",
        "look_count",
        "looked_ns",
        "read_after",
        "ready_ns",
        "record",
        "seen",
        "settling_ns",
        "try_count",
        "waits_for",
    )

    def __init__(self, record: OrderRecord, arrived_ns: int, is_stored: bool = False) -> None:
        self.record = record
        self.arrived_ns = arrived_ns
        self.is_stored = is_stored
        """It has a row: it survives a restart."""
        self.is_storing = False
        self.is_shut_out = False
        """Its last attempt was refused because the market was closed."""
        self.is_told = False
        """The master heard that it is at work."""
        self.ks: list[int] = []
        """Numbers of the stream under which it came, not yet settled."""
        self.ready_ns = 0
        """No attempt before this."""
        self.read_after = 0
        """No attempt before a read later than this one."""
        self.try_count = 0
        self.settling_ns = 0
        """Since when its lost attempt is nowhere, though the terminal sees its server; 0: it was not looked for like that yet."""
        self.find_count = 0
        """Which of its lost attempts is looked for next."""
        self.look_count = 0
        """Looks for its lost attempts in this life, whatever they showed …"""
        self.looked_ns = 0
        """… and the market time of the newest."""
        self.seen = ""
        """What of its lost attempt the newest look showed at the venue; empty: nothing."""
        self.call = 0
        """Number of its call at the worker."""
        self.durable_ns = 0
        """When the INTENT of the attempt under way was durable."""
        self.waits_for = ""

    def unsettle(self) -> None:
        """What was seen up to now says nothing about the absence of its lost attempt: the settle window begins anew."""
        self.settling_ns = self.find_count = 0


class Jobs:
    """All orders in hand, by oid."""

    def __init__(self) -> None:
        self._ranked: tuple[dict[bytes, Job], ...] = ({}, {}, {})
        """By ``RANK``."""

    def __len__(self) -> int:
        return sum(len(jobs) for jobs in self._ranked)

    def __bool__(self) -> bool:
        return any(self._ranked)

    def __iter__(self) -> Iterator[Job]:
        for jobs in self._ranked:
            if jobs:
                yield from list(jobs.values())

    def get(self, oid: bytes) -> Job | None:
        """An order in hand; None where it is not."""
        for jobs in self._ranked:
            if oid in jobs:
                return jobs[oid]
        return None

    def add(self, job: Job) -> None:
        """Take an order in hand. Another job of its oid must not be there: its attempts would be counted anew."""
        assert self.get(job.record.oid) in (None, job), f"order {job.record.oid.hex()} is in hand already"
        self._ranked[RANK[job.record.action]][job.record.oid] = job

    def remove(self, job: Job) -> None:
        """It has ended."""
        del self._ranked[RANK[job.record.action]][job.record.oid]

    def unstored(self) -> list[Job]:
        """Those that are no opens, wait for their turn, and would be forgotten by a restart."""
        closes, _opens, changes = self._ranked
        waiting = [job for job in (*closes.values(), *changes.values()) if not (job.is_stored or job.is_storing)]
        return [job for job in waiting if job.record.state == QUEUED]

    def closes_waiting_count(self) -> int:
        """Closes that wait for the market to open."""
        return sum(job.is_shut_out and job.record.action == CLOSE for job in self._ranked[RANK[CLOSE]].values())

    def unknown(self) -> list[Job]:
        """Those whose result is being looked for."""
        closes, opens, changes = self._ranked
        return [job for job in (*closes.values(), *opens.values(), *changes.values()) if job.record.state == UNKNOWN]

    def unknown_in(self, symbol: str) -> list[Job]:
        """Those of one symbol: opens of it are blocked."""
        return [job for job in self.unknown() if job.record.symbol == symbol]

    def resting(self) -> dict[int, Job]:
        """Opens whose lost attempt left a live order, by its ticket."""
        return {job.record.resting_ticket: job for job in self.unknown() if job.record.action == OPEN and job.record.resting_ticket}

    def changes_before(self, job: Job) -> list[Job]:
        """Changes of SL and TP that came before one, and are still in hand."""
        return list(takewhile(lambda other: other is not job, self._ranked[RANK[MODIFY]].values()))

    def on_position(self, ticket: int, oid: bytes) -> Job | None:
        """The order in hand that closes or changes a position, by its ticket or its opening."""
        for job in self:
            record = job.record
            if record.action != OPEN and ((ticket and record.ref_ticket == ticket) or (any(oid) and record.ref_oid == oid)):
                return job
        return None
