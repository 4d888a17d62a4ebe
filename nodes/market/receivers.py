"""Those who listen to the market: who said hello, on which connection, and how far each was given the ticks."""

from mesh.config import Config
from mesh.confighash import agree
from mesh.core import Envelope
from mesh.hello import version_refusal
from mesh.messages.market import MarketHello
from nodes.tape import TickStream

ROLES = ("indicator", "broker", "master")
"""Who must be there before the market moves."""


class Receiver:
    """One connected listener. ``computed_seq``, ``signal_seqs``, ``answered`` are the words of an indicator."""

    def __init__(self, hello: MarketHello, peer: int) -> None:
        self.name = hello.node
        self.role = hello.role
        self.life = hello.life
        self.peer = peer
        self.stream = TickStream(hello.next_seq)
        self.computed_seq = 0
        self.signal_seqs: list[int] = []
        self.answered = 0

    def on_progress(self, computed_seq: int, signal_seqs: list[int]) -> None:
        """The indicator has come further; what it says again is known."""
        last_seq = self.signal_seqs[-1] if self.signal_seqs else -1
        self.signal_seqs += [seq for seq in signal_seqs if seq > last_seq]
        self.computed_seq = max(self.computed_seq, computed_seq)

    def next_signal_seq(self, released_seq: int) -> int | None:
        """The first tick not yet released whose bars made signals; earlier ones are forgotten."""
        passed = 0
        while passed < len(self.signal_seqs) and self.signal_seqs[passed] < released_seq:
            passed += 1
        if passed:
            del self.signal_seqs[:passed]
        return self.signal_seqs[0] if self.signal_seqs else None


class Receivers:
    """All listeners the configuration names; the newest connection of a name counts."""

    def __init__(self, config: Config) -> None:
        self._lineage = config.lineage
        self.required = [name for role in ROLES for name in config.nodes_of(role)]
        self._role_of = {name: config.role_of(name) for name in self.required}
        self._indicator_count = len(config.nodes_of("indicator"))
        self._by_name: dict[str, Receiver] = {}
        self._by_peer: dict[int, Receiver] = {}
        self._lives: dict[str, int] = {}

    def refusal(self, hello: MarketHello) -> str:
        """Why a hello is not accepted; empty where it is."""
        if why := version_refusal(hello.version):
            return why
        if self._role_of.get(hello.node) != hello.role:
            return f"{hello.node} is no {hello.role} of this configuration"
        if not agree(self._lineage, hello.config_hash):
            return f"{hello.node} runs configuration {hello.config_hash}, this market {self._lineage}: use one file"
        return ""

    def accept(self, hello: MarketHello, peer: int) -> bool:
        """Take a checked hello; True where it is the first word of a life not known before."""
        before = self._by_name.get(hello.node)
        if before is not None:
            self._by_peer.pop(before.peer, None)
        self._by_name[hello.node] = self._by_peer[peer] = Receiver(hello, peer)
        is_new = self._lives.get(hello.node) != hello.life
        self._lives[hello.node] = hello.life
        return is_new

    def lost(self, peer: int) -> Receiver | None:
        """The listener whose connection is gone."""
        receiver = self._by_peer.pop(peer, None)
        if receiver is not None:
            del self._by_name[receiver.name]
        return receiver

    def of(self, envelope: Envelope, *roles: str) -> Receiver | None:
        """Who sent this, if it said hello and has one of these roles (any, where none is given)."""
        receiver = self._by_peer.get(envelope.peer)
        return receiver if receiver is not None and (not roles or receiver.role in roles) else None

    def of_role(self, role: str) -> list[Receiver]:
        """Connected listeners of a role, in the configuration's order."""
        return [self._by_name[name] for name in self.required if name in self._by_name and self._role_of[name] == role]

    def absent(self) -> list[str]:
        """Required names that are not connected."""
        return [name for name in self.required if name not in self._by_name]

    def computed_seq(self) -> int:
        """Ticks below are computed by every indicator; 0 while one is absent."""
        return min((receiver.computed_seq for receiver in self._indicators()), default=0)

    def computed_seq_beyond(self, released_seq: int, end_seq: int) -> int:
        """Ticks below are computed by every indicator that is here and not behind ``released_seq``; ``end_seq`` where none is."""
        computed = [receiver.computed_seq for receiver in self.of_role("indicator")]
        return min((seq for seq in computed if seq >= released_seq), default=end_seq)

    def answered(self) -> int:
        """The newest block whose signals all indicators have had answered; 0 while one is absent."""
        return min((receiver.answered for receiver in self._indicators()), default=0)

    def _indicators(self) -> list[Receiver]:
        """All of them, or none."""
        found = self.of_role("indicator")
        return found if len(found) == self._indicator_count else []

    def next_signal_seq(self, released_seq: int) -> int | None:
        """The first tick not yet released whose bars made signals at some indicator."""
        seqs = [receiver.next_signal_seq(released_seq) for receiver in self.of_role("indicator")]
        return min((seq for seq in seqs if seq is not None), default=None)

