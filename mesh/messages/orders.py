"""Master ⇒ routers → locals: orders, heartbeats, repair, grants; and the hellos that start a stream.

An order on the wire is an ``Order`` header frame and one ``OrderBody`` frame common to all its targets. A router reads
the header, forwards the body untouched and gives each local a header with its own target alone.
"""

from typing import Annotated

from msgspec import Meta

from mesh.messages.base import NO_OID, Code, Count, Digest, Int64, Life, Msg, Name, Oid, Sid, Text
from mesh.tellers import TELLERS_MAX, pairs_of

OPEN, CLOSE, MODIFY, CANCEL = "OPEN", "CLOSE", "MODIFY", "CANCEL"
ACTIONS = (OPEN, CLOSE, MODIFY, CANCEL)


class Target(Msg):
    """One account's part of an order.

    ``k`` is dense for (epoch, account). ``volume_e8``: lots to open; for a CLOSE the lots to be left of that opening.
    ``ref_oid`` / ``ref_ticket``: the opening a CLOSE or MODIFY means. ``mac``: empty on plain links
    (``mesh.sealing``).
    """

    account: Name
    k: Count
    symbol: Name
    volume_e8: Count
    ref_oid: Oid = NO_OID
    ref_ticket: Count = 0
    mac: Digest = b""


class Order(Msg, tag=40):
    """Header frame: record ``n`` of epoch ``e`` and whom it is for. The body frame follows."""

    e: Count
    n: Count
    oid: Oid
    targets: Annotated[list[Target], Meta(max_length=1024)]
    stamp_router_ns: Count = 0
    """Set by the router when it forwards (stage `router out`)."""


class OrderBody(Msg, tag=41):
    """What to do, common to all targets.

    ``side`` 1 buy, -1 sell. ``price_e8``: the price the decision saw (collar, deviation). SL and TP as distances from the
    opening price (0: none), because each broker quotes its own price. ``deadline_ns``: the master's monotonic time after
    which an OPEN must not be sent, good in its epoch only; 0 on closes. Stamps are monotonic times of their stages.
    """

    sid: Sid
    strategy: Name
    leg: Code
    action: Code
    side: Int64
    price_e8: Int64
    sl_distance_e8: Count
    tp_distance_e8: Count
    deviation_points: Count
    deadline_ns: Count
    decided_market_ns: Int64
    stamp_signal_ns: Count
    stamp_master_in_ns: Count
    stamp_master_out_ns: Count
    reason: Text = ""


class Heartbeat(Msg, tag=42):
    """Master → routers each 250 ms: the last published ``n``; a router that lacks one asks for it."""

    e: Count
    life: Life
    n_last: Count
    kill_digest: Digest


class RouterHello(Msg, tag=43):
    """A router is there (again). ``e``: the highest epoch it has seen."""

    router: Name
    life: Life
    version: Count
    config_hash: Text
    e: Count = 0


class MasterWelcome(Msg, tag=44):
    """The master's epoch and last ``n``."""

    e: Count
    life: Life
    n_last: Count
    kill_digest: Digest


class Replay(Msg, tag=45):
    """Router → master: publish to me again ``from_n … to_n`` of epoch ``e``."""

    e: Count
    from_n: Count
    to_n: Count


class ReplayAccount(Msg, tag=46):
    """Router → master for one account: ``from_k … to_k`` of epoch ``e``."""

    account: Name
    e: Count
    from_k: Count
    to_k: Count


class Expired(Msg):
    """An order that is not sent again because its deadline has passed."""

    account: Name
    k: Count
    oid: Oid
    mac: Digest = b""
    """The master's, over the fill's epoch and the row: empty on plain links."""


class GapFill(Msg, tag=47):
    """Master → router: instead of orders of epoch ``e`` that may no longer be sent. The local notes each as EXPIRED.

    ``from_n … to_n``: the records it stands for, all zero where it answers for one account. An ``expired`` row with a zero oid
    says only that nothing follows under that ``k``.
    """

    e: Count
    expired: Annotated[list[Expired], Meta(max_length=512)]
    from_n: Count = 0
    to_n: Count = 0


VOID_MAX = 64


class VoidLine(Msg):
    """An opening that may no longer run, and all that is needed to look for it at the venue. Lots and prices in 1e-8, UTC ns.

    ``is_unsure``: it went to another store of this local, or to this one before it was rolled back: that the store knows nothing of it
    says nothing.
    """

    oid: Oid
    sid: Sid
    strategy: Name
    leg: Code
    symbol: Name
    side: Int64
    volume_e8: Count
    sl_distance_e8: Count
    price_e8: Count
    decided_market_ns: Int64
    is_unsure: bool = False


class Void(Msg, tag=56):
    """Master → router → local: openings that may no longer run. Of each the local tells the outcome it has stored. One it knows nothing of
    is looked for at the venue, once, or as long as any lost attempt where it is unsure; not there, it ends. The master repeats it until it
    knows. ``e``: the master's epoch; ``life``: of the local that speaks for the account.
    """

    account: Name
    e: Count
    lines: Annotated[list[VoidLine], Meta(max_length=VOID_MAX)]
    life: Life
    mac: Digest = b""


class OrderAck(Msg, tag=48):
    """Local → router: all of (e, k) up to ``k`` is stored or answered; ``room_count`` more may come."""

    account: Name
    e: Count
    k: Count
    room_count: Count


class LocalHello(Msg, tag=49):
    """A local is there (again). Router forwards it to the master.

    ``e``, ``k``: the highest epoch it stored and the last k it took of it; ``f``: its last outcome number. ``home``: it takes
    its orders from this router; a router tells the master of those alone.
    """

    account: Name
    node: Name
    life: Life
    store_id: Digest
    e: Count
    k: Count
    f: Count
    kill_digest: Digest
    version: Count
    config_hash: Text
    home: bool = True
    start_f: Count = 0
    """The last outcome its store had when this life began."""
    door_key: Digest = b""
    """The public half of the door key it has now; empty on plain links."""
    tellers: Annotated[list[Count], Meta(max_length=TELLERS_MAX)] = []
    """Whose outcomes its store holds (``mesh.tellers``)."""

    def holds(self, f: int, life: int) -> bool:
        """Whether its store held outcome ``f`` that ``life`` told (0: nobody knows who) when this life of it began, as far as it says."""
        if life == self.life:
            return True  # it has told that itself
        if not life:
            return f <= self.f
        pairs = reversed(pairs_of(self.tellers))
        return f <= self.start_f and next((teller == life for teller, first_f in pairs if first_f <= f), True)


class LocalWelcome(Msg, tag=50):
    """The master's answer through the router: epoch, and the last outcome number it holds of this account. To one ``life`` of its local.

    ``is_rolled_back``: other lives of this store have told outcomes that it lacked when this life began.
    """

    account: Name
    e: Count
    f: Count
    k_last: Count
    is_rolled_back: bool = False
    mac: Digest = b""
    life: Life = 0


class Listed(Msg, tag=51):
    """Local → master: everything above the welcome's ``f`` has been sent; ``unknown_count`` attempts are UNKNOWN.

    ``skipped``: first and last, pair after pair, of the numbers that no outcome will ever come under: their store was rolled back.
    """

    account: Name
    life: Life
    e: Count
    f: Count
    unknown_count: Count
    skipped: Annotated[list[Count], Meta(max_length=64)] = []


class GrantAsk(Msg, tag=52):
    """Freshness is pulled: local → router, router → master. ``clock_ns``: the asker's monotonic clock; ``wall_ns``: the local's wall clock,
    UTC, 0 where it does not say.
    """

    account: Name
    life: Life
    store_id: Digest
    nonce: Count
    clock_ns: Count
    wall_ns: Count = 0


NEW_EPOCH = "NEW_EPOCH"
"""A grant is refused: this master is too young, its predecessor's grants may still run."""
OTHER_LIFE = "OTHER_LIFE"
"""The grant of the life before may still run."""
REPLACED = "REPLACED"
"""A newer life speaks for this account."""
CLONE = "CLONE"
"""A newer life speaks for this account, and this one is still there."""


class Grant(Msg, tag=53):
    """Answer to a GrantAsk with the same nonce: opens of epoch ``e`` may run for 3 s from the asker's own ask.

    ``clock_ns``: the granter's clock ``a``; ``relay_ns``: the time ``x`` since the router asked for it. A deadline ``d`` of
    the master's clock is then ``(s - x) + (d - a)`` on the local's, never late. ``refused``: a code, and then no grant.
    ``n_floor``: records up to it may have been opened by the life that had the grants before: this one opens none of them.
    """

    account: Name
    nonce: Count
    e: Count
    n_last: Count
    k_last: Count
    kill_digest: Digest
    clock_ns: Count
    relay_ns: Count
    refused: str = ""
    n_floor: Count = 0
    mac: Digest = b""


class RouterHeartbeat(Msg, tag=54):
    """Router → locals each 250 ms; ``master_age_ns``: since the last answer of the master. ``is_leaving``: it was asked to stop, and waits
    for the locals that are home there to move.
    """

    router: Name
    life: Life
    e: Count
    master_age_ns: Count
    kill_digest: Digest
    is_leaving: bool = False


class StateAsk(Msg, tag=55):
    """Master → routers → locals: send your state after market block ``block``. Repeated until it comes."""

    block: Count
    accounts: Annotated[list[Name], Meta(max_length=1024)]
