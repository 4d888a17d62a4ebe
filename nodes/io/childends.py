"""The ends of processes that somebody else has started, known the moment they come."""

import os
import selectors
import sys
from contextlib import suppress


class ChildEnds:
    """Descriptors of processes, in a selector of their owner's. Where the system has none of a process, its end is not told."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._descriptors: dict[str, int] = {}

    def watch(self, process: str, pid: int) -> None:
        """``process`` runs as ``pid`` now; what it ran as before is over."""
        self.forget(process)
        if sys.platform != "linux":
            return
        with suppress(OSError):  # an old kernel has none; who has ended already is nobody's process
            descriptor = os.pidfd_open(pid)
            try:
                self._selector.register(descriptor, selectors.EVENT_READ, process)
            except OSError:
                os.close(descriptor)
                raise
            self._descriptors[process] = descriptor

    def forget(self, process: str) -> None:
        """Its end was told, or does not matter any more."""
        descriptor = self._descriptors.pop(process, None)
        if descriptor is not None:
            self._selector.unregister(descriptor)
            os.close(descriptor)
