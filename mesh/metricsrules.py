"""When Prometheus calls somebody: rules over the metrics of ``mesh.metrics``, each with what to do, as a file Prometheus loads.

What is told of an account's money (daily loss) and terminal (algo trading) is in no node's numbers: ``mesh alerts`` tells of that.
"""

import msgspec

from mesh.metrics import COUNTERS, GAUGES, LINES, PHASE, PREFIX, SNAPSHOT_AGE, STAGE

PAGE, WARN = "page", "warn"
"""Severities: somebody has to come; somebody has to look."""
JOB = "trademesh"
"""The job's name in Prometheus: ``up`` is asked by it."""


class Rule(msgspec.Struct, frozen=True):
    """``hold_s``: how long it has to be so."""

    name: str
    expression: str
    hold_s: int
    severity: str
    words: str
    do: str


def _gauge(name: str) -> str:
    assert PREFIX + name in GAUGES, f"{name} is no gauge of mesh.metrics"
    return PREFIX + name


WATCHED_COUNTERS: dict[str, tuple[str, str]] = {
    "rescued_wakeup_count": (WARN, "report it: the event loop missed a wake-up, which must not happen"),
    "forged_count": (PAGE, "`mesh logs`: somebody between master and local changes what it carries, or a key was changed; see SECURITY.md"),
    "refused_guest_count": (WARN, "`mesh logs`: who knocks without a key, and from where"),
    "bad_frame_count": (WARN, "`mesh logs`: which peer sends what is no message of ours"),
    "unhandled_count": (WARN, "compare versions: `mesh status`"),
    "dropped_log_count": (WARN, "free the disk of the logs"),
    "venue_lost_count": (WARN, "look at the terminal of that account"),
    "adopted_count": (PAGE, "`mesh why` of the order: somebody executed what the master does not remember"),
    "passed_over_count": (PAGE, "`mesh verify`: records were asked for in vain"),
    "given_up_wait_count": (WARN, "this run is not comparable with others"),
    "feed_lost_count": (PAGE, "look at the terminal of the market"),
}
"""Counters that stand still while all is well: how grave it is that one moved, and what to do."""


def rules() -> tuple[Rule, ...]:
    """All of them."""
    return (
        Rule("NodeDown", f'up{{job="{JOB}"}} == 0', 30, PAGE, "a node's numbers cannot be had", "`mesh status`; `mesh logs NODE`"),
        Rule("NodeStands", f"{SNAPSHOT_AGE.name} > 5", 10, PAGE, "its loop has told nothing new for 5 s", "`mesh logs NODE`"),
        Rule(
            "NodeNotReady", f'sum by (node) ({PHASE.name}{{phase=~"READY|DONE"}}) == 0', 120, WARN, "not ready for 2 minutes",
            "`mesh wait-ready` says what it waits for",
        ),
        Rule("DeadMan", f"{_gauge('leave_to_open')} == 0", 10, PAGE, "a local has no leave to open: it opens nothing", "`mesh status`"),
        Rule("Killed", f"{_gauge('live_stops')} > 0", 0, WARN, "a stop binds", "`mesh entries`; `mesh resume SCOPE` ends it"),
        Rule("UnknownAttempt", f"{_gauge('unknown_attempts')} > 0", 60, PAGE, "nobody knows a result for 60 s", "`mesh unknown`"),
        Rule(
            "Unconfirmed", f'{LINES.name}{{state="UNCONFIRMED"}} > 0', 10, PAGE, "lines whose local is silent past their time",
            "`mesh orders`, and the local of that account",
        ),
        Rule("CloseWaits", f"{_gauge('closes_waiting')} > 0", 60, WARN, "a close waits for the market to open", "`mesh positions`"),
        Rule("LoopLags", f"{_gauge('loop_lag_seconds')} > 0.25", 60, WARN, "a trading loop lags", "who else has its processors?"),
        Rule("DiskFull", f"{_gauge('disk_free_bytes')} < 1e9", 60, WARN, "under 1 GB free where a store lies", "free that disk"),
        Rule(
            "MeshSlow", f'max by (stage) ({STAGE.name}{{stage!="broker",quantile="0.99"}}) > 0.25', 300, WARN,
            "a stage of the mesh takes over 250 ms", "`mesh status --stages`",
        ),
        *(
            Rule(_title(name), f"increase({COUNTERS[name].name}[5m]) > 0", 0, severity, COUNTERS[name].help, do)
            for name, (severity, do) in WATCHED_COUNTERS.items()
        ),
    )  # fmt: skip


def _title(counter: str) -> str:
    return "".join(word.capitalize() for word in counter.removesuffix("_count").split("_"))


def rules_file() -> str:
    """The file, as YAML; texts are quoted as JSON quotes them, which YAML reads."""
    lines = ["groups:", "  - name: trademesh", "    rules:"]
    for rule in rules():
        where = "{{ $labels.node }}{{ $labels.stage }}" if rule.name != "NodeDown" else "{{ $labels.instance }}"
        lines += [
            f"      - alert: Trademesh{rule.name}",
            f"        expr: {_quoted(rule.expression)}",
            f"        for: {rule.hold_s}s",
            f"        labels: {{severity: {rule.severity}}}",
            "        annotations:",
            f"          summary: {_quoted(f'{where}: {rule.words} ({{{{ $value }}}})')}",
            f"          description: {_quoted(rule.do)}",
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
