"""Chains of peers: each carries what it is given, every fault of a message is counted, and no process outlives its bench."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from bench.chain import NotInstalled
from bench.chains import peers, processchain, server
from bench.chains.payload import BYTES, BYTES_MIN, maker, read
from bench.chains.processchain import ProcessChain
from bench.chains.tally import MISSING, PROBE, Tally
from bench.chains.tcp import messages
from bench.chains.variants import BARE, MESH, PEERS, VARIANTS
from bench.results import Counted
from bench.scenario import Options, Silent
from bench.scenarios import hop
from tests.tidy import project_root

COUNT, WARMUP_COUNT, RATE = 200, 10, 2_000.0
GONE_S = 10.0
"""No process of ours takes a tenth of this to end; a test that waits in vain ends."""
ORPHANED = """
import os, signal, sys
from bench.chains.processchain import ProcessChain
chain = ProcessChain(sys.argv[1], 1)
chain.start()
print(*chain.pids(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@contextmanager
def started(name: str, hops: int) -> Iterator[ProcessChain]:
    """A chain that is up; a skip, which is a failure under CI, where its parts are not on the machine."""
    chain = ProcessChain(name, hops)
    try:
        chain.start()
        yield chain
    except NotInstalled as error:
        pytest.skip(str(error))
    finally:
        chain.stop()


def is_there(pid: int) -> bool:
    """A process that has ended and waits to be taken note of is not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def tally_of(*taken: bytes, first: int = 1, count: int = 3) -> Tally:
    tally = Tally()
    tally.expect(first, count)
    for message in taken:
        tally.take(message)
    return tally


def counts(tally: Tally) -> tuple[int, int, int, int]:
    return tally.received, tally.doubled, tally.damaged, tally.out_of_order


def made(number: int) -> bytes:
    return maker(BYTES)(number, 0)


def test_payload_says_what_it_was_made_of() -> None:
    """Number and due time come back from a message of the size asked for; one too small for them is refused."""
    for size in (BYTES_MIN, BYTES, 4_000):
        message = maker(size)(7, 123_456_789)
        assert (len(message), read(message)) == (size, (7, 123_456_789))
    with pytest.raises(ValueError, match="19 bytes"):
        maker(BYTES_MIN - 1)


def test_each_damaged_byte_is_seen() -> None:
    """Whatever byte of a message changes, and wherever it is cut, it is no message."""
    message = made(7)
    for index in range(BYTES):
        changed = bytearray(message)
        changed[index] ^= 1
        assert read(bytes(changed)) is None
        assert read(message[:index]) is None


def test_tally_of_a_whole_segment() -> None:
    """All in order: nothing is counted but what came, and the segment is complete with the last one."""
    tally = tally_of(made(1), made(2))
    assert not tally.complete.is_set()
    tally.take(made(3))
    assert tally.complete.is_set()
    assert counts(tally) == (3, 0, 0, 0)
    assert min(tally.delays_ns) > 0


def test_lost_message_leaves_its_place() -> None:
    """What did not come has no delay; the others keep theirs, each at its own place."""
    tally = tally_of(made(1), made(3))
    assert counts(tally) == (2, 0, 0, 0)
    assert [delay == MISSING for delay in tally.delays_ns] == [False, True, False]
    assert not tally.complete.is_set()


def test_doubled_message_is_counted_once() -> None:
    """The second copy changes neither the count of those received nor the delay of the first."""
    tally = tally_of(made(1), made(2))
    before = tally.delays_ns.tolist()
    tally.take(made(2))
    assert counts(tally) == (2, 1, 0, 0)
    assert tally.delays_ns.tolist() == before


def test_damaged_message_is_not_received() -> None:
    """A message whose checksum does not fit, and one with a number that nobody has sent yet."""
    assert counts(tally_of(made(1), made(2)[:-1] + b"x", made(4))) == (1, 0, 2, 0)


def test_overtaken_message_is_out_of_order() -> None:
    """The one that comes late is counted, and received; the next segment takes none of this one's for its own."""
    tally = tally_of(made(2), made(1), made(3))
    assert counts(tally) == (3, 0, 0, 1)
    tally.expect(4, 2)
    for number in (3, 4, 5):
        tally.take(made(number))
    assert counts(tally) == (2, 0, 0, 1)


def test_probe_is_no_message() -> None:
    """Probes say that the chain is joined, at any time, and are not counted."""
    tally = tally_of()
    assert not tally.joined.is_set()
    for message in (made(PROBE), made(1), made(PROBE)):
        tally.take(message)
    assert tally.joined.is_set()
    assert counts(tally) == (1, 0, 0, 0)


class Chunks:
    """A connection that gives what it has in pieces of a size."""

    def __init__(self, stream: bytes, size: int) -> None:
        self._pieces = [stream[begin : begin + size] for begin in range(0, len(stream), size)]

    def recv(self, _size: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


@pytest.mark.parametrize("size", [1, 3, 4, 7, 1_000])
def test_tcp_finds_messages_in_any_pieces(size: int) -> None:
    """However the stream is cut, the messages are whole and in order; what is left incomplete is none."""
    sent = [b"", b"a", b"bc" * 50, made(1)]
    stream = b"".join(len(message).to_bytes(4, "little") + message for message in sent)
    assert list(messages(Chunks(stream + b"\x05\0\0\0half", size))) == sent


@pytest.mark.wire
@pytest.mark.parametrize("hops", [1, 4])
@pytest.mark.parametrize("name", PEERS)
def test_chain_carries_every_message(name: str, hops: int) -> None:
    """Two segments of one chain: each message comes once, whole and in order; nothing runs when it was stopped."""
    with started(name, hops) as chain:
        pids = chain.pids()
        assert len(pids) == hops + 1 + bool(VARIANTS[name].server)
        for _ in range(2):
            segment = chain.segment(RATE, COUNT, WARMUP_COUNT)
            assert segment.counted == Counted(sent=COUNT, received=COUNT)
            assert len(segment.whole_ns) == COUNT
            assert segment.whole_ns.min() > 0
    assert not [pid for pid in pids if is_there(pid)]


def test_chain_is_no_longer_than_it_can_be() -> None:
    """Bare sockets follow the mesh's own path of four hops; our own link here is one."""
    with pytest.raises(ValueError, match="mesh over 4 hops; 1 to 1 are possible"):
        ProcessChain(MESH, 4)
    for hops in (0, 5):
        with pytest.raises(ValueError, match=f"over {hops} hops; 1 to 4 are possible"):
            peers(hops)


@pytest.mark.wire
@pytest.mark.parametrize("name", [BARE, "nats"])
def test_nothing_outlives_a_killed_bench(name: str, tmp_path: Path) -> None:
    """The bench is killed while its chain is up: stages and server end by themselves."""
    if VARIANTS[name].server:
        try:
            server.Server(VARIANTS[name].server).path()
        except NotInstalled as error:
            pytest.skip(str(error))
    words = [sys.executable, "-c", ORPHANED, name]
    done = subprocess.run(
        words, cwd=project_root(), env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    pids = [int(word) for word in done.stdout.split()]
    assert len(pids) == 2 + bool(VARIANTS[name].server)
    left = [psutil.Process(pid) for pid in pids if is_there(pid)]
    psutil.wait_procs(left, timeout=GONE_S)
    assert not [pid for pid in pids if is_there(pid)]


@pytest.mark.wire
def test_stage_that_ends_is_told() -> None:
    """A relay is killed: the next segment fails with its name, and the others are ended all the same."""
    with started(BARE, 2) as chain:
        pids = chain.pids()
        psutil.Process(pids[1]).kill()
        with pytest.raises(RuntimeError, match=f"{BARE}, relay 1 ended"):
            chain.segment(RATE, COUNT, 0)
    assert not [pid for pid in pids if is_there(pid)]


@pytest.mark.wire
def test_stage_that_fails_says_why() -> None:
    """A payload too small for its numbers: the source's own words are in the error, and nothing is left."""
    chain = ProcessChain("tcp", 1, payload_bytes=BYTES_MIN - 1)
    try:
        with pytest.raises(RuntimeError, match=r"tcp, source ended before(.|\n)*a payload of 19 bytes"):
            chain.start()
        pids = chain.pids()
    finally:
        chain.stop()
    assert not [pid for pid in pids if is_there(pid)]


@pytest.mark.parametrize("name", ["nats", "redis"])
def test_missing_server_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the server's program nothing is started, and the error says how to get it."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(server, "SYSTEM_FOLDER", "")
    chain = ProcessChain(name, 1)
    with pytest.raises(NotInstalled, match=f"^not installed: {name}-server \\(apt-get install -y {name}-server\\)$"):
        chain.start()
    assert chain.pids() == []


@pytest.mark.parametrize("name", ["nats", "redis", "websockets"])
def test_missing_client_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the Python client nothing is started either."""
    monkeypatch.setattr(processchain, "find_spec", lambda _module: None)
    chain = ProcessChain(name, 1)
    package = VARIANTS[name].package
    assert package is not None
    with pytest.raises(NotInstalled, match=f"^not installed: {package[1]} \\(pip install {package[1]}\\)$"):
        chain.start()
    assert chain.pids() == []


@pytest.mark.wire
def test_hop_measures_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A smoke pass without the servers: a row a variant, whole where it ran, without numbers where it could not; nothing is left."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(server, "SYSTEM_FOLDER", "")
    before = psutil.Process().children(recursive=True)
    rows = {row.variant: row for row in hop.run(Options(is_smoke=True), Silent())}
    assert sorted(rows) == sorted(VARIANTS)
    for name in ("nats", "redis"):
        missing = rows.pop(name)
        assert missing.not_run == f"not installed: {name}-server (apt-get install -y {name}-server)"
        assert missing.stages == {}
    for row in rows.values():
        assert row.counted == Counted(sent=hop.SMOKE_COUNT, received=hop.SMOKE_COUNT)
        assert row.stages["whole"].ns["p50"] > 0
    assert psutil.Process().children(recursive=True) == before


@pytest.mark.parametrize("rate", [0.5, 60_000.0])
def test_hop_refuses_a_rate_that_nobody_keeps(rate: float) -> None:
    """Before anything is started, with the value and what is possible."""
    with pytest.raises(ValueError, match=f"a rate of {rate:g}/s; between 1 and 50000"):
        hop.run(Options(rate=rate), Silent())
