"""The master's control socket: operators, their questions and stops; and stops as routers know them.

Stops come to it as to every router, for a master is the one who grants: what it holds is in the digest of every leave.
"""

from mesh.bounded import keep
from mesh.core import Effect, Envelope, Send
from mesh.hello import refused, version_refusal
from mesh.links import CONTROL
from mesh.messages.control import Command, ControlWelcome, Drill, KillSetPart, OperatorHello, Ping, Pong, StopAnswer, WhyAsk
from nodes.envelopes import message_of, raw_of
from nodes.firsthand import Strikes, first_hand
from nodes.master.beliefs import believed
from nodes.master.enquiry import Enquiry
from nodes.master.state import MasterState
from nodes.master.stopping import take_stop, taken

OPERATORS_MAX = 256
"""Connections of operators remembered; the oldest is forgotten and says hello again."""


class MasterControl:
    """Operators of the master."""

    def __init__(self, state: MasterState, enquiry: Enquiry) -> None:
        self._state = state
        self._enquiry = enquiry
        self._operators: dict[int, str] = {}
        self._bad = Strikes()

    def on_hello(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """An operator is there."""
        hello, state = message_of(envelope, OperatorHello), self._state
        if why := version_refusal(hello.version):
            return [refused(state.counters, hello.operator, why)]
        keep(self._operators, envelope.peer, hello.operator, OPERATORS_MAX)
        digest = state.stops.killset.digest
        return [Send(CONTROL, envelope.peer, ControlWelcome(state.name, "master", state.life, list(state.accounts)[:1024], digest))]

    def lost(self, peer: int) -> None:
        """An operator's connection is gone."""
        self._operators.pop(peer, None)
        self._bad.lost(peer)

    def is_operator(self, envelope: Envelope) -> bool:
        """Whether the sender is an operator who said hello."""
        return envelope.link == CONTROL and envelope.peer in self._operators

    def on_ping(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """The way to the master and back."""
        ping = message_of(envelope, Ping)
        return [Send(CONTROL, envelope.peer, Pong(self._state.name, ping.account, ping.nonce))]

    def on_why(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """What became of something."""
        return [*self._enquiry.on_ask(message_of(envelope, WhyAsk), envelope.peer)]

    def on_command(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """What the master believes of lost orders."""
        return [*believed(self._state, message_of(envelope, Command), envelope.peer)]

    def on_stop(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """An entry or undo, of whoever sends it: its signature is its right."""
        state, peer = self._state, envelope.peer
        if self._bad.is_out(peer, now_ns):
            return []
        result = first_hand(state.stops, state.config, raw_of(envelope), now_ns)
        if result.is_refused:
            self._bad.add(peer, now_ns)
        return taken(state, result, [Send(CONTROL, peer, StopAnswer(result.id, state.name, result.code, result.detail))])

    def on_drill(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """What a stop would be, and is not."""
        state = self._state
        if self._bad.is_out(envelope.peer, now_ns):
            return []
        result = state.stops.drilled_untrusted(message_of(envelope, Drill).signed, now_ns)
        if result.is_refused:
            self._bad.add(envelope.peer, now_ns)
        answer = Send(CONTROL, envelope.peer, StopAnswer(result.id, state.name, result.code, result.detail))
        return [*result.notes, state.commits.make(result.puts, lambda _: [answer])]

    def on_kill_ask(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Somebody lacks stops."""
        return self._state.stops.on_ask(envelope)

    def on_kill_part(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Stops that somebody else knows."""
        return [effect for raw in message_of(envelope, KillSetPart).items for effect in take_stop(self._state, raw, now_ns)]
