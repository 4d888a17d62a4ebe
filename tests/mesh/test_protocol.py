"""PROTOCOL.md names every message with its tag, and nothing that does not exist."""

import re
from pathlib import Path

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
