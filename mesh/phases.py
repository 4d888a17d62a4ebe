"""The phases a node can be in, and the words for a local's leave to open: one list for who says them and who reads them.

It imports nothing: the listener of supervisord's events, which stays small, reads it too.
"""

STARTING, READY, DRAINING, DONE = "STARTING", "READY", "DRAINING", "DONE"
PHASES = (STARTING, READY, DRAINING, DONE)
"""What a node says of itself: it is not ready yet; it is; it was told to end; it has done all there was to do."""
UP_PHASES = (READY, DONE)
LEAVING_PHASES = (DRAINING, DONE)
EXITED, BACKOFF, FATAL = "EXITED", "BACKOFF", "FATAL"
DOWN_PHASES = (EXITED, BACKOFF, FATAL)
"""What the listener says of one that cannot speak for itself, in supervisord's words: it ended; it is tried again; it was given up."""
HELD = "held"
"""The fact ``grant`` of a local that has leave to open; any other word says why it has none."""
