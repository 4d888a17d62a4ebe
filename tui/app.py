"""The console: takes what the feed has ten times a second, and shows the page in front; the freeze chord works on every page.

All it knows is in ``tui.state``, all it can have done in ``tui.hands``. What is asked of the mesh runs in threads of its own and comes
back as a message, so that no answer is waited for on the screen.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from threading import Thread
from types import TracebackType
from typing import Any, ClassVar, Protocol, TypeVar

from textual import events, on
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import ContentSwitcher

from mesh.config import Config
from mesh.errors import MeshError
from mesh.units import MS_NS, SECOND_NS
from tui.feed import Batch, Feed
from tui.hands import Hands, Progress
from tui.page import Above, Page
from tui.screens import PAGES
from tui.screens.help import Help
from tui.screens.leave import Leave
from tui.state import State
from tui.tablemodel import plain
from tui.widgets.keys import Keys
from tui.widgets.top import Top

TURN_S = 0.1
"""Redrawn at most this often."""
FREEZE_ALL = "FREEZE all"
RESTS = 20
"""After a draw nothing is drawn for so many times what it took: with many accounts fewer pictures a second, never a busy processor."""
REST_S = 0.3
"""After the first page was drawn the others are made."""
AGES_NS = 500 * MS_NS
"""Without news, ages are drawn again this often."""
CHORD_NS = SECOND_NS
"""The second Ctrl+X has to come within this after the first."""
WIDTH_MIN, HEIGHT_MIN = 80, 24
T = TypeVar("T")


class Source(Protocol):
    """Where batches come from: the feed, or a test."""

    def start(self) -> None:
        """Begin to listen."""

    def take(self) -> Batch:
        """What came since the last call."""

    def stop(self) -> None:
        """Leave."""


class Told(Message):
    """How far a stop sent from here is. ``number``: of the run."""

    def __init__(self, number: int, progress: Progress | None = None, error: str = "") -> None:
        super().__init__()
        self.number = number
        self.progress = progress
        self.error = error


class Answered(Message):
    """The mesh answered: ``take`` does with it what was meant."""

    def __init__(self, take: Callable[[], None]) -> None:
        super().__init__()
        self.take = take


class Failing:
    """A thread's work whose failure is told, whatever it is: a thread that only ends would leave the operator waiting."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if error is not None:
            self._tell(str(error) if isinstance(error, MeshError) else f"{type(error).__name__}: {error}")
        return True


class Console(App[None]):
    """One console of one mesh. ``routers``: name → endpoint of its FRONT; ``ends``: what ends with it, empty where leaving ends nothing."""

    CSS_PATH = "app.tcss"
    TITLE = "trademesh"
    mounts_rest = True
    """Whether all pages are made soon, not only those that are asked for."""
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+x", "chord", "twice: FREEZE all", priority=True, show=False),
        *(Binding(page.KEY, f"page('{page.NAME}')", page.TITLE) for page in PAGES),
        Binding("question_mark", "help", "Help"),
        Binding("d", "dark", "Dark/light", show=False),
        Binding("ctrl+s", "picture", "Screenshot", show=False),
        Binding("q,ctrl+c", "quit", "Quit"),
    ]

    def __init__(
        self,
        config: Config,
        routers: Mapping[str, str],
        hands: Hands,
        now_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
        feed: Source | None = None,
        ends: str = "",
    ) -> None:
        super().__init__()
        self.config = config
        self.hands = hands
        self.now_ns = now_ns
        self.wall_ns = wall_ns
        self.ends = ends
        self.state = State(config, now_ns())
        self.feed: Source = feed or Feed(routers, now_ns)
        self.armed_ns = 0
        """When the first Ctrl+X came; 0: none waits for its second."""
        self._shown: tuple[object, ...] = ()
        self._heard: tuple[str, ...] = ()
        self._drawn_ns = 0
        self._rest_ns = 0
        self._is_over = False
        first = PAGES[0]
        self._front = first.NAME
        self._pages: dict[str, Page] = {first.NAME: first()}
        self._switcher = ContentSwitcher(initial=first.NAME)
        """The pages that are there: the first at once, the others when they are asked for, or a moment after the first was drawn."""

    # the screen

    def compose(self) -> ComposeResult:
        """The head, the first page (the others come when they are asked for), the keys."""
        yield Top()
        with self._switcher:
            yield self.page
        yield Keys()

    def on_mount(self) -> None:
        """Begin to listen."""
        self.feed.start()
        self.set_interval(TURN_S, self.turn)
        if self.mounts_rest:
            self.set_timer(REST_S, self.mount_rest)

    def on_unmount(self) -> None:
        """Leave the mesh."""
        self.feed.stop()

    @property
    def page(self) -> Page:
        """The page in front."""
        return self._pages[self._front]

    def mount_page(self, name: str) -> None:
        """Make a page that is not there yet, out of sight."""
        if name not in self._pages:
            page = self._pages[name] = next(page for page in PAGES if name == page.NAME)()
            page.display = False
            self._switcher.mount(page)

    def mount_rest(self) -> None:
        """Make all other pages: their first key is answered as soon as every later one."""
        for page in PAGES:
            self.mount_page(page.NAME)

    def turn(self) -> None:
        """Take what came; draw where that, the page or enough time is new."""
        if not self.is_running:
            return  # a turn while it closes, when its widgets go one by one
        if self._is_over:
            self.exit()
            return
        now_ns = self.now_ns()
        self.state.take(self.feed.take(), now_ns, self.wall_ns())
        if self.armed_ns and now_ns - self.armed_ns > CHORD_NS:
            self.armed_ns = self._drawn_ns = 0
        heard = self.state.ladder(), *(self.state.router_state(name, now_ns) for name in self.state.links)
        if heard != self._heard:
            self._heard = heard
            self.draw_heads(now_ns)  # however long the page rests: who is silent, and what is stopped, waits for no picture
        what = self.state.version, self.page.NAME, *heard
        is_new = what != self._shown and now_ns - self._drawn_ns >= self._rest_ns
        if is_new or now_ns - self._drawn_ns >= AGES_NS:
            self._shown, self._drawn_ns = what, now_ns
            self.draw()
            self._rest_ns = RESTS * (self.now_ns() - now_ns)

    def draw(self) -> None:
        """Show the state now, on the head of every screen, on every detail and the page in front."""
        now_ns = self.now_ns()
        self.draw_heads(now_ns)
        if self.page.is_mounted:
            self.page.show(self.state, now_ns)
        for screen in self.screen_stack:
            for keys in screen.query_children(Keys):
                keys.show()
            if isinstance(screen, Above) and screen.is_mounted:
                screen.show(self.state, now_ns)

    def draw_heads(self, now_ns: int) -> None:
        """The head of every screen, on those below, too: what lies above need not cover them."""
        for screen in self.screen_stack:
            for top in screen.query_children(Top):
                top.show(self.state, now_ns)

    def on_resize(self, event: events.Resize) -> None:
        """A terminal too small says so instead of showing half of the numbers."""
        self.set_class(event.size.width < WIDTH_MIN or event.size.height < HEIGHT_MIN, "-too-small")
        self._drawn_ns = 0

    # whoever started it, from another thread

    def leave(self) -> None:
        """Close the console with its next turn."""
        self._is_over = True

    def warn(self, words: str) -> None:
        """Tell the operator something of the run."""
        self._post(Answered(lambda: self.notify(words, severity="warning", timeout=15)))

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        **more: Any,
    ) -> None:
        """A word in the corner, as it is: what comes from outside is no markup and moves no cursor."""
        lines = "\n".join(plain(line) for line in message.split("\n"))
        super().notify(lines, title=plain(title), severity=severity, **(more | {"markup": False}))

    # keys

    def action_page(self, name: str) -> None:
        """Bring a page to the front."""
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.mount_page(name)
        self._front = self._switcher.current = name
        self.draw()
        if self.page.is_mounted:
            self.page.front()

    async def action_quit(self) -> None:
        """Leave; where something ends with it, only who says so twice."""
        if self.ends and not isinstance(self.screen, Leave):
            self.push_screen(Leave(self.ends))
        else:
            self.exit()

    def action_help(self) -> None:
        """What the keys do."""
        if not isinstance(self.screen, Help):
            self.push_screen(Help())

    def action_dark(self) -> None:
        """Dark or light."""
        self.theme = "textual-light" if self.current_theme.dark else "textual-dark"

    def action_picture(self) -> None:
        """The screen as an SVG file in the current directory."""
        try:
            path = self.save_screenshot()
        except OSError as error:
            self.notify(f"no picture: {error.strerror}", severity="error")
        else:
            self.notify(f"picture: {path}")

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The command palette: pages, then what Textual brings."""
        for page in PAGES:
            yield SystemCommand(f"Page: {page.TITLE}", f"Key {page.KEY}", lambda name=page.NAME: self.action_page(name))
        if not self.hands.why_not:
            yield SystemCommand("FREEZE everything", "Ctrl+X twice: no opens on any account, at once", self.freeze)
        yield from super().get_system_commands(screen)

    # stops

    def action_chord(self) -> None:
        """Ctrl+X: the second within a second freezes everything."""
        now_ns = self.now_ns()
        if self.armed_ns and now_ns - self.armed_ns <= CHORD_NS:
            self.armed_ns = 0
            self.freeze()
        else:
            self.armed_ns = now_ns
            self.draw()

    def freeze(self) -> None:
        """FREEZE everything, at once, and show how it takes. One that is under way is only shown: it repeats itself."""
        newest = next(reversed(self.state.runs.values()), None)
        is_under_way = newest is not None and newest.what == FREEZE_ALL and not newest.error
        if not (is_under_way and newest is not None and (newest.progress is None or not newest.progress.is_over)):
            self.send(FREEZE_ALL, self.hands.freeze_all)
        self.action_page("control")

    def send(self, what: str, act: Callable[[Callable[[Progress], None]], Progress]) -> int:
        """Have a stop, or the end of some, sent in a thread of its own: nothing it could wait behind. Its number in the state."""
        number = self.state.began(what, self.wall_ns())

        def send() -> None:
            with Failing(lambda words: self._tell(number, error=words)):
                act(lambda progress: self._tell(number, progress))

        Thread(target=send, name=f"stop-{number}", daemon=True).start()
        return number

    def ask(self, work: Callable[[], T], then: Callable[[T], None], failed: Callable[[str], None] | None = None) -> None:
        """Have the mesh asked in a thread of its own; ``then`` gets the answer, ``failed`` the words of a MeshError, in the app's."""

        def tell(words: str) -> None:
            self._post(Answered(lambda: failed(words) if failed is not None else self.notify(words, severity="error")))

        def call() -> None:
            with Failing(tell):
                answer = work()
                self._post(Answered(lambda: then(answer)))

        Thread(target=call, name="ask", daemon=True).start()

    def _post(self, message: Message) -> None:
        if self.is_running:
            self.post_message(message)

    @on(Answered)
    def take_answer(self, answered: Answered) -> None:
        """An answer came."""
        answered.take()
        self.draw()

    def _tell(self, number: int, progress: Progress | None = None, error: str = "") -> None:
        self._post(Told(number, progress, error))

    @on(Told)
    def take_told(self, told: Told) -> None:
        """A stop came further."""
        if told.progress is not None:
            self.state.told(told.number, told.progress)
        else:
            self.state.failed(told.number, told.error)
        self.draw()
