"""What every verb that acts shares: who acts, the question before it, and why somebody did not answer."""

import getpass
import os
import socket
import sys

from mesh.doors import BY
from mesh.errors import BadUsage
from mesh.messages.accounts import SymbolSpec
from mesh.messages.base import NAME_MAX
from mesh.units import SECOND_NS
from nodes.io.cli.client import Client
from nodes.io.cli.plaintext import say
from nodes.io.doorfiles import client_name

NOT_ALL = 3
"""Exit code where some account did not do it."""
NOT_DONE = 1
"""Exit code where the question was answered with no."""


def operator_name() -> str:
    """Who acts: user@host; a system that knows no name of him tells his number."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = f"uid-{os.getuid()}" if hasattr(os, "getuid") else "somebody"
    return f"{user}@{socket.gethostname()}"[:NAME_MAX]


def operator_word() -> str:
    """Who acts, as doors let it pass: the name of the key that is here, which they know, and behind it user@host, which is his own word."""
    return f"{client_name()}{BY}{operator_name()}"[:NAME_MAX]


def is_confirmed(question: str, yes: bool) -> bool:
    """Ask on a terminal; without one ``--yes`` is needed. Raises BadUsage."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise BadUsage("this acts on real positions: give --yes, or --dry-run to look first")
    try:
        said_yes = input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        said_yes = False
    if not said_yes:
        say("not done")
    return said_yes


def is_typed(word: str, question: str, yes: bool, why: str = "this cannot be taken back") -> bool:
    """Have a word typed on a terminal; without one ``--yes`` is needed. Raises BadUsage, saying ``why``."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise BadUsage(f"{why}: give --yes, or --dry-run to look first")
    try:
        is_same = input(f"{question}: ").strip() == word
    except EOFError:
        is_same = False
    if not is_same:
        say("not done")
    return is_same


def check_unasked(dry_run: bool, yes: bool) -> None:
    """Of an act whose answer is one JSON document: there is no place for a question in it. Raises BadUsage."""
    if not (dry_run or yes):
        raise BadUsage("--json: nobody is asked, for the answer is one document: give --yes, or --dry-run to look first")


def why_silent(client: Client, account: str) -> str:
    """What is known of a local that did not answer."""
    node = client.config.local_of(account)
    seen = client.view.nodes.get(node)
    if seen is None:
        return f"{node} was never seen"
    return f"{node} last seen {(client.now_ns() - seen[0]) / SECOND_NS:.1f} s ago, {seen[1].phase}"


def spec_of(client: Client, account: str, symbol: str) -> SymbolSpec | None:
    """A symbol as the account's broker trades it, by the broker's name; None where it was not told."""
    known = client.view.symbols.get(account)
    return next((spec for spec in known.symbols if spec.symbol == symbol), None) if known is not None else None
