"""The command ``mesh``: ``app`` has the verbs, one module each does what a verb says. The only place that prints."""

from nodes.io.cli.app import main

__all__ = ["main"]
