"""Of which alarms somebody is told, and when: after their hold, each once, those of a kind together, its end too, never too many a minute.

Pure: whoever has the clock looks about once a second. What cannot be told now waits for its turn and is never dropped; what waits is at
most one group for each kind and event, however many alarms there are.
"""

from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from mesh.alarms import KINDS, Alarm
from mesh.settings import AlertsSection
from mesh.units import MINUTE_NS, MS_NS, SECOND_NS

RAISED, STILL, OVER = "raised", "still", "over"
"""It began; it goes on; it has ended."""
EVENTS = (RAISED, OVER, STILL)
"""In the order in which they are told."""
CLEAR_NS = 5 * SECOND_NS
"""What was gone for so long is over; what comes back before that never was."""


class Item(msgspec.Struct, frozen=True):
    """One alarm of a notice. ``times``: how often it came since it was told before."""

    alarm: Alarm
    since_ns: int
    times: int = 1


class Notice(msgspec.Struct, frozen=True):
    """What somebody is to be told at once: alarms of one kind with the same event."""

    event: str
    kind: str
    items: tuple[Item, ...]


class _Case:
    """One alarm from when it is first seen until nobody has to remember it."""

    __slots__ = ("alarm", "gone_ns", "is_told", "is_up", "since_ns", "times", "told_ns")

    def __init__(self, alarm: Alarm, now_ns: int) -> None:
        self.alarm = alarm
        self.since_ns = now_ns
        self.gone_ns: int | None = None
        """Since when it is not there; None: it is."""
        self.is_up = False
        """It has been there for its hold."""
        self.is_told = False
        """Somebody was told that it is there."""
        self.told_ns: int | None = None
        """When that was last."""
        self.times = 0


class AlarmBook:
    """Looks at the alarms of each moment and says what is to be told."""

    def __init__(self, alerts: AlertsSection) -> None:
        self._quiet_ns = alerts.quiet_ms * MS_NS
        self._remind_ns = None if alerts.remind_ms is None else alerts.remind_ms * MS_NS
        self._per_minute_count = alerts.per_minute_count
        self._cases: dict[tuple[str, str], _Case] = {}
        self._waiting: dict[tuple[str, str], dict[tuple[str, str], Item]] = {}
        """(event, kind) → alarms that are to be told."""
        self._told_ns: deque[int] = deque()

    def look(self, alarms: Sequence[Alarm], can_judge: Callable[[Alarm], bool], now_ns: int) -> list[Notice]:
        """What is to be told now. ``can_judge``: whether it is known that an alarm that is not there is over."""
        there = {alarm.key: alarm for alarm in alarms}
        for key, alarm in there.items():
            case = self._cases.setdefault(key, _Case(alarm, now_ns))
            self._is_there(case, alarm, now_ns)
        for key, case in list(self._cases.items()):
            if key not in there and can_judge(case.alarm):
                self._is_gone(key, case, now_ns)
        return self._due(now_ns)

    def _is_there(self, case: _Case, alarm: Alarm, now_ns: int) -> None:
        if case.gone_ns is not None and not case.is_up:
            case.since_ns = now_ns  # it was gone: its hold begins anew
        case.alarm, case.gone_ns = alarm, None
        if not case.is_up and now_ns - case.since_ns >= alarm.hold_ns:
            case.is_up = True
            case.times += 1
        if not case.is_up:
            return
        told_ns = case.told_ns
        if not case.is_told:
            if told_ns is None or now_ns - told_ns >= self._quiet_ns:
                self._tell(RAISED, case, now_ns)
        elif told_ns is not None and self._remind_ns is not None and now_ns - told_ns >= self._remind_ns:
            self._tell(STILL, case, now_ns)

    def _is_gone(self, key: tuple[str, str], case: _Case, now_ns: int) -> None:
        if case.gone_ns is None:
            case.gone_ns = now_ns
        if case.is_up and now_ns - case.gone_ns >= CLEAR_NS:
            case.is_up = False
            if case.is_told:
                self._wait(OVER, case)
                case.is_told = False
        is_quiet = case.told_ns is not None and now_ns - case.told_ns < self._quiet_ns
        if not case.is_up and not is_quiet:
            if case.times:
                self._wait(OVER, case)  # it came and went again while nobody was to be told: its end says so
            del self._cases[key]

    def _tell(self, event: str, case: _Case, now_ns: int) -> None:
        case.is_told, case.told_ns = True, now_ns
        self._wait(event, case)

    def _wait(self, event: str, case: _Case) -> None:
        since_ns = case.since_ns if case.alarm.since_ns is None else case.alarm.since_ns
        self._waiting.setdefault((event, case.alarm.kind), {})[case.alarm.key] = Item(case.alarm, since_ns, max(1, case.times))
        case.times = 0

    def _due(self, now_ns: int) -> list[Notice]:
        """As many of what waits as may go now, what began before what ended, the gravest first."""
        while self._told_ns and now_ns - self._told_ns[0] >= MINUTE_NS:
            self._told_ns.popleft()
        notices: list[Notice] = []
        for event, kind in sorted(self._waiting, key=lambda group: (EVENTS.index(group[0]), KINDS.index(group[1]))):
            if len(self._told_ns) >= self._per_minute_count:
                break
            self._told_ns.append(now_ns)
            notices.append(Notice(event, kind, tuple(self._waiting.pop((event, kind)).values())))
        return notices
