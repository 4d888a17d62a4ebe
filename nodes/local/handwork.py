"""Manual commands at a local: preview, or an order for each position, each with its INTENT, its outcome and its answer.

A command that comes twice is answered twice and done once (``commandlog``). Positions are those of the newest read; what closes them
is bounded by it, so a command that comes by two routers closes once. Those about what nobody knows have files of their own:
``lostlist``, ``resolving``, ``reconciling``.
"""

from collections.abc import Callable

import msgspec

from mesh.answercodes import BAD_COMMAND, BAD_VOLUME, FOREIGN, NOT_READY, NOTHING, PREVIEW
from mesh.core import Effect, Send
from mesh.ids import oid_of
from mesh.killset import scope_matches
from mesh.messages.accounts import Position
from mesh.messages.control import CLOSE_VERB, MODIFY_VERB, RECONCILE_VERB, RESOLVE_VERB, UNKNOWN_VERB, VERBS, Command, CommandAnswer
from mesh.messages.orders import CLOSE, MODIFY
from mesh.messages.outcomes import Outcome
from mesh.units import text_from_e8
from nodes import codes
from nodes.handvolume import objection_to_volume
from nodes.local.attempts import LEAVE, MANUAL, OrderRecord
from nodes.local.commandlog import RUN, CommandLog, CommandRecord, answer_of
from nodes.local.desk import Desk
from nodes.local.jobs import Job
from nodes.local.lostlist import lost_orders
from nodes.local.reconciling import Reconciling
from nodes.local.resolving import Resolving
from nodes.local.state import LocalState
from nodes.symbolnames import SymbolNames

REFUSALS = (FOREIGN, BAD_VOLUME)
"""Codes of positions a command is not carried out on."""


class Handwork:
    """Commands of one account."""

    def __init__(self, state: LocalState, desk: Desk) -> None:
        self._state = state
        self._desk = desk
        self._names = SymbolNames(state.config)
        self.log = CommandLog(state)
        self._verbs: dict[str, Callable[[Command, str, int], list[Effect]]] = {
            CLOSE_VERB: self._on_positions,
            MODIFY_VERB: self._on_positions,
            UNKNOWN_VERB: lambda command, link, now_ns: lost_orders(command, link, state, desk.jobs, now_ns),
            RESOLVE_VERB: Resolving(state, desk, self.log).on_command,
            RECONCILE_VERB: Reconciling(state, desk).on_command,
        }

    def on_command(self, command: Command, link: str, now_ns: int) -> list[Effect]:
        """A command of an operator."""
        state = self._state
        state.counters.add("command_count")
        if self.log.get(command.id) is not None:
            return [*self.log.again(command, link)]
        if self._desk.errand is not None and self._desk.errand.command_id == command.id:
            return []  # by another router, or once more: it will be answered
        on_verb = self._verbs.get(command.verb)
        if on_verb is None:
            return [self._answer(link, command, BAD_COMMAND, f"verb={command.verb}: {', '.join(VERBS)} are known")]
        return on_verb(command, link, now_ns)

    def _on_positions(self, command: Command, link: str, now_ns: int) -> list[Effect]:
        """Close or change positions in a scope."""
        state = self._state
        if not state.is_attached or not state.book.is_complete:
            why = state.refused or "the terminal is not attached"
            return [self._answer(link, command, NOT_READY, why)]
        chosen, answers = self._chosen(command)
        if not chosen and not answers:
            code = codes.NOT_FOUND if _ticket_of(command.scope, state.account) else NOTHING
            return [self._answer(link, command, code, f"scope={command.scope}")]
        if command.dry_run or not chosen:
            answers += [self._about(command, position, PREVIEW, self._preview(command, position)) for position in chosen]
            answers[-1] = msgspec.structs.replace(answers[-1], last=True)
            return [Send(link, 0, answer) for answer in answers]
        return self._act(command, link, chosen, answers, now_ns)

    def _chosen(self, command: Command) -> tuple[list[Position], list[CommandAnswer]]:
        """Positions a command is carried out on, and why it is not on others it names."""
        state = self._state
        ticket = _ticket_of(command.scope, state.account)
        chosen: list[Position] = []
        refused: list[CommandAnswer] = []
        for position in state.book.positions:
            if ticket:
                is_meant = position.ticket == ticket
            else:
                symbols = (position.symbol, self._names.our_name(position.symbol))
                is_meant = any(scope_matches(command.scope, state.account, name, position.strategy) for name in symbols)
            if not is_meant:
                continue
            if not (position.ours or command.foreign):
                refused += [self._about(command, position, FOREIGN, "not ours: give --foreign")] if ticket else []
            elif objection := self._objection(command, position):
                refused.append(self._about(command, position, BAD_VOLUME, objection))
            else:
                chosen.append(position)
        return chosen, refused

    def _objection(self, command: Command, position: Position) -> str:
        """Why this position cannot be closed by the volume a hand named; empty where it can, or none was named."""
        spec = self._state.book.symbols.get(position.symbol)
        if not command.volume_e8 or spec is None:
            return ""
        return objection_to_volume(spec, command.volume_e8, position.volume_e8)

    def _act(
        self, command: Command, link: str, chosen: list[Position], answers: list[CommandAnswer], now_ns: int
    ) -> list[Effect]:
        orders = [self._order(command, position) for position in chosen]
        # a command that comes again when the log has forgotten it is known by its orders
        jobs = [Job(order, now_ns) for order in orders if not self._is_known(order.oid)]
        if not jobs:
            return [self._answer(link, command, NOTHING, "it was carried out when it came first: `mesh deals`")]
        record = CommandRecord(command.id, [job.record.oid for job in jobs], answers, command)
        puts = self.log.keep(record, link)
        return [self._desk.take_stored(jobs, puts, lambda: [*self.log.durable(record)])]

    def _is_known(self, oid: bytes) -> bool:
        return self._desk.jobs.get(oid) is not None or self._state.reports.known_f(oid) > 0

    def _order(self, command: Command, position: Position) -> OrderRecord:
        state = self._state
        strategy = position.strategy or codes.NOBODY
        left_e8 = position.volume_e8 - command.volume_e8 if command.volume_e8 else 0
        is_close = command.verb == CLOSE_VERB
        word = f"{command.id.hex()}/{position.ticket}"
        return OrderRecord(
            oid=oid_of(state.config.settings.mesh.id, RUN, state.account, word, strategy, command.verb),
            kind=MANUAL,
            e=state.stream.e,
            n=0,
            k=0,
            sid=f"{RUN}/{command.operator}/{command.id.hex()}"[:160],
            strategy=strategy,
            leg=f"{RUN}_{command.verb}",
            cause=codes.MANUAL,
            action=CLOSE if is_close else MODIFY,
            symbol=position.symbol,
            side=-position.side if is_close else position.side,
            volume_e8=left_e8,
            ref_ticket=position.ticket,
            sl_e8=command.sl_e8,
            tp_e8=command.tp_e8,
            deviation_points=state.guard.limits.deviation_points,
            seen_price_e8=position.price_now_e8,
            decided_market_ns=state.book.market_ns,
            command=command.id,
        )

    def ended(self, record: OrderRecord, outcome: Outcome) -> list[Effect]:
        """An order of a command has ended: answer, and remember the answer."""
        known = self.log.get(record.command)
        if known is None:
            return []
        is_last = len(known.answers) + 1 >= len(known.oids) + sum(answer.code in REFUSALS for answer in known.answers)
        answer = CommandAnswer(
            record.command,
            self._state.account,
            outcome.code,
            outcome.detail,
            record.ref_ticket,
            record.symbol,
            outcome.volume_e8,
            outcome.price_e8,
            is_last,
        )
        answered, puts = self.log.answered(known, answer)
        return [self._state.commits.make(puts, lambda _: [*self.log.durable(answered)])]

    def _answer(self, link: str, command: Command, code: str, detail: str) -> Send:
        return Send(link, 0, answer_of(command, self._state.account, code, detail))

    def _about(self, command: Command, position: Position, code: str, detail: str) -> CommandAnswer:
        volume_e8 = command.volume_e8 if command.verb == CLOSE_VERB and command.volume_e8 else position.volume_e8
        return CommandAnswer(
            command.id,
            self._state.account,
            code,
            detail,
            position.ticket,
            position.symbol,
            volume_e8,
            position.price_now_e8,
            False,
        )

    def _preview(self, command: Command, position: Position) -> str:
        """What would be done to it, with its symbol's digits."""
        side = "buy" if position.side > 0 else "sell"
        words = [command.verb, side, f"strategy={position.strategy}" if position.ours else "foreign"]
        if command.verb == MODIFY_VERB:
            spec = self._state.book.symbols.get(position.symbol)
            digits = spec.digits if spec is not None else 8
            levels = (("sl", command.sl_e8, position.sl_e8), ("tp", command.tp_e8, position.tp_e8))
            for name, new_e8, old_e8 in levels:
                words += [f"{name}={text_from_e8(new_e8, digits)} was={text_from_e8(old_e8, digits)}"] if new_e8 != LEAVE else []
        return " ".join(words)


def _ticket_of(scope: str, account: str) -> int:
    """The ticket of an ``ACCOUNT:TICKET`` scope of this account; 0 where it is none."""
    name, _, number = scope.partition(":")
    return int(number) if name == account and number.isdecimal() and number.isascii() else 0

