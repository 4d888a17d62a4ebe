"""What a Windows host starts with, run here with fakes: no real Windows has seen it."""

import re
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from xml.etree import ElementTree

import pytest

from mesh.config import parse
from nodes.io.hosts.folder import write_host
from nodes.io.hosts.hostfile import HOST_FILE
from nodes.io.hosts.hostkeys import fleet_keys
from nodes.io.hosts.plan import plans_of
from nodes.io.hosts.windows import command_text, install_text, start_name, start_text, task_name, task_text
from nodes.io.supervisorconf import STAY_DOWN
from tests.nodes.io.hosts.cmdscript import CmdScript
from tests.nodes.io.hosts.fleetfile import REAL

TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


class Programs:
    """Fakes: python ends with one code after the other; everything else does nothing, and is counted."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.pythons: list[str] = []
        self.waits: list[str] = []

    def __call__(self, line: str) -> int:
        if line.startswith("ping "):
            self.waits.append(line)
            return 0
        assert line.startswith("venv\\Scripts\\python.exe -P -m nodes.io.runhost local-3 --folder . >>"), line
        self.pythons.append(line)
        return self.codes.pop(0)


@pytest.mark.parametrize("code", STAY_DOWN)
def test_ended_on_purpose_it_stays_down(code: int) -> None:
    """As under supervisord: told to end, fenced, or wrong configuration; the window says with what."""
    programs = Programs(code)
    script = CmdScript(start_text("local-3", ["local-3"], "WIN", "watch-WIN"), programs)
    assert script.run() == code
    assert (len(programs.pythons), programs.waits) == (1, [])
    assert script.said == [rf"local-3 has ended, exit {code}, and stays down: see state\log\local-3.out"]


def test_anything_else_is_started_again() -> None:
    """A crash, a stalled loop, a store in use, an access violation: after two seconds each, till it ends on purpose."""
    codes = [1, 71, 74, 75, 2, -1_073_741_819, 255]
    programs = Programs(*codes, 78)
    script = CmdScript(start_text("local-3", ["local-3"], "WIN", "watch-WIN"), programs)
    assert script.run() == 78
    assert len(programs.pythons) == len(codes) + 1
    assert programs.waits == ["ping -n 3 127.0.0.1 >nul"] * len(codes)
    assert script.said[:-1] == [f"local-3 has ended, exit {code}, and is started again" for code in codes]


def test_rule_of_restarts_is_not_vacuous() -> None:
    """A script that forgot one of the codes goes on where it should stay down."""
    broken = start_text("local-3", ["local-3"], "WIN", "watch-WIN").replace("if %code%==70 goto end\r\n", "")
    programs = Programs(70, 0)
    assert CmdScript(broken, programs).run() == 0
    assert len(programs.pythons) == 2


def test_what_tells_of_alerts_uses_the_host_s_own_key() -> None:
    """A process without nodes dials as a client, and an operator's key is not here."""
    lines = start_text("alerts", [], "WIN", "watch-WIN").splitlines()
    assert lines.index("set MESH_OPERATOR=watch-WIN") < lines.index(":start")
    assert any(line.endswith(r"-m nodes.io.alerting --config mesh.toml --state state >>state\log\alerts.out 2>&1") for line in lines)


def test_command_and_nodes_load_without_supervisor() -> None:
    """Which Windows has not: nothing that runs there imports it."""
    modules = "nodes.io.hosts.command, nodes.io.runhost, nodes.io.cli.operate, nodes.io.cli.show, nodes.io.cli.hosting, nodes.io.cli.stops"
    script = f"import sys; sys.modules['supervisor'] = None; import {modules}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_task_runs_in_the_user_s_session_without_an_end() -> None:
    """Read as XML in its own encoding: at logon, with the desktop, one copy, no three-day limit, no stop on battery."""
    raw = task_text("local-3", "WIN & co", PureWindowsPath(r"C:\mesh & co"))
    assert raw.startswith(b"\xff\xfe")
    task = ElementTree.fromstring(raw)
    found = {element.tag.removeprefix(TASK): element.text for element in task.iter()}
    assert task.find(f"{TASK}Triggers/{TASK}LogonTrigger") is not None
    assert (found["LogonType"], found["RunLevel"]) == ("InteractiveToken", "LeastPrivilege")
    assert (found["ExecutionTimeLimit"], found["MultipleInstancesPolicy"]) == ("PT0S", "IgnoreNew")
    assert (found["DisallowStartIfOnBatteries"], found["StopIfGoingOnBatteries"]) == ("false", "false")
    assert (found["Command"], found["WorkingDirectory"]) == (r"C:\mesh & co\start-local-3.cmd", r"C:\mesh & co")


def test_install_registers_and_starts_each_task() -> None:
    """In order; where one is refused nothing further is done."""
    called: list[str] = []

    def takes(line: str) -> int:
        called.append(line)
        return 0

    assert CmdScript(install_text(["local-3", "local-4"]), takes).run() == 0
    assert called == [
        r'schtasks /create /f /tn "trademesh local-3" /xml "C:\mesh\task-local-3.xml"',
        r'schtasks /create /f /tn "trademesh local-4" /xml "C:\mesh\task-local-4.xml"',
        'schtasks /run /tn "trademesh local-3"',
        'schtasks /run /tn "trademesh local-4"',
    ]
    called.clear()
    assert CmdScript(install_text(["local-3", "local-4"]), lambda line: called.append(line) or 5).run() == 1  # type: ignore[func-returns-value]
    assert len(called) == 1


def test_command_stands_in_its_folder() -> None:
    """``mesh.cmd`` names the folder so that no backslash stands before the closing quotation mark."""
    line = command_text().splitlines()[1]
    assert line == r'"%~dp0venv\Scripts\python.exe" -P -m nodes.io.hosts.command "%~dp0." %*'


def test_windows_host_has_what_its_readme_names(tmp_path: Path) -> None:
    """Scripts and tasks for each process, nothing of systemd or supervisord, and each file the README names."""
    config = parse(REAL)
    plan = plans_of(config)["127.0.0.9"]
    fleet_keys(config, tmp_path / "office", {plan.name: plan})
    folder = write_host(plan, config, REAL.encode(), tmp_path / "office", tmp_path / "out", 7, PureWindowsPath(r"D:\tm")).folder
    names = {path.name for path in folder.iterdir()}
    assert names == {"mesh.toml", HOST_FILE, "mesh.cmd", "install.cmd", "README.md", "state", start_name("local-3"), task_name("local-3")}
    guide = (folder / "README.md").read_text()
    assert r"cd /d D:\tm &&" in guide
    assert {name for name in re.findall(r"[\w-]+\.cmd", guide)} <= names
