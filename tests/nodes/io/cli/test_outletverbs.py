"""``mesh alerts`` and ``mesh metrics``: what they print and how they end."""

import json
from pathlib import Path

import pytest

from mesh.errors import BadUsage
from nodes.io.cli.alerts import send_trial
from nodes.io.cli.metricsfiles import print_dashboard, print_rules, print_targets
from tests.nodes.io.webrig import WebRig
from tests.smallmesh import small_mesh


def written(folder: Path, more: str) -> Path:
    path = folder / "mesh.toml"
    path.write_text(small_mesh(f"[strategy.reversion]\n{more}"), encoding="utf-8")
    return path


@pytest.mark.wire
def test_trial_is_delivered_or_says_why_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each way by itself; 1 where one did not take it, and no address is shown."""
    web = WebRig(500, 200)
    try:
        path = written(tmp_path, f'[alerts]\nwebhook = "{web.url}"\ncommand = ["/nonexistent/page-me"]')
        assert send_trial(path) == 1
        out = capsys.readouterr().out
        assert "✗ webhook: HTTP 500" in out
        assert "✗ command: /nonexistent/page-me: cannot be started" in out
        assert "s3cret" not in out
        path = written(tmp_path, f'[alerts]\nwebhook = "{web.url}"')
        assert send_trial(path) == 0
        assert "✓ webhook: delivered" in capsys.readouterr().out
        assert json.loads(web.bodies[-1])["kind"] == "TEST"
    finally:
        web.close()


def test_without_the_sections_they_say_what_is_missing(tmp_path: Path) -> None:
    """And what to do."""
    path = written(tmp_path, "")
    with pytest.raises(BadUsage, match=r"put \[alerts\]"):
        send_trial(path)
    with pytest.raises(BadUsage, match=r"put \[metrics\]"):
        print_targets(path)


def test_targets_are_where_the_nodes_serve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For file_sd_configs of Prometheus; where every address is listened at, the node's own host is named."""
    assert print_targets(written(tmp_path, "[metrics]\nbase_port = 9500")) == 0
    (group,) = json.loads(capsys.readouterr().out)
    assert group["labels"] == {"mesh": "demo"}
    assert group["targets"][:2] == ["127.0.0.1:9500", "127.0.0.1:9501"]
    assert print_targets(written(tmp_path, '[metrics]\nhost = "::1"')) == 0
    assert json.loads(capsys.readouterr().out)[0]["targets"][0] == "[::1]:9410"
    assert print_targets(written(tmp_path, '[metrics]\nhost = "0.0.0.0"\nopen = true')) == 0
    assert json.loads(capsys.readouterr().out)[0]["targets"][0] == "127.0.0.1:9410"
    path = written(tmp_path, '[metrics]\nhost = "::"\nopen = true')
    path.write_text(path.read_text(encoding="utf-8").replace("[node.market-1]", '[node.market-1]\nhost = "[::1]"', 1), encoding="utf-8")
    assert print_targets(path) == 0
    assert json.loads(capsys.readouterr().out)[0]["targets"][0] == "[::1]:9410"


def test_files_are_printed_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dashboard that is JSON, rules that have each its alert."""
    assert print_dashboard(written(tmp_path, "")) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "trademesh demo"
    assert print_rules() == 0
    assert capsys.readouterr().out.count("- alert: Trademesh") > 15
