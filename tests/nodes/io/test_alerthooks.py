"""Ways by which an alert leaves: each ends in time, none tells its secret, none runs a shell."""

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from mesh.errors import BadConfig
from mesh.settings import AlertsSection
from nodes.io import alertsender
from nodes.io.alerthooks import CommandHook, HookFailed, WebhookHook, hooks_of, webhook_of
from nodes.io.alertsender import WAITING_MAX, AlertSender, Delivery
from tests.nodes.io.webrig import WebRig

BODY = b'{"text":"x"}'


@contextmanager
def served(*status: int, hold: threading.Event | None = None, location: str = "") -> Iterator[WebRig]:
    rig = WebRig(*status, hold=hold, location=location)
    try:
        yield rig
    finally:
        if hold is not None:
            hold.set()
        rig.close()


def failed(hook: WebhookHook | CommandHook) -> HookFailed:
    with pytest.raises(HookFailed) as caught:
        hook.send(BODY)
    assert "s3cret" not in str(caught.value)
    return caught.value


# webhook


@pytest.mark.wire
def test_webhook_posts_the_json_as_it_is() -> None:
    """To the whole address, path and query with it."""
    with served(204) as rig:
        WebhookHook(rig.url, 5).send(BODY)
        assert (rig.bodies, rig.paths) == ([BODY], ["/hook?token=s3cret"])


@pytest.mark.wire
@pytest.mark.parametrize(("status", "is_final"), [(500, False), (429, False), (404, True), (302, True)])
def test_webhook_that_refuses_says_its_number_and_no_more(status: int, is_final: bool) -> None:
    """What may pass is tried again; a redirection is not followed, wherever it leads."""
    with served(200) as other, served(status, location=other.url) as rig:
        error = failed(WebhookHook(rig.url, 5))
        assert (str(error), error.is_final) == (f"HTTP {status}", is_final)
        assert other.bodies == []


@pytest.mark.wire
def test_webhook_that_never_answers_is_cut_off() -> None:
    """Before its server, which is held until the test is over, says a word: that word would be 200."""
    with served(200, hold=threading.Event()) as rig:
        failed(WebhookHook(rig.url, 0.3))


@pytest.mark.wire
def test_webhook_that_drips_is_cut_off() -> None:
    """A byte now and then renews no time-out: all of it has to come in time. Who waited for the end would find a 200."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        is_over = threading.Event()

        def drip() -> None:
            peer, _ = server.accept()
            with peer:
                for byte in b"HTTP/1.1 200 OK\r\nX-Drips: %b\r\nContent-Length: 0\r\n\r\n" % (b"x" * 400):
                    if is_over.wait(0.05):
                        return
                    try:
                        peer.sendall(bytes([byte]))
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        failed(WebhookHook(f"http://127.0.0.1:{server.getsockname()[1]}/s3cret", 0.4))
        is_over.set()
        thread.join(5)


@pytest.mark.wire
def test_webhook_where_nobody_listens_fails_without_its_address() -> None:
    """What the system says stands there, the address does not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "ConnectionRefusedError" in str(failed(WebhookHook(f"http://127.0.0.1:{port}/s3cret", 1)))


@pytest.mark.wire
def test_webhook_by_tls_believes_no_certificate_it_cannot_verify() -> None:
    """A server that speaks no TLS, or has no certificate anybody vouches for, gets nothing."""
    with served(200) as rig:
        failed(WebhookHook(rig.url.replace("http://", "https://"), 2))
        assert rig.bodies == []
    context = WebhookHook("https://alerts.example", 1)._tls
    assert context is not None
    assert (context.check_hostname, context.verify_mode.name) == (True, "CERT_REQUIRED")


@pytest.mark.parametrize(
    "address",
    [
        "ftp://x/s3cret", "https://", "https://user:s3cret@x/", "http://alerts.example/s3cret", "http://x y", "https://x:99999/s3cret",
        "s3cret",
    ],
)
def test_wrong_address_is_refused_and_not_shown(address: str) -> None:
    """It may hold a secret, however wrong it is."""
    with pytest.raises(BadConfig) as caught:
        WebhookHook(address, 1)
    assert "s3cret" not in str(caught.value)
    assert "alerts.webhook" in str(caught.value)


def test_address_comes_out_of_a_file_nobody_else_may_read(tmp_path: Path) -> None:
    """One line; a file others can read is refused, and so is one that is not there, or empty."""
    path = tmp_path / "hook"
    path.write_text("https://x/s3cret\n")
    path.chmod(0o600)
    assert webhook_of(f"file:{path}") == "https://x/s3cret"
    path.chmod(0o644)
    with pytest.raises(BadConfig, match="chmod 600"):
        webhook_of(f"file:{path}")
    path.chmod(0o600)
    for raw in (b"", b"\xff", b"x" * 5_000):
        path.write_bytes(raw)
        with pytest.raises(BadConfig):
            webhook_of(f"file:{path}")
    path.unlink()
    with pytest.raises(BadConfig, match="cannot be read"):
        webhook_of(f"file:{path}")


def test_hooks_are_those_that_are_configured() -> None:
    """One, the other, or both."""
    both = AlertsSection(webhook="https://x", command=["true"])
    assert [hook.name for hook in hooks_of(both)] == ["webhook", "command"]
    assert [hook.name for hook in hooks_of(AlertsSection(command=["true"]))] == ["command"]


# command


def python(script: str, *words: str, timeout_s: float = 20) -> CommandHook:
    return CommandHook([sys.executable, "-c", script, *words], timeout_s)


@pytest.mark.slow
def test_command_reads_the_json_and_no_shell_sees_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its words are handed over as they are; the passphrase of passwords is not in its environment."""
    monkeypatch.setenv("MESH_PASSPHRASE", "s3cret")
    out = tmp_path / "out"
    script = "import sys,json,os; json.dump([json.load(sys.stdin), sys.argv[2], 'MESH_PASSPHRASE' in os.environ], open(sys.argv[1],'w'))"
    python(script, str(out), "; rm -rf $HOME `id`").send(BODY)
    assert json.loads(out.read_text()) == [{"text": "x"}, "; rm -rf $HOME `id`", False]


@pytest.mark.slow
def test_command_that_fails_says_how() -> None:
    """Its exit code and its last words; one that cannot be started, or does not read, is no crash."""
    assert str(failed(python("import sys; sys.exit('no pager')"))).endswith("exit 1: no pager")
    assert "cannot be started" in str(failed(CommandHook(["/nonexistent/page-me"], 1)))
    assert failed(CommandHook(["a\0b"], 1)).is_final
    python("import os; os.close(0)").send(b"x" * 1_000_000)


@pytest.mark.slow
def test_command_that_hangs_is_killed_with_all_it_started(tmp_path: Path) -> None:
    """Its children, too."""
    out = tmp_path / "pid"
    script = (
        "import subprocess,sys,time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "open(sys.argv[1], 'w').write(str(child.pid)); time.sleep(60)"
    )
    assert "was killed" in str(failed(python(script, str(out), timeout_s=1.5)))
    pid = int(out.read_text())
    assert pid != os.getpid()
    gone, alive = psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], 5)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == [], gone


# sender


class Faulty:
    """A hook that fails so often, then takes; it may wait before each try."""

    def __init__(self, failures: int, name: str = "faulty", gate: threading.Event | None = None, is_final: bool = False) -> None:
        self.name = name
        self.left_count = failures
        self.tries: list[bytes] = []
        self._gate = gate
        self._is_final = is_final

    def send(self, body: bytes) -> None:
        self.tries.append(body)
        if self._gate is not None:
            self._gate.wait(20)
        if self.left_count:
            self.left_count -= 1
            raise HookFailed("no", self._is_final)


def delivered(sender: AlertSender) -> list[Delivery]:
    sender.close(10)
    return sender.results()


def tried(hook: Faulty, retry_count: int = 3) -> tuple[Delivery, list[float]]:
    """What became of one notice, and how long was rested between its tries."""
    rests: list[float] = []
    done = threading.Event()

    class Watched(Faulty):
        def send(self, body: bytes) -> None:
            try:
                hook.send(body)
            finally:
                if len(hook.tries) > retry_count or not hook.left_count or hook._is_final:
                    done.set()

    sender = AlertSender([Watched(0, hook.name)], retry_count, rests.append)
    sender.send(BODY)
    assert done.wait(10)
    (found,) = delivered(sender)
    return found, rests


def test_failed_tries_are_made_again_ever_later() -> None:
    """Until it is taken."""
    assert tried(Faulty(2)) == (Delivery("faulty", 3, "", BODY), [1.0, 2.0])


def test_tries_are_bounded_and_what_nobody_took_is_told() -> None:
    """So often and no oftener; a refusal that stays is not asked again."""
    hook = Faulty(99)
    found, rests = tried(hook)
    assert (found, rests, len(hook.tries)) == (Delivery("faulty", 4, "no", BODY), [1.0, 2.0, 4.0], 4)
    assert tried(Faulty(99, is_final=True)) == (Delivery("faulty", 1, "no", BODY), [])


def test_hook_that_hangs_holds_up_no_other_and_its_queue_is_bounded() -> None:
    """What does not fit is told as not delivered, at once."""
    gate = threading.Event()
    slow, quick = Faulty(0, "slow", gate), Faulty(0, "quick")
    sender = AlertSender([slow, quick], 0)
    for number in range(WAITING_MAX + 5):
        sender.send(b"%d" % number)
    gate.set()
    results = delivered(sender)
    quick_count = sum(each.hook == "quick" and not each.why for each in results)
    lost = [each for each in results if each.why]
    assert quick_count + sum(each.hook == "quick" for each in lost) == WAITING_MAX + 5
    assert {each.hook for each in lost} >= {"slow"}
    assert all("wait already" in each.why for each in lost)
    assert sum(each.hook == "slow" for each in results) == WAITING_MAX + 5


def test_end_does_not_wait_for_tries() -> None:
    """A hook that fails is not tried again when the process ends, and that is told."""
    gate = threading.Event()
    hook = Faulty(99, gate=gate)
    sender = AlertSender([hook], 10)
    sender.send(BODY)
    sender._is_over.set()
    gate.set()
    (found,) = delivered(sender)
    assert "this process ends" in found.why


def test_end_takes_no_longer_with_more_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first hook takes of the time, the second has not; the clock is the test's."""
    now_s, waits = 100.0, list[float]()

    def join(limit_s: float) -> None:
        nonlocal now_s
        waits.append(limit_s)
        now_s += min(limit_s, 1.5)

    monkeypatch.setattr(alertsender, "time", SimpleNamespace(monotonic=lambda: now_s))
    sender = AlertSender([Faulty(0, "one"), Faulty(0, "two"), Faulty(0, "three")], 0)
    threads, sender._threads = sender._threads, [SimpleNamespace(join=join) for _ in range(3)]
    sender.close(2.0)
    assert waits == [2.0, 0.5, 0.0]
    for thread in threads:
        thread.join(10)
