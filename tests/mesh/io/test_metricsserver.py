"""A node's numbers by HTTP: what is served, to whom, and that nobody who asks can hold up anything."""

import http.client
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mesh.core import Note
from mesh.io import metricsserver
from mesh.io.clock import monotonic_ns
from mesh.io.metricsserver import HEAD_BYTES_MAX, MetricsServer
from mesh.io.node import Node
from tests.mesh.test_metrics import health
from tests.ports import free_base_port

pytestmark = pytest.mark.wire


class FakeLog:
    """What was noted."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def note(self, note: Note) -> None:
        self.notes.append(note)

    def names(self) -> list[str]:
        return [note.name for note in self.notes]


def fake_node() -> Any:
    """As much of a node as is served."""
    return SimpleNamespace(told_health=(monotonic_ns(), health()), log=FakeLog(), identity=SimpleNamespace(name="local-1"))


@pytest.fixture
def node() -> Any:
    return fake_node()


@pytest.fixture
def port() -> int:
    return free_base_port()


@pytest.fixture
def server(node: Any, port: int) -> Iterator[MetricsServer]:
    served = MetricsServer(cast(Node, node), "127.0.0.1", port)
    served.look()
    yield served
    served.close()


def ask(port: int, path: str = "/metrics", method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_page_is_what_prometheus_parses(server: MetricsServer, node: Any, port: int) -> None:
    """With the node's own name on every sample, and how old it is."""
    node.told_health = (monotonic_ns() - 7 * 10**9, health())
    status, page = ask(port)
    assert status == 200
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    assert {sample.labels["node"] for sample in samples} == {"local-1"}
    (age,) = [sample.value for sample in samples if sample.name == "trademesh_snapshot_age_seconds"]
    assert 7 <= age < 17
    assert server.url.endswith(f":{port}/metrics")


def test_only_get_of_one_page(server: MetricsServer, port: int) -> None:
    """Nothing can be written, nothing else be had; while there is nothing to be told yet, that is said."""
    assert ask(port, "/")[0] == 404
    assert ask(port, "/metrics?name=x")[0] == 200
    assert [ask(port, method=method)[0] for method in ("POST", "PUT", "DELETE", "HEAD")] == [501] * 4


def test_before_the_first_health_there_is_none(server: MetricsServer, node: Any, port: int) -> None:
    """That is an answer, too."""
    node.told_health = None
    assert ask(port)[0] == 503


def test_bad_clients_do_no_harm(server: MetricsServer, node: Any, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that says nothing, one that says it for ever, one that speaks another language, one that goes: then the page is served."""
    monkeypatch.setattr(metricsserver, "CLIENT_S", 0.2)
    for words in (b"", b"GET /metrics HTTP/1.1\r\n", b"x" * (2 * HEAD_BYTES_MAX), b"\x00\xff\r\n\r\n", b"GET\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            client.sendall(words)
            if words.startswith(b"x"):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        assert ask(port)[0] == 200
    with socket.create_connection(("127.0.0.1", port), 5):
        assert ask(port)[0] == 200
    server.look()
    assert node.log.names() == ["metrics_served"]


def test_port_that_is_taken_is_said_once_and_had_later(node: Any, port: int) -> None:
    """The node goes on without; when the port is free it is served."""
    with socket.create_server(("127.0.0.1", port)):
        served = MetricsServer(cast(Node, node), "127.0.0.1", port)
        for _ in range(3):
            served.look()
    assert node.log.names() == ["metrics_not_served"]
    assert f":{port}/metrics" in node.log.notes[0].fields["url"]
    served.look()
    try:
        assert ask(port)[0] == 200
        assert node.log.names() == ["metrics_not_served", "metrics_served"]
    finally:
        served.close()


def test_bug_of_ours_is_told_in_the_log(server: MetricsServer, node: Any, port: int) -> None:
    """The client gets nothing, the log says why, the server goes on."""
    node.told_health = (monotonic_ns(), None)
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(port)
    server.look()
    assert node.log.names() == ["metrics_served", "metrics_failed"]
    node.told_health = (monotonic_ns(), health())
    assert ask(port)[0] == 200


def test_end_waits_for_no_client(node: Any, port: int) -> None:
    """Its thread is gone, its port is free, whoever is connected."""
    served = MetricsServer(cast(Node, node), "127.0.0.1", port)
    served.look()
    ask(port)
    served.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "metrics local-1"]
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_thread_rests_between_metrics(server: MetricsServer, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's turn comes after each of them, not after all."""
    rests: list[float] = []
    monkeypatch.setattr(metricsserver.time, "sleep", rests.append)
    page = ask(port)[1]
    assert len(rests) == page.count("# TYPE")
    assert set(rests) == {metricsserver.REST_S}


def test_request_that_drips_is_cut_off_in_time(
    server: MetricsServer, node: Any, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then renews no time-out, and is no failure of ours."""
    monkeypatch.setattr(metricsserver, "CLIENT_S", 0.3)
    is_over = threading.Event()

    def drip() -> None:
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            while not is_over.wait(0.02):
                try:
                    client.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    thread.join(10)
    is_cut_off = not thread.is_alive()
    is_over.set()
    assert is_cut_off
    assert ask(port)[0] == 200
    server.look()
    assert node.log.names() == ["metrics_served"]
