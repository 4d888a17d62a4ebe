"""Whether a stop took, account by account: CONFIRMED or NOT CONFIRMED and why, with no third answer (DESIGN §7).

A pure reducer from what routers, the master and locals say to that answer; the command line, the console and the simulator ask the same
one. An account is CONFIRMED only where no process of its local can open past the stop any more. Three facts make that provable:

- A router that has a stop hands on no leave but such as serves who holds the stop. So only leave from before counts, and with its answer to
  the stop a router names every life that may still use some. One that has just started cannot know whom it handed leave in its life before:
  its answer counts when that has run out.
- Leave lasts ``grant_ms``. What a router that does not answer hands on of a master that has the stop serves only who holds it, and older
  leave runs out: ``grant_ms`` after the master had the stop nothing unseen is left.
- A life says LATCHED only with the stop on disk and its latch word set, and only while the account's lock is its own worker's.

So: each life named, whose leave has not run out, and the newest life that speaks, must say LATCHED with this stop and be as far with it as
was asked for; and each router of the account must have answered, or the master have had the stop for that long.
"""

from collections.abc import Iterable

import msgspec

from mesh.config import Config
from mesh.messages.base import Msg
from mesh.messages.control import KNOWN, STOP_STAGES, TAKEN, Drilled, Held, Latched, StopAnswer
from mesh.units import MS_NS


class Verdict(msgspec.Struct, frozen=True):
    """One account's answer. ``why``: of NOT CONFIRMED. ``after_ns``: from the command until it was CONFIRMED first."""

    account: str
    is_confirmed: bool
    why: str = ""
    after_ns: int = 0
    held: Held | None = None
    """How far its local says that it is with the stop; None where it does not, or where it is an undo."""
    in_flight: tuple[bytes, ...] = ()
    """Openings at the venue when the latch fell, as they were named first."""


class _Router(msgspec.Struct):
    """What one router answered first. ``sure_ns``: from when on its word counts; ``parts``, of ``count``: those that have come."""

    sure_ns: int
    parts: set[int]
    count: int


class _Account(msgspec.Struct):
    """What is known of one account."""

    routers: tuple[str, ...]
    latched: dict[int, Latched] = {}
    """By life, the newest, in the order in which they were first heard."""
    leave_until_ns: dict[tuple[str, int], int] = {}
    """By router and life, until when leave from before the stop may serve it."""
    confirmed_ns: int = 0
    stages_ns: dict[str, int] = {}
    in_flight: dict[bytes, None] = {}


class Confirmations:
    """The answers to one entry or undo (``key``), sent at ``sent_ns``.

    ``stage``: how far with an entry is far enough; None for an undo, which has only to be held. ``is_drill``: a drill's entry, of which
    only answers to drills speak.
    """

    def __init__(
        self, key: bytes, stage: str | None, config: Config, accounts: Iterable[str], sent_ns: int, is_drill: bool = False
    ) -> None:
        self._key = key
        self._stage = stage
        self._is_drill = is_drill
        self._grant_ns = config.settings.timers.grant_ms * MS_NS
        self._sent_ns = sent_ns
        self._accounts = {name: _Account(tuple(config.routers_of(config.local_of(name)))) for name in accounts}
        self._masters = tuple(config.nodes_of("master"))
        self._masters_ns: dict[str, int] = {}
        """Master → when it said first that it has the stop."""
        self._routers: dict[str, _Router] = {}
        self.refusals: dict[str, StopAnswer] = {}
        """Node → why it did not take it."""

    @property
    def takers(self) -> list[str]:
        """Nodes that said that they have it."""
        return [*self._routers, *self._masters_ns]

    def take(self, message: Msg, node: str, now_ns: int) -> None:
        """What came from a router or the master ``node``, be it a local's word."""
        if isinstance(message, Drilled) and self._is_drill:
            self._take_latched(message.latched, now_ns)
        elif isinstance(message, Latched) and not self._is_drill:
            self._take_latched(message, now_ns)
        elif isinstance(message, StopAnswer) and message.id == self._key:
            if message.code not in (TAKEN, KNOWN):
                self.refusals[node] = message
            elif node in self._masters:
                self._masters_ns.setdefault(node, now_ns)
            else:
                self._take_answer(message, node, now_ns)

    def _take_answer(self, answer: StopAnswer, router: str, now_ns: int) -> None:
        """A router has the stop: whom it had handed leave before."""
        unknown_ns = max(0, self._grant_ns - answer.watched_ms * MS_NS)
        known = self._routers.setdefault(router, _Router(now_ns + unknown_ns, set(), answer.count))
        if answer.index in known.parts:
            return  # what it has handed on since its first answer serves only who holds the stop
        known.parts.add(answer.index)
        for granted in answer.granted:
            account = self._accounts.get(granted.account)
            if account is not None:
                account.leave_until_ns[router, granted.life] = now_ns + self._grant_ns - granted.age_ms * MS_NS

    def _take_latched(self, latched: Latched, now_ns: int) -> None:
        account = self._accounts.get(latched.account)
        if account is None:
            return
        known = account.latched.get(latched.life)
        if known is not None and known.number > latched.number:
            return
        account.latched[latched.life] = latched
        reached = self._reached(latched)
        if reached >= 0 and not account.stages_ns:
            account.in_flight.update(dict.fromkeys(latched.in_flight))
        for stage in STOP_STAGES[: reached + 1]:
            account.stages_ns.setdefault(stage, now_ns)

    def _reached(self, latched: Latched) -> int:
        """How far a life is: an index of ``STOP_STAGES``; -1 where it does not hold the stop, or holds it as one that was ended."""
        if self._key not in latched.entries:
            return -1
        if self._stage is None:
            return 0
        held = self._held(latched)
        return STOP_STAGES.index(held.stage) if held is not None and held.stage in STOP_STAGES else -1

    def _held(self, latched: Latched) -> Held | None:
        return next((held for held in latched.held if held.id == self._key), None)

    # the answer

    def verdicts(self, now_ns: int) -> list[Verdict]:
        """Every account's, in the order of the configuration."""
        return [self._verdict(name, account, now_ns) for name, account in self._accounts.items()]

    def times_ns(self, stage: str) -> list[int]:
        """From the command until each account that came so far was at a stage first; shortest first."""
        return sorted(account.stages_ns[stage] - self._sent_ns for account in self._accounts.values() if stage in account.stages_ns)

    def _verdict(self, name: str, account: _Account, now_ns: int) -> Verdict:
        why = self._doubt(account, now_ns)
        newest = next(reversed(account.latched.values()), None)
        held = self._held(newest) if newest is not None else None
        in_flight = tuple(account.in_flight)
        if why:
            return Verdict(name, False, why, held=held, in_flight=in_flight)
        account.confirmed_ns = account.confirmed_ns or now_ns
        return Verdict(name, True, after_ns=account.confirmed_ns - self._sent_ns, held=held, in_flight=in_flight)

    def _doubt(self, account: _Account, now_ns: int) -> str:
        """Why it is not CONFIRMED; empty where it is."""
        newest = next(reversed(account.latched), None)
        if newest is None:
            return "no LATCHED"
        lives = [life for (_, life), until_ns in account.leave_until_ns.items() if now_ns < until_ns]
        for life in dict.fromkeys([*lives, newest]):
            why = self._doubt_of(account.latched.get(life), life)
            if why:
                return why
        return self._silence(account, now_ns)

    def _doubt_of(self, latched: Latched | None, life: int) -> str:
        """What is missing of one life."""
        if latched is None:
            return f"life {life} of its local may open and has not said LATCHED"
        if self._key not in latched.entries:
            return "no LATCHED"
        reached = self._reached(latched)
        if reached < 0:
            return "it holds the stop as one that was ended, or has not judged it yet"
        if self._stage is None or reached >= STOP_STAGES.index(self._stage):
            return ""
        held = self._held(latched)
        return f"{STOP_STAGES[reached]}, not {self._stage}: {held.detail if held is not None else ''}".rstrip(": ")

    def _silence(self, account: _Account, now_ns: int) -> str:
        """The router through which a life that nobody sees might still open; empty where there is none."""
        if any(now_ns - at_ns >= self._grant_ns for at_ns in self._masters_ns.values()):
            return ""
        for router in account.routers:
            known = self._routers.get(router)
            if known is None or len(known.parts) < known.count:
                return f"{router} has not said that it has the stop: a life may have leave from it"
            if now_ns < known.sure_ns:
                return f"{router} has just started: it does not know yet who may have leave from it"
        return ""
