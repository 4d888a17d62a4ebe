"""A notice as other programs take it: one JSON object, with a ``text`` for people. Times are ISO 8601 in UTC, numbers are small."""

from typing import Any

from mesh.alarmbook import OVER, RAISED, STILL, Item, Notice
from mesh.texts import iso_of
from mesh.units import SECOND_NS

ITEMS_MAX = 50
"""Alarms that are listed; ``count`` says how many there are."""
NAMED_MAX = 3
"""Alarms that the text names."""
WORDS = {RAISED: "", STILL: "still ", OVER: "over: "}
TEST = "TEST"


def fields_of(notice: Notice, mesh: str, now_ns: int, wall_ns: int, undelivered_count: int = 0) -> dict[str, Any]:
    """Its fields. ``now_ns`` is the clock of the notice, ``wall_ns`` the same moment for people; ``undelivered_count``: notices before
    this one that nobody took.
    """
    shown = notice.items[:ITEMS_MAX]
    return {
        "mesh": mesh,
        "event": notice.event,
        "kind": notice.kind,
        "text": _text(notice, mesh),
        "count": len(notice.items),
        "sent": iso_of(wall_ns),
        "undelivered_count": undelivered_count,
        "alarms": [_shown(item, now_ns, wall_ns) for item in shown],
    }


def trial_fields(mesh: str, wall_ns: int) -> dict[str, Any]:
    """What ``mesh alerts test`` sends: of the same form, and nothing is wrong."""
    text = f"trademesh {mesh}: TEST: nothing is wrong; whoever reads this is told of alarms"
    return {
        "mesh": mesh, "event": RAISED, "kind": TEST, "text": text, "count": 0, "sent": iso_of(wall_ns),
        "undelivered_count": 0, "alarms": [],
    }  # fmt: skip


def _text(notice: Notice, mesh: str) -> str:
    words = "; ".join(item.alarm.words for item in notice.items[:NAMED_MAX])
    more = f" and {len(notice.items) - NAMED_MAX} more" if len(notice.items) > NAMED_MAX else ""
    do = f". Do: {notice.items[0].alarm.do}" if notice.event != OVER else ""
    return f"trademesh {mesh}: {WORDS[notice.event]}{notice.kind}: {words}{more}{do}"


def _shown(item: Item, now_ns: int, wall_ns: int) -> dict[str, Any]:
    alarm, lasted_ns = item.alarm, max(0, now_ns - item.since_ns)
    return {
        "subject": alarm.subject,
        "account": alarm.account,
        "words": alarm.words,
        "value": alarm.value,
        "limit": alarm.limit,
        "since": iso_of(wall_ns - lasted_ns),
        "lasted_s": lasted_ns // SECOND_NS,
        "times": item.times,
        "do": alarm.do,
    }
