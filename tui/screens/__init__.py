"""The pages of the console, in the order of their keys."""

from tui.page import Page
from tui.screens.control import Control
from tui.screens.dashboard import Dashboard
from tui.screens.latency import Latency
from tui.screens.log import LogPage
from tui.screens.nodes import Nodes
from tui.screens.trades import Trades

PAGES: tuple[type[Page], ...] = (Dashboard, Nodes, Trades, Control, Latency, LogPage)
