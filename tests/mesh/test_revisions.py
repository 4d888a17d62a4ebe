"""Live changes: a node's configuration follows from its file and the set of changes alone, and a bad change changes nothing."""

from decimal import Decimal
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.config import Config, parse, parse_effective
from mesh.confighash import agree
from mesh.errors import BadConfig
from mesh.messages.control import PATCH_BYTES_MAX, Activation, Entry, Revision
from mesh.revisions import Revisions, patch_of, prepared_word, revised
from mesh.settings import CapsSection, SizingSection
from tests.revisionitems import ACCOUNTS, HEAD, chain, change, id_of, in_force, with_rails
from tests.smallmesh import small_mesh

FIRST, SECOND, THIRD = with_rails(5), with_rails(3), with_rails(2)
GROUPED = '[group]\nfx = ["a1"]\nall_of_us = ["a1", "a2"]\n'


def small(head: str = "", **accounts: str) -> Config:
    """The small mesh with other sections, and other lines of its accounts."""
    return parse(small_mesh(HEAD + head, ACCOUNTS | accounts))


def taking(base: Config, *items: Revision | Activation) -> Revisions:
    """A node with that file, to which these have come in that order."""
    revisions = Revisions(base)
    for item in items:
        revisions.take(id_of(item) if isinstance(item, Revision) else b"activation" + item.revision, item)
    return revisions


def test_a_change_is_in_force_once_it_is_said_to_be() -> None:
    """Until then it is here and says that it fits."""
    revision = change(FIRST, SECOND)
    revisions = Revisions(FIRST)
    revisions.take(id_of(revision), revision)
    assert (revisions.current, revisions.number, revisions.prepared) == (FIRST, 0, prepared_word(id_of(revision)))
    revisions.take(b"2", in_force(revision))
    assert (revisions.current.fingerprint, revisions.number, revisions.prepared) == (SECOND.fingerprint, 1, "")
    assert revisions.current.settings.rails.positions_count == 3
    assert revisions.current.lineage == f"{SECOND.fingerprint} {FIRST.fingerprint}"


def test_the_order_in_which_they_come_does_not_matter() -> None:
    """Two changes and what puts them in force, in each of the 24 orders: the same configuration."""
    first, second = chain(FIRST, SECOND, THIRD)
    for items in permutations((first, second, in_force(first), in_force(second))):
        assert taking(FIRST, *items).current.fingerprint == THIRD.fingerprint


@pytest.mark.parametrize("file", [FIRST, SECOND, THIRD])
def test_a_file_of_any_link_of_the_chain_leads_to_its_end(file: Config) -> None:
    """An older file gets what it lacks, a newer one what came after it; there and back again, too."""
    there = chain(FIRST, SECOND, THIRD)
    made = taking(file, *there, *map(in_force, there)).current
    assert made.fingerprint == THIRD.fingerprint
    assert agree(made.lineage, file.lineage), "one that lacks the changes yet is no stranger"
    back = chain(FIRST, SECOND, FIRST)
    end = THIRD if file is THIRD else FIRST
    assert taking(file, *back, *map(in_force, back)).current.fingerprint == end.fingerprint


def test_a_file_that_a_later_change_has_led_to_is_not_led_away_by_an_earlier_one() -> None:
    """From the first to the second; then another file is brought, and from that back to the first: who has the first file is at the end."""
    away, back = change(FIRST, SECOND, 1), change(THIRD, FIRST, 2)
    changes = (away, in_force(away), back, in_force(back))
    assert taking(FIRST, *changes).current is FIRST
    assert taking(THIRD, *changes).current.fingerprint == FIRST.fingerprint


def test_each_change_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a large fleet one takes a good part of a second, in the loop that trades: it is made when it comes, and then no more."""
    made: list[str] = []

    def counted(text: str) -> Config:
        made.append(text)
        return parse_effective(text)

    monkeypatch.setattr("mesh.revisions.parse_effective", counted)
    base = with_rails(8)
    revisions = Revisions(base)
    for number, revision in enumerate(chain(base, SECOND, THIRD), start=1):
        revisions.take(id_of(revision), revision)
        assert (revisions.prepared, len(made)) == (prepared_word(id_of(revision)), number)
        revisions.take(b"a" + id_of(revision), in_force(revision))
        assert (revisions.problem, revisions.number, len(made)) == ("", number, number)
    again = with_rails(8)
    assert taking(again, *(item for each in chain(base, SECOND, THIRD) for item in (in_force(each), each))).number == 2
    assert len(made) == 4, "a node that starts makes each once, too"


def test_a_file_that_is_no_link_of_the_chain_is_left_as_it_is() -> None:
    """Somebody has brought another file since: the changes were made of another one."""
    other = with_rails(9)
    first = change(FIRST, SECOND)
    revisions = taking(other, first, in_force(first))
    assert (revisions.current, revisions.problem) == (other, "")


def test_of_two_changes_of_one_number_all_nodes_make_the_same() -> None:
    """Two operators at once: whichever came first here, the one with the lower id is made, and the other one leads on from nothing."""
    ours, theirs = change(FIRST, SECOND, nonce=1), change(FIRST, THIRD, nonce=2)
    lower = min(ours, theirs, key=id_of)
    for items in ((ours, theirs), (theirs, ours)):
        revisions = taking(FIRST, *items, *map(in_force, items))
        assert revisions.current.fingerprint == lower.after


def test_a_late_word_for_an_older_change_does_not_take_a_newer_one_back() -> None:
    """Its client hung between the two words; meanwhile another one was prepared from the same, and put in force."""
    older, newer = change(FIRST, SECOND, 1), change(FIRST, THIRD, 2)
    revisions = taking(FIRST, older, newer, in_force(newer))
    assert revisions.current.fingerprint == THIRD.fingerprint
    revisions.take(b"late", in_force(older))
    assert revisions.current.fingerprint == THIRD.fingerprint


def test_changes_that_have_nothing_to_do_with_the_file_are_counted() -> None:
    """An edited file, or another version's: what was changed live is in none of it, and that is to be told."""
    first = change(FIRST, SECOND)
    assert taking(with_rails(9), first, in_force(first)).passed_over == 1
    assert [taking(file, first, in_force(first)).passed_over for file in (FIRST, SECOND)] == [0, 0]
    assert taking(with_rails(9), first).passed_over == 0, "it is not in force"


def test_a_change_that_leads_elsewhere_than_it_says_is_not_made_and_told() -> None:
    """A version that reads the file another way does not trade on what it cannot make."""
    revision = msgspec.structs.replace(change(FIRST, SECOND), after=THIRD.fingerprint)
    revisions = taking(FIRST, revision)
    assert revisions.prepared.endswith("bring all hosts to one version first")
    revisions.take(b"2", in_force(revision))
    assert revisions.current is FIRST
    assert f"leads to {SECOND.fingerprint} here, not to {THIRD.fingerprint}" in revisions.problem


@pytest.mark.parametrize(
    ("after", "key"),
    [
        (small("[mesh]\nbase_port = 7500\n"), "mesh.base_port"),
        (small('[rails]\ndaily_reset = "22:00"\n'), "rails.daily_reset"),
        (small("[rails]\ndaily_loss_percent = 4\n"), "rails.daily_loss_percent"),
        (small("[fleet]\nloss_percent = 4\n"), "fleet.loss_percent"),
        (small("[caps]\nlots = 50\n"), "caps"),
        (small(a2="caps = {lots = 50}"), "account.a2.caps"),
        (small(a1='mode = "shadow"'), "account.a1.mode"),
        (small(a3=""), "account.a3"),
    ],
)
def test_what_cannot_change_live_is_refused_though_it_is_signed(after: Config, key: str) -> None:
    """Whatever a client thought: the node looks itself."""
    before = small()
    with pytest.raises(BadConfig, match=rf"{key}.* cannot change live"):
        revised(before, change(before, after))


@pytest.mark.parametrize(
    "patch",
    [
        b"", b"null", b"[[], []]", b'[[["rails"]], []]', b'[[[["rails", 1], 2]], []]', b"[" * 5_000, b"\xff",
        b'[[[["rails", "risk_percent"], ' + b"[" * 900 + b"]" * 900 + b"]], []]",
        b'[[[["nowhere", "x"], 1]], []]', b"[[[[], 1]], []]", b"[[], [[]]]", b'[[[["rails"], 1]], []]', b'[[], [["mesh"]]]',
    ],
)
def test_a_damaged_patch_is_the_one_named_error(patch: bytes) -> None:
    """Never another exception, never a change."""
    revision = msgspec.structs.replace(change(FIRST, SECOND), patch=patch)
    with pytest.raises(BadConfig):
        revised(FIRST, revision)
    assert taking(FIRST, revision, in_force(revision)).current is FIRST


@given(st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(msgspec.json.encode))
def test_any_patch_is_a_configuration_or_that_error(patch: bytes) -> None:
    """What comes with a good signature may still be nonsense."""
    revision = msgspec.structs.replace(change(FIRST, SECOND), patch=patch)
    assert taking(FIRST, revision, in_force(revision)).current is FIRST


def test_groups_and_sections_come_and_go() -> None:
    """A key that is in one of the two alone is set or taken away."""
    plain, grouped = small(), small(GROUPED)
    for before, after in ((plain, grouped), (grouped, plain)):
        assert revised(before, change(before, after)).settings == after.settings
    sized = small(a1="sizing = {kind = \"lots\", lots = 0.5}")
    assert revised(plain, change(plain, sized)).settings.account["a1"].sizing == SizingSection(kind="lots", lots=Decimal("0.5"))


def test_a_host_keeps_its_own_caps() -> None:
    """What a host has drawn closer stays so, under the fleet's fingerprint; where both leave nothing the change is not made there."""

    def narrow(config: Config) -> Config:
        if config.settings.rails.positions_count == 2:
            raise BadConfig("caps.a1: nothing is left")
        accounts = {name: msgspec.structs.replace(each, caps=CapsSection(positions_count=1)) for name, each in config.account.items()}
        return config.narrowed(msgspec.structs.replace(config.settings, account=accounts), narrow)

    first, second = chain(FIRST, SECOND, THIRD)
    revisions = taking(narrow(FIRST), first, in_force(first))
    assert revisions.current.fingerprint == SECOND.fingerprint
    assert revisions.current.caps_of("a1").positions_count == 1
    assert revisions.current.whole.effective() == SECOND.effective()
    revisions.take(b"r", second)
    revisions.take(b"a", msgspec.structs.replace(in_force(second), revision=b"r"))
    assert (revisions.current.fingerprint, revisions.problem) == (SECOND.fingerprint, "caps.a1: nothing is left")


def test_a_change_too_long_to_travel_is_told() -> None:
    """It has to fit into what one signature covers."""
    names = {f"account-{number:024d}": "" for number in range(600)}
    many = [f'"{name}"' for name in names]
    before = parse(small_mesh("", names))
    after = parse(small_mesh(f"[group]\nfx = [{', '.join(many)}]\n", names))
    with pytest.raises(BadConfig, match=f"the limit is {PATCH_BYTES_MAX:,}: make it in parts"):
        patch_of(before, after)


def test_stops_are_no_changes() -> None:
    """They travel in the same set."""
    revisions = Revisions(FIRST)
    revisions.take(b"1", Entry("operator", 1, 5, "FREEZE", "all", "news"))
    assert revisions.current is FIRST
