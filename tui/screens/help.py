"""What the keys do, on top of the page they were asked on."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

WORDS = """\
Everywhere
  1 … 6          Dashboard, Nodes, Trades, Control, Latency, Log
  Ctrl+X Ctrl+X  within a second: FREEZE everything, at once, without a question
  Ctrl+P         all commands
  ?              this help          d        dark or light
  Ctrl+S         picture as SVG     q        quit: the mesh goes on (a demo started by `mesh up` ends)

Tables
  up down PgUp PgDn Home End        move the cursor, which stays on its row
  Enter          open it            Esc      back
  s, S           sort by the next column, turn the order (or click on a title)
  /              filter as you type, Esc clears
  e              export what is shown as CSV        y        copy the row

Marks
  ● fresh   ◐ late   ○ dead: nothing new for twice as long as usual; its numbers are grey and say how old they are
  ‼ somebody has to decide   ✗ something is broken   · good to know
  * positions that are not ours
"""


class Help(ModalScreen[None]):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss(None)", "Back")]

    def compose(self) -> ComposeResult:
        """The words."""
        with VerticalScroll(id="help"):
            yield Static(Text(WORDS))
