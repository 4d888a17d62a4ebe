"""Operator → routers and master, over the control socket; read first on every pass."""

from typing import Annotated

from msgspec import Meta

from mesh.messages.base import NO_OID, Blob, Code, Count, Digest, Int64, Life, Msg, Name, Oid, Sid, Text

Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
"""An Ed25519 signature."""
StopBody = Annotated[bytes, Meta(max_length=16_384)]
"""An encoded ``Item`` of the kill set."""
Fingerprint = Annotated[str, Meta(min_length=1, max_length=16)]
"""Of a configuration (``mesh.config``)."""
PATCH_BYTES_MAX = 14_000
"""Of a live change: with the longest names it fits into a ``StopBody``."""

CLOSE_VERB, MODIFY_VERB, UNKNOWN_VERB, RESOLVE_VERB, RECONCILE_VERB = VERBS = ("close", "modify", "unknown", "resolve", "reconcile")
"""What a ``Command`` can be; stops are entries of the kill set, never commands."""
ACTIVE, FREEZE, CANCEL, FLATTEN = LADDER = ("ACTIVE", "FREEZE", "CANCEL", "FLATTEN")
REASON_MAX = 200
"""Characters of an operator's reason that are kept with what he did."""
GENESIS = "GENESIS"
"""How the reason begins of the stop that a new real account begins with."""
KILL_ITEMS_MAX = 4_096
"""Entries and undos of a kill set: what one frame can name (``PREFIX_BYTES`` each), so that a digest that differs is always repaired."""
LATCHED, CANCELLED, FLAT = STOP_STAGES = ("LATCHED", "CANCELLED", "FLAT")
"""How far a local is with a stop: it opens nothing any more; no order rests; nothing is held. Each takes in those before it.
(``CANCELLED`` is not the code with which a line ends.)
"""
STAGE_OF = {FREEZE: LATCHED, CANCEL: CANCELLED, FLATTEN: FLAT}
"""Level → the stage at which it is carried out."""
HELD_MAX = 128
"""Live stops that a local tells of one by one: the newest …"""
LATCHED_MAX = 256
"""… and items that it names as held, so that its word fits into a frontend's frame."""
HELD_DETAIL_MAX = 80
LIVES_MAX = 256
"""Lives of locals in one part of an answer."""
PREFIX_BYTES = 8
"""Of an id, where one says which items one has."""
TAKEN, KNOWN = "TAKEN", "KNOWN"
"""How a stop was answered: it is durable here now, or was before. Any other code says why it was refused (``mesh.keyring``)."""


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
    """A stop that binds until an undo names it; travels in a ``Signed``. Known by the hash of its bytes (``mesh.killset.entry_id``).

    ``issuer``: the name of the key that signed it; ``by``: the person or rule, as it was told.
    """

    issuer: Name
    nonce: Count
    issued_ns: Int64
    level: Code
    scope: Name
    reason: Text
    by: Text = ""


class Undo(Msg, tag=105):
    """Ends the entries it names; may come before them. Nothing is ever removed from the set. Travels in a ``Signed``."""

    issuer: Name
    nonce: Count
    issued_ns: Int64
    entries: Annotated[list[Digest], Meta(min_length=1, max_length=256)]
    reason: Text
    by: Text = ""


class Revision(Msg, tag=118):
    """A live change of the configuration (``mesh.revisions``), in force once an ``Activation`` names it; travels in a ``Signed``.

    ``before``, ``after``: fingerprints of the configurations it leads from and to; ``number`` grows along the changes of a mesh.
    ``patch``: JSON, ``[[[KEY, value], …], [KEY, …]]``: keys with their new values, and keys that go; a KEY is an array of its parts.
    """

    issuer: Name
    nonce: Count
    issued_ns: Int64
    number: Annotated[int, Meta(ge=1, le=2**31)]
    before: Fingerprint
    after: Fingerprint
    patch: Annotated[bytes, Meta(max_length=PATCH_BYTES_MAX)]
    reason: Text
    by: Text = ""


class Activation(Msg, tag=119):
    """The ``Revision`` with this id is in force; it may come before it. Travels in a ``Signed``."""

    issuer: Name
    nonce: Count
    issued_ns: Int64
    revision: Digest
    reason: Text
    by: Text = ""


StopItem = Entry | Undo
Item = StopItem | Revision | Activation
"""What the kill set is made of: stops, and live changes of the configuration."""


class Signed(Msg, tag=114):
    """An encoded ``Item``, and its issuer's signature over exactly these bytes (``mesh.keyring``)."""

    body: StopBody
    signature: Signature


class GrantedLife(Msg):
    """A life of a local, and how long ago a router handed it leave to open."""

    account: Name
    life: Life
    age_ms: Count


class StopAnswer(Msg, tag=115):
    """What a node did with a ``Signed``: TAKEN, KNOWN, or the code of why not. ``id``: the hash of its body.

    Of a router that has the stop now, in ``count`` parts: ``granted``, the lives that may still use leave it handed on before it had the
    stop (what it hands on since serves only who holds it); ``watched_ms``: for how long it has been there to see.
    """

    id: Digest
    node: Name
    code: Code
    detail: Text
    index: Count = 0
    count: Count = 1
    watched_ms: Count = 0
    granted: Annotated[list[GrantedLife], Meta(max_length=LIVES_MAX)] = []


class Drill(Msg, tag=116):
    """Do with a signed entry all that is done with a stop, up to the word LATCHED, and let it bind nothing: it joins no kill set."""

    signed: Signed


class KillSetAsk(Msg, tag=106):
    """Differences are pulled: who sees another digest says which items it has, each by the first bytes of its id.

    ``in_turn``: asked because of such a question; it is not asked back again.
    """

    known: Annotated[bytes, Meta(max_length=PREFIX_BYTES * KILL_ITEMS_MAX)]
    in_turn: bool = False


class KillSetPart(Msg, tag=107):
    """Raw encoded ``Signed`` messages the asker lacks, exactly as first received."""

    items: Annotated[list[Blob], Meta(max_length=256)]


class Held(Msg):
    """How far a local is with one live entry (``id``) that concerns it: ``stage`` is a word of ``STOP_STAGES``.

    ``orders_count``, ``positions_count``: what its newest read shows in the entry's scope, also where the level leaves it alone.
    ``detail``: what it waits for, and what the venue refused last.
    """

    id: Digest
    stage: Code
    orders_count: Count
    positions_count: Count
    detail: Annotated[str, Meta(max_length=HELD_DETAIL_MAX)]


class Latched(Msg, tag=108):
    """A local's answer to entries: durable, and the latch word is set; said again as it comes further, and where something turns up.

    ``entries``: ids of the newest items it holds; ``in_flight``: opens handed to the venue without RESULT, of unknown result, or resting.
    ``number`` grows in a life whenever any of it changes: the newest stands.
    """

    account: Name
    life: Life
    level: Code
    entries: Annotated[list[Digest], Meta(max_length=LATCHED_MAX)]
    in_flight: Annotated[list[Oid], Meta(max_length=64)]
    number: Count = 0
    held: Annotated[list[Held], Meta(max_length=HELD_MAX)] = []


class Drilled(Msg, tag=117):
    """A local's answer to a drill: what LATCHED would say, of the drill's entry alone. Its stage is LATCHED; the rest is a preview."""

    account: Name
    latched: Latched


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
