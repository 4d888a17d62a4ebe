"""``python -m tests.fuzz --minutes 5 [--only NAME,…]``: every target led by coverage, each in a process of its own; 1 where something was
found.

``--target NAME --input FILE`` plays one input again, as it is said beside each finding; ``--measure NAME FILE…`` is what inputs take.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

from tests.fuzz.table import TARGETS
from tests.fuzz.target import Tally, Target, finding_of, median_ms

FOLDER = Path("build/fuzz")
"""Corpus and findings; not in git, and gone on with by the next run."""
RSS_MB_MAX = 1_024
GRACE_S = 90
"""For a process to start, and to go through what it has in its corpus."""
CRASHES = ("crash-", "timeout-", "oom-", "leak-")
"""How libFuzzer calls inputs that ended the process."""


class Running:
    """The process of one target."""

    def __init__(self, name: str, seconds: int, scratch: str) -> None:
        self.name = name
        self.tally = FOLDER / f"{name}.json"
        self.tally.unlink(missing_ok=True)
        self.before = self._crashes()
        self.log = FOLDER / f"{name}.log"
        self.give_up_s = time.monotonic() + seconds + GRACE_S
        with self.log.open("wb") as log:
            words = [sys.executable, "-m", "tests.fuzz.child", name, str(seconds), str(FOLDER), str(RSS_MB_MAX)]
            self.process = subprocess.Popen(words, stdout=log, stderr=log, env={**os.environ, "TMPDIR": scratch})

    def _crashes(self) -> set[Path]:
        return {path for kind in CRASHES for path in (FOLDER / "found").glob(f"{self.name}-{kind}*")}

    def ended(self) -> Tally:
        """Wait for its end; what it came to. A process that ended otherwise than it should is a finding as well."""
        try:
            code = self.process.wait(max(1.0, self.give_up_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        came = msgspec.json.decode(self.tally.read_bytes(), type=Tally) if self.tally.exists() else Tally()
        fresh = sorted(self._crashes() - self.before)
        for path in fresh:
            came.findings[path.name] = ["it ended the process", str(path)]
        if (code or not came.executed_count) and not fresh:
            came.findings[f"exit {code}"] = [self.log.read_text("utf-8", "replace").strip()[-400:], str(self.log)]
        took = measured(self.name, came.slow)
        came.slowest_ms = max((ms for _, ms in took), default=0.0)  # in the process that was watched it took several times as long
        for path, ms in took:
            if ms > TARGETS[self.name].limit_ms:
                came.findings[f"slow {path}"] = [f"{ms:.2f} ms of processor time; {TARGETS[self.name].limit_ms} are allowed", path]
        return came


def measured(name: str, files: list[str]) -> list[tuple[str, float]]:
    """What inputs take in a process that is not watched: the median of many."""
    if not files:
        return []
    words = [sys.executable, "-m", "tests.fuzz", "--measure", name, *files]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"measuring {name} ended with {done.returncode}: {done.stderr[-500:]}")
    return list(zip(files, map(float, done.stdout.split()), strict=True))


def fuzz(names: list[str], minutes: float, jobs: int) -> int:
    """Run all, tell what they came to; 1 where anything was found."""
    (FOLDER / "found").mkdir(parents=True, exist_ok=True)
    seconds = max(5, int(minutes * 60 * jobs / len(names)))
    print(f"{len(names)} targets, {seconds} s each, {jobs} at a time; corpus and findings in {FOLDER}")
    print(f"{'target':<11}{'executed':>10}{'a second':>10}{'slowest ms':>12}{'allowed':>9}{'RSS +MB':>9}  findings")
    found: dict[str, dict[str, list[str]]] = {}
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory()))
        waiting, running = list(names), list[Running]()
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(Running(waiting.pop(0), seconds, scratch))
                stack.callback(running[-1].process.kill)  # nothing where it has ended
            each = running.pop(0)
            came = each.ended()
            found[each.name] = came.findings
            rate, grown_mb = came.executed_count / max(came.spent_s, 0.001), came.rss_peak_mb - came.rss_start_mb
            limit_ms = TARGETS[each.name].limit_ms
            counts = f"{each.name:<11}{came.executed_count:>10,}{rate:>10,.0f}{came.slowest_ms:>12.2f}{limit_ms:>9}{grown_mb:>9.0f}"
            print(f"{counts}  {len(came.findings) or '-'}", flush=True)
    for name, findings in found.items():
        for place, (what, path) in findings.items():
            print(f"\n{name}: {place}\n  {what}\n  again: .venv/bin/python -m tests.fuzz --target {name} --input {path}")
    return 1 if any(found.values()) else 0


def memory() -> str | None:
    """A file system in memory, where there is one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def again(target: Target, path: Path) -> int:
    """Play an input again: what it gives, and what it takes."""
    raw = path.read_bytes()
    finding = finding_of(target, raw)
    print(finding.what if finding else "nothing: it is read, or refused as it should be", f"({median_ms(target, raw):.2f} ms)")
    if finding is not None:
        target.read(raw)  # for its traceback
    return 1 if finding else 0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--only", default="", help=f"targets, with commas between: {', '.join(TARGETS)}")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--input", type=Path)
    parser.add_argument("--measure", nargs="+", metavar=("NAME", "FILE"))
    chosen = parser.parse_args()
    if chosen.measure:
        name, *files = chosen.measure
        print(*(median_ms(TARGETS[name], Path(file).read_bytes()) for file in files))
        return 0
    if chosen.target:
        return again(TARGETS[chosen.target], chosen.input)
    names = chosen.only.split(",") if chosen.only else list(TARGETS)
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        parser.error(f"--only {unknown[0]}: there is no such target; allowed: {', '.join(TARGETS)}")
    if importlib.util.find_spec("atheris") is None:
        print("Atheris is ready-made for Linux on x86-64 alone, and is not here; `make test` does what needs no Atheris", file=sys.stderr)
        return 2
    return fuzz(names, chosen.minutes, chosen.jobs)


if __name__ == "__main__":
    sys.exit(main())
