"""The commented example keeps its promise: every key is shown, and what is shown is the default."""

import re
import tomllib
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from mesh import settings
from mesh.config import parse
from mesh.section import Section
from nodes.io.preflight import checked

COMMENTED = re.compile(r"^# (?=\[|\w+ = )", re.MULTILINE)
"""A line that only waits for its # to be taken away."""
CHOSEN = {
    "mesh.id", "group", "market.digits", "account.demo-1.symbol_names", "account.demo-2.margin_mode", "account.demo-2.sizing.kind",
    "account.demo-2.sizing.lots", "account.demo-2.rails.daily_loss_percent", "node.market-1.port", "node.local-1.account",
    "node.local-2.account", "node.local-1.routers", "alerts.webhook",
}  # fmt: skip
"""Keys that have a default and show something else: names, and examples of what may be said."""


def example() -> str:
    return files("nodes.io").joinpath("example.toml").read_text(encoding="utf-8")


def whole() -> str:
    """The example with every commented line switched on."""
    return COMMENTED.sub("", example())


def shown(plain: dict[str, Any], section: Section, key: str = "") -> list[tuple[str, type[Section], str, Any]]:
    """(key, section's type, field, value read) of everything a document says."""
    found: list[tuple[str, type[Section], str, Any]] = []
    for name, item in plain.items():
        value = getattr(section, name)
        found.append((f"{key}{name}", type(section), name, value))
        if isinstance(value, Section):
            found += shown(item, value, f"{key}{name}.")
        for entry, below in enumerate(value) if isinstance(value, list) else ():
            found += shown(item[entry], below, f"{key}{name}.{entry}.") if isinstance(below, Section) else []
        for entry, below in value.items() if isinstance(value, dict) else ():
            found += shown(item[entry], below, f"{key}{name}.{entry}.") if isinstance(below, Section) else []
    return found


def test_every_key_is_shown() -> None:
    """Each field of each section stands in the example, switched on or commented."""
    seen = {(kind, field) for _, kind, field, _ in shown(tomllib.loads(whole()), parse(whole()).settings)}
    kinds = [kind for kind in vars(settings).values() if isinstance(kind, type) and issubclass(kind, Section) and kind is not Section]
    assert [f"{kind.__name__}.{field}" for kind in kinds for field in kind.__struct_fields__ if (kind, field) not in seen] == []


def test_what_is_shown_is_the_default() -> None:
    """Every plain value that has a default shows it, but for names and examples."""
    other: set[str] = set()
    for path, kind, field, value in shown(tomllib.loads(whole()), parse(whole()).settings):
        info = next(info for info in msgspec.structs.fields(kind) if info.name == field)
        default = info.default if info.default_factory is msgspec.NODEFAULT else info.default_factory()
        items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value]
        is_section = all(isinstance(item, Section) for item in items)
        if default is not msgspec.NODEFAULT and not is_section and value != default:
            other.add(path)
    assert other == CHOSEN


@pytest.mark.parametrize("text", [example(), whole()], ids=["as it is", "switched on"])
def test_example_is_a_good_configuration(text: str) -> None:
    """What `mesh init` writes passes every check, also with all its comments switched on."""
    assert checked(parse(text)).settings.process.keys() == ({"brain"} if text == whole() else set())
