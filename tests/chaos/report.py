"""The report of a campaign, as Jepsen's are: what was done to the mesh, what it did, what does not hold, and how sure that makes us."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from mesh.messages.orders import OPEN
from mesh.units import MS_NS
from nodes.decisions import PUBLISHED
from nodes.io.cli.stoprun import percentile
from tests.chaos.books import Books
from tests.chaos.campaign import Course, Wishes
from tests.chaos.checker import Checker
from tests.chaos.load import SOURCE
from tests.chaos.running import Mesh
from tests.chaos.stops import Stop

STORIES_MAX = 20
BOUND_95 = 3
"""With N trials and no failure, the rate of failures is below 3/N with 95 % confidence."""


def checked(mesh: Mesh, course: Course, books: Books) -> Checker:
    """Every check over a campaign that has ended."""
    checker = Checker(books, mesh.config)
    checker.check_books()
    summary = mesh.summary()
    checker.check_lines(summary)
    checker.check_signals(course.load.sent, course.load.answers, SOURCE)
    checker.check_stops(course.stops)
    checker.check_isolations(course.nemesis.isolations)
    checker.check_audits(mesh.state, list(mesh.config.node))
    checker.check_seconds(course.nemesis.seconds)
    checker.check_ends(course.nemesis.exits, mesh.state / "log")
    checker.check_end(course.stuck)
    checker.check_up(course.exit_code, course.output, summary, course.stuck)
    return checker


def document(mesh: Mesh, course: Course, wishes: Wishes, books: Books, checker: Checker) -> dict[str, Any]:
    """The report as data."""
    course.figures.read_logs(mesh.state / "log")
    published = [line for line in books.lines if line.record.code == PUBLISHED]
    opens = [line for line in published if line.record.action == OPEN]
    unknown = {(account, o.oid) for account, rows in books.outcomes.items() for o in rows.values() if o.code == "UNKNOWN"}
    retcodes = Counter(str(row["retcode"]) for sent in books.sent.values() for row in sent.answers)
    pairs = len(published)
    last_opens_ns = checker.last_opens_ns(course.nemesis.isolations)
    return {
        "format": 1,
        "verdict": "VIOLATIONS" if checker.found else "clean",
        "seed": wishes.seed,
        "seconds": round(course.seconds, 1),
        "locals": wishes.locals_count,
        "faults": {"total": len(course.nemesis.faults), **course.nemesis.counts},
        "failpoints_reached": reached(mesh.state / "log"),
        "ends": dict(sorted(course.nemesis.exits.items())),
        "restarted_by_the_operator": course.nemesis.restarted,
        "mesh_up_exit": course.exit_code,
        "second_starts": [ended.words for ended in course.nemesis.seconds],
        "signals": {"sent": len(course.load.sent), "answered": len(course.load.answers), "held_back": course.load.held_back_count},
        "pairs": {
            "decided": len(books.lines),
            "attempted": pairs,
            "a_second": round(pairs / course.seconds, 1),
            "opens": len(opens),
            "closes": pairs - len(opens),
        },
        "outcomes": dict(sorted(Counter(line.code for line in published).items())),
        "ended_by_the_master": dict(sorted(Counter(line.code for line in books.lines if line.record.code != PUBLISHED).items())),
        "order_sends": {
            "taken": sum(sent.taken_count for sent in books.sent.values()),
            "retcodes": dict(sorted(retcodes.items())),
            "undone_by_a_killed_broker": checker.undone_count,
        },
        "unknown": {"ever": len(unknown), "at_the_end": sum(line.code == "UNKNOWN" for line in published)},
        "adopted": len(books.adopted),
        "stops": _stops(course.stops),
        "isolated": {
            "locals": len(last_opens_ns),
            "opened_after": sum(last_ns > 0 for last_ns in last_opens_ns),
            "last_open_ms": max(last_opens_ns, default=0) / MS_NS,
        },
        "violations": len(checker.found),
        "violations_by_name": dict(Counter(violation.name for violation in checker.found)),
        "stories": [f"{violation.name}: {violation.story}" for violation in checker.found[:STORIES_MAX]],
        "bound_95": BOUND_95 / pairs if pairs else None,
        "figures_ms": course.figures.document(),
        "gray_never_flagged": course.figures.missed,
        "fault_log": [f"{fault.at_s:.1f} s {fault.kind}: {fault.what}" for fault in course.nemesis.faults],
    }


def _stops(stops: list[Stop]) -> dict[str, Any]:
    """What the operator's stops came to."""
    latched_ns = sorted(after_ns for stop in stops for after_ns in stop.latched_ns)
    return {
        "made": len(stops),
        "by_level": dict(sorted(Counter(stop.level for stop in stops).items())),
        "accounts": sum(stop.accounts_count for stop in stops),
        "confirmed": sum(len(stop.confirmed) for stop in stops),
        "latched_p50_ms": round(percentile(latched_ns, 50) / MS_NS, 1) if latched_ns else None,
        "latched_p99_ms": round(percentile(latched_ns, 99) / MS_NS, 1) if latched_ns else None,
    }


def reached(folder: Path) -> dict[str, int]:
    """Failpoints that were reached, by place and action, as the processes said."""
    counts: Counter[str] = Counter()
    for path in folder.glob("*.out*"):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("mesh: failpoint "):
                counts[" ".join(line.split()[3:])] += 1
    return dict(sorted(counts.items()))


def text(found: dict[str, Any]) -> str:
    """The report for people."""
    pairs, violations = found["pairs"], found["violations"]
    faults = {kind: count for kind, count in found["faults"].items() if kind != "total"}
    rows = [
        f"chaos: {found['verdict']}",
        f"seed {found['seed']}, {found['seconds']:.0f} s of faults, {found['locals']} locals",
        f"faults       {found['faults']['total']:,}: {_words(faults)}",
        f"failpoints   {sum(found['failpoints_reached'].values()):,} reached: {_words(found['failpoints_reached'])}",
        f"ends         {_words(found['ends'])}",
        f"operator     {len(found['restarted_by_the_operator'])} restarts of what stays down",
        f"started twice {_words(found['second_starts'])}",
        f"signals      {found['signals']['sent']:,} sent, {found['signals']['answered']:,} answered",
        f"pairs        {pairs['attempted']:,} order × account attempted ({pairs['opens']:,} opens, {pairs['closes']:,} closes), "
        f"{pairs['a_second']:g} a second; {pairs['decided']:,} lines decided",
        f"outcomes     {_words(found['outcomes'])}",
        f"by master    {_words(found['ended_by_the_master'])}",
        f"order_send   {found['order_sends']['taken']:,} taken, retcodes {_words(found['order_sends']['retcodes'])}, "
        f"{found['order_sends']['undone_by_a_killed_broker']} undone by a killed broker",
        f"unknown      {found['unknown']['ever']:,} ever, {found['unknown']['at_the_end']} at the end; "
        f"NOT_FOUND {found['outcomes'].get('NOT_FOUND', 0)}, FILLED_LATE {found['outcomes'].get('FILLED_LATE', 0)}",
        f"stops        {_words(found['stops'])}",
        f"isolated     {_words(found['isolated'])}",
        f"violations   {violations}" + (f": {_words(found['violations_by_name'])}" if violations else ""),
        *(f"  {story}" for story in found["stories"]),
    ]
    if not violations and found["bound_95"]:
        rows.append(f"bound        with 95 % confidence fewer than {found['bound_95']:.2g} of all pairs are doubled or lost (3/N)")
    for name, row in found["figures_ms"].items():
        numbers = " ".join(f"{key} {value:,} ms" for key, value in row.items() if key not in ("count", "target_p99"))
        target = f" (target p99 {row['target_p99']:,} ms)" if "target_p99" in row else ""
        rows.append(f"figure       {name}: {row['count']:,} times {numbers}{target}")
    if found["gray_never_flagged"]:
        rows.append(f"never flagged {_words(found['gray_never_flagged'])}")
    return "\n".join(rows)


def _words(found: dict[str, Any] | list[str]) -> str:
    if isinstance(found, dict):
        return ", ".join(f"{key} {value}" for key, value in found.items() if value) or "none"
    return ", ".join(found) or "none"


def write(found: dict[str, Any], path: Path) -> None:
    """JSON there, text beside it."""
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".txt").write_text(text(found) + "\n", encoding="utf-8")
