"""A source's signals on their way to the signals node: in order, on credit, sent again until each is answered."""

from collections import deque

from mesh import links
from mesh.core import Effect, Note, Send
from mesh.counters import Counters
from mesh.messages.signals import ACCEPTED, Signal, SignalAnswer

QUEUED_MAX = 1_000
"""A queue longer than this takes no more market data until it is shorter."""


class SignalOutbox:
    """Signals that were released, by a serial number from 1; the oldest unanswered ones are on the wire."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._credit_count = 0
        self._queue: deque[tuple[int, Signal]] = deque()
        self._sent: dict[str, tuple[int, Signal]] = {}
        self.serial = 0
        """Of the newest signal."""

    def put(self, signals: list[Signal]) -> None:
        """Queue signals behind all others; one that is on its way already is not queued again."""
        for signal in signals:
            self.serial += 1
            self._queue.append((self.serial, signal))
        self._counters.add("signal_count", len(signals))

    def welcome(self, credit_count: int) -> list[Effect]:
        """The signals node is there: send what is unanswered, then more as far as its credit goes."""
        self._credit_count = credit_count
        return self.again() + self.send()

    def again(self) -> list[Effect]:
        """Everything sent and not answered, once more, in order."""
        return [Send(links.SIGNALS, 0, signal) for _, signal in self._sent.values()]

    def send(self) -> list[Effect]:
        """What credit allows."""
        out: list[Effect] = []
        while self._queue and len(self._sent) < self._credit_count:
            serial, signal = self._queue.popleft()
            self._sent[signal.sid] = (serial, signal)
            out.append(Send(links.SIGNALS, 0, signal))
        return out

    def answered(self, answer: SignalAnswer) -> list[Effect]:
        """Take an answer. Over credit is no answer: that signal is sent again later; other refusals are final."""
        if answer.sid not in self._sent or answer.code == "OVER_CREDIT":
            return []
        del self._sent[answer.sid]
        out = self.send()
        if answer.code != ACCEPTED:
            self._counters.add("refused_signal_count")
            fields = {"sid": answer.sid, "code": answer.code, "text": answer.text}
            out.append(Note("warning", "signal_refused", fields))
        return out

    @property
    def open_serial(self) -> int:
        """The oldest signal that is not answered; one more than the newest where all are."""
        first = next(iter(self._sent.values()), None)
        if first is None and self._queue:
            first = self._queue[0]
        return first[0] if first is not None else self.serial + 1

    @property
    def is_waiting(self) -> bool:
        """Whether something sent is not answered."""
        return bool(self._sent)

    @property
    def is_full(self) -> bool:
        """Whether the queue should not grow now."""
        return len(self._queue) > QUEUED_MAX
