"""What the keys do, on top of the page they were asked on."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.inconsole import InConsole

WORDS = """\
Everywhere
  1 … 6          Dashboard, Nodes, Trades, Control, Latency, Log
  Ctrl+X Ctrl+X  {chord}
  Ctrl+P         all commands          Ctrl+S  the screen as SVG
  ?  this help   d  dark or light      q  quit: {quits}
Tables
  up down PgUp PgDn Home End   move the cursor, which stays on its row
  Enter  open it               Esc   back
  s  S   next column, turn     /     filter as you type, Esc clears
  e      save as CSV           y     copy the row
Nodes
  g      group by router, by layer, or not
Trades
  p o l  positions, orders, deals      u  what needs a decision
  c      close a position              m  change SL or TP
Control
  f c x  FREEZE, CANCEL, FLATTEN a scope
  Enter  on a stop: end it             U  only this one
  p      close positions               r  reconcile an account
  a      ended stops, too              l  what locals say
  [ ]    older, newer of what was sent from here
Latency
  Tab    next part                     v V  next step, the one before
Log
  v      from which level on           n N  next warning, the one before
Marks
  ● fresh   ◐ late   ○ dead: old numbers are grey and tell their age
  ✗ down: it has ended; its supervisor says how and since when
  ‼ somebody has to decide   ✗ something is broken   · good to know
  * positions that are not ours
"""


CHORD = "within a second: FREEZE everything at once, no question"
CHORD_WATCHING = "freezes nothing here: this console only watches"
QUITS, ENDS = "the mesh goes on", "the run ends; asked once"


class Help(InConsole, ModalScreen[None]):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss(None)", "Back")]

    def compose(self) -> ComposeResult:
        """The words."""
        with VerticalScroll(id="help"):
            chord = CHORD_WATCHING if self.main.hands.why_not else CHORD
            yield Static(Text(WORDS.format(chord=chord, quits=ENDS if self.main.ends else QUITS)))
