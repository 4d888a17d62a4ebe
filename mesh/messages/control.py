"""Operator → routers and master, over the control socket; read first on every pass."""

from typing import Annotated

from msgspec import Meta

from mesh.messages.base import NO_OID, Blob, Code, Count, Digest, Int64, Life, Msg, Name, Oid, Sid, Text

CLOSE_VERB, MODIFY_VERB, UNKNOWN_VERB, RESOLVE_VERB, RECONCILE_VERB = VERBS = ("close", "modify", "unknown", "resolve", "reconcile")
"""What a ``Command`` can be; stops are entries of the kill set, never commands."""
ACTIVE, FREEZE, CANCEL, FLATTEN = LADDER = ("ACTIVE", "FREEZE", "CANCEL", "FLATTEN")
REASON_MAX = 200
"""Characters of an operator's reason that are kept with what he did."""
KILL_ITEMS_MAX = 1_024
"""Entries and undos of a kill set: as many ids as one frame holds, so that a digest that differs is always repaired."""


class OperatorHello(Msg, tag=100):
    """A console or a command line is there."""

    operator: Name
    life: Life
    version: Count


class ControlWelcome(Msg, tag=101):
    """Who answers, and the accounts it serves now (a router) or knows (the master)."""

    node: Name
    role: Name
    life: Life
    accounts: Annotated[list[Name], Meta(max_length=1024)]
    kill_digest: Digest


class Command(Msg, tag=102):
    """A manual act, or a question about an account. ``id`` is its oid: deduped, with INTENT and outcome like any order.

    ``scope``: ``all``, ``account:NAME``, ``symbol:NAME``, ``strategy:NAME``, or ``ACCOUNT:TICKET``. ``volume_e8``: lots to close of each
    position (0: all of it). ``foreign``: positions that are not ours too. ``sl_e8`` / ``tp_e8``: absolute, -1 = leave as it is.
    ``dry_run``: answer what it would touch, touch nothing. ``oid``, ``attempt``, ``ticket`` are of a ``resolve``: which order's attempt
    (0: whichever it is) was executed under which ticket, of a position, an order or a deal (0: it was not executed).
    """

    id: Oid
    operator: Name
    verb: Code
    scope: Name
    volume_e8: Count
    foreign: bool
    sl_e8: Int64
    tp_e8: Int64
    dry_run: bool
    reason: Text = ""
    oid: Oid = NO_OID
    attempt: Count = 0
    ticket: Count = 0


class CommandAnswer(Msg, tag=103):
    """What one account did for a command: one for each position touched or thing found, or one with what hindered it.

    ``last``: no more answers of this account follow for this command.
    """

    id: Oid
    account: Name
    code: Code
    detail: Text
    ticket: Count
    symbol: str
    volume_e8: Count
    price_e8: Int64
    last: bool


class Entry(Msg, tag=104):
    """A stop that binds until an undo names it. Known by the hash of its bytes (``mesh.killset.entry_id``)."""

    issuer: Name
    nonce: Count
    issued_ns: Int64
    level: Code
    scope: Name
    reason: Text
    signature: Digest = b""


class Undo(Msg, tag=105):
    """Ends the entries it names; may come before them. Nothing is ever removed from the set."""

    issuer: Name
    nonce: Count
    issued_ns: Int64
    entries: Annotated[list[Digest], Meta(min_length=1, max_length=256)]
    reason: Text
    signature: Digest = b""


class KillSetAsk(Msg, tag=106):
    """Differences are pulled: who sees another digest sends the ids it has."""

    known: Annotated[list[Digest], Meta(max_length=KILL_ITEMS_MAX)]


class KillSetPart(Msg, tag=107):
    """Raw encoded Entry and Undo messages the asker lacks, exactly as first received."""

    items: Annotated[list[Blob], Meta(max_length=256)]


class Latched(Msg, tag=108):
    """A local's answer to entries: durable, and the latch word is set.

    ``entries``: hashes it holds; ``in_flight``: oids handed to the venue without RESULT.
    """

    account: Name
    life: Life
    level: Code
    entries: Annotated[list[Digest], Meta(max_length=KILL_ITEMS_MAX)]
    in_flight: Annotated[list[Oid], Meta(max_length=64)]


class Ping(Msg, tag=109):
    """Round trip operator → router → local → worker-less local loop → back. ``account`` empty: answer yourself."""

    account: str
    nonce: Count


class Pong(Msg, tag=110):
    """Answer to Ping with its nonce."""

    node: Name
    account: str
    nonce: Count


class WhyAsk(Msg, tag=111):
    """Operator → master: tell the story of a sid, oid (hex), ACCOUNT:TICKET or ``last``."""

    query: Sid
    nonce: Count


class WhyAnswer(Msg, tag=112):
    """The story as JSON text in parts of at most 30 KB (``index`` of ``count``); empty where nothing is known."""

    nonce: Count
    index: Count
    count: Count
    json: Blob


class LostOrder(Msg):
    """An order nobody knows the result of. ``code``: UNKNOWN, UNCONFIRMED, or NOT_FOUND (its only way on is FILLED_LATE).

    ``volume_e8``: lots to open, or lots its attempt was to close. ``since_ns``, ``looked_ns``: market time since when it is so, and of
    the last look for it (0: none in this life of the local, ``look_count`` of them). ``blocks``: opens of the symbol are denied meanwhile.
    """

    oid: Oid
    sid: Sid
    strategy: Name
    leg: Code
    action: Code
    symbol: str
    side: Int64
    volume_e8: Count
    code: Code
    attempt: Count
    since_ns: Int64
    detail: Text
    blocks: bool
    look_count: Count
    looked_ns: Int64


class LostOrders(Msg, tag=113):
    """Answer to ``unknown``, by a local of what it knows or by the master of what it believes: an account's, in ``count`` parts.

    ``market_ns``: market time as the one who answers knows it, 0 where he does not.
    """

    id: Oid
    node: Name
    account: Name
    market_ns: Int64
    index: Count
    count: Count
    orders: Annotated[list[LostOrder], Meta(max_length=16)]
