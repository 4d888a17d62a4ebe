"""A program that has never heard of this project speaks to its nodes, with pyzmq and msgpack alone."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from mesh.config import Config, parse
from tests.ports import free_base_port
from tests.smallmesh import small_mesh
from tests.wire import foreign
from tests.wire.foreign import Foreigner

pytestmark = pytest.mark.wire


@pytest.fixture
def stranger() -> Iterator[Foreigner]:
    made = Foreigner()
    yield made
    made.close()


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    """The real signals node runs, in a process as supervisord starts it; everybody else is foreign. It ends well when asked."""
    text = small_mesh(f"[mesh]\nbase_port = {free_base_port()}\n[strategy.reversion]")
    (tmp_path / "mesh.toml").write_text(text)
    words = ["signals-1", "--config", str(tmp_path / "mesh.toml"), "--state", str(tmp_path / "state")]
    process = subprocess.Popen([sys.executable, "-m", "nodes.io.run", *words])
    try:
        yield parse(text)
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_foreign_file_is_foreign() -> None:
    """The foreign program imports nothing of ours."""
    tree = ast.parse(Path(foreign.__file__).read_text("utf-8"))
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert sorted(imported) == ["msgpack", "zmq"]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "typing"]


def signal_of(number: int) -> list[Any]:
    """A Signal of the indicator, as PROTOCOL.md has it: fields in order, those with defaults left out from the right."""
    sid = f"cci-1/EURUSD/M1/{number}/cci_up/14/100"
    return [22, sid, "cci-1", "cci_up", "EURUSD", "M1", 10**18, 110_000_000, 10**18 + 60 * 10**9, 1, "", 14, 10**10, 0]


@pytest.mark.slow
def test_foreign_source_and_foreign_master(config: Config, stranger: Foreigner) -> None:
    """A foreign source's signals go through the real signals node to a foreign master and come back answered, in order."""
    master = stranger.bind(zmq.ROUTER, config.endpoint("master-1", "decide"))

    def next_signal() -> tuple[bytes, list[Any]]:
        """Each hello gets its welcome; hellos are repeated, after a reconnect too."""
        while True:
            peer, fields = stranger.take(master)
            if fields[0] == 22:
                return peer, fields
            assert fields[:2] == [20, "signals-1"]
            stranger.send(master, [21, 64], peer)

    source = stranger.connect(zmq.DEALER, config.endpoint("signals-1", "signals"))
    stranger.send(source, [20, "cci-1", 7, 1, config.fingerprint])
    assert stranger.take(source)[1][0] == 21
    sent = [signal_of(number) for number in range(3)]
    for signal in sent:
        stranger.send(source, signal)
    taken: dict[str, list[Any]] = {}
    while len(taken) < len(sent):  # at least once: the same one may come again
        peer, signal = next_signal()
        taken.setdefault(signal[1], signal)
    assert [signal[:9] for signal in taken.values()] == [signal[:9] for signal in sent]
    for sid in taken:
        stranger.send(master, [23, sid, "ACCEPTED", ""], peer)
    answers = [stranger.take(source)[1] for _ in sent]
    assert [answer[:3] for answer in answers] == [[23, sid, "ACCEPTED"] for sid in taken]
    router = stranger.bind(zmq.PULL, config.endpoint("router-1", "status"))
    _, health = stranger.take(router)
    assert health[:3] == [120, "signals-1", "signals"]
    assert health[13]["signal_count"] == len(sent)
