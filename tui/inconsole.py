"""What every widget and screen of the console has: the console it is in."""

from typing import TYPE_CHECKING, cast

from textual.message_pump import MessagePump

if TYPE_CHECKING:
    from tui.app import Console


class InConsole(MessagePump):
    """To be named before the widget or screen that is made of it."""

    @property
    def main(self) -> "Console":
        """The console it is in."""
        return cast("Console", self.app)
