"""``mesh up`` beside the mesh itself: ports that are taken, files of the end that cannot be written."""

import re
import socket
from pathlib import Path

import pytest

from mesh.config import parse
from mesh.errors import BadConfig
from nodes.io.cli import up
from nodes.io.cli.up import check_ports, written
from nodes.io.locate import Running, demo_text, remember, running_now
from tests.ports import free_base_port


def test_file_of_the_end_that_fails_is_told_and_hides_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A disk that is full by then must not cost the summary on the screen."""

    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    assert written(None, full) is None
    assert written(tmp_path / "a.json", lambda path: None) == tmp_path / "a.json"
    assert written(tmp_path / "a.json", full) is None
    assert "a.json cannot be written: No space left on device" in capsys.readouterr().err


@pytest.mark.wire
def test_port_in_use_says_what_to_do_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is a mesh of ours, the command that ends that one and no other; else its process and the key to change."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    text = demo_text().replace("[mesh]", f"[mesh]\nbase_port = {free_base_port()}", 1)
    config = parse(text)
    path = tmp_path / "mesh.toml"
    path.write_text(text)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", config.settings.mesh.base_port))
        holder.listen()
        with pytest.raises(BadConfig, match=r"node\.market-1: port \d+ is in use by pid .*; end it, or .*mesh\.base_port"):
            check_ports(config)
        remember(running_now(path, path, "demo", tmp_path / "state"))
        with pytest.raises(BadConfig, match=rf"end that mesh with `mesh down --config {path}`, or"):
            check_ports(config)
    check_ports(config)


@pytest.mark.wire
def test_port_that_a_connection_may_take_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Which ports, whose range, and two ways out; the default ones are not among them."""
    base = free_base_port()
    config = parse(demo_text().replace("[mesh]", f"[mesh]\nbase_port = {base}", 1))
    check_ports(config)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(up, "outgoing_ports", lambda: frozenset(range(base + 5, 65_000)))
    check_ports(config)
    told = capsys.readouterr().err
    assert re.match(rf"mesh: ports {base + 5} to \d+ are among .*\({base + 5} to 64999\).* mesh\.base_port below {base + 5}, or ", told)


def test_command_for_a_mesh_names_its_configuration() -> None:
    """The demo needs none."""
    assert Running("/e.json", "/m.toml", "a", "/s", 1, 1.0).command("down") == "mesh down --config /m.toml"
    assert Running("/e.json", "", "a", "/s", 1, 1.0).command("up") == "mesh up"
