"""Live changes of the configuration: which one a node runs is what its file and the signed changes it holds make of it.

A ``Revision`` says which keys get which values and which configuration that gives, by its fingerprint; an ``Activation`` puts it in force.
Both travel in the kill set: all nodes get them, they outlive restarts, and since leave to open names the set's digest, an account opens
only where its local, its router and the master hold the same changes. A node's configuration follows from the set alone, never from the
order in which items came: beginning with its own file, of the changes in force the newest that leads on from there, and so on. So
hosts whose files are older and newer ones of that chain run the same.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from mesh.config import Config, parse_effective
from mesh.configdiff import LIVE, changes
from mesh.errors import BadConfig
from mesh.messages.control import PATCH_BYTES_MAX, Activation, Item, Revision

Plain = dict[str, Any]


WHY_MAX = 200
"""Characters of why a change was not made: it is told with each opening that is denied for it, which has other words too."""
MADE_MAX = 16
"""Configurations that are kept, so that nobody makes the same again."""
FOLLOWING_ROLES = ("master", "router", "local")
"""Who holds live changes. Any other node runs what its file says."""
LINKS_MAX = 16
"""So many configurations before it a node names at its hello: one that lags by some changes gets them, and is no stranger till then."""
Key = list[str]
"""By its parts: ``["rails", "positions_count"]``."""


class Patch(msgspec.Struct, array_like=True):
    """What one configuration has otherwise than another: keys with their new values, and keys that go."""

    values: list[tuple[Key, Any]]
    gone: list[Key]


def patch_of(before: Config, after: Config) -> bytes:
    """What leads from one configuration to another. Raises BadConfig where that is too long to travel."""
    found = Patch([], [])
    _compare([], _plain(before), _plain(after), found)
    patch = msgspec.json.encode(found)
    if len(patch) > PATCH_BYTES_MAX:
        why = f"a live change of {len(patch):,} bytes; the limit is {PATCH_BYTES_MAX:,}"
        raise BadConfig(f"{why}: make it in parts, or with `mesh config apply`")
    return patch


@lru_cache(maxsize=MADE_MAX)
def revised(config: Config, revision: Revision) -> Config:
    """A configuration with a change made to it, a host's own caps included. Raises BadConfig where it changes what cannot change live, or
    leads to another one than it says.

    Made once: in a large fleet it takes a good part of a second, and what was prepared is put in force next.
    """
    where = f"live change {revision.number}"
    if revision.before != config.fingerprint:
        raise BadConfig(f"{where} leads on from {revision.before}; this node runs {config.fingerprint}")
    plain = _plain(config.whole)
    try:
        patch = msgspec.json.decode(revision.patch, type=Patch)
        for key, value in patch.values:
            _section_of(key, plain)[key[-1]] = value
        for key in patch.gone:
            _section_of(key, plain).pop(key[-1], None)
        text = msgspec.json.encode(plain).decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadConfig(f"{where}: its patch is damaged: {error}") from None
    after = parse_effective(text)
    if after.fingerprint != revision.after:
        raise BadConfig(f"{where} leads to {after.fingerprint} here, not to {revision.after}: bring all hosts to one version first")
    if other := [change.key for change in changes(config.whole, after) if change.how != LIVE]:
        raise BadConfig(f"{where}: {', '.join(other[:8])} cannot change live: use `mesh config apply`")
    after.follows(" ".join(config.lineage.split()[:LINKS_MAX]))
    return after if config.narrow is None else config.narrow(after)


class Revisions:
    """The live changes that one node holds. ``base``: the configuration it was started with.

    What follows from them is made when it is asked for: a node that starts takes all of them first.
    """

    def __init__(self, base: Config) -> None:
        self._base = base
        self._revisions: dict[bytes, Revision] = {}
        self._in_force: set[bytes] = set()
        self._taken: set[bytes] = set()
        self._is_behind = False
        """Something came since what follows was made."""
        self._made: list[bytes] = []
        """The changes that were made of the base, in their order."""
        self._current = base
        self._problem = ""
        self._prepared = ""

    def take(self, key: bytes, item: Item) -> None:
        """One item of the set, checked before."""
        self._taken.add(key)
        if isinstance(item, Revision):
            self._revisions[key] = item
            self._is_behind = True
        elif isinstance(item, Activation):
            self._in_force.add(item.revision)
            self._is_behind = True

    def take_all(self, items: Mapping[bytes, Item]) -> None:
        """What somebody shows of the set, by id; what is known already costs a look."""
        for key, item in items.items():
            if key not in self._taken:
                self.take(key, item)

    @property
    def current(self) -> Config:
        """The configuration that is in force here."""
        self._follow()
        return self._current

    @property
    def number(self) -> int:
        """Of the newest change that was made; 0: none was."""
        self._follow()
        return self._revisions[self._made[-1]].number if self._made else 0

    @property
    def problem(self) -> str:
        """Why a change in force was not made, nor any after it; empty where all were."""
        self._follow()
        return self._problem

    @property
    def prepared(self) -> str:
        """The newest change that is here and not in force: the first digits of its id, and ``fits`` or why it cannot be made."""
        self._follow()
        return self._prepared

    def _follow(self) -> None:
        if not self._is_behind:
            return
        self._is_behind = False
        plan = self._plan()
        if plan[: len(self._made)] != self._made:
            self._made, self._current = [], self._base
        self._problem = ""
        for key in plan[len(self._made) :]:
            try:
                self._current = revised(self._current, self._revisions[key])
            except BadConfig as error:
                self._problem = str(error)[:WHY_MAX]
                break
            self._made.append(key)
        self._prepare()

    def _plan(self) -> list[bytes]:
        """The changes in force that lead on from the base, one from the other. Those up to the newest one that has led to the base itself
        are in it; of several that lead on from the same the newest goes, which a late word for an older one does not take back.
        """
        in_force = sorted((-item.number, key) for key, item in self._revisions.items() if key in self._in_force)  # the newest first
        at = self._base.fingerprint
        last = next((-number for number, key in in_force if self._revisions[key].after == at), 0)
        plan: list[bytes] = []
        while leading := [(-number, key) for number, key in in_force if -number > last and self._revisions[key].before == at]:
            last, key = leading[0]
            plan.append(key)
            at = self._revisions[key].after
        return plan

    @property
    def passed_over(self) -> int:
        """How many changes in force have nothing to do with this node's file: it was made of another one, or for another version."""
        if self._in_force & self._revisions.keys() and not self._plan():
            made = [item for key, item in self._revisions.items() if key in self._in_force]
            return 0 if any(item.after == self._base.fingerprint for item in made) else len(made)
        return 0

    def _prepare(self) -> None:
        self._prepared = ""
        waiting = [(item.number, key) for key, item in self._revisions.items() if key not in self._in_force and item.number > self.number]
        if waiting:
            key = max(waiting)[1]
            try:
                revised(self._current, self._revisions[key])
                self._prepared = prepared_word(key)
            except BadConfig as error:
                self._prepared = prepared_word(key, str(error))


def prepared_word(key: bytes, why_not: str = "") -> str:
    """What a node says of a change that it holds and that is not in force."""
    return f"{key.hex()[:16]} {why_not[:WHY_MAX] or 'fits'}"


def _plain(config: Config) -> Plain:
    plain: Plain = msgspec.json.decode(config.effective())
    return plain


def _compare(where: Key, before: Plain, after: Plain, found: Patch) -> None:
    found.gone += [[*where, name] for name in sorted(before.keys() - after.keys())]
    for name, new in sorted(after.items()):
        old = before.get(name, msgspec.UNSET)
        if isinstance(old, dict) and isinstance(new, dict):
            _compare([*where, name], old, new, found)
        elif old != new:
            found.values.append(([*where, name], new))


def _section_of(key: Key, plain: Plain) -> Plain:
    """The section a key is in. Raises BadConfig where there is none."""
    inner: Any = plain
    for part in key[:-1]:
        inner = inner.get(part) if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or not key:
        raise BadConfig(f"live change: {'.'.join(key)!r} is in no section there is here")
    return inner
