"""What one configuration changes of another, key by key, and what it takes for it to hold.

Limits, targets and distances change while all nodes run (``mesh/revisions.py``). Most other changes are taken by starting nodes again one
after the other, for the current and the previous configuration work together (``mesh/confighash.py``). Some every node has to take in the
same moment, for by them nodes find and understand each other; and some make another mesh of it, whose stores and keys are not those of
this one.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from mesh.config import Config

LIVE, ONE_BY_ONE, TOGETHER, ANEW = "live", "one by one", "together", "anew"
OFF = "off"
"""What the file says for None."""
LEFT_OUT = "-"
"""A key that is in one of the two alone."""
ANEW_KEYS = ("mesh.id", "mesh.seed", "account.*.login", "account.*.server", "account.*.margin_mode", "account.*.currency")
"""What stores, keys and orders are made of: with another value they are not the ones they were."""
TOGETHER_KEYS = ("mesh.*", "timers.*", "market.*", "broker.*", "node.*", "process.*", "symbol.*")
"""Where nodes are, how they talk, and what market time is made of."""
LIVE_KEYS = (
    "rails.*", "fleet.errors_*", "group", "group.*",
    "account.*.rails.*", "account.*.sizing", "account.*.sizing.*", "account.*.equity_stop_percent",
    "strategy.*.targets", "strategy.*.sizing.*", "strategy.*.manage.*", "strategy.*.reverse",
    "strategy.*.sl_points", "strategy.*.tp_points", "strategy.*.sl_atr", "strategy.*.tp_atr",
)  # fmt: skip
"""What master and locals alone decide by, and can take while they trade. Hard caps are not among them: they hold whatever an operator's key
says, be it stolen, and change by whoever is at the host.
"""
DAY_KEYS = ("*rails.daily_*",)
"""When a day begins, and what it may lose: marks and stops of the day are kept by them, so that they change with a start."""

ALERTS = "alerts"
"""A leaf where the section is left out."""


class Change(msgspec.Struct, frozen=True):
    """One key with another value. ``how``: LIVE, ONE_BY_ONE, TOGETHER or ANEW."""

    key: str
    before: str
    after: str
    how: str


def changes(before: Config, after: Config) -> list[Change]:
    """Every key whose value differs, by key."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    differing = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    moving = sorted(set(before.account) ^ set(after.account))
    return [Change(key, old.get(key, LEFT_OUT), new.get(key, LEFT_OUT), _how(key, old, new, moving)) for key in differing]


def _leaves(config: Config) -> Iterator[tuple[str, str]]:
    """Every key of the file with its value as text, defaults filled in."""
    yield from _under("", msgspec.json.decode(config.effective()))


def _under(where: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _under(f"{where}.{key}" if where else key, each)
    else:
        yield where, OFF if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _how(key: str, old: dict[str, str], new: dict[str, str], moving: list[str]) -> str:
    """``moving``: accounts that come or go."""
    if any(key.startswith(f"account.{name}.") for name in moving):
        return TOGETHER
    if key.startswith(ALERTS) and (ALERTS in old) != (ALERTS in new):  # a process that comes or goes
        return TOGETHER
    if _is_among(key, ANEW_KEYS):
        return ANEW
    if _is_among(key, TOGETHER_KEYS):
        return TOGETHER
    return LIVE if _is_among(key, LIVE_KEYS) and not _is_among(key, DAY_KEYS) else ONE_BY_ONE


def _is_among(key: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in patterns)
