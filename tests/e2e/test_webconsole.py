"""The console in a browser: a real one, headless, against `mesh console --serve` on a real mesh."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocket, sync_playwright

from bench.rig.layout import free_ports
from tests.e2e.meshrig import Rig

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SHOWN_S = 90


@contextmanager
def served(rig: Rig, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`mesh console --serve` and where it listens."""
    port = free_ports(1, 20_000, 20_900)
    command = rig.command("console", "--serve", "--port", str(port), "--config", str(rig.config_path), *words)
    with subprocess.Popen(
        command, cwd=rig.folder, env=rig.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert f"http://127.0.0.1:{port}" in line, line
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


class Shown:
    """What a page's terminal was sent: the words on its way to the screen."""

    def __init__(self, page: Page) -> None:
        self.text = ""
        self._page = page
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._take)

    def _take(self, payload: str | bytes) -> None:
        self.text += payload.decode("utf-8", "replace") if isinstance(payload, bytes) else payload

    def until(self, words: str) -> None:
        """Wait for words that are sent from now on."""
        left_ms = SHOWN_S * 1_000
        while words not in self.text:
            assert left_ms > 0, f"no {words!r} in what the browser was sent; its end: {self.text[-2_000:]!r}"
            self._page.wait_for_timeout(100)
            left_ms -= 100

    def forget(self) -> None:
        """Only what is sent from now on counts."""
        self.text = ""


def open_tab(page: Page, url: str) -> Shown:
    """The console in a tab, once it is there."""
    shown = Shown(page)
    page.goto(url)
    shown.until("trademesh")
    shown.until("router-1")
    return shown


def test_browser_sees_the_console_and_freezes_only_where_it_may(tmp_path: Path, needs: Callable[[str, str], str]) -> None:
    """Without --act it looks and is told why it may not; with it Ctrl+X twice freezes everything, and each account confirms."""
    chromium = needs("chromium", "chromium")
    rig = Rig(tmp_path)
    with rig.started("run"), sync_playwright() as browsers:
        rig.wait_ready("run")
        browser = browsers.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            with served(rig) as (_, url):
                shown = open_tab(browser.new_page(), url)
                shown.until("watch only")
                assert rig.run("entries", "--config", str(rig.config_path)).stdout == "no stop binds\n"
            with served(rig, "--act") as (_, url):
                page = browser.new_page()
                shown = open_tab(page, url)
                page.mouse.click(300, 300)
                shown.forget()
                page.keyboard.press("Control+x")
                page.keyboard.press("Control+x")
                shown.until("4 of 4 confirmed")
        finally:
            browser.close()
        assert "FREEZE" in rig.run("entries", "--config", str(rig.config_path)).stdout
