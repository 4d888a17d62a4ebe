"""What kind of terminal a word of the configuration names (``account.NAME.terminal``, ``terminal=`` of a live feed): read here alone."""

from typing import Literal

Kind = Literal["broker", "simulated", "real"]
BROKER: Kind = "broker"
"""Hosted by this mesh's own broker: ``sim``."""
SIMULATED: Kind = "simulated"
"""A simulated server elsewhere: a ``sim.toml``, or another mesh's broker (``tcp://host:port``)."""
REAL: Kind = "real"
"""The path of a terminal64.exe."""


def is_endpoint(terminal: str) -> bool:
    """Whether a word names something that listens, and no file."""
    return "://" in terminal


def kind_of(terminal: str) -> Kind:
    """The kind of terminal that a word names."""
    if terminal == "sim":
        return BROKER
    if is_endpoint(terminal) or terminal.endswith(".toml"):
        return SIMULATED
    return REAL
