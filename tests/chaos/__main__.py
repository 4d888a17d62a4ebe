"""``make chaos MINUTES=10 [SEED=…] [LOCALS=…] [RATE=…] [ONLY=kind,…] [REPORT=chaos-report.json]``: a real mesh under faults; its report.

``python -m tests.chaos``. Exit 0 where every check holds, 1 where one does not, with the folder of the run kept.
"""

import argparse
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

from tests.chaos.books import read_books
from tests.chaos.campaign import Course, Wishes, run_campaign
from tests.chaos.faults import KINDS
from tests.chaos.plan import SETTLE_MS, configuration
from tests.chaos.report import checked, document, text, write
from tests.chaos.running import Mesh


def main() -> int:
    """Run, check, report."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--locals", type=int, default=12, dest="locals_count")
    parser.add_argument("--rate", type=float, default=4.0, help="signals a second, most of them to every account")
    parser.add_argument("--only", default="", help=f"kinds of faults, of {', '.join(KINDS)}")
    parser.add_argument("--report", type=Path, default=Path("chaos-report.json"))
    parser.add_argument("--folder", type=Path, default=None, help="where the run's files are made; a temporary folder")
    chosen = parser.parse_args()
    kinds = chosen.only.split(",") if chosen.only else list(KINDS)
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        parser.error(f"--only: {', '.join(unknown)}: there are {', '.join(KINDS)}")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    seed = chosen.seed if chosen.seed is not None else secrets.randbelow(1_000_000)
    folder = Path(tempfile.mkdtemp(prefix="trademesh-chaos-", dir=chosen.folder)).absolute()
    print(f"chaos: seed {seed}, {chosen.minutes:g} minutes, {chosen.locals_count} locals, files in {folder}", flush=True)
    wishes = Wishes(seed, chosen.minutes * 60, chosen.locals_count, chosen.rate, kinds, is_told=True)
    is_kept = True
    try:
        found = campaign(folder, wishes, SETTLE_MS)
        write(found, chosen.report)
        print(f"\n{text(found)}\nwritten: {chosen.report.absolute()}", flush=True)
        is_kept = bool(found["violations"])
    except KeyboardInterrupt:
        print("\nchaos: interrupted; there is no report", flush=True)
        is_kept = False
        return 130
    finally:
        if is_kept:
            print(f"kept: {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if found["violations"] else 0


def interrupted(number: int, frame: FrameType | None) -> None:
    """What ends it leaves nothing behind: once is enough, and a second time does not disturb the cleaning up."""
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt


def campaign(folder: Path, wishes: Wishes, settle_ms: int) -> dict[str, Any]:
    """One campaign in a folder: its report as data. ``settle_ms``: how long a lost attempt is looked for."""
    record = folder / "order_send.jsonl"

    def read(mesh: Mesh, course: Course) -> dict[str, Any]:
        books = read_books(mesh.config, mesh.state, record)
        return document(mesh, course, wishes, books, checked(mesh, course, books))

    return run_campaign(folder, configuration(wishes.seed, wishes.locals_count, record, settle_ms), wishes, read)


if __name__ == "__main__":
    sys.exit(main())
