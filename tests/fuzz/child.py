"""One target under Atheris, in a process of its own: ``python -m tests.fuzz.child NAME SECONDS FOLDER RSS_MB``; started by ``tests.fuzz``.

It goes on after a finding: each is kept, by the place it comes from. What it came to is in ``FOLDER/NAME.json``, written again and again,
so that it is there when the process ends in libFuzzer's own way (a crash, a time-out, too much memory).
"""

import heapq
import resource
import sys
import time
from hashlib import sha256
from pathlib import Path
from random import Random

import atheris
import msgspec

OURS = ("mesh", "nodes", "tomllib")
NOT_INSTRUMENTED = ("nodes.kernels",)
"""Compiled by numba, which does not know what Atheris puts in."""
TIMEOUT_S = 20
SLOW_KEPT = 3
TELL_NS = 500_000_000


def rss_mb() -> float:
    """The most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """The command line."""
    name, seconds, folder, rss_limit_mb = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    with atheris.instrument_imports(include=list(OURS), exclude=list(NOT_INSTRUMENTED)):
        from tests.fuzz.table import TARGETS
        from tests.fuzz.target import Tally, finding_of

    target = TARGETS[name]
    corpus, kept = folder / "corpus" / name, folder / "found"
    for each in (corpus, kept):
        each.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / sha256(seed).hexdigest()[:20]).write_bytes(seed)
        finding_of(target, seed)
    tally = Tally(rss_start_mb=rss_mb())
    slowest: list[tuple[int, bytes]] = []
    began_ns = time.monotonic_ns()
    told_ns = 0

    def keep(kind: str, raw: bytes) -> str:
        path = kept / f"{name}-{kind}-{sha256(raw).hexdigest()[:12]}"
        path.write_bytes(raw)
        return str(path)

    def tell() -> None:
        tally.spent_s = (time.monotonic_ns() - began_ns) / 1e9
        tally.rss_peak_mb = rss_mb()
        tally.slowest_ms = max((spent_ns for spent_ns, _ in slowest), default=0) / 1e6
        tally.slow = [keep("slow", raw) for _, raw in slowest]
        (folder / f"{name}.json").write_bytes(msgspec.json.encode(tally))

    def one(raw: bytes) -> None:
        nonlocal told_ns
        began_cpu_ns = time.thread_time_ns()
        found = finding_of(target, raw)
        spent_ns = time.thread_time_ns() - began_cpu_ns
        tally.executed_count += 1
        if len(slowest) < SLOW_KEPT or spent_ns > slowest[0][0]:
            (heapq.heappushpop if len(slowest) == SLOW_KEPT else heapq.heappush)(slowest, (spent_ns, raw))
        if found is not None and found.place not in tally.findings:
            tally.findings[found.place] = [found.what, keep("finding", raw)]
        now_ns = time.monotonic_ns()
        if now_ns - told_ns > TELL_NS:
            told_ns = now_ns
            tell()

    def mutated(raw: bytes, bytes_max: int, seed: int) -> bytes:
        draw = Random(seed)
        made = target.mutate(raw, draw) if draw.random() < 0.8 else atheris.Mutate(raw, bytes_max)
        return made[:bytes_max]

    words = [
        sys.argv[0], str(corpus), f"-max_total_time={seconds}", f"-max_len={target.bytes_max}", f"-rss_limit_mb={rss_limit_mb}",
        f"-timeout={TIMEOUT_S}", f"-artifact_prefix={kept / name}-", "-verbosity=0", "-detect_leaks=0", "-len_control=0",
    ]  # fmt: skip
    atheris.Setup(words, one, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
