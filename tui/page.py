"""What every page of the console is: a widget that is shown the state again and again while it is in front; and every detail above one."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Vertical
from textual.screen import Screen

from tui.state import State

if TYPE_CHECKING:
    from tui.app import Console


class Page(Vertical):
    """One page. ``NAME``: its id and word; ``KEY``: the key that brings it to the front."""

    NAME: ClassVar[str]
    TITLE: ClassVar[str]
    KEY: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(id=self.NAME)

    @property
    def main(self) -> "Console":
        """The console it is a page of."""
        return cast("Console", self.app)

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


class Detail(Screen[None]):
    """A screen above a page that is shown the state as often as the page is, once it is mounted."""

    @property
    def main(self) -> "Console":
        """The console it is a screen of."""
        return cast("Console", self.app)

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Draw it at once."""
        self.main.draw()
