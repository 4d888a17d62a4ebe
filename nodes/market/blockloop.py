"""Market time, block by block: the steps of the market between one block and the next.

PLAN finds where the next block ends, PACE waits for the clock, PLAY lets the broker play its ticks. The broker may stop
early (books changed, a call came due, an equity watch fired), and there the block ends. SETTLE asks the master for the
state of the accounts concerned and waits until every account with open lines is at rest; CONFIRM asks the broker once
more, because its word must be newer than the master's. RELEASE lets the indicator send the signals of the block's last
tick and waits for their answers; then it is settled again. A block without signals and changes ends with PLAY: the
indicator is told without waiting (LAG only bounds how far it is behind).

A live market goes with the clock and settles nothing: PLAY, and the next block, with what ticks there are or none. Decisions rest on
the newest states there, as they do with a real broker. Once all have been there nobody is waited for but the simulated broker.

In a recorded one who is needed and absent is waited for as long as it takes, and so is the broker. A slow answer about accounts or
signals is waited for at most ``GIVE_UP_*``; then the run is no longer comparable with others, and says so.
"""

from collections.abc import Callable

from mesh import links
from mesh.config import Config
from mesh.core import Effect, Halt, Note, Send
from mesh.counters import Counters
from mesh.errors import BadConfig
from mesh.messages.base import Msg
from mesh.messages.market import Block, BrokerBlock, Settle, Settled
from mesh.units import MS_NS, NEVER, SECOND_NS
from nodes.market.blocks import Bounds, LiveBounds, Plan, next_live_plan, next_plan
from nodes.market.concern import Concern
from nodes.market.livesource import LiveSource
from nodes.market.pace import Pace
from nodes.market.patience import Patience
from nodes.market.receivers import Receiver, Receivers
from nodes.market.releases import Releases
from nodes.market.settling import Settling
from nodes.market.sources import TickSource
from nodes.market.supply import Supply

UNANSWERED_BLOCKS_MAX = 4
"""Quiet blocks an indicator may be behind: its events file slows the market down, nothing is dropped."""
GIVE_UP_PACED_NS = 2 * SECOND_NS
GIVE_UP_MAX_NS = 60 * SECOND_NS
COMES_DUE_NS = 10 * SECOND_NS
"""A market that is stopped still plays as far as a call at the broker waits, if it is no further than this."""

GATHER, PLAN, PACE, PLAY, SETTLE, CONFIRM, RELEASE, LAG, DONE, STOPPED, FAILED = (
    "GATHER", "PLAN", "PACE", "PLAY", "SETTLE", "CONFIRM", "RELEASE", "LAG", "DONE", "STOPPED", "FAILED",
)  # fmt: skip
GIVEN_UP_STEPS = (SETTLE, RELEASE, LAG)
_WHOM = {PLAY: "the broker", CONFIRM: "the broker", SETTLE: "the master", LAG: "an indicator", RELEASE: "answers"}


class BlockLoop:
    """The steps, and all that must be remembered between them. ``advance`` goes as far as it can without waiting."""

    def __init__(self, config: Config, source: TickSource, counters: Counters) -> None:
        self.receivers = Receivers(config)
        self.settling = Settling()
        self._live = source if isinstance(source, LiveSource) else None
        """Only of a live market."""
        self.pace = Pace(config.settings.market.speed) if self._live is None else Pace(None, "live")
        self.supply = Supply(source)
        self.step = GATHER
        self.number = 0
        """Of the newest block or question; each has its own."""
        self.released_seq = 0
        self.end_ns = 0
        """Where market time stands, with ``released_seq``."""
        self.finished = (0, 0)
        """The same after the last block that is over for everybody: what a restart goes on from."""
        self.is_stored = False
        """Whether it is durable that the numbers from here on are used by nobody else."""
        self.is_opened = False
        self.is_done = False
        self.given_up: dict[str, None] = {}
        self.settled_count = 0
        self.deadline_ns = NEVER
        self._patience = Patience(config.settings.timers.repeat_ms * MS_NS)
        self._has_broker = bool(config.nodes_of("broker"))
        self._concern = Concern(config)
        self._releases = Releases()
        self._counters = counters
        self._is_final = False
        self._is_stopping = False
        self._plan = Plan(0, 0)
        self._block = Block(0, 0, 0)
        self._settle = Settle(0, [])
        self._has_signals = False
        self._is_calm = False
        self._after: dict[str, Callable[[int, list[Effect]], str]] = {
            GATHER: self._after_gather,
            PLAN: self._after_plan,
            PACE: self._after_pace,
            PLAY: self._after_play,
            SETTLE: self._after_settle,
            CONFIRM: self._after_confirm,
            RELEASE: self._after_release,
            LAG: self._after_lag,
        }

    def advance(self, now_ns: int, out: list[Effect]) -> None:
        """Go through the steps until one has to wait; what was asked in vain is asked again, or given up."""
        if self._patience.is_long(now_ns):
            self._give_up(out)
        if self._patience.is_repeat_due(now_ns):
            self.ask(now_ns, out)
        while (after := self._after.get(self.step)) is not None:
            before, self.step = self.step, after(now_ns, out)
            if self.step == before:
                break
            self._patience.restart()
            self.ask(now_ns, out)
        due_ns = self.pace.due_ns(self._plan.end_ns) if self.step == PACE else NEVER
        self.deadline_ns = min(self._patience.deadline_ns, due_ns)
        if self.step == GATHER and self.supply.is_behind(self.released_seq):
            self.deadline_ns = now_ns

    def ask(self, now_ns: int, out: list[Effect]) -> None:
        """Ask (again) what the step waits for."""
        if self.step in (PLAY, CONFIRM):
            self._tell("broker", self._block, out)
        elif self.step == SETTLE:
            self._tell("broker", self._block, out)
            self._tell("master", self._block, out)
            self._tell("master", self._settle, out)
        elif self.step in (RELEASE, LAG):
            self._tell("indicator", self._releases.block, out)
        else:
            return
        is_patient = self.pace.is_max and self._live is None
        self._patience.asked(now_ns, GIVE_UP_MAX_NS if is_patient else GIVE_UP_PACED_NS)

    def on_broker(self, word: BrokerBlock) -> None:
        """The broker's word. A call that waits makes the planned block too long, or an ended market go on for it."""
        self.settling.on_broker(word, self._block.number)
        if self.step in (PACE, DONE) and self.settling.waiting:
            self.step = PLAN

    def on_master(self, word: Settled) -> None:
        """The master's word."""
        self.settling.on_master(word, self._settle.number)

    def on_receiver(self, receiver: Receiver, is_new_life: bool, now_ns: int, out: list[Effect]) -> None:
        """A receiver came (again): tell it where market time stands, ask again; a new master knows no states yet."""
        if receiver.role == "indicator":
            if self._releases.block.number:
                self._hand(receiver, self._releases.block, out)
        elif self._block.number and self.step != PLAY:
            self._hand(receiver, self._block, out)
        if receiver.role == "master" and is_new_life and self.is_opened:
            self._concern.is_everybody = True
            if self.step in (SETTLE, CONFIRM):
                self.step = self._begin_settle(self._settle.accounts)
        self.ask(now_ns, out)

    @property
    def told_seq(self) -> int:
        """Ticks below were released to indicators."""
        return self._releases.block.through_seq

    @property
    def standing_number(self) -> int:
        """The newest number under which where market time stands was told."""
        return self.number - 1 if self.step == PLAY else self.number

    def stop(self) -> None:
        """Finish the block in hand, let calls at the broker come due, then be STOPPED."""
        self._is_stopping = True
        if self.step in (PACE, DONE):
            self.step = PLAN

    def pump(self, receiver: Receiver, out: list[Effect]) -> None:
        """Hand out what credit allows: to indicators all there is, to others what has happened or is being played."""
        is_ahead = receiver.role == "indicator"
        tape = self.supply.tape
        through_seq = tape.end_seq if is_ahead else max(self.released_seq, self._block.through_seq)
        for message in receiver.stream.pump(tape, through_seq):
            out.append(Send(links.MARKET, receiver.peer, message))

    def whom(self) -> str:
        """Whom the step waits for, in words; empty where it waits for nobody."""
        absent = self.receivers.absent()
        if absent:
            return ", ".join(absent)
        if self.step == SETTLE and self.settling.master is not None:
            return ", ".join(self.settling.restless()[:8])
        return _WHOM.get(self.step, "")

    def _tell(self, role: str, message: Msg, out: list[Effect]) -> None:
        for receiver in self.receivers.of_role(role):
            self._hand(receiver, message, out)

    def _hand(self, receiver: Receiver, message: Msg, out: list[Effect]) -> None:
        """A message, after the ticks it speaks of; an indicator has computed them long before."""
        receiver.stream.owe(0 if receiver.role == "indicator" else self._block.through_seq, message)
        self.pump(receiver, out)

    def _give_up(self, out: list[Effect]) -> None:
        """The wait was long: given up where it may be, else only said."""
        may_be = self.step in GIVEN_UP_STEPS and self.is_opened and not self.receivers.absent()
        whom = self.whom()
        out.append(Note("warning", "wait_given_up" if may_be else "long_wait", {"step": self.step, "whom": whom}))
        if may_be:
            self._counters.add("given_up_wait_count")
            self.given_up[whom[:120]] = None
            self.settling.give_up()
            self._patience.is_given_up = True

    def _after_gather(self, now_ns: int, out: list[Effect]) -> str:
        supply = self.supply
        supply.pull(self.released_seq)
        if self._is_stopping:
            return STOPPED
        if supply.is_behind(self.released_seq):
            return GATHER
        if self._live is not None and not self._live.is_ready:
            return GATHER
        if supply.tape.end_seq < self.released_seq:
            ticks = f"the feed has {supply.tape.end_seq} ticks, the stored run is at {self.released_seq}"
            out.append(Halt(BadConfig.exit_code, f"{ticks}: it was another feed; give this one another --state"))
            return FAILED
        if not self.end_ns:
            self.end_ns = supply.tape.time_ns(0) - 1
        return GATHER if self.receivers.absent() or not self.is_stored else PLAN

    def _after_plan(self, now_ns: int, out: list[Effect]) -> str:
        self.finished = (self.released_seq, self.end_ns)
        if self._is_stopping and self.settling.until_ns() > self.end_ns + COMES_DUE_NS:
            return STOPPED
        self.supply.pull(self.released_seq)
        for receiver in self.receivers.of_role("indicator"):
            self.pump(receiver, out)
        is_history = self._is_history
        self.is_opened = self.is_opened or (self._live is not None and not is_history)
        plan = self._planned(is_history)
        if plan is None:
            if not self._is_final:
                return PLAN
            self.is_done = True
            return DONE
        if self._is_stopping and (plan.has_signals or plan.end_ns > self.settling.until_ns()):
            return STOPPED
        self._plan = plan
        is_paced = self.is_opened and not is_history and not self._is_stopping
        return PACE if is_paced and self.pace.due_ns(plan.end_ns) > now_ns else self._begin(now_ns)

    @property
    def _is_history(self) -> bool:
        """Whether market time stands before trading begins."""
        return self.released_seq < self.supply.source.start_seq

    def _planned(self, is_history: bool) -> Plan | None:
        if not self.is_opened and not is_history:
            return Plan(self.released_seq, self.end_ns)  # nothing happens in it: all accounts are settled once
        if self._is_final:
            # time goes on only for calls that still wait at the broker
            until_ns = self.settling.until_ns()
            return None if until_ns == NEVER else Plan(self.released_seq, max(self.end_ns, until_ns), final=True)
        supply, source = self.supply, self.supply.source
        signal_seq = self.receivers.next_signal_seq(self.released_seq)
        computed_seq = self.receivers.computed_seq()
        if signal_seq is None:
            signal_seq = NEVER - 1
        if self._live is not None and not is_history:
            live = LiveBounds(
                computed_seq=self.receivers.computed_seq_beyond(self.released_seq, supply.tape.end_seq),
                signal_seq=signal_seq,
                clock_ns=self._live.clock_ns,
                is_whole=self._live.is_whole,
            )
            return next_live_plan(supply.tape, self.released_seq, self.end_ns, live)
        bounds = Bounds(
            computed_seq=min(computed_seq, source.start_seq) if is_history else computed_seq,
            signal_seq=signal_seq,
            until_ns=NEVER if is_history else min(self.settling.until_ns(), self._concern.mark_ns),
            pace_ns=NEVER if is_history else self.pace.step_until_ns(self.end_ns),
            is_single=bool(self.settling.managed),
            is_over=supply.is_over,
            feed_end_ns=source.end_ns,
        )
        return next_plan(supply.tape, self.released_seq, self.end_ns, bounds)

    def _begin(self, now_ns: int) -> str:
        self.pace.catch_up(now_ns, self._plan.end_ns)
        self._number_block(self._plan.through_seq, self._plan.end_ns, self._plan.final)
        return PLAY

    def _number_block(self, through_seq: int, end_ns: int, final: bool) -> None:
        """A block (or where market time stands, asked anew): only words about its own number count from here."""
        self.number += 1
        self._block = Block(self.number, through_seq, end_ns, final)
        self.settling.broker = None

    def _after_pace(self, now_ns: int, out: list[Effect]) -> str:
        return PACE if self.pace.due_ns(self._plan.end_ns) > now_ns else self._begin(now_ns)

    def _after_play(self, now_ns: int, out: list[Effect]) -> str:
        word, plan = self.settling.broker, self._plan
        if word is None and self._has_broker:
            return PLAY
        if self._is_behind(word):
            # a restarted broker plays again what others have settled long ago
            self._number_block(plan.through_seq, plan.end_ns, plan.final)
            self.ask(now_ns, out)
            return PLAY
        if word is not None and (word.through_seq, word.end_ns) < (plan.through_seq, plan.end_ns):
            plan = Plan(word.through_seq, word.end_ns)
        self._counters.add("tick_count", plan.through_seq - self.released_seq)
        self.released_seq, self.end_ns, self._is_final = plan.through_seq, plan.end_ns, plan.final
        self._has_signals = plan.has_signals
        self._block = Block(self.number, plan.through_seq, plan.end_ns, plan.final)
        self._counters.add("block_count")
        if self._live is not None:
            self._tell("master", self._block, out)
            if self._releases.add(self._block, is_awaited=False):
                self._tell("indicator", self._block, out)
            return PLAN
        accounts = [] if self._is_history else self._concern.accounts(self.end_ns, plan.has_signals, self.settling)
        if accounts or plan.has_signals:
            is_calm = self.is_opened and not self.settling.changed and not self.settling.waiting
            return self._begin_settle(accounts, is_calm)
        self._tell("master", self._block, out)
        return self._tell_indicators(LAG)

    def _is_behind(self, word: BrokerBlock | None) -> bool:
        return word is not None and (word.through_seq, word.end_ns) < (self.released_seq, self.end_ns)

    def _begin_settle(self, accounts: list[str], is_calm: bool = False) -> str:
        """``is_calm``: nothing was in flight and nothing happened since the last settlement."""
        concern = self._concern
        self._is_calm = is_calm and not concern.is_everybody
        self._number_block(self.released_seq, self.end_ns, self._is_final)
        self._settle = Settle(self.number, concern.everybody if concern.is_everybody else accounts)
        concern.is_everybody = False
        self.settling.master = None
        for account in self._settle.accounts:
            self.settling.changed.pop(account, None)
        return SETTLE

    def _after_settle(self, now_ns: int, out: list[Effect]) -> str:
        is_answered = self.settling.master is not None and (self.settling.broker is not None or not self._has_broker)
        if not self._patience.is_given_up and (not is_answered or self.settling.restless()):
            return SETTLE
        if self._is_calm and self.settling.is_idle and not self.settling.changed:
            return self._settled(now_ns)
        self._number_block(self.released_seq, self.end_ns, self._is_final)
        return CONFIRM

    def _after_confirm(self, now_ns: int, out: list[Effect]) -> str:
        word = self.settling.broker
        if word is None and self._has_broker:
            return CONFIRM
        if self._is_behind(word):
            self._number_block(self.released_seq, self.end_ns, self._is_final)
            self.ask(now_ns, out)
            return CONFIRM
        if self.settling.changed or self.settling.restless():
            return self._begin_settle(list(self.settling.changed))
        return self._settled(now_ns)

    def _settled(self, now_ns: int) -> str:
        if not self.is_opened:
            self.is_opened = True
            self.pace.anchor(now_ns, self.end_ns)
        if self._has_signals:
            return self._tell_indicators(RELEASE)
        self.settled_count += 1
        return self._tell_indicators(LAG)

    def _tell_indicators(self, step: str) -> str:
        return step if self._releases.add(Block(self.number, self.released_seq, self.end_ns, self._is_final)) else PLAN

    def _after_release(self, now_ns: int, out: list[Effect]) -> str:
        if self._releases.unanswered_count(self.receivers.answered()) and not self._patience.is_given_up:
            return RELEASE
        self._has_signals = False
        return self._begin_settle(list(self.settling.changed))

    def _after_lag(self, now_ns: int, out: list[Effect]) -> str:
        is_late = self._releases.unanswered_count(self.receivers.answered()) > UNANSWERED_BLOCKS_MAX and not self._patience.is_given_up
        return LAG if is_late else PLAN
