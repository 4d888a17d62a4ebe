"""Terminals: can each be called from here, as which account, and what is switched off. Asked in a process that is given up in time.

The package blocks its whole process while it waits (that is why workers are processes), so nobody else may ask.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mesh.config import Config
from mesh.errors import BadConfig
from mesh.terminalword import BROKER, REAL, kind_of
from mesh.units import US_NS
from nodes.io.doctor.finding import BAD, OK, UNKNOWN, WARN, Finding
from nodes.io.doorfiles import FOLDER_VARIABLE
from nodes.io.keyfiles import folder_of
from nodes.io.secretkeys import child_environment

AREA = "terminal"
ATTACH_S = 15
AT_ONCE = 4
"""Accounts that are asked side by side."""
CALLS = 5
"""So often an attached terminal is asked for its account, to know what a call costs."""


def look(config: Config, effective: Path, state: Path, is_up: bool) -> list[Finding]:
    """Each account's. ``is_up``: the mesh runs, so that its simulated broker can be called."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda name: _look(name, config, effective, state, is_up), config.account))


def _look(name: str, config: Config, effective: Path, state: Path, is_up: bool) -> Finding:
    terminal, what = config.account[name].terminal, f"account {name}"
    if kind_of(terminal) == BROKER and not is_up:
        return Finding(UNKNOWN, AREA, what, "simulated by this mesh, which does not run", do="mesh up")
    if kind_of(terminal) == REAL and sys.platform != "win32":
        return Finding(UNKNOWN, AREA, what, f"{terminal}: on another host", do="mesh doctor on the terminal's own host")
    return verdict(what, asked(name, effective, state))


def asked(account: str, effective: Path, state: Path, limit_s: float = ATTACH_S) -> dict[str, Any]:
    """What the process that attached says; ``failed`` where it did not."""
    words = [sys.executable, "-m", "nodes.io.doctor.terminals", account, str(effective)]
    environment = child_environment() | ({FOLDER_VARIABLE: str(folder_of(state))} if folder_of(state).is_dir() else {})
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=limit_s, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"did not answer within {limit_s:g} s"}
    try:
        said = json.loads(done.stdout)
    except ValueError:
        said = None
    return said if isinstance(said, dict) else {"failed": (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]}


def verdict(what: str, said: dict[str, Any]) -> Finding:
    """What the answers of a terminal are worth."""
    if "failed" in said:
        costs = "its local observes only: no order of this account is executed"
        return Finding(BAD, AREA, what, str(said["failed"]), costs, "start the terminal, log it in, and look at account.NAME.terminal")
    value = f"{said['login']} at {said['server']}, a call {said['call_us']:,} µs"
    if said["refused"]:
        return Finding(
            BAD,
            AREA,
            what,
            said["refused"],
            "its local observes only",
            "log that account in at the terminal, or put the configuration right",
        )
    if said["off"]:
        return Finding(WARN, AREA, what, "; ".join(said["off"]), "its orders are refused", "as it says; then mesh reconcile ACCOUNT")
    return Finding(OK, AREA, what, value)


def attach(account: str, config: Config) -> dict[str, Any]:
    """Attach in this process, read, leave: nothing is logged in, nothing is sent. Raises BadConfig."""
    from nodes.io.package import INITIALIZE_MS, package_of
    from nodes.io.venueidentity import Identity, switched_off

    section = config.account[account]
    package = package_of(config, f"account.{account}.terminal", section.terminal)
    terminal = package.module
    if config.settings.mesh.plain:
        os.environ.pop(FOLDER_VARIABLE, None)  # a broker without doors is dialled without a key
    login = {"login": section.login} if kind_of(section.terminal) != REAL else {}  # a real one stays as it is logged in
    if not terminal.initialize(package.path, timeout=INITIALIZE_MS, **login):
        code, why = terminal.last_error()
        return {"failed": f"initialize: {code} {why}"}
    try:
        taken_ns: list[int] = []
        for _ in range(CALLS):
            began_ns = time.perf_counter_ns()
            account_info = terminal.account_info()
            taken_ns.append(time.perf_counter_ns() - began_ns)
        terminal_info = terminal.terminal_info()
        if account_info is None or terminal_info is None:
            code, why = terminal.last_error()
            return {"failed": f"account_info: {code} {why}"}
        return {
            "login": account_info.login,
            "server": account_info.server,
            "call_us": sorted(taken_ns)[CALLS // 2] // US_NS,
            "refused": Identity(section, package).attach(account_info, terminal_info),
            "off": switched_off(account_info, terminal_info),
        }
    finally:
        terminal.shutdown()


def main() -> int:
    """What the doctor starts for each account: one line of JSON."""
    from nodes.io.locate import load

    account, effective = sys.argv[1:]
    try:
        said = attach(account, load(Path(effective)))
    except BadConfig as error:
        said = {"failed": str(error)}
    sys.stdout.write(json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
