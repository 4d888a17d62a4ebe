"""What ``mesh audit verify`` says of stores that are not as others know them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from mesh.errors import BadConfig, StoreFailed
from mesh.io.headwalk import Compared, Comparison, KeptHead, kept_heads
from mesh.keyring import Keyring
from mesh.texts import iso_of
from nodes.io.cli.headfile import heads_in
from nodes.io.keyfiles import INVENTORY, holders_of, inventory_if_any

DO = (
    "keep these files as they are and find out who changed them; where you put a backup there or began the store anew yourself, "
    "--since TIME leaves out what was kept before"
)

FIND = "put it back from a backup, and find out who took it"
BESIDE = (".genesis", ".head", ".lock")
"""Files that lie beside a store, and stay where it alone was taken away."""


class HeadWord(NamedTuple):
    """What heads say. ``found``: by node; ``problems``: what hindered it; ``absent``: nodes of which there are heads and no store."""

    found: dict[str, Compared]
    problems: list[str]
    absent: list[str]


def compare(place: Path, names: Sequence[str], brought: Sequence[Path], since_ns: int) -> HeadWord:
    """The stores of ``names``, held against all heads that the stores of ``place`` keep and ``brought`` files have.

    Raises BadUsage for a file that is none.
    """
    comparison = Comparison({name: place / f"{name}.db" for name in names if (place / f"{name}.db").exists()})
    problems: list[str] = []
    try:
        for path in sorted(place.glob("*.db")):
            try:
                _hear(comparison, kept_heads(path, since_ns))
            except (BadConfig, StoreFailed) as error:
                problems.append(f"{path.stem}: what it keeps of others cannot be read to its end: {error}")
        for path in brought:
            if not _hear(comparison, (kept for kept in heads_in(path) if kept.kept_ns >= since_ns)):
                problems.append(f"--heads {path}: no head in it is of a store that is looked at here; name the right file, or --state")
    finally:
        comparison.close()
    return HeadWord(comparison.found, problems, sorted(name for name in comparison.heard if not (place / f"{name}.db").exists()))


def _hear(comparison: Comparison, heads: Iterable[KeptHead]) -> int:
    """How many of them were of a store that is here."""
    return sum(comparison.hear(kept) for kept in heads)


def gone(place: Path, names: Sequence[str]) -> list[str]:
    """Of nodes whose stores are not here those that have had one."""
    return [name for name in names if any((place / f"{name}{suffix}").exists() for suffix in BESIDE)]


def absence(names: Sequence[str]) -> str:
    """Whose stores are not here though heads of them are: most run on other hosts, and a store that is gone looks the same."""
    return (
        f"heads are kept of nodes without a store here ({len(names)}: {', '.join(names)}); that is right where they run on other hosts "
        f"(mesh audit heads > FILE here, mesh audit verify --heads FILE there) or have left the mesh (--since TIME leaves old heads "
        f"out); of one that runs on this host the store is gone: {FIND}"
    )


def complaint(place: Path, compared: Compared) -> str:
    """The first head that does not agree: whose word it is, since when, and what is here instead."""
    kept = compared.bad
    assert kept is not None, "asked of one that does not agree"
    head = kept.head
    agreed = f"up to record {compared.agreed_seq} it agrees" if compared.agreed_count else "no other head agrees"
    return (
        f"its audit is not the one it told others of: {kept.keeper} keeps since {iso_of(kept.kept_ns)} its head of record {head.seq} "
        f"({head.hash.hex()[:16]}…, of {iso_of(head.wall_ns)}, {_signed(place, compared, kept)}), {compared.why}; heads that do not agree: "
        f"{compared.bad_count}, {agreed}; {DO}"
    )


def _signed(place: Path, compared: Compared, kept: KeptHead) -> str:
    """Whether the head is its node's own word, by the inventory that is here."""
    try:
        inventory = inventory_if_any(place)
    except BadConfig:
        inventory = None
    if inventory is None:
        return "its signature cannot be checked without an inventory"
    code = Keyring(compared.mesh, holders_of(inventory)).head_refusal(kept.head)
    return f"NOT signed with the key {INVENTORY} has for it: {code}" if code else "signed by it"
