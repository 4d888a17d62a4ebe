"""A client of a mesh that is not there: what it would see is given, what it sends is kept, and answered as a test says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from mesh.config import Config
from mesh.messages.accounts import AccountSymbols
from mesh.messages.base import Msg
from mesh.messages.health import NodeHealth
from mesh.view import View
from tests.nodes.local.fakevenue import SPEC


def health(config: Config, name: str, pid: int = 7, phase: str = "READY") -> NodeHealth:
    """What a node says of itself."""
    facts = {"waiting": "the broker"} if phase == "STARTING" else {}
    return NodeHealth(name, config.role_of(name), 1, pid, phase, 0, 0, 0, 0, 0, "", "", {}, facts)


class FakeClient:
    """What the verbs use of ``Client``. ``answer``: what comes back for a message that is sent to a node."""

    def __init__(self, config: Config, answer: Callable[[str, Msg], list[Msg]]) -> None:
        self.config = config
        self.view = View()
        self.view.symbols = {name: AccountSymbols(name, 1, [SPEC]) for name in config.account}
        self.sent: list[tuple[str, Msg]] = []
        self._answer = answer
        self._coming: list[Msg] = []
        self._from: list[tuple[str, Msg]] = []
        self.listener: Any = None
        self.unreached: list[str] = []
        self.life = 7
        self.step_ns = 0
        """How much later it is at each look at the clock."""
        self._now_ns = 1

    def now_ns(self) -> int:
        self._now_ns += self.step_ns
        return self._now_ns

    def queue(self, node: str, *messages: Msg) -> None:
        for message in messages:
            self.sent.append((node, message))
            self._from += [(node, answer) for answer in self._answer(node, message)]

    def pump(self, limit_ms: int) -> list[tuple[str, Msg]]:
        assert limit_ms > 0
        self._now_ns += limit_ms * 1_000_000
        coming, self._from = self._from, []
        return coming

    def look_anew(self) -> None:
        self.pump(1)

    def __enter__(self) -> "FakeClient":
        return self

    def __exit__(self, *_: object) -> None:
        """It has nothing to close."""

    def nonce(self) -> int:
        return 5

    def greet(self, operator: str) -> None:
        assert operator

    def send(self, node: str, message: Msg) -> bool:
        self.sent.append((node, message))
        self._coming += self._answer(node, message)
        return True

    def send_source(self, message: Msg) -> bool:
        return self.send("signals-1", message)

    def wait_for(self, done: Callable[[Msg], bool], seconds: float) -> bool:
        assert seconds > 0
        coming, self._coming = self._coming, []
        return any([done(message) for message in coming])

    def is_attached_by(self, module: Any, monkeypatch: Any) -> "FakeClient":
        """Every verb of a module finds this one, and its configuration."""

        @contextmanager
        def attached(_path: Path | None) -> Iterator[FakeClient]:
            yield self

        monkeypatch.setattr(module, "attached", attached)
        monkeypatch.setattr(module, "find", lambda _path: (self.config, None), raising=False)  # some verbs need none
        return self


def renamed(message: Any, **changes: Any) -> Any:
    """The same message with other fields."""
    return msgspec.structs.replace(message, **changes)
