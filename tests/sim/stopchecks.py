"""Stops, held against what opens all the same (I9): the kill set only grows and outlives its process, LATCHED is true."""

from hashlib import sha256

from mesh.core import Effect, Envelope, Note, Send
from mesh.killset import KillSet, item_of, scope_matches
from mesh.messages.control import FLAT, PREFIX_BYTES, Entry, KillSetAsk, Latched, Undo
from mesh.messages.orders import OPEN, Grant, LocalHello
from mesh.messages.venue import VenueLost, VenueResult
from mesh.sealing import OTHER_DIGEST
from mesh.simnet import Place
from mesh.units import MS_NS
from nodes.local.attempts import OrderRecord
from nodes.stops import KILL_ITEM
from tests.sim.broken import Broken
from tests.sim.fleet import ROUTERS
from tests.sim.seen import SLACK_NS, Seen, Sent

IN_FLIGHT_MAX = 64
"""As many oids as LATCHED has room for."""


def killset_of(place: Place) -> KillSet | None:
    """The stops a node holds now; None for who holds none, or is down."""
    state = getattr(place.core, "_state", None)
    stops = getattr(state, "stops", None) or getattr(getattr(state, "ladder", None), "stops", None)
    return stops.killset if stops is not None else None


class StopChecks:
    """Of one fleet."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._latched: dict[str, dict[bytes, set[bytes]]] = {}
        """Place → entry it has said to hold → openings it named as being in flight."""
        self._known: dict[tuple[str, int], set[bytes]] = {}
        """(place, life) → ids it has said to know."""
        self._undone_ns: dict[str, int] = {}
        """Place → when it took an undo last."""
        self._greeted: dict[str, int] = {}
        """Place → the life that has said hello."""
        self.flat_count = 0
        """How often FLAT was said and looked at."""
        self._at_venue: dict[str, tuple[int, bytes]] = {}
        """Place → life and oid of the OPEN its worker has called and not answered."""

    def came(self, place: Place, envelope: Envelope | None) -> None:
        """A message comes to a node."""
        if envelope is not None and isinstance(envelope.message, VenueResult | VenueLost):
            self._at_venue.pop(place.name, None)

    def done(self, place: Place, effect: Effect) -> None:
        """A node does something."""
        if isinstance(effect, Note):
            if effect.name == "stop_taken":
                self._takes(place, effect)
        elif isinstance(effect, Send):
            if isinstance(effect.message, Latched) and self._seen.is_local(place):
                self._latches(place, effect.message)
            elif isinstance(effect.message, KillSetAsk):
                self._knows(place, effect.message)
            elif isinstance(effect.message, LocalHello) and self._seen.is_local(place):
                self._greets(place, effect.message)
            elif isinstance(effect.message, Grant) and place.name in ROUTERS:
                self._hands_on(place, effect.message)

    def _takes(self, place: Place, note: Note) -> None:
        """A stop or an undo is taken, which must be of somebody who may say it."""
        what = self._seen.fleet.operator.forged.get(bytes.fromhex(note.fields["id"]))
        if what is not None:
            raise Broken("I9", f"{place.name} has taken what nobody may say: {what}", place.name)
        if note.fields["item"] == "Undo":
            self._undone_ns[place.name] = self._seen.now_ns

    def _hands_on(self, place: Place, grant: Grant) -> None:
        """What a router hands on serves only who holds the stops that it holds itself."""
        killset = killset_of(place)
        if killset is not None and grant.kill_digest not in (killset.digest, OTHER_DIGEST):
            raise Broken("I9", f"{place.name} hands on leave past a stop that it holds, to {grant.account}", grant.account)

    def _knows(self, place: Place, ask: KillSetAsk) -> None:
        """The kill set of a life only grows."""
        known = {ask.known[start : start + PREFIX_BYTES] for start in range(0, len(ask.known), PREFIX_BYTES)}
        before = self._known.get((place.name, place.life), set())
        if not before <= known:
            raise Broken("I9", f"{place.name} has forgotten {len(before - known)} of the {len(before)} stops and undos it knew", place.name)
        self._known[place.name, place.life] = known

    def _greets(self, place: Place, hello: LocalHello) -> None:
        """The first hello of a life tells of the stops its store has."""
        if self._greeted.get(place.name) == place.life:
            return
        self._greeted[place.name] = place.life
        keys = sorted(key for kind, key in place.disk.rows if kind == KILL_ITEM)
        if hello.kill_digest != (sha256(b"".join(keys)).digest() if keys else b""):
            raise Broken("I9", f"{place.name} starts without the {len(keys)} stops and undos of its store", hello.account)

    def _latches(self, place: Place, latched: Latched) -> None:
        """LATCHED is said of what is durable, and names what the venue has been handed."""
        for key in latched.entries:
            if (KILL_ITEM, key) not in place.disk.rows:
                raise Broken("I9", f"{place.name} says LATCHED for a stop that is not durable", latched.account)
        life, oid = self._at_venue.get(place.name, (0, b""))
        if life == place.life and oid not in latched.in_flight and len(latched.in_flight) < IN_FLIGHT_MAX:
            raise Broken("I9", f"{place.name} says LATCHED and does not name {oid.hex()}, which is at the venue", oid.hex())
        held = self._latched.setdefault(place.name, {})
        for key in latched.entries:
            held.setdefault(key, set()).update(latched.in_flight)
        self._flat(place, latched)

    def _flat(self, place: Place, latched: Latched) -> None:
        """I10: FLAT is said where the venue's own books have nothing in the stop's scope; over a strategy they do not tell."""
        killset = killset_of(place)
        fleet = self._seen.fleet
        if killset is None or latched.account in self._seen.exempt:
            return
        live = dict(killset.live())
        flat = {held.id: live[held.id].scope for held in latched.held if held.stage == FLAT and held.id in live}
        self.flat_count += len(flat)
        for position in fleet.server.accounts[fleet.config.account[latched.account].login].positions.values() if flat else ():
            for key, scope in flat.items():
                if scope_matches(scope, latched.account, position.symbol, "") and not self._is_newer(place, key, position.ticket):
                    raise Broken("I10", f"{place.name} says FLAT ({scope}) and holds {position.ticket}", latched.account)

    def _is_newer(self, place: Place, key: bytes, ticket: int) -> bool:
        """Whether a position was opened by hand after the read began that was the first to show nothing: no read need have shown it."""
        opened_ns = self._seen.fleet.hands.get(ticket, {}).get(place.name)
        clear = place.core._stopping._clearance._clear.get(key)  # type: ignore[union-attr]
        return opened_ns is not None and (clear is None or opened_ns >= clear.positions_ns)

    def called(self, place: Place, sent: Sent, record: OrderRecord) -> None:
        """An OPEN goes to the venue."""
        send, account, oid = sent.send, sent.account, sent.send.oid.hex()
        if send.action != OPEN:
            return
        self._at_venue[place.name] = place.life, send.oid
        killset = killset_of(place)
        assert killset is not None
        for _, entry in killset.live():
            if scope_matches(entry.scope, account, send.symbol, record.strategy):
                raise Broken("I9", f"{oid} is opened at {account}, which holds a stop ({entry.level} {entry.scope})", oid)
        self._granted(killset.digest, sent, oid)
        undone_ns = self._undone_ns.get(place.name, 0)
        published_ns = self._seen.published_ns.get((send.oid, account, record.e), sent.at_ns)
        if published_ns < undone_ns:
            late_ms = (undone_ns - published_ns) // MS_NS
            raise Broken("I9", f"{oid} is opened at {account}, published {late_ms} ms before an undo came there", oid)
        self._held(place, sent, record)
        self._confirmed(sent, record)

    def _confirmed(self, sent: Sent, record: OrderRecord) -> None:
        """I10: after the operator was told CONFIRMED, no process of the account opens past that stop, but what was named as in flight."""
        operator = self._seen.fleet.operator
        for (key, account), (at_ns, named) in operator.confirmed.items():
            entry = operator.entries[key]
            if account != sent.account or key in operator.undone or sent.send.oid in named or account in self._seen.exempt:
                continue
            if scope_matches(entry.scope, account, sent.send.symbol, record.strategy):
                late_ms = (sent.at_ns - at_ns) // MS_NS
                oid = sent.send.oid.hex()
                raise Broken("I10", f"{oid} is opened at {account} {late_ms} ms after CONFIRMED ({entry.level} {entry.scope})", oid)

    def look(self) -> None:
        """I10: while a stop binds that was told CONFIRMED, no process of the account that lacks it has leave to open."""
        fleet, now_ns = self._seen.fleet, self._seen.now_ns
        operator = fleet.operator
        live = [(key, account) for key, account in operator.confirmed if key not in operator.undone]
        if not live:
            return
        for name in fleet.workers:
            place = fleet.net.places[name]
            state = getattr(place.core, "_state", None)
            if state is None or name in fleet.gone:
                continue
            stops, account = state.ladder.stops.killset, fleet.account(name)
            lacking = [key for key, which in live if which == account and key not in stops]
            if lacking and state.freshness.is_live(state.stream.e, stops.digest, place.clock.local_ns(now_ns)):
                entry = operator.entries[lacking[0]]
                raise Broken("I10", f"{name} may open at {account} though {entry.level} {entry.scope} is CONFIRMED there", account)

    def _granted(self, kill_digest: bytes, sent: Sent, oid: str) -> None:
        """A grant serves where the local's own kill set has its digest."""
        life = self._seen.fleet.net.places[sent.place].core._state.life  # type: ignore[union-attr]
        grant_ns = self._seen.fleet.config.settings.timers.grant_ms * MS_NS
        grants = self._seen.granted.get((sent.account, life), [])
        recent = [grant for grant in grants[-16:] if sent.at_ns - grant.at_ns <= grant_ns + SLACK_NS]
        if recent and all(grant.kill_digest != kill_digest for grant in recent):
            raise Broken("I9", f"{oid} is opened at {sent.account}, whose stops are not those of any grant it has", oid)

    def _held(self, place: Place, sent: Sent, record: OrderRecord) -> None:
        """I9: after LATCHED no open but those it names."""
        held, oid = self._latched.get(place.name), sent.send.oid
        if not held or sent.account in self._seen.exempt:
            return
        items = {key: item_of(raw)[1] for (kind, key), raw in place.disk.rows.items() if kind == KILL_ITEM}
        ended = {key for item in items.values() if isinstance(item, Undo) for key in item.entries}
        for key, item in items.items():
            if not isinstance(item, Entry) or key in ended or oid in held.get(key, (oid,)):
                continue
            if scope_matches(item.scope, sent.account, sent.send.symbol, record.strategy):
                raise Broken("I9", f"{oid.hex()} is opened at {sent.account} after LATCHED ({item.level} {item.scope})", oid.hex())

    def unsettled(self) -> list[str]:
        """Whose stops are not those of the master, though all is quiet, and who is held by an entry that an undo has ended."""
        fleet = self._seen.fleet
        places = {name: place for name, place in fleet.net.places.items() if name not in fleet.gone}
        ours = killset_of(places[fleet.master_name])
        found: list[str] = []
        for name, place in places.items():
            killset = killset_of(place)
            if killset is None or ours is None:
                continue
            if killset.digest != ours.digest:
                found.append(f"{name} has other stops than {fleet.master_name}")
            found += [f"{name} holds {entry.scope}, which was undone" for key, entry in killset.live() if key in fleet.operator.undone]
        return found
