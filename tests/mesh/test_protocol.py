"""PROTOCOL.md names every message with its tag, and nothing that does not exist."""

import re
from pathlib import Path

from mesh.carriers import DOWN, UP
from mesh.links import WORKER
from mesh.messages import MESSAGE_TYPES, PROTOCOL_VERSION

TEXT = (Path(__file__).resolve().parents[2] / "mesh" / "PROTOCOL.md").read_text(encoding="utf-8")


def test_table_lists_every_message_with_its_tag() -> None:
    """The table of messages is the code's."""
    listed = {int(tag): name for tag, name in re.findall(r"\| (\d+) \| `(\w+)`", TEXT)}
    assert listed == {int(str(kind.__struct_config__.tag)): kind.__name__ for kind in MESSAGE_TYPES}


def test_version_is_the_codes() -> None:
    """The document is about the version that peers check."""
    assert f"version {PROTOCOL_VERSION}" in TEXT.splitlines()[0]


def test_grammar_uses_only_messages_there_are() -> None:
    """Every capitalised word of the grammar is a message of ours."""
    grammar = TEXT.split("```")[1]
    names = {kind.__name__ for kind in MESSAGE_TYPES}
    words = set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)*\b", grammar))
    assert sorted(words - names) == []


def said_in_grammar() -> set[tuple[str, str, str]]:
    """(link, side, message) of every message the grammar lets a side say; an order's body is no message of its own."""
    said: set[tuple[str, str, str]] = set()
    names = {kind.__name__ for kind in MESSAGE_TYPES} - {"OrderBody"}
    link = ""
    for line in TEXT.split("```")[1].strip().splitlines():
        link = link if line.startswith(" ") else line.split()[0]
        side = ""
        for word in re.findall(r"[CB](?:\(\w+\))?:|\w+", line):
            if word.endswith(":"):
                side = word[0]
            elif word in names and side:
                said.add((link, side, word))
    return said


def test_grammar_is_what_cores_let_in() -> None:
    """Who may say what on which link stands in the grammar and in ``mesh/carriers.py``: the same, each way."""
    table = {(link, side, kind.__name__) for side, way in (("C", UP), ("B", DOWN)) for link, kinds in way.items() for kind in kinds}
    assert said_in_grammar() == {row for row in table if row[0] != WORKER}
