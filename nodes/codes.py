"""What lines say in code: how one can end, what it can be in before it does, whose doing it is, who is meant by nobody."""

from mesh.messages.outcomes import FINAL_CODES, STATE_CODES

(
    FILLED, PARTIAL, DENIED, SKIPPED, REJECTED, EXPIRED, KILLED, SUPERSEDED, NOT_FOUND, CLOSED, MODIFIED, CANCELLED,
    FILLED_LATE,
) = FINAL_CODES  # fmt: skip
WORKING, UNKNOWN, UNCONFIRMED = STATE_CODES
DONE = (FILLED, PARTIAL, CLOSED, MODIFIED, CANCELLED, FILLED_LATE)
"""How a line ends that did what it was to do, or a part of it."""
OPENED = (FILLED, PARTIAL, FILLED_LATE)
"""How an opening ends that was executed."""
UNSEEN = (NOT_FOUND, EXPIRED, KILLED, SUPERSEDED, DENIED)
"""How an opening may have ended that was nowhere to be seen: should it turn up, it is FILLED_LATE."""
MANUAL, RESOLVE = "MANUAL", "RESOLVE"
"""Causes of what operators did at a local: a command of theirs, their word about a lost attempt."""
NOBODY = "-"
"""In the place of an account, a strategy or a signal where there is none to name."""
