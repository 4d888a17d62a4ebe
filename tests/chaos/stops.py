"""The operator who stops the mesh for real while all goes wrong, and is told account by account; then he lets it go on.

He asks the reducer that every client asks (``mesh.confirmations``) and remembers from when on he was told CONFIRMED and until when he had
the stop in force: the broker's own record says afterwards whether anything opened in between.
"""

import random
import time

import msgspec

from mesh.codec import encode
from mesh.confirmations import Confirmations
from mesh.keyring import Signer
from mesh.killset import entry_id
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Msg
from mesh.messages.control import CANCEL, FLATTEN, FREEZE, LATCHED, STAGE_OF, Entry, OperatorHello, Undo
from nodes.io.cli.client import Client

REPEAT_S = 0.5
HOLD_S = (2.0, 6.0)
"""So long a stop goes on once all have confirmed, or the patience is over …"""
PATIENCE_S = 12.0
"""… for an account whose local stands still confirms late or not at all."""
WHO = "operator:chaos"


class Stop(msgspec.Struct):
    """One stop. Times are ns of the host's monotonic clock; ``undone_ns`` 0: it is in force."""

    level: str
    scope: str
    key: bytes
    sent_ns: int
    confirmed: dict[str, tuple[int, frozenset[bytes]]] = {}
    """Account → when it was CONFIRMED first, and the openings named as being at the venue by then."""
    accounts_count: int = 0
    undone_ns: int = 0
    latched_ns: list[int] = []
    """From the command until each account that came so far was LATCHED."""


class Stopper:
    """Stops one thing at a time. ``client``: listens to every router and reaches every control socket, with no proxy between."""

    def __init__(self, client: Client, signer: Signer | None, draw: random.Random) -> None:
        self.stops: list[Stop] = []
        self._client = client
        self.signer = signer
        """None until the mesh has made its keys."""
        self._draw = draw
        self._confirmations: Confirmations | None = None
        self._sent: Msg | None = None
        self._again_s = self._give_up_s = 0.0
        self._release_s: float | None = None
        client.listener = self._take

    @property
    def is_busy(self) -> bool:
        """Whether a stop, or its undo, is not over."""
        return self._sent is not None

    def begin(self, now_s: float) -> str:
        """Stop something; in words, what. Empty: the last stop is not over."""
        if self.is_busy or self.signer is None:
            return ""
        client, config = self._client, self._client.config
        scope = self._draw.choice(("all", "all", f"account:{self._draw.choice(list(config.account))}", "symbol:EURUSD", "strategy:hand"))
        level = self._draw.choice((FREEZE, FREEZE, CANCEL, FLATTEN))
        entry = Entry(self.signer.name, self._draw.getrandbits(62), time.time_ns(), level, scope, "chaos", WHO)
        kind, _, name = scope.partition(":")
        accounts = [name] if kind == "account" else list(config.account)
        stop = Stop(level, scope, entry_id(encode(entry)), client.now_ns(), accounts_count=len(accounts))
        self._confirmations = Confirmations(stop.key, STAGE_OF[level], config, accounts, stop.sent_ns)
        self.stops.append(stop)
        self._sent, self._again_s = self.signer.signed(entry), now_s
        self._give_up_s, self._release_s = now_s + PATIENCE_S, None
        return f"{level} {scope}"

    def poll(self, now_s: float) -> None:
        """Repeat what is not confirmed; let go when it has lasted."""
        if self._sent is None:
            return
        if now_s >= self._again_s:
            self._again_s = now_s + REPEAT_S
            for node in (*self._client.config.nodes_of("router"), *self._client.config.nodes_of("master")):
                if node not in self._client.unreached:
                    self._client.queue(node, OperatorHello(WHO, self._client.life, PROTOCOL_VERSION), self._sent)
        confirmations, stop = self._confirmations, self.stops[-1]
        assert confirmations is not None, "begin made them"
        verdicts = confirmations.verdicts(self._client.now_ns())
        if stop.undone_ns:
            nodes = {*self._client.config.nodes_of("router"), *self._client.config.nodes_of("master")}
            if nodes <= set(confirmations.takers):
                self._sent = None
            return
        for verdict in verdicts:
            if verdict.is_confirmed and verdict.account not in stop.confirmed:
                stop.confirmed[verdict.account] = self._client.now_ns(), frozenset(verdict.in_flight)
        if self._release_s is None and (all(verdict.is_confirmed for verdict in verdicts) or now_s >= self._give_up_s):
            self._release_s = now_s + self._draw.uniform(*HOLD_S)
        if self._release_s is not None and now_s >= self._release_s:
            self.release(now_s)

    def release(self, now_s: float) -> None:
        """Undo what is in force."""
        if not self.stops or self.stops[-1].undone_ns or self.signer is None:
            return
        stop, confirmations = self.stops[-1], self._confirmations
        assert confirmations is not None, "begin made them"
        stop.latched_ns = confirmations.times_ns(LATCHED)
        undo = Undo(self.signer.name, self._draw.getrandbits(62), time.time_ns(), [stop.key], "chaos", WHO)
        self._confirmations = Confirmations(entry_id(encode(undo)), None, self._client.config, [], self._client.now_ns())
        stop.undone_ns = self._client.now_ns()
        self._sent, self._again_s = self.signer.signed(undo), now_s

    def heard(self, answers: list[tuple[str, Msg]]) -> None:
        """What the control sockets said."""
        for node, message in answers:
            self._take(node, message)

    def _take(self, node: str, message: Msg) -> None:
        if self._confirmations is not None:
            self._confirmations.take(message, node, self._client.now_ns())
