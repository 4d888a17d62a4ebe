"""Every setting does something: a key that nobody reads would be a promise nobody keeps."""

import ast
from pathlib import Path

import pytest

from mesh import settings
from mesh.section import Section

READERS: dict[str, tuple[str, ...]] = {
    "MeshSection": ("mesh",),
    "TimerSection": ("timers", "timer_section"),
    "StoreSection": ("store",),
    "MarketSection": ("market",),
    "BrokerSection": ("broker",),
    "SymbolSection": ("section",),
    "RailsSection": ("rails",),
    "CapsSection": ("caps",),
    "FleetSection": ("fleet",),
    "SizingSection": ("section", "sizing"),
    "ManageSection": ("section",),
    "StrategySection": ("section", "strategy", "strategy[strategy]", "strategy[name]"),
    "AccountSection": ("section", "account", "account]", "account[account]"),
    "NodeSection": ("section", "node", "node[name]"),
    "ProcessSection": ("section", "process"),
    "FaultSection": ("fault",),
    "MetricsSection": ("metrics",),
    "AlertsSection": ("alerts",),
    "Settings": ("settings",),
}
"""What the code calls a section where it reads it."""


def reads() -> set[tuple[str, str]]:
    """(what is asked, attribute) of every attribute the code reads, but for the sections' own file."""
    root = Path(settings.__file__).parents[1]
    paths = [path for folder in ("mesh", "nodes") for path in (root / folder).rglob("*.py") if path != Path(settings.__file__)]
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Attribute)]
    return {(ast.unparse(node.value).split(".")[-1], node.attr) for node in nodes}


def unread(section: type[Section], found: set[tuple[str, str]]) -> list[str]:
    return [field for field in section.__struct_fields__ if not any((name, field) in found for name in READERS[section.__name__])]


def test_every_setting_is_read_by_some_code() -> None:
    """Each key of each section is asked of something named like that section."""
    found = reads()
    sections = [kind for kind in vars(settings).values() if isinstance(kind, type) and issubclass(kind, Section) and kind is not Section]
    assert {kind.__name__: unread(kind, found) for kind in sections} == {kind.__name__: [] for kind in sections}


def test_a_setting_nobody_reads_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key whose name others use, too, is found all the same."""

    class Odd(Section):
        id: str = ""
        currency: str = "USD"

    monkeypatch.setitem(READERS, "Odd", ("mesh",))
    assert unread(Odd, reads()) == ["currency"]
