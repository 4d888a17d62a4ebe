"""Planted bugs: each text is where it is said to be, planting works, and some are found while one waits (``make mutants``: all)."""

import ast
import subprocess
import sys

import pytest

import mesh.ids
from tests.sim.mutants import table
from tests.sim.mutants.catalogue import MUTANTS, mutant_of
from tests.sim.mutants.hunt import NONE, Find
from tests.sim.mutants.mutant import CHECKOUT, Change, Mutant, plant

LEAST = 36
QUICK = ("intent_not_synced", "published_before_commit", "final_ack_before_commit", "outcome_told_before_commit")
"""Found in a few seeds."""
QUICK_SEEDS = 2


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_text_of_each_mutant_is_there_once(mutant: Mutant) -> None:
    """What is planted is Python, and another module than before; of each file there is one."""
    for change in mutant.changes:
        changed, source = change.source(), (CHECKOUT / change.path).read_text("utf-8")
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source))
    assert len({change.path for change in mutant.changes}) == len(mutant.changes)


def test_there_are_enough() -> None:
    """The issue asks for thirty at least."""
    assert len(MUTANTS) >= LEAST


def test_a_text_that_is_gone_fails_loudly() -> None:
    """A mutant has to be planted anew where its text has changed, or is no longer the only one."""
    with pytest.raises(AssertionError, match=r"its text is 0 times in mesh/ids.py, not once"):
        Change("mesh/ids.py", "no such text", "x").source()
    with pytest.raises(AssertionError, match=r"its text is \d+ times"):
        Change("mesh/ids.py", "oid", "x").source()
    with pytest.raises(AssertionError, match=r"mesh/ids.py stays as it is"):
        Change("mesh/ids.py", "def magic_of", "def magic_of").source()


def test_planting_too_late_fails_loudly() -> None:
    """What is imported already stays as it is."""
    assert mesh.ids.magic_of
    with pytest.raises(AssertionError, match=r"mesh.ids is imported already"):
        plant(mutant_of("magic_without_attempt"))


def test_no_mutant_of_another_name() -> None:
    """The names that are there are said."""
    with pytest.raises(ValueError, match=r"mutant 'nonsense': intent_not_synced, .* are there"):
        mutant_of("nonsense")


def test_planting_changes_the_process_alone() -> None:
    """The file on disk is what it was; the import is not."""
    told = "from mesh.ids import magic_of; print(magic_of(b'o', 'a', 1) == magic_of(b'o', 'a', 2))"
    plants = "from tests.sim.mutants.mutant import plant; from tests.sim.mutants.catalogue import mutant_of; "
    plants += "plant(mutant_of('magic_without_attempt')); "
    before = (CHECKOUT / "mesh" / "ids.py").read_bytes()
    for words, same in ((told, "False"), (plants + told, "True"), (told, "False")):
        done = subprocess.run([sys.executable, "-c", words], cwd=CHECKOUT, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == same
    assert (CHECKOUT / "mesh" / "ids.py").read_bytes() == before


BOTH = (
    "from tests.sim.mutants.mutant import Change, Mutant, plant; "
    "plant(Mutant('both', 'none', 'mesh/tellers.py', 'TELLERS_MAX = 64', 'TELLERS_MAX = 2', "
    "also=(Change('mesh/ids.py', 'def magic_of', 'other = 1\\n\\n\\ndef magic_of'),))); "
    "from mesh import ids, tellers; print(tellers.TELLERS_MAX, ids.other)"
)
"""Two files are changed."""


def test_all_changes_of_a_mutant_are_planted() -> None:
    """A rule that two guards keep is broken in both, or in neither."""
    done = subprocess.run([sys.executable, "-c", BOTH], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "1"]
    late = subprocess.run([sys.executable, "-c", f"import mesh.ids; {BOTH}"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert "mesh.ids is imported already: both has to be planted before" in late.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_some_are_found(name: str) -> None:
    """In another process, by the ordinary swarm."""
    assert table.hunted(name, QUICK_SEEDS).seed


@pytest.mark.slow
def test_without_a_mutant_nothing_is_found() -> None:
    """The same seeds, the code as it is."""
    assert table.hunted(NONE, 2) == Find(NONE, count=2)


def test_the_table_says_what_was_found_and_what_was_not() -> None:
    """A mutant that survives is no smaller a line."""
    finds = [Find("intent_not_synced", 3, 3, "I2"), Find("rollback_forgotten", 9, 9, "I8"), Find("gaps_not_asked", count=500)]
    lines = list(table.rows(finds))
    assert lines[0].startswith("| intent_not_synced | I2: ")
    assert lines[0].endswith(" | nodes/local/desk.py | 3 | I2 |")
    assert " | nodes/local/homelink.py, nodes/master/account.py | 9 | I8 |" in lines[1]
    assert lines[2].endswith(" | **none** |  |")
    assert lines[3] == "\n2 of 3 found; seeds to find: median 6, worst 9."


def test_the_kept_table_names_every_mutant() -> None:
    """``make mutants`` writes it whole."""
    text = table.TABLE.read_text("utf-8")
    assert [mutant.name for mutant in MUTANTS if f"| {mutant.name} |" not in text] == []
    assert "**none**" not in text
