"""The facade on a terminal in this process, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mesh.faults import FaultSection
from nodes.io import mt5
from nodes.io.mt5backend import InProcessBackend, open_backend
from nodes.terminal.records import Change
from nodes.terminal.service import TerminalService
from tests.nodes.terminal.terminal_rig import LOGIN, Rig


class Desk:
    """A simulated server, its service, and what calls through the facade changed."""

    def __init__(self, faults: tuple[FaultSection, ...] = (), **fields: Any) -> None:
        self.rig = Rig(**fields)
        self.service = TerminalService(self.rig.terminal, faults)
        self.waited_ns = 0
        self.journal: list[Change] = []
        self.paths: list[tuple[str, int]] = []

    def open(self, path: str, timeout_ms: int) -> InProcessBackend:
        self.paths.append((path, timeout_ms))
        return InProcessBackend(self.service, LOGIN, self, self.journal.extend)

    def now_ns(self) -> int:
        return self.rig.now_ns

    def wait(self, market_ns: int) -> None:
        self.waited_ns += market_ns


@contextmanager
def attached(**fields: Any) -> Iterator[Desk]:
    """``mt5`` initialised on a desk; shut down and as it was afterwards."""
    desk = Desk(**fields)
    mt5._use(desk.open)
    try:
        assert mt5.initialize()
        yield desk
    finally:
        mt5.shutdown()
        mt5._use(open_backend)
