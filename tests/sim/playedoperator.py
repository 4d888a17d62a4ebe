"""The operator of the simulated mesh: stops, undoes, resolves and reconciles, and is told what became of it; never faulty himself."""

from mesh import links
from mesh.answercodes import BUSY, NOT_READY
from mesh.codec import encode
from mesh.config import Config
from mesh.confirmations import Confirmations
from mesh.core import NOTHING, Core, Effect, Effects, Envelope, LinkUp, Send
from mesh.keyring import Signer
from mesh.killset import entry_id
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import NO_OID
from mesh.messages.control import (
    LATCHED,
    RECONCILE_VERB,
    RESOLVE_VERB,
    Activation,
    Command,
    CommandAnswer,
    ControlWelcome,
    Entry,
    Latched,
    OperatorHello,
    Revision,
    Signed,
    StopAnswer,
    Undo,
)
from mesh.revisions import Revisions, patch_of
from mesh.timers import Timers
from tests.sim.players import REPEAT_NS


class PlayedOperator(Core):
    """An operator at every router and the master: stops and their undos, repeated until each of them has it.

    What became of each stop is asked of the reducer that every client asks (``mesh.confirmations``).
    """

    def __init__(self, names: list[str], config: Config, signer: Signer) -> None:
        super().__init__()
        self._signer = signer
        self._config = config
        self._names = {f"{links.CONTROL}.{index}": name for index, name in enumerate(names)}
        self._confirmations: dict[bytes, Confirmations] = {}
        """Of stops that some account has not confirmed yet."""
        self.confirmed: dict[tuple[bytes, str], tuple[int, frozenset[bytes]]] = {}
        """(entry, account) → when it was CONFIRMED first, and the openings that locals had named as being in flight."""
        self._links = [f"{links.CONTROL}.{index}" for index in range(len(names))]
        self._nonce = self._round = self._told_count = 0
        self.items: list[Signed] = []
        self.entries: dict[bytes, Entry] = {}
        self.undone: set[bytes] = set()
        self.revisions: dict[bytes, Revision] = {}
        """Live changes, by id."""
        self.in_force: dict[bytes, bytes] = {}
        """What put one in force → which one."""
        self._revisions = Revisions(config)
        self.forged: dict[bytes, str] = {}
        """Stops and undos that nobody may say, sent in his place: by id, what is wrong with them."""
        self._forgeries: list[Signed] = []
        self.latched: list[tuple[int, Latched]] = []
        self.commands: dict[bytes, Command] = {}
        """Those that are not answered to the end."""
        self.answers: list[tuple[Command, CommandAnswer]] = []
        """The last of every command that was carried out, or refused for good."""
        self._timers: Timers[str] = Timers()
        self.handlers = {
            LinkUp: lambda envelope, now_ns: (self._hello(envelope.link),),
            Latched: self._on_word,
            StopAnswer: self._on_word,
            ControlWelcome: lambda envelope, now_ns: NOTHING,
            CommandAnswer: self._on_answer,
        }

    def start(self, now_ns: int) -> Effects:
        """Repeat what was decided."""
        self.deadline_ns = now_ns + REPEAT_NS
        return NOTHING

    def _hello(self, link: str) -> Send:
        return Send(link, 0, OperatorHello("operator", 1, PROTOCOL_VERSION))

    def on_deadline(self, now_ns: int) -> Effects:
        """Tell everybody all of it again: often while it is new, then from time to time."""
        self.deadline_ns = now_ns + 2 * REPEAT_NS
        forgeries, self._forgeries = [Send(link, 0, item) for link in self._links for item in self._forgeries], []
        return [*forgeries, *self._repeats()]

    def _repeats(self) -> list[Effect]:
        self._round += 1
        if self._told_count != len(self.items):
            self._told_count, self._round = len(self.items), 0
        asked: list[Effect] = [Send(link, 0, command) for link in self._links for command in self.commands.values()]
        if not self.items or (self._round > 4 and self._round % 5):
            return [*map(self._hello, self._links), *asked] if asked else []
        stops = [Send(link, 0, item) for link in self._links for item in self.items]
        return [*map(self._hello, self._links), *stops, *asked]

    def stop(self, level: str, scope: str, now_ns: int) -> None:
        """A stop from now on."""
        self._nonce += 1
        entry = Entry("operator", self._nonce, now_ns, level, scope, "sim")
        key = entry_id(encode(entry))
        self.items.append(self._signer.signed(entry))
        self.entries[key] = entry
        kind, _, name = scope.partition(":")
        accounts = [name] if kind == "account" else list(self._config.account)
        self._confirmations[key] = Confirmations(key, LATCHED, self._config, accounts, now_ns)

    def undo(self, keys: list[bytes], now_ns: int) -> None:
        """End these stops."""
        live = [key for key in keys if key not in self.undone]
        if live:
            self._nonce += 1
            self.items.append(self._signer.signed(Undo("operator", self._nonce, now_ns, live, "sim")))
            self.undone.update(live)

    @property
    def config(self) -> Config:
        """What runs, or is to run, by all that he has put in force."""
        return self._revisions.current

    def revise(self, after: Config, now_ns: int) -> bytes:
        """Prepare a live change; its id, by which it is put in force."""
        self._nonce += 1
        before, number = self.config, len(self.revisions) + 1
        revision = Revision("operator", self._nonce, now_ns, number, before.fingerprint, after.fingerprint, patch_of(before, after), "sim")
        key = entry_id(encode(revision))
        self.items.append(self._signer.signed(revision))
        self.revisions[key] = revision
        self._revisions.take(key, revision)
        return key

    def put_in_force(self, key: bytes, now_ns: int) -> None:
        """A live change holds from now on."""
        self._nonce += 1
        activation = Activation("operator", self._nonce, now_ns, key, "sim")
        self.items.append(self._signer.signed(activation))
        self.in_force[entry_id(encode(activation))] = key
        self._revisions.take(b"", activation)

    def forge(self, item: Signed, what: str) -> None:
        """Somebody who has come as far as an operator's socket sends this once, everywhere."""
        self.forged[entry_id(item.body)] = what
        self._forgeries.append(item)

    def resolve(self, account: str, oid: bytes, attempt: int, ticket: int) -> None:
        """Say what became of a lost attempt (``ticket`` 0: it was not executed), again and again until it is answered."""
        self._command(RESOLVE_VERB, account, oid, attempt, ticket)

    def reconcile(self, account: str) -> None:
        """Have an account hold its records against the venue."""
        self._command(RECONCILE_VERB, account)

    def _command(self, verb: str, account: str, oid: bytes = NO_OID, attempt: int = 0, ticket: int = 0) -> None:
        self._nonce += 1
        key = self._nonce.to_bytes(16, "big")
        self.commands[key] = Command(key, "operator", verb, f"account:{account}", 0, False, 0, 0, False, "sim", oid, attempt, ticket)

    def _on_answer(self, envelope: Envelope, now_ns: int) -> Effects:
        answer = envelope.message
        assert isinstance(answer, CommandAnswer)
        command = self.commands.get(answer.id)
        if command is not None and answer.last and answer.code not in (BUSY, NOT_READY):
            del self.commands[answer.id]
            self.answers.append((command, answer))
        return NOTHING

    def _on_word(self, envelope: Envelope, now_ns: int) -> Effects:
        message = envelope.message
        if isinstance(message, Latched):
            self.latched.append((now_ns, message))
        for key, confirmations in list(self._confirmations.items()):
            confirmations.take(message, self._names[envelope.link], now_ns)
            verdicts = confirmations.verdicts(now_ns)
            if all((key, verdict.account) in self.confirmed for verdict in verdicts):
                del self._confirmations[key]
            for verdict in verdicts:
                if verdict.is_confirmed and (key, verdict.account) not in self.confirmed:
                    named = [oid for _, latched in self.latched if latched.account == verdict.account for oid in latched.in_flight]
                    self.confirmed[key, verdict.account] = now_ns, frozenset(named)
        return NOTHING
