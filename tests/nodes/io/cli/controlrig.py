"""Routers and a master of real sockets on loopback, for who acts from a console: they answer as a test says, and keep what they got."""

import json
from collections.abc import Callable
from threading import Condition, Event, Thread
from typing import Any

from mesh import links
from mesh.codec import decode_untrusted, encode
from mesh.config import parse
from mesh.drawnkeys import DrawnKeys
from mesh.io.hub import Hub
from mesh.io.sockets import Socket
from mesh.keyring import Verified
from mesh.killset import item_of
from mesh.messages.accounts import AccountState
from mesh.messages.base import Msg
from mesh.messages.control import (
    LATCHED,
    TAKEN,
    UNKNOWN_VERB,
    Command,
    CommandAnswer,
    Entry,
    GrantedLife,
    Held,
    Latched,
    LostOrder,
    LostOrders,
    Signed,
    StopAnswer,
    Undo,
    WhyAnswer,
    WhyAsk,
)
from mesh.messages.health import Snapshot
from tests.nodes.io.cli.frontrig import MARKET_NS, health
from tests.ports import free_base_port
from tests.smallmesh import small_mesh

WAIT_S = 60.0
"""Nothing here takes a hundredth of this; a test that waits in vain ends."""
TURN_MS = 5


class ControlMesh:
    """Two routers, a master and the locals of two accounts behind them. ``down``: nodes that nobody started."""

    def __init__(self, *down: str) -> None:
        head = f"[mesh]\nbase_port = {free_base_port()}\n[strategy.reversion]"
        self.config = parse(small_mesh(head, {"demo-1": "", "demo-2": ""}, routers_count=2))
        self.keys = DrawnKeys(self.config)
        self.signer = self.keys.signer("operator")
        self.silent: tuple[str, ...] = ()
        """Accounts that say no LATCHED."""
        self.refused = ""
        self.states: dict[str, AccountState] = {}
        self.story: dict[str, Any] | None = {}
        """What the master knows; None: it does not answer."""
        self.lost: dict[str, list[LostOrder]] = {}
        self.act: Callable[[Command], list[CommandAnswer]] = lambda command: []
        self.got: list[tuple[str, Msg]] = []
        """What came, by node; stops as what is in them."""
        self._news = Condition()
        self._held: dict[bytes, Msg] = {}
        """Stops that were taken, as they were signed."""
        self._hub = Hub()
        self._controls = {node: self._bind(node, links.CONTROL, "ROUTER") for node in self._nodes if node not in down}
        self._fronts = {node: self._bind(node, links.FRONT, "PUB") for node in self.config.nodes_of("router") if node not in down}
        self._number = 0
        self._is_over = Event()
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def _nodes(self) -> list[str]:
        return [*self.config.nodes_of("router"), *self.config.nodes_of("master")]

    def _bind(self, node: str, link: str, kind: str) -> Socket:
        return self._hub.bind(link, kind, self.config.endpoint(node, link))

    def close(self) -> None:
        self._is_over.set()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()

    def items(self, node: str = "router-1") -> list[Entry | Undo]:
        """Stops that a node got, each as often as it came."""
        return [item for name, item in self.got if name == node and isinstance(item, Entry | Undo)]

    def commands(self) -> list[Command]:
        """Commands that were given, each as the first router got it."""
        return [item for name, item in self.got if name == "router-1" and isinstance(item, Command) and item.verb != UNKNOWN_VERB]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Until what came makes it so."""
        with self._news:
            assert self._news.wait_for(condition, WAIT_S), "the test waited in vain"

    def show(self, entry: Entry) -> bytes:
        """A stop that binds already; its id."""
        signed = self.signer.signed(entry)
        key = item_of(encode(signed))[0]
        self._held[key] = signed
        return key

    # in its thread

    def _work(self) -> None:
        while not self._is_over.is_set():
            self._hub.wait(TURN_MS)
            for node, socket in self._controls.items():
                for peer, frames in socket.receive(64):
                    self._take(node, socket, peer, decode_untrusted(frames[0]))
            for router, front in self._fronts.items():
                self._publish(router, front)
        self._hub.close()

    def _take(self, node: str, socket: Socket, peer: int, message: Msg) -> None:
        for answer in self._answers(node, message):
            socket.send(peer, (encode(answer),))
        with self._news:
            self.got.append((node, item_of(encode(message))[1] if isinstance(message, Signed) else message))
            self._news.notify_all()

    def _answers(self, node: str, message: Msg) -> list[Msg]:
        if isinstance(message, Signed):
            return [self._stop(node, message)]
        if isinstance(message, WhyAsk) and self.story is not None:
            return [WhyAnswer(message.nonce, 0, 1, json.dumps(self.story).encode() if self.story else b"")]
        if isinstance(message, Command) and message.verb == UNKNOWN_VERB:
            accounts = self.config.account if message.scope == "all" else [message.scope.partition(":")[2]]
            return [self._list(message, node, account) for account in accounts if account in self.lost or node == "master-1"]
        if isinstance(message, Command) and node == "router-1":
            return [*self.act(message)]
        return []

    def _stop(self, node: str, signed: Signed) -> StopAnswer:
        raw = encode(signed)
        assert isinstance(self.keys.keyring.verify_untrusted(raw, False), Verified)
        key = item_of(raw)[0]
        if self.refused:
            return StopAnswer(key, node, self.refused, "issuer=operator")
        self._held[key] = signed
        if node == "master-1":
            return StopAnswer(key, node, TAKEN, "")
        return StopAnswer(key, node, TAKEN, "", 0, 1, 60_000, [GrantedLife(account, 1, 100) for account in self.config.account])

    def _list(self, command: Command, node: str, account: str) -> LostOrders:
        said_by = node if node == "master-1" else self.config.local_of(account)
        return LostOrders(command.id, said_by, account, MARKET_NS, 0, 1, self.lost.get(account, []) if node != "master-1" else [])

    def _publish(self, router: str, front: Socket) -> None:
        """A whole snapshot: states, stops, and what each local says of them."""
        self._number += 1
        held = [Held(key, LATCHED, 0, 0, "") for key in self._held]
        speaking = [name for name in self.config.account if name not in self.silent]
        latched = [Latched(name, 1, "FREEZE", [*self._held], [], self._number, held) for name in speaking]
        items = [health(router, "router"), *self.states.values(), *self._held.values(), *latched]
        for index, item in enumerate(items):
            front.send(0, (encode(Snapshot(router, 1, self._number, index, len(items), 0, encode(item))),))
