"""Who is at no screen: a mesh whose numbers are scraped while it trades, and whose stop calls somebody."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bench.rig.layout import free_ports
from mesh.counters import CATALOGUE
from mesh.metrics import COUNTERS
from nodes.io.locate import demo_text
from tests.e2e.meshrig import Rig
from tests.nodes.io.webrig import WebRig
from tests.ports import COUNT

pytestmark = pytest.mark.e2e
WAIT_S = 40


@contextmanager
def hook() -> Iterator[WebRig]:
    rig = WebRig()
    try:
        yield rig
    finally:
        rig.close()


def page(target: str) -> dict[str, list[Any]]:
    """The samples of a node, by name."""
    with urllib.request.urlopen(f"http://{target}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found: dict[str, list[Any]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def called(web: WebRig, kind: str, event: str) -> dict[str, Any]:
    """The next call of a kind; others may come before."""
    while web.wait(WAIT_S):
        document: dict[str, Any] = json.loads(web.bodies[-1])
        found = [each for each in map(json.loads, web.bodies) if (each["kind"], each["event"]) == (kind, event)]
        if found:
            return dict(found[0])
    raise AssertionError(f"nobody was called of {kind} {event}: {web.bodies}\n{document if web.bodies else ''}")


def test_numbers_are_scraped_while_orders_flow_and_a_stop_calls_somebody(tmp_path: Path) -> None:
    """Each node at its own port, what flows is counted; killed is told, and so is its end; a command is called, too."""
    out = tmp_path / "calls"
    script = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')"
    with hook() as web:
        secret = tmp_path / "hook"
        secret.write_text(web.url)
        secret.chmod(0o600)
        command = json.dumps([sys.executable, "-c", script, str(out)])
        rig = Rig(tmp_path, f'{demo_text()}\n[metrics]\nbase_port = 9410\n[alerts]\nwebhook = "file:{secret}"\ncommand = {command}\n')
        first = rig.config.settings.mesh.base_port + COUNT
        rig.config_path.write_text(rig.text.replace("9410", str(free_ports(20, first, first + 500))), encoding="utf-8")
        with rig.started("watched") as process:
            rig.wait_ready("watched")
            assert rig.run("alerts", "test", "--config", str(rig.config_path)).returncode == 0
            findings = json.loads(rig.run("doctor", "--json", "--config", str(rig.config_path)).stdout)["findings"]
            assert [each["value"] for each in findings if each["area"] == "alerts"] == ["RUNNING"]
            assert called(web, "TEST", "raised")["count"] == 0
            targets = json.loads(rig.run("metrics", "targets", "--config", str(rig.config_path)).stdout)[0]["targets"]
            check_pages(rig, targets)
            stopped = rig.run("kill", "--reason", "news", "--config", str(rig.config_path))
            assert stopped.returncode == 0, stopped.stderr
            (alarm,) = called(web, "KILLED", "raised")["alarms"]
            assert alarm["words"].startswith("FREEZE all by ")
            assert alarm["words"].endswith(": news")
            assert "mesh resume all" in alarm["do"]
            resumed = rig.run("resume", "all", "--reason", "calm", "--yes", "--config", str(rig.config_path))
            assert resumed.returncode == 0, resumed.stderr
            assert called(web, "KILLED", "over")["count"] == 1
            code, output = rig.finish("watched", process)
        assert code == 0, output
    check_calls(out, web, tmp_path / "watched")


def check_pages(rig: Rig, targets: list[str]) -> None:
    """Every node has its page, with its own name, every counter, and what it does."""
    pages = [page(target) for target in targets]
    by_node = {each["trademesh_build_info"][0].labels["node"]: each for each in pages}
    assert by_node.keys() == rig.config.node.keys()
    for each in pages:
        assert {COUNTERS[name].name for name in CATALOGUE} <= each.keys()
        assert each["trademesh_snapshot_age_seconds"][0].value < 30
    assert by_node["market-1"]["trademesh_tick_total"][0].value > 0
    assert by_node["local-1"]["trademesh_leave_to_open"][0].value == 1
    assert by_node["local-1"]["trademesh_build_info"][0].labels["account"] == "demo-1"


def check_calls(out: Path, web: WebRig, state: Path) -> None:
    """The command heard what the webhook heard; the log has no secret, all was delivered, and of nodes that were to end nobody was told."""
    heard = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert sorted(each["kind"] for each in heard) == sorted(json.loads(body)["kind"] for body in web.bodies)
    assert {each["kind"] for each in heard} <= {"TEST", "KILLED"}
    log = (state / "log" / "alerts.log").read_text(encoding="utf-8")
    assert "s3cret" not in log
    assert "undelivered\"" not in log
    effective = (state / "effective.json").read_text(encoding="utf-8")
    assert "s3cret" not in effective
