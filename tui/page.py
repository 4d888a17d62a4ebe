"""What every page of the console is: a widget that is shown the state again and again while it is in front; and every detail above one."""

from typing import ClassVar

from textual.containers import Vertical
from textual.screen import Screen

from tui.inconsole import InConsole
from tui.state import State


class Page(InConsole, Vertical):
    """One page. ``NAME``: its id and word; ``KEY``: the key that brings it to the front."""

    NAME: ClassVar[str]
    TITLE: ClassVar[str]
    KEY: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(id=self.NAME)

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now; called ten times a second at most, and only while the page is in front."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """It is there: drawn once it knows its size, if it is in front by then."""
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if self.main.page is self:
            self.main.draw()
            self.front()

    def front(self) -> None:
        """It came to the front: give the focus to what is used first."""
        for widget in self.query("Table, Input"):
            if widget.focusable:
                widget.focus()
                return


class Above(InConsole):
    """A screen above a page, which is shown the state as often as the page is."""

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now, once it is mounted."""


class Detail(Above, Screen[None]):
    """One that has the whole screen."""

    def on_mount(self) -> None:
        """Draw it at once."""
        self.main.draw()
        self.show(self.main.state, self.main.now_ns())  # it counts as mounted only after this
