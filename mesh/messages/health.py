"""Every node → routers → frontends: how a node is, once a second; and the snapshots frontends see."""

from typing import Annotated

from msgspec import Meta

from mesh.messages.base import Blob, Code, Count, Int64, Life, Msg, Name, Text

Counters = Annotated[dict[str, Int64], Meta(max_length=128)]
Facts = Annotated[dict[str, Text], Meta(max_length=64)]


class StageSummary(Msg):
    """What one stage of a node (``mesh.stages``) took in its last complete interval of ``span_ns``; all zero where ``count`` is."""

    name: Name
    count: Count
    p50_ns: Count
    p90_ns: Count
    p99_ns: Count
    p999_ns: Count
    max_ns: Count
    span_ns: Count


Stages = Annotated[list[StageSummary], Meta(max_length=16)]


class NoteTold(Msg):
    """A line of a node's log for frontends. ``number`` grows in a life, without a hole; ``count``: so often within a second."""

    number: Count
    wall_ns: Int64
    level: Name
    name: Name
    text: Text
    """``key=value`` words, cut where they are too long; all of it is in the node's own log."""
    count: Count = 1


NOTES_MAX = 12
"""Notes that a node tells at a time."""
Notes = Annotated[list[NoteTold], Meta(max_length=NOTES_MAX)]


class NodeHealth(Msg, tag=120):
    """How a node is. ``phase``: STARTING, READY, DRAINING, DONE; of one that is down EXITED, BACKOFF or FATAL, which its supervisor's
    listener tells under its name and key (fact ``ended``: how and since when). ``counters`` are totals since the start of this life.

    ``facts``: short texts for people and for the market its progress (``rows``, ``total``, ``speed``, ``feed_state``).
    """

    node: Name
    role: Name
    life: Life
    pid: Count
    phase: Code
    market_ns: Int64
    loop_lag_us: Count
    cpu_percent: Count
    rss_bytes: Count
    uptime_ms: Count
    version: Text
    config_hash: Text
    counters: Counters
    facts: Facts
    disk_free_bytes: Count = 0
    """Where its store lies; 0 where it has none."""
    stages: Stages = []
    clock_offset_ns: Int64 = 0
    """The master's clock less its own, for people only: nothing is decided by it."""
    clock_error_ns: Count = 0
    """By how much that may be wrong; 0: it is not known."""
    notes: Notes = []
    """The newest of its log, oldest first: each is told for a while, so that one lost message loses none."""


class Snapshot(Msg, tag=121):
    """One frame of a router's snapshot: ``index`` of ``count`` of snapshot ``id``; ``item`` is an encoded message.

    Items: ``AccountState``, ``AccountSymbols``, ``NodeHealth``, ``LocalSeen``, ``Outcome`` (the newest), ``DealReport`` (the newest),
    ``Latched``, ``Signed``. ``age_ms``: since the router received it.
    """

    router: Name
    life: Life
    id: Count
    index: Count
    count: Count
    age_ms: Count
    item: Blob


class LocalSeen(Msg, tag=122):
    """A router's view of one configured local: ``state`` is fresh, late or dead; ``homed``: it takes orders from here."""

    account: Name
    node: Name
    state: Code
    homed: bool
    age_ms: Count
    latched: Code


class FrontEvent(Msg, tag=123):
    """Something that just happened, for frontends: an encoded Outcome, DealReport, LocalSeen, Latched or Signed."""

    router: Name
    item: Blob
