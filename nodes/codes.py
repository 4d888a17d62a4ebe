"""What lines say in code: how one can end, what it can be in before it does, and who it is for where that is nobody."""

from mesh.messages.outcomes import FINAL_CODES, STATE_CODES

(
    FILLED, PARTIAL, DENIED, SKIPPED, REJECTED, EXPIRED, KILLED, SUPERSEDED, NOT_FOUND, CLOSED, MODIFIED, CANCELLED,
    FILLED_LATE,
) = FINAL_CODES  # fmt: skip
WORKING, UNKNOWN, UNCONFIRMED = STATE_CODES
DONE = (FILLED, PARTIAL, CLOSED, MODIFIED, CANCELLED, FILLED_LATE)
"""How a line ends that did what it was to do, or a part of it."""
NOBODY = "-"
"""In the place of an account, a strategy or a signal where there is none to name."""
