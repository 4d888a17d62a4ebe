"""A router in a thief's hands for a while: he has its key, and changes, holds back and makes up what it hands to locals.

He may do harm by silence; nothing that he makes up may be executed. What he hands on is drawn from what he has seen: orders with other
lots, of another side, of another account, under another number, of a later epoch; openings held until they are too late, with leave that
says they are not; welcomes that would have a local believe that its store was rolled back; words that what runs may no longer run; acks of
what the master has not, and acks of an earlier life.
"""

from random import Random

from msgspec import structs

from mesh.codec import decode_untrusted, encode
from mesh.core import Effect, Effects, Envelope, FanOut, Send
from mesh.links import LOCALS
from mesh.messages.orders import Expired, GapFill, Grant, LocalWelcome, Order, OrderBody, Target, Void, VoidLine
from mesh.messages.outcomes import OutcomeAck
from mesh.units import SECOND_NS
from nodes.router.core import Router

KEPT_MAX = 16
SHARE = 0.5
"""Of what goes through his hands, what he changes."""
WAYS = ("lots", "side", "account", "number", "epoch", "hold", "expire", "void")


class Rogue:
    """Stands between a router's core and the wire until ``leave``."""

    def __init__(self, core: Router, random: Random) -> None:
        self._core = core
        self._random = random
        self._handle, self._on_deadline = core.handle, core.on_deadline
        self._held: list[Send] = []
        self._seen: list[Send] = []
        self._acks: list[OutcomeAck] = []
        self.changed_count = 0
        core.handle = self._handles  # type: ignore[method-assign]
        core.on_deadline = self._acts  # type: ignore[method-assign]

    def leave(self) -> None:
        """The router is its owner's again; what was held back goes out, for it may come at any time."""
        del self._core.handle, self._core.on_deadline  # type: ignore[misc]

    def _handles(self, envelope: Envelope, now_ns: int) -> Effects:
        return self._changed(self._handle(envelope, now_ns))

    def _acts(self, now_ns: int) -> Effects:
        return self._changed(self._on_deadline(now_ns))

    def _changed(self, effects: Effects) -> Effects:
        found: list[Effect] = []
        for effect in effects:
            if isinstance(effect, FanOut):
                for send in effect.sends():
                    found += self._order(send)
            elif isinstance(effect, Send) and effect.link == LOCALS:
                found += self._word(effect)
            else:
                found.append(effect)
        return tuple(found)

    def _word(self, send: Send) -> list[Effect]:
        message = send.message
        if isinstance(message, Order):
            return self._order(send)
        if isinstance(message, Grant):
            return [*self._let_go(), self._grant(send, message)]
        if isinstance(message, OutcomeAck):
            return self._ack(send, message)
        if isinstance(message, LocalWelcome) and self._random.random() < SHARE:
            self.changed_count += 1
            return [structs.replace(send, message=structs.replace(message, f=message.f + self._random.randint(1, 50)))]
        return [send]

    def _ack(self, send: Send, ack: OutcomeAck) -> list[Effect]:
        """More is acked than was taken; or one that was said to another life of this local."""
        self._acks = [*self._acks[-KEPT_MAX:], ack]
        if self._random.random() >= SHARE:
            return [send]
        self.changed_count += 1
        older = self._random.choice(self._acks)
        if self._random.random() < SHARE or older.account != ack.account:
            return [structs.replace(send, message=structs.replace(ack, f=ack.f + self._random.randint(1, 50)))]
        return [structs.replace(send, message=structs.replace(older, life=ack.life)), send]

    def _grant(self, send: Send, grant: Grant) -> Effect:
        """Leave with which what is too late seems not to be."""
        if self._random.random() >= SHARE:
            return send
        self.changed_count += 1
        earlier_ns = max(0, grant.clock_ns - self._random.choice((1, 10, 100)) * SECOND_NS)
        return structs.replace(send, message=structs.replace(grant, clock_ns=earlier_ns, refused="", n_floor=0))

    def _order(self, send: Send) -> list[Effect]:
        self._seen = [*self._seen[-KEPT_MAX:], send]
        if self._random.random() >= SHARE:
            return [send]
        self.changed_count += 1
        way = self._random.choice(WAYS)
        if way == "hold":
            self._held.append(send)
            return []
        if way in ("expire", "void"):
            return [structs.replace(send, message=self._ended(way, send), body=b""), send]
        return [self._forged(way, send)]

    def _let_go(self) -> list[Effect]:
        """Some of what was held back."""
        going = [send for send in self._held if self._random.random() < 0.1]
        self._held = [send for send in self._held if send not in going]
        return list(going)

    def _ended(self, way: str, send: Send) -> GapFill | Void:
        """That an order may no longer run, said before it comes."""
        order, body = send.message, decode_untrusted(send.body)
        assert isinstance(order, Order), "orders are ended here"
        assert isinstance(body, OrderBody), "an order has a body"
        (target,) = order.targets
        local = self._core._state.peers.home_of(target.account)
        if way == "expire" or local is None:
            return GapFill(order.e, [Expired(target.account, target.k, order.oid, target.mac)])
        line = VoidLine(
            order.oid, body.sid, body.strategy, body.leg, target.symbol, body.side, target.volume_e8, body.sl_distance_e8, body.price_e8,
            body.decided_market_ns,
        )  # fmt: skip
        return Void(target.account, order.e, [line], local.hello.life, target.mac)

    def _forged(self, way: str, send: Send) -> Send:
        order = send.message
        assert isinstance(order, Order), "orders are forged here"
        (target,) = order.targets
        match way:
            case "lots":
                return self._with(send, order, structs.replace(target, volume_e8=target.volume_e8 * 2))
            case "side":
                body = decode_untrusted(send.body)
                assert isinstance(body, OrderBody), "an order has a body"
                return structs.replace(send, body=encode(structs.replace(body, side=-body.side)))
            case "number":
                return self._with(send, order, structs.replace(target, k=target.k + 1))
            case "epoch":
                return structs.replace(send, message=structs.replace(order, e=order.e + 1))
            case _:
                other = self._random.choice(self._seen)
                assert isinstance(other.message, Order), "orders are kept"
                theirs = structs.replace(other.message.targets[0], account=target.account, k=target.k)
                return self._with(structs.replace(other, peer=send.peer), other.message, theirs)

    @staticmethod
    def _with(send: Send, order: Order, target: Target) -> Send:
        return structs.replace(send, message=structs.replace(order, targets=[target]))
