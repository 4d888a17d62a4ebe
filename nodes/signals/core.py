"""The signals node: takes signals from any number of sources, refuses what is wrong, hands the rest to the master.

At least once and in order for each source: what the master has not answered is sent again after every reconnect and when
an answer is late. Nothing is kept on disk: a source repeats what was not answered, and the master's table of sids makes
twice once. Memory is bounded by credit: a source has at most ``CREDIT_COUNT`` unanswered signals, the master at most a
window of them; answers are withheld until the master's comes, so a slow master slows the sources.
"""

from collections import deque
from functools import partial
from typing import Any

import msgspec

from mesh import events, stages
from mesh.backoff import backoff_ns
from mesh.bounded import keep
from mesh.config import Config
from mesh.confighash import agree
from mesh.core import NOTHING, Core, Effect, Effects, Emit, Envelope, Halt, LinkUp, Note, PeerLost, Send, Stop
from mesh.hello import refused, version_refusal
from mesh.links import DECIDE, SIGNALS
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.health import StageSummary
from mesh.messages.signals import ACCEPTED, MANUAL, OPERATOR, Signal, SignalAnswer, SourceHello, SourceWelcome
from mesh.phases import DRAINING, READY, STARTING
from mesh.stages import StageMeter
from mesh.units import MS_NS, NEVER
from nodes.amounts import decimal_of
from nodes.envelopes import message_of
from nodes.signals.checks import SignalChecks

CREDIT_COUNT = 64
"""Unanswered signals a source may have."""
ANSWERS_MAX = 4_096
"""Answers remembered here; of older sids the master knows."""
PEERS_MAX = 1_024
"""Connections remembered; the oldest is forgotten and says hello again."""

Key = tuple[str, str]
"""(source, sid)."""


class Held(msgspec.Struct):
    """A signal that has not been answered: who is to be told, and since when it is here."""

    signal: Signal
    peer: int
    taken_ns: int


def sources_of(name: str, config: Config) -> list[str]:
    """Who may send to a signals node: those it names, or every indicator and operators."""
    return list(config.node[name].sources) or [*config.nodes_of("indicator"), OPERATOR]


class Signals(Core):
    """The one signals node of a mesh."""

    def __init__(self, name: str, config: Config, life: int) -> None:
        super().__init__()
        timers = config.settings.timers
        self._hello = SourceHello(name, life, PROTOCOL_VERSION, config.lineage)
        self._checks = SignalChecks(config, sources_of(name, config))
        self._meter = StageMeter(self.counters)
        self._lineage = config.lineage
        self._repeat_ns = timers.repeat_ms * MS_NS
        self._drain_ns = timers.drain_ms * MS_NS
        self._vain_count = 0
        self._sources: dict[int, str] = {}
        """Connection → the source that said hello on it."""
        self._window_count = 0
        """Signals the master takes unanswered; 0 until it has welcomed us."""
        self._held: dict[Key, Held] = {}
        self._sent: dict[Key, None] = {}
        """Those handed to the master, in order."""
        self._queue: deque[Key] = deque()
        self._counts: dict[str, int] = {}
        """Source → how many of its signals are held."""
        self._answers: dict[Key, SignalAnswer] = {}
        self._repeat_at_ns = NEVER
        self._is_draining = False
        self._halt_at_ns = NEVER
        self.handlers = {
            SourceHello: self._on_hello,
            Signal: self._on_signal,
            SourceWelcome: self._on_welcome,
            SignalAnswer: self._on_answer,
            LinkUp: self._on_link_up,
            PeerLost: self._on_lost,
            Stop: self._on_stop,
        }

    def handle(self, envelope: Envelope, now_ns: int) -> Effects:
        """Effects of one message."""
        effects = super().handle(envelope, now_ns)
        self.deadline_ns = min(self._repeat_at_ns, self._halt_at_ns)
        return effects

    def start(self, now_ns: int) -> Effects:
        """Say hello to the master."""
        return self._repeat(now_ns)

    def on_deadline(self, now_ns: int) -> Effects:
        """Repeat what the master has not answered; end a drain."""
        effects: Effects = NOTHING
        if now_ns >= self._repeat_at_ns:
            effects = self._repeat(now_ns)
        if now_ns >= self._halt_at_ns:
            self._halt_at_ns = NEVER
            effects = (*effects, Halt(0, f"drain time is over; {len(self._held)} signals were not answered"))
        self.deadline_ns = min(self._repeat_at_ns, self._halt_at_ns)
        return effects

    def phase(self) -> str:
        """READY once the master has welcomed us."""
        if self._is_draining:
            return DRAINING
        return READY if self._window_count else STARTING

    def facts(self) -> dict[str, str]:
        """What waits for the master."""
        waiting = "" if self._window_count else "the master"
        return {"held": str(len(self._held)), "unanswered": str(len(self._sent)), "waiting": waiting}

    def stages(self, now_ns: int) -> list[StageSummary]:
        """How long signals wait here."""
        return self._meter.summaries(now_ns)

    # sources

    def _on_hello(self, envelope: Envelope, now_ns: int) -> Effects:
        hello = message_of(envelope, SourceHello)
        if envelope.link != SIGNALS:
            return self._unexpected()
        if why := version_refusal(hello.version):
            return (refused(self.counters, hello.source, why),)
        keep(self._sources, envelope.peer, hello.source, PEERS_MAX)
        effects: list[Effect] = [Send(SIGNALS, envelope.peer, SourceWelcome(CREDIT_COUNT))]
        if not self._checks.is_source(hello.source):
            effects.append(Note("warning", "unknown_source", {"source": hello.source}))
        elif not agree(self._lineage, hello.config_hash):
            effects.append(Note("warning", "config_differs", {"source": hello.source, "theirs": hello.config_hash}))
        return effects

    def _on_signal(self, envelope: Envelope, now_ns: int) -> Effects:
        signal = message_of(envelope, Signal)
        source = self._sources.get(envelope.peer)
        if envelope.link != SIGNALS or source is None or self._is_draining:
            return self._unexpected()
        key = (signal.source, signal.sid)
        held = self._held.get(key)
        if held is not None and source == signal.source:
            held.peer = envelope.peer
            return NOTHING
        refusal = self._checks.refusal(signal, source)
        if refusal is None and key in self._answers:
            self.counters.add("duplicate_signal_count")
            return (Send(SIGNALS, envelope.peer, self._answers[key]),)
        if refusal is None and self._counts.get(source, 0) >= CREDIT_COUNT:
            self.counters.add("refused_signal_count")
            text = f"{CREDIT_COUNT} signals are unanswered; send this one again after an answer"
            return (Send(SIGNALS, envelope.peer, SignalAnswer(signal.sid, "OVER_CREDIT", text)),)
        if refusal is not None:
            self.counters.add("refused_signal_count")
            answer = SignalAnswer(signal.sid, *refusal)
            return (Send(SIGNALS, envelope.peer, answer), signal_event(signal, answer))
        self.counters.add("signal_count")
        signal = self._checks.normalised(signal)
        self._held[key] = Held(signal, envelope.peer, now_ns)
        self._counts[source] = self._counts.get(source, 0) + 1
        self._queue.append(key)
        return self._fill(now_ns)

    def _on_lost(self, envelope: Envelope, now_ns: int) -> Effects:
        if envelope.link == SIGNALS:
            self._sources.pop(envelope.peer, None)
        return NOTHING

    def _unexpected(self) -> Effects:
        self.counters.add("stranger_count")
        return NOTHING

    # the master

    def _fill(self, now_ns: int) -> list[Effect]:
        """Hand over as many as the window has room for."""
        effects: list[Effect] = []
        while self._queue and len(self._sent) < self._window_count:
            key = self._queue.popleft()
            self._sent[key] = None
            held = self._held[key]
            self._meter.record(stages.TO_MASTER, now_ns - held.taken_ns)
            effects.append(self._send(held, now_ns))
        if effects and self._repeat_at_ns == NEVER:
            self._repeat_at_ns = now_ns + self._repeat_ns
        return effects

    def _send(self, held: Held, now_ns: int) -> Send:
        signal = held.signal
        if signal.kind == MANUAL:
            signal = msgspec.structs.replace(signal, waited_ns=now_ns - held.taken_ns)
        return Send(DECIDE, 0, signal)

    def _repeat(self, now_ns: int) -> Effects:
        """Hello again; what is unanswered follows the master's welcome, so that it comes in order and once."""
        self._window_count = 0
        self._repeat_at_ns = now_ns + backoff_ns(self._repeat_ns, self._vain_count)
        self._vain_count += 1
        self.deadline_ns = min(self._repeat_at_ns, self._halt_at_ns)
        return (Send(DECIDE, 0, self._hello),)

    def _on_link_up(self, envelope: Envelope, now_ns: int) -> Effects:
        if envelope.link != DECIDE:
            return NOTHING
        self._vain_count = 0
        return self._repeat(now_ns)

    def _on_welcome(self, envelope: Envelope, now_ns: int) -> Effects:
        if envelope.link != DECIDE or self._window_count:
            return NOTHING
        self._window_count = message_of(envelope, SourceWelcome).credit_count
        self._repeat_at_ns = now_ns + backoff_ns(self._repeat_ns, self._vain_count) if self._sent else NEVER
        again: list[Effect] = [self._send(self._held[key], now_ns) for key in self._sent]
        return again + self._fill(now_ns)

    def _on_answer(self, envelope: Envelope, now_ns: int) -> Effects:
        answer = message_of(envelope, SignalAnswer)
        if envelope.link != DECIDE:
            return self._unexpected()
        # an answer names the sid alone; of two sources with one sid the one that was sent first is answered first
        key = next((key for key in self._sent if key[1] == answer.sid), None)
        if key is None:
            return NOTHING
        held = self._held.pop(key)
        del self._sent[key]
        self._count_answered(key[0])
        if answer.code == ACCEPTED:
            keep(self._answers, key, answer, ANSWERS_MAX)
        else:
            self.counters.add("refused_signal_count")
        self._vain_count = 0
        if self._sent or not self._window_count:
            self._repeat_at_ns = now_ns + self._repeat_ns
        else:
            self._repeat_at_ns = NEVER
        effects = [Send(SIGNALS, held.peer, answer), signal_event(held.signal, answer), *self._fill(now_ns)]
        if not self._held and self._is_draining:
            effects.append(Halt(0, "stopped: every signal taken is answered"))
        return effects

    def _count_answered(self, source: str) -> None:
        self._counts[source] -= 1
        if not self._counts[source]:
            del self._counts[source]

    def _on_stop(self, envelope: Envelope, now_ns: int) -> Effects:
        self._is_draining = True
        if not self._held:
            return (Halt(0, "stopped"),)
        self._halt_at_ns = now_ns + self._drain_ns
        return NOTHING


def signal_event(signal: Signal, answer: SignalAnswer) -> Emit:
    """The line of the events file of an answered signal."""
    return Emit(signal.ts_event_ns, signal.sid, events.SIGNAL, partial(_signal_words, signal, answer.code))


def _signal_words(signal: Signal, code: str) -> dict[str, Any]:
    return {
        "kind": events.STAGES[events.SIGNAL],
        "sid": signal.sid,
        "source": signal.source,
        "signal": signal.kind,
        "symbol": signal.symbol,
        "timeframe": signal.timeframe,
        "period": signal.period,
        "level": decimal_of(signal.level_e8),
        "value": decimal_of(signal.value_e8),
        "name": signal.name,
        "code": code,
    }
