"""The lines of ``--events`` and their order: by market time, sid, stage. The format is documented in PROTOCOL.md.

Each node writes its own file (``mesh/io/eventfile.py``); ``mesh up`` merges them.
"""

BAR, SIGNAL, DECISION, ORDER, OUTCOME, ACT, RISK, FEED = range(8)
STAGES = ("bar", "signal", "decision", "order", "outcome", "act", "risk", "feed")
"""The ``kind`` of an event by its stage."""
