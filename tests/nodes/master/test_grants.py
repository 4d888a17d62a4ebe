"""Grants go to one (account, store, life) at a time, and to nobody while an older grant may still run."""

from mesh.messages.orders import CLONE, NEW_EPOCH, OTHER_LIFE, REPLACED
from mesh.units import SECOND_NS
from nodes.master.grants import GRANTED, REPLACED_MAX, Grants

GRANT_NS = 3 * SECOND_NS
OLD, NEW = (b"store", 1), (b"store", 2)


def test_the_first_master_ever_grants_at_once() -> None:
    """With no older epoch there is no older grant."""
    assert Grants(GRANT_NS, 100, follows=False).ask("a", OLD, 100) == GRANTED


def test_a_following_master_waits_its_predecessors_grants_out() -> None:
    """None in its first 3 s, to nobody."""
    grants = Grants(GRANT_NS, 100, follows=True)
    assert grants.ask("a", OLD, 100 + GRANT_NS - 1) == NEW_EPOCH
    assert grants.ask("a", OLD, 100 + GRANT_NS) == GRANTED


def test_another_life_waits_for_the_last_grant_to_run_out() -> None:
    """Its first grant comes 3 s after the old one's last, not after the old one's death."""
    grants = Grants(GRANT_NS, 0, follows=False)
    assert grants.ask("a", OLD, SECOND_NS) == GRANTED
    assert grants.ask("a", NEW, 2 * SECOND_NS) == OTHER_LIFE
    assert grants.ask("a", NEW, 4 * SECOND_NS - 1) == OTHER_LIFE
    assert grants.ask("a", NEW, 4 * SECOND_NS) == GRANTED


def test_a_replaced_life_gets_none_and_after_3_s_is_a_clone() -> None:
    """Two lives at once: the newer holds, the older is refused, and then reported."""
    grants = Grants(GRANT_NS, 0, follows=False)
    grants.ask("a", OLD, 0)
    grants.ask("a", NEW, SECOND_NS)
    assert grants.ask("a", OLD, 2 * SECOND_NS) == REPLACED
    grants.ask("a", NEW, 3 * SECOND_NS)
    assert grants.ask("a", OLD, 4 * SECOND_NS) == CLONE


def test_a_late_word_of_a_life_that_is_gone_displaces_nobody_for_long() -> None:
    """Its hello was held up on the way: the living one is refused for 3 s, then has its place again, as another holder would."""
    grants = Grants(GRANT_NS, 0, follows=False)
    assert grants.ask("a", NEW, 0) == GRANTED
    assert grants.claim("a", OLD, SECOND_NS) == GRANTED
    assert grants.claim("a", NEW, 2 * SECOND_NS) == REPLACED
    assert grants.claim("a", NEW, 4 * SECOND_NS) == GRANTED
    assert grants.ask("a", NEW, 4 * SECOND_NS) == GRANTED
    assert grants.floor_n("a", 7) == 7


def test_a_hello_replaces_as_an_ask_does() -> None:
    """The new life's hello ends the old one's grants even before it asks."""
    grants = Grants(GRANT_NS, 0, follows=False)
    grants.ask("a", OLD, 0)
    assert grants.claim("a", NEW, SECOND_NS) == GRANTED
    assert grants.ask("a", OLD, SECOND_NS) == REPLACED
    assert grants.claim("a", OLD, SECOND_NS) == REPLACED


def test_another_store_of_the_same_life_number_is_another_holder() -> None:
    """Life numbers are drawn: the store tells two machines apart."""
    grants = Grants(GRANT_NS, 0, follows=False)
    grants.ask("a", OLD, 0)
    assert grants.ask("a", (b"other", 1), SECOND_NS) == OTHER_LIFE


def test_two_quick_replacements_wait_for_the_oldest_grant() -> None:
    """A life that never got a grant does not shorten the wait for the one before it."""
    grants = Grants(GRANT_NS, 0, follows=False)
    grants.ask("a", OLD, SECOND_NS)
    grants.claim("a", NEW, SECOND_NS)
    assert grants.ask("a", (b"store", 3), 2 * SECOND_NS) == OTHER_LIFE
    assert grants.ask("a", (b"store", 3), 4 * SECOND_NS) == GRANTED


def test_only_the_newest_former_holders_are_remembered() -> None:
    """A life for each restart: what is kept stays bounded, and the last ones replaced are still told so."""
    grants = Grants(GRANT_NS, 0, follows=False)
    lives = [(b"store", life) for life in range(REPLACED_MAX + 10)]
    for holder in lives:
        assert grants.claim("a", holder, 0) == GRANTED
    assert len(grants._seats["a"].replaced) == REPLACED_MAX
    assert [grants.claim("a", holder, 1) for holder in lives[-3:]] == [REPLACED, REPLACED, GRANTED]


def test_a_life_forgotten_that_still_speaks_freezes_the_account_all_the_same() -> None:
    """It is taken for a new one; the holder it displaces is found to be a clone."""
    grants = Grants(GRANT_NS, 0, follows=False)
    lives = [(b"store", life) for life in range(REPLACED_MAX + 2)]
    for holder in lives:
        grants.claim("a", holder, 0)
    assert grants.claim("a", lives[0], SECOND_NS) == GRANTED
    assert grants.ask("a", lives[-1], 2 * SECOND_NS) == REPLACED
    grants.claim("a", lives[0], 3 * SECOND_NS)
    assert grants.ask("a", lives[-1], 5 * SECOND_NS) == CLONE


def test_accounts_do_not_know_of_each_other() -> None:
    """A wait on one account is none on another."""
    grants = Grants(GRANT_NS, 0, follows=False)
    grants.ask("a", OLD, 0)
    grants.ask("a", NEW, 0)
    assert grants.ask("b", NEW, 0) == GRANTED


def test_another_life_opens_nothing_that_was_published_before_its_first_grant() -> None:
    """The one before it may have opened it, and a copy of its store need not know: the floor is set at the first grant, and stays."""
    grants = Grants(GRANT_NS, 0, follows=False)
    grants.ask("a", OLD, 0)
    assert grants.floor_n("a", 5) == 0
    assert grants.ask("a", NEW, SECOND_NS) == OTHER_LIFE
    assert grants.ask("a", NEW, 4 * SECOND_NS) == GRANTED
    assert grants.floor_n("a", 9) == 9
    assert grants.floor_n("a", 20) == 9


def test_a_machine_that_slept_grants_nothing_published_before() -> None:
    """The master's clock stood still: deadlines of what it had published seem to lie ahead, so the next grants name all of it."""
    grants = Grants(GRANT_NS, 0, follows=False)
    assert grants.ask("a", OLD, 0) == GRANTED
    assert grants.floor_n("a", 7) == 0
    grants.outdate()
    assert (grants.floor_n("a", 8), grants.floor_n("a", 9)) == (8, 8)
