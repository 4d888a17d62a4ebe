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

    def now_ns(self) -> int:
        return 1

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
