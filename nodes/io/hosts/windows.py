"""What a Windows host has in place of supervisord: a start script for each process, and a task that runs it when its user logs on.

MetaTrader 5 needs the user's desktop session, so no service can do this. Written with care and tested with fakes; never run on a real
Windows.
"""

from pathlib import PureWindowsPath
from xml.sax.saxutils import escape

from nodes.io.hosts.hostfile import STATE, VENV
from nodes.io.supervisorconf import STAY_DOWN

PYTHON = rf"{VENV}\Scripts\python.exe"
AGAIN_S = 2
"""A process that has ended is started again after so long."""
NEVER_RUN = "Never run on a real Windows by those who wrote it."


def start_name(process: str) -> str:
    """The script of a process."""
    return f"start-{process}.cmd"


def task_name(process: str) -> str:
    """The task of a process."""
    return f"task-{process}.xml"


def start_text(process: str, nodes: list[str], host: str, client: str) -> str:
    """The script: it starts the process again, but for the exit codes after which it stays down. ``client``: the host's own door key."""
    stays = [f"if %code%=={code} goto end" for code in STAY_DOWN]
    command = f"-m nodes.io.runhost {' '.join(nodes)} --folder ." if nodes else rf"-m nodes.io.alerting --config mesh.toml --state {STATE}"
    lines = [
        "@echo off",
        f"rem {process} on {host}. {NEVER_RUN}",
        f"title trademesh {process}",
        'cd /d "%~dp0"',
        rf"if not exist {STATE}\log mkdir {STATE}\log",
        *([] if nodes else [f"set MESH_OPERATOR={client}"]),
        ":start",
        rf"{PYTHON} -P {command} >>{STATE}\log\{process}.out 2>&1",
        "set code=%errorlevel%",
        *stays,
        f"echo {process} has ended, exit %code%, and is started again",
        f"ping -n {AGAIN_S + 1} 127.0.0.1 >nul",
        "goto start",
        ":end",
        rf"echo {process} has ended, exit %code%, and stays down: see {STATE}\log\{process}.out",
        "exit /b %code%",
    ]
    return _windows(lines)


def task_text(process: str, host: str, at: PureWindowsPath) -> bytes:
    """The task, for ``schtasks /create /xml``: one copy, no end after three days, which is what a task has that says nothing."""
    text = f"""<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>trademesh: {escape(process)} on {escape(host)}</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>4</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{escape(str(at / start_name(process)))}</Command>
      <WorkingDirectory>{escape(str(at))}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""
    return text.replace("\n", "\r\n").encode("utf-16")


def command_text() -> str:
    """``mesh.cmd``: the command with this folder's configuration and keys."""
    return _windows(["@echo off", f'"%~dp0{PYTHON}" -P -m nodes.io.hosts.command "%~dp0." %*'])


def install_text(processes: list[str]) -> str:
    """``install.cmd``: registers the tasks for the user who runs it, and starts them now."""
    tasks = [f'schtasks /create /f /tn "trademesh {process}" /xml "%~dp0{task_name(process)}" || exit /b 1' for process in processes]
    starts = [f'schtasks /run /tn "trademesh {process}" || exit /b 1' for process in processes]
    return _windows(["@echo off", f"rem {NEVER_RUN}", *tasks, *starts])


def _windows(lines: list[str]) -> str:
    return "".join(f"{line}\r\n" for line in lines)
