"""The lines of ``--events`` and their order: by market time, sid, stage. The format is documented in PROTOCOL.md.

Each node writes its own file (``mesh/io/eventfile.py``); ``mesh up`` merges them.
"""

BAR, SIGNAL, DECISION, ORDER, OUTCOME, ACT, RISK, FEED, ORDER_SEND = range(9)
STAGES = ("bar", "signal", "decision", "order", "outcome", "act", "risk", "feed", "order_send")
"""The ``kind`` of an event by its stage."""
