"""How far an account may be traded: said for each account in the file, with ``live`` written out on purpose.

======= ============================================== ============================ =====================
mode    what a signal becomes there                    what the terminal may be     what its local opens
======= ============================================== ============================ =====================
observe SKIPPED OBSERVE; nothing is decided            any                          nothing
shadow  decided in full, then SKIPPED SHADOW …         any                          nothing
demo    an order                                       a demo or contest account    orders of its master
live    an order                                       a real account               the same, once it is armed
======= ============================================== ============================ =====================

Closes go on in every mode, as they do under FREEZE: what an account held when its mode was changed is still looked after.
"""

OBSERVE, SHADOW, DEMO, LIVE = "observe", "shadow", "demo", "live"
OPENING = (DEMO, LIVE)
"""Modes in which something is opened."""


def mismatch(mode: str, is_real: bool) -> str:
    """Why a terminal's account is not what ``mode`` says it has to be; empty where it is, or where the mode does not care."""
    if mode not in OPENING or is_real == (mode == LIVE):
        return ""
    return f"account={'real' if is_real else 'demo'} configured={mode}"
