"""The master's control socket: operators, their questions and stops; and stops as routers know them.

Stops come to it as to every router, for a master is the one who grants: what it holds is in the digest of every leave.
"""

from mesh.core import Effect, Envelope, Send
from mesh.links import CONTROL
from mesh.messages.control import Command, KillSetPart, Ping, Pong, StopAnswer, WhyAsk
from nodes.envelopes import message_of
from nodes.master.beliefs import believed
from nodes.master.enquiry import Enquiry
from nodes.master.state import MasterState
from nodes.master.stopping import take_stop, taken
from nodes.operators import Operators
from nodes.stops import Result


class MasterControl:
    """Operators of the master."""

    def __init__(self, state: MasterState, enquiry: Enquiry) -> None:
        self._state = state
        self._enquiry = enquiry
        self.operators = Operators(state.name, "master", state.life, state.config, state.stops, state.counters)

    def on_hello(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """An operator is there."""
        return self.operators.on_hello(envelope, list(self._state.accounts))

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
        result, state = self.operators.take(envelope, now_ns), self._state
        return taken(state, result, [self._answer(envelope, result)]) if result is not None else []

    def on_drill(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """What a stop would be, and is not."""
        result = self.operators.drill(envelope, now_ns)
        if result is None:
            return []
        answer = self._answer(envelope, result)
        return [*result.notes, self._state.commits.make(result.puts, lambda _: [answer])]

    def _answer(self, envelope: Envelope, result: Result) -> Send:
        return Send(CONTROL, envelope.peer, StopAnswer(result.id, self._state.name, result.code, result.detail))

    def on_kill_ask(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Somebody lacks stops."""
        return self._state.stops.on_ask(envelope)

    def on_kill_part(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Stops that somebody else knows."""
        return [effect for raw in message_of(envelope, KillSetPart).items for effect in take_stop(self._state, raw, now_ns)]
