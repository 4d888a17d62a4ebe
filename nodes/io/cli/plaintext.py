"""What a command prints. Words that came over the wire, out of a store or from a file cannot paint the terminal: they are escaped.

Every line for people that is no table goes through ``say``, every document for programs through ``say_json``, every word in a table
through ``grid.cell``; a test holds that no verb prints by itself.
"""

import json
import unicodedata
from typing import TextIO

NOT_OF_A_LINE = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of what no line of text has: control characters, halves of a character, separators of lines and paragraphs."""


def escaped(text: str) -> str:
    """The text, and in place of each sign that cannot be printed (an escape, a new line, a turn of direction) what it is: ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)


def foreign_sign(text: str) -> str:
    """The first sign that no line of text has; empty where there is none."""
    return next((sign for sign in text if unicodedata.category(sign) in NOT_OF_A_LINE), "")


def say(words: str, to: TextIO | None = None, at_once: bool = False) -> None:
    """One line for people. ``to``: where, standard output without it; ``at_once``: whoever reads a pipe has it now."""
    print(escaped(words), file=to, flush=at_once)


def say_json(document: object) -> None:
    """One document for programs; JSON escapes by itself."""
    print(json.dumps(document, indent=1))
