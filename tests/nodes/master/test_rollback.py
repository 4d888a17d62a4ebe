"""Whether a local's store was put back: by whose outcomes it holds, held against whose were taken."""

from typing import Any

import pytest

from mesh.messages.orders import LocalHello
from mesh.tellers import TELLERS_MAX
from nodes.master.account import Account
from tests.nodes.master.masterrig import config_of


def account_of(*lives: int) -> Account:
    """One that has taken an outcome of each of these lives, one after the other."""
    account = Account("a1", config_of(1))
    for life in lives:
        account.told(life)
    return account


def is_rolled_back(account: Account, life: int, start_f: int, *tellers: int, f: int = 0) -> bool:
    """What the master thinks of a hello, also after its own restart."""
    hello = LocalHello("a1", "l", life, b"s", 0, 0, max(f, start_f), b"", 1, "x", start_f=start_f, tellers=list(tellers))
    again = Account("a1", config_of(1))
    again.restore(account.record())
    found = []
    for each in (account, again):
        each.look_for_rollback(hello)
        found.append(each.is_rolled_back)
    assert found[0] == found[1]
    return found[0]


def test_whole_stores() -> None:
    """The life that told all, an older hello of it, the next ones, with more than was taken or not, and one that says nothing of lives."""
    account = account_of(1, 1, 2)
    assert not is_rolled_back(account, 2, 2, 1, 1, 2, 3, f=3)
    assert not is_rolled_back(account, 2, 2, 1, 1)
    assert not is_rolled_back(account, 3, 3, 1, 1, 2, 3)
    assert not is_rolled_back(account, 3, 9, 1, 1, 2, 3, 7, 5)
    assert not is_rolled_back(account, 3, 3)
    assert not is_rolled_back(account_of(), 3, 0)


def test_stores_that_were_put_back() -> None:
    """They end before what was taken, or hold it of others: at once, and when the life that was put back has told us more."""
    account = account_of(1, 1, 1)
    assert is_rolled_back(account, 2, 1, 1, 1)
    assert is_rolled_back(account, 3, 5, 1, 1, 2, 2)
    account.told(2)
    for life, start_f in ((2, 1), (3, 4), (4, 9)):
        assert is_rolled_back(account, life, start_f, 1, 1, 2, 2, f=4)
    assert is_rolled_back(account, 5, 4, 1, 1, 0, 2, 2, 4), "what it has skipped it does not hold"


def test_a_batch_that_is_not_durable_yet() -> None:
    """Outcomes of two lives were taken and a third says hello before they are committed: nothing is missing."""
    account = account_of(1, 2)
    account.durable_f = 1
    assert not is_rolled_back(account, 3, 2, 1, 1, 2, 2)


def test_a_late_hello_of_a_life_that_is_over() -> None:
    """It knows nothing of the life after it, which is whole all the same."""
    account = account_of(1, 2)
    assert is_rolled_back(account, 1, 0, 1, 1, f=1)
    assert not is_rolled_back(account, 2, 1, 1, 1, 2, 2, f=2)


def test_outcomes_that_were_pruned_are_nobodys() -> None:
    """Told again to a master that was put back: a life's own numbers are not another's, and a store that ends before them lacks them."""
    account = account_of(1, 0, 0, 2)
    assert not is_rolled_back(account, 2, 1, 1, 1, 2, 2, f=4)
    assert not is_rolled_back(account, 3, 4, 1, 1, 2, 2)
    assert is_rolled_back(account_of(1, 0, 0), 3, 1, 1, 1)


def test_numbers_that_were_skipped_are_nobodys() -> None:
    """A master that has another's word for it takes them for nothing, and asks no store for them."""
    account = account_of(1)
    account.skipped = [2, 5]
    account.pass_skipped()
    account.told(2)
    assert (account.f, account.tellers) == (6, [1, 1, 0, 2, 2, 6])
    assert not is_rolled_back(account, 3, 6, 1, 1, 0, 2, 2, 6)


def test_another_store_is_believed() -> None:
    """What it tells of its own past is all there is to hold it against; what it gave a number and has not on disk yet is not of it."""
    account = account_of(1, 1, 1)
    hello = LocalHello("a1", "l", 7, b"new", 0, 0, 2, b"", 1, "x", start_f=1, tellers=[5, 1, 7, 2, 8, 3])
    account.take_store(hello)
    assert (account.f, account.tellers) == (2, [5, 1, 7, 2])
    assert not is_rolled_back(account, 7, 1, 5, 1, 7, 2, f=2)
    assert is_rolled_back(account, 8, 1, 5, 1)


def test_a_record_of_the_version_before_names_the_newest_teller() -> None:
    """It knows who told the newest outcomes, and no more; what is written says the same to that version."""
    account = account_of(1, 1, 2, 2)
    record = account.record()
    assert (record.teller, record.others_f) == (2, 2)
    record.tellers.clear()
    account.restore(record)
    assert account.tellers == [2, 3]
    assert is_rolled_back(account, 3, 3, 1, 1, 2, 3)
    assert not is_rolled_back(account, 3, 4, 1, 1, 2, 3)


@pytest.mark.parametrize("lives", [TELLERS_MAX // 2, TELLERS_MAX])
def test_of_many_lives_the_newest_are_known(lives: int) -> None:
    """The list is bounded; what is left of it is what a store is held against."""
    account = account_of(*range(1, lives + 1))
    assert len(account.tellers) == TELLERS_MAX
    pairs: list[Any] = [number for life in range(1, lives + 1) for number in (life, life)][-TELLERS_MAX:]
    assert not is_rolled_back(account, 10**6, lives, *pairs)
    assert is_rolled_back(account, 10**6, lives - 1, *pairs)
