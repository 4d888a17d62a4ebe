"""The lines of ``--events`` and their order: by market time, sid, stage. The format is documented in PROTOCOL.md.

Each node writes its own file; ``mesh up`` merges them. Integers of 64 bits are text, times also ISO 8601 (``mesh/io/eventfile.py``).
"""

BAR, SIGNAL, DECISION, ORDER, OUTCOME, ACT = 0, 1, 2, 3, 4, 5
STAGES = ("bar", "signal", "decision", "order", "outcome", "act")
"""The ``kind`` of an event by its stage."""
