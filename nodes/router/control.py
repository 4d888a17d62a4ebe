"""A router's control socket: operators, their commands and stops, and the answers of the locals to them.

Stops are signed by who may say them, and durable here before they are pushed on and answered; every local that said hello gets them,
also one that is home elsewhere. A command goes to each local in its scope that is home here; another router has the others.
"""

from mesh.bounded import keep
from mesh.core import Commit, Effect, Envelope, Put, Send
from mesh.killset import check_scope
from mesh.links import CONTROL, LOCALS
from mesh.messages.control import (
    TAKEN,
    Command,
    CommandAnswer,
    Drill,
    Drilled,
    KillSetPart,
    Latched,
    LostOrders,
    Ping,
    Pong,
)
from nodes.commits import Then
from nodes.envelopes import message_of, raw_of
from nodes.operators import Operators
from nodes.router.state import RouterState
from nodes.stops import LATCHED_ROW, Result

COMMANDS_MAX = 1_024
PINGS_MAX = 1_024


class RouterControl:
    """Operators of one router, and its kill set."""

    def __init__(self, state: RouterState) -> None:
        self._state = state
        self.operators = Operators(state.name, "router", state.life, state.config, state.stops, state.counters)
        self._commands: dict[bytes, int] = {}
        """Command → the operator it came from."""
        self._pings: dict[int, tuple[int, int]] = {}
        """Our nonce → (operator, his nonce)."""
        self._nonce = 0

    def on_hello(self, envelope: Envelope) -> list[Effect]:
        """An operator is there."""
        return self.operators.on_hello(envelope, [local.hello.account for local in self._state.peers.all() if local.is_home])

    def is_operator(self, envelope: Envelope) -> bool:
        """Whether the sender is an operator who said hello; counted where he did not."""
        if self.operators.is_there(envelope):
            return True
        self._state.counters.add("stranger_count")
        return False

    # commands

    def on_command(self, envelope: Envelope) -> list[Effect]:
        """Hand a command to each local in its scope that is home here."""
        command = message_of(envelope, Command)
        if not self.is_operator(envelope):
            return []
        self._state.counters.add("command_count")
        kind, _, name = command.scope.partition(":")
        if kind in self._state.config.account and name.isdecimal():
            accounts = [kind]
        else:
            try:
                check_scope(command.scope)
            except ValueError as error:
                answer = CommandAnswer(command.id, self._state.name, "BAD_SCOPE", str(error), 0, "", 0, 0, True)
                return [Send(CONTROL, envelope.peer, answer)]
            accounts = [name] if kind == "account" else list(self._state.config.account)
        keep(self._commands, command.id, envelope.peer, COMMANDS_MAX)
        return self._state.peers.each(accounts, lambda local: Send(LOCALS, local.peer, command))

    def on_answer(self, answer: CommandAnswer | LostOrders) -> list[Effect]:
        """A local's answer, back to whom it is for."""
        peer = self._commands.get(answer.id)
        return [Send(CONTROL, peer, answer)] if peer in self.operators.peers and peer is not None else []

    def on_ping(self, envelope: Envelope) -> list[Effect]:
        """Answer for ourselves, or hand it on to the local meant."""
        ping = message_of(envelope, Ping)
        if not self.is_operator(envelope):
            return []
        if not ping.account:
            return [Send(CONTROL, envelope.peer, Pong(self._state.name, "", ping.nonce))]
        self._nonce += 1
        nonce = self._nonce
        keep(self._pings, nonce, (envelope.peer, ping.nonce), PINGS_MAX)
        return self._state.peers.each([ping.account], lambda local: Send(LOCALS, local.peer, Ping(ping.account, nonce)))

    def on_pong(self, pong: Pong) -> list[Effect]:
        """A local's answer to a ping."""
        asked = self._pings.pop(pong.nonce, None)
        return [] if asked is None else [Send(CONTROL, asked[0], Pong(pong.node, pong.account, asked[1]))]

    # stops

    def on_stop(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """An entry or undo, of whoever sends it, for its signature is its right; answered when it is durable."""
        result, state, peer = self.operators.take(envelope, now_ns), self._state, envelope.peer
        if result is None:
            return []
        return self._taken([(raw_of(envelope), result)], lambda at_ns: [Send(CONTROL, peer, each) for each in state.answers(result, at_ns)])

    def on_drill(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """A drill goes the way of a stop, and stops nothing."""
        drill, state, peer = message_of(envelope, Drill), self._state, envelope.peer
        result = self.operators.drill(envelope, now_ns)
        if result is None:
            return []

        def durable(at_ns: int) -> list[Effect]:
            pushed = [] if result.is_refused else state.to_locals(drill)
            return [*pushed, *(Send(CONTROL, peer, each) for each in state.answers(result, at_ns))]

        return [*result.notes, state.commits.make(result.puts, durable)]

    def on_drilled(self, envelope: Envelope) -> list[Effect]:
        """A local's answer to a drill, to every operator: who asked knows it by its id."""
        drilled = message_of(envelope, Drilled)
        if drilled.latched.account != drilled.account:
            return []
        return [Send(CONTROL, peer, drilled) for peer in self.operators.peers]

    def take(self, items: list[bytes], now_ns: int) -> list[Effect]:
        """Merge what somebody else knows."""
        return self._taken([(raw, self._state.stops.take_untrusted(raw, now_ns)) for raw in items], lambda _: [])

    def _taken(self, results: list[tuple[bytes, Result]], answers: Then) -> list[Effect]:
        """Durable, then pushed to every local, and answered. What was known already is pulled by who lacks it; what was refused goes no
        further.
        """
        new = [raw for raw, result in results if result.code == TAKEN]
        puts = [put for _, result in results for put in result.puts]
        notes = [note for _, result in results for note in result.notes]
        told = [*self._push(new), *map(self._state.front.told, new)]
        # an item known already may be on its way to the disk: what follows it waits for that, too
        return [*notes, self._state.commits.make(puts, lambda at_ns: [*told, *answers(at_ns)])]

    def _push(self, items: list[bytes]) -> list[Effect]:
        return list(self._state.to_locals(KillSetPart(items))) if items else []

    def on_latched(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """A local holds stops: every operator hears of it."""
        latched = message_of(envelope, Latched)
        if not self._state.front.latched(envelope, latched, now_ns):
            return []
        # for the audit alone: nobody waits for it
        kept = Commit(0, (Put(LATCHED_ROW, latched.account.encode(), raw_of(envelope)),))
        return [*(Send(CONTROL, peer, latched) for peer in self.operators.peers), self._state.front.told(raw_of(envelope)), kept]
