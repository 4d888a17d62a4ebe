"""Scripts that import MetaTrader5 as they are, and the README's lines that swap the import."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from nodes.io import mt5, simulation
from nodes.io.mt5backend import open_backend
from nodes.io.mt5run import BUILT_IN

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
STEP = '[clock]\nkind = "step"\n[account.a]\nlogin = 5001\n'


def written(folder: Path, text: str, name: str = "sim.toml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


SCRIPT = """
import sys
import MetaTrader5 as mt5
assert mt5.initialize(r"C:\\\\Program Files\\\\MetaTrader 5\\\\terminal64.exe"), mt5.last_error()
rates = mt5.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M5, 0, 100)
order = {"action": mt5.TRADE_ACTION_DEAL, "symbol": "EURUSD", "type": mt5.ORDER_TYPE_BUY, "volume": 0.2, "magic": 7,
         "price": mt5.symbol_info_tick("EURUSD").ask}
opened = mt5.order_send(order)
position = mt5.positions_get(ticket=opened.order)[0]
moved = mt5.order_send({"action": mt5.TRADE_ACTION_SLTP, "symbol": "EURUSD", "position": position.ticket,
                        "sl": round(position.price_open - 0.01, 5), "tp": 0.0})
close = {**order, "type": mt5.ORDER_TYPE_SELL, "position": position.ticket, "volume": 0.1}
codes = [opened.retcode, moved.retcode]
for _ in range(2):
    codes.append(mt5.order_send({**close, "price": mt5.symbol_info_tick("EURUSD").bid}).retcode)
deals = mt5.history_deals_get(position=position.identifier)
print(sys.argv[1:], len(rates), codes, [(deal.entry, deal.volume) for deal in deals], mt5.positions_total())
print(sorted(name for name in ("zmq", "uvloop") if name in sys.modules))
mt5.shutdown()
"""


def test_a_script_runs_unchanged(tmp_path: Path) -> None:
    """Attach, read rates, open, modify, close in part, close, read the history; neither zmq nor uvloop is loaded for it."""
    script = written(tmp_path, SCRIPT, "script.py")
    command = [sys.executable, "-m", "nodes.io.mt5", script, "--fast"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout.splitlines() == ["['--fast'] 100 [10009, 10009, 10009, 10009] [(0, 0.2), (1, 0.1), (1, 0.1)] 0", "[]"], ran.stderr


AGAIN = """
import sys
import MetaTrader5 as mt5
shown = []
for path in ((), (sys.argv[1],), ()):
    assert mt5.initialize(*path), mt5.last_error()
    shown.append(mt5.account_info().login)
    mt5.shutdown()
print(shown, sys.argv[2:])
"""


def test_a_reconnect_goes_where_the_script_was_last(tmp_path: Path) -> None:
    """At first to what the runner names (as ``--sim=FILE`` too); then, without a path, to the terminal the script used last."""
    script, second = written(tmp_path, AGAIN, "again.py"), written(tmp_path, STEP.replace("5001", "5002"), "second.toml")
    command = [sys.executable, "-m", "nodes.io.mt5", f"--sim={written(tmp_path, STEP)}", script, second, "--sim", "x", "-h"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout == "[5001, 5002, 5002] ['--sim', 'x', '-h']\n", ran.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "usage"),
        (["--help"], 0, "tcp://host:port"),
        (["no.py"], 2, "no.py: there is no such script"),
        (["--simm=a", "no.py"], 2, "unrecognized arguments: --simm=a"),
    ],
)
def test_the_runner_teaches(words: list[str], code: int, said: str) -> None:
    """Without a script, or with one that is not there, it says how."""
    ran = subprocess.run([sys.executable, "-m", "nodes.io.mt5", *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == code
    assert said in (ran.stderr if code else ran.stdout)


def test_the_readmes_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Five lines, with the file they ask for: one import swapped, an order, an hour, its close."""
    lines = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "mt5" in block)
    assert len(lines.splitlines()) == 5
    assert lines.startswith("from nodes.io import mt5 ")
    assert "mt5._step(" in lines
    written(tmp_path, BUILT_IN.read_text().replace('kind = "wall" ', 'kind = "step" '))
    monkeypatch.chdir(tmp_path)
    mt5._use(open_backend)
    try:
        runpy.run_path(written(tmp_path, lines, "five_lines.py"))
    finally:
        mt5.shutdown()
        simulation.forget_all()
    assert re.fullmatch(r"Request executed -?\d+\.\d+ True\n", capsys.readouterr().out)
