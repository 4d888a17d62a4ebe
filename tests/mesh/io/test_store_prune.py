"""Old rows of archives go in small steps; nothing that makes an order known ever does."""

from pathlib import Path

import pytest

from mesh.core import Put
from mesh.io import store as store_module
from mesh.io.store import BUSY_TURNS_MAX, Store, create, open_store
from mesh.io.storeprune import STEP_ROWS
from mesh.units import DAY_NS

NOW_NS = 1_800_000_000_000_000_000


class Clock:
    """The wall clock of these tests."""

    now_ns = NOW_NS

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(store_module, "wall_ns", clock)
    return clock


def keys(store: Store, kind: str) -> list[bytes]:
    return [key for key, _ in store.fetch(kind, b"", 10_000)]


def rows_of(first: int, count: int) -> list[Put]:
    """Outcomes in the archive, and what makes their orders known."""
    numbers = [number.to_bytes(8, "big") for number in range(first, first + count)]
    return [Put("_outcome", key, b"filled") for key in numbers] + [Put("known", key, b"1") for key in numbers]


def test_old_rows_of_archives_go(tmp_path: Path, clock: Clock) -> None:
    """After keep_days only the archive's old rows are gone, counted, a bounded number in a step, in the books of the store."""
    path = tmp_path / "local-1.db"
    store = create(path, "demo", "local-1", "local", 10)
    store.commit([*rows_of(1, STEP_ROWS + 50), Put("order", b"o", b"intent")])
    clock.now_ns += 8 * DAY_NS
    store.commit(rows_of(1_000, 3))
    store.tend(is_quiet=True)
    store.tend(is_quiet=True)
    assert len(keys(store, "_outcome")) == STEP_ROWS + 53
    clock.now_ns += 3 * DAY_NS
    store.tend(is_quiet=False)
    assert len(keys(store, "_outcome")) == STEP_ROWS + 53, "in quiet moments"
    store.tend(is_quiet=True)
    assert len(keys(store, "_outcome")) == 53, "one step"
    store.tend(is_quiet=True)
    assert keys(store, "_outcome") == [number.to_bytes(8, "big") for number in (1_000, 1_001, 1_002)]
    assert len(keys(store, "known")) == STEP_ROWS + 53
    assert store.counters.totals["pruned_row_count"] == store.head.pruned_count == STEP_ROWS + 50
    audited = store.head.audit_seq
    store.close()
    again = open_store(path, "demo", "local-1", "local", 10)  # the sums were kept
    assert (again.head.audit_seq, len(keys(again, "known"))) == (audited, STEP_ROWS + 53)
    again.close()


def test_node_without_a_quiet_moment_lets_old_rows_go_too(tmp_path: Path, clock: Clock) -> None:
    """One step in so many turns: heartbeats, ticks and orders come all week, and the disk is finite."""
    store = create(tmp_path / "local-1.db", "demo", "local-1", "local", 1)
    store.commit(rows_of(1, 1))
    clock.now_ns += 2 * DAY_NS
    for _ in range(BUSY_TURNS_MAX):
        assert len(keys(store, "_outcome")) == 1
        store.tend(is_quiet=False)
    assert keys(store, "_outcome") == []
    store.close()


@pytest.mark.parametrize("is_quiet", [True, False])
def test_long_log_keeps_no_old_rows(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, is_quiet: bool) -> None:
    """Of a node that changes more rows a second than are folded at once both is done in one turn."""
    monkeypatch.setattr(store_module, "CHECKPOINT_ROWS", 1)
    monkeypatch.setattr(store_module, "CHECKPOINT_ROWS_MAX", 1)
    monkeypatch.setattr(store_module, "CHECKPOINT_RESTS", 0)
    store = create(tmp_path / "local-1.db", "demo", "local-1", "local", 1)
    store.commit(rows_of(1, 1))
    clock.now_ns += 2 * DAY_NS
    for number in range(1 if is_quiet else BUSY_TURNS_MAX):
        store.commit([Put("order", b"o", bytes((number,)))])
        store.tend(is_quiet=is_quiet)
    assert keys(store, "_outcome") == []
    assert store._folded_count == store._database.total_changes
    store.close()


def test_a_round_a_day(tmp_path: Path, clock: Clock) -> None:
    """Having come to the end it rests: the next look is a day later."""
    store = create(tmp_path / "local-1.db", "demo", "local-1", "local", 1)
    store.commit(rows_of(1, 1))
    store.tend(is_quiet=True)
    clock.now_ns += DAY_NS - 1
    store.tend(is_quiet=True)
    assert len(keys(store, "_outcome")) == 1
    clock.now_ns += 2
    store.tend(is_quiet=True)
    assert keys(store, "_outcome") == []
    store.close()


@pytest.mark.parametrize(("role", "keep_days"), [("local", None), ("router", 1), ("", 1)])
def test_off_and_roles_without_archives(tmp_path: Path, clock: Clock, role: str, keep_days: int | None) -> None:
    """"off" keeps all; a role whose archives are not declared keeps all."""
    store = create(tmp_path / "node-1.db", "demo", "node-1", role, keep_days)
    store.commit(rows_of(1, 2))
    clock.now_ns += 9_000 * DAY_NS
    store.tend(is_quiet=True)
    assert len(keys(store, "_outcome")) == 2
    store.close()


def test_every_archive_of_a_master_has_its_turn(tmp_path: Path, clock: Clock) -> None:
    """Acts, decisions and what leads to them go; answers to sids stay."""
    store = create(tmp_path / "master-1.db", "demo", "master-1", "master", 1)
    kinds = ("_act", "_decision", "_why", "sid")
    store.commit([Put(kind, b"k", b"x") for kind in kinds])
    clock.now_ns += 2 * DAY_NS
    for _ in range(3):
        store.tend(is_quiet=True)
    assert [kind for kind in kinds if keys(store, kind)] == ["sid"]
    store.close()
