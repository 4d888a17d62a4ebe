"""A password is planted, a whole mesh trades with it, and it is looked for everywhere: only the sealed file has it, and only sealed."""

import base64
import json
import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from nodes.io.secretbox import opened_box, sealed_path
from nodes.io.worker import lock_path
from tests.e2e.meshrig import Rig
from tests.smallmesh import small_mesh

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

PLANTED = "Pl4nted-Pässword-7x9Qz"
WRONG = "wr0ng-Pässword-3k8Wv-0"
PASSPHRASE = "a passphrase nobody asked for 5t2"
LOGIN, SERVER = 7002, "Locked-Live"
PRICES = '[prices]\nsymbols = ["EURUSD", "USDJPY"]\n'
LOCKED = f"""
[server]
name = "{SERVER}"
[clock]
kind = "wall"
{PRICES}
[account.somebody]
login = 7001
[account.ours]
login = {LOGIN}
password = "{PLANTED}"
"""
"""A terminal that has kept the password of somebody else: ours is asked for at each start."""
MARKET = f'[clock]\nkind = "wall"\n{PRICES}[account.a]\nlogin = 9001\n'
HEAD = """
[mesh]
id = "planted"
[market]
feeds = ["mt5,terminal={market}"]
symbols = ["EURUSD", "USDJPY"]
[rails]
closed_from = "off"
duplicate_window_ms = "off"
signal_age_ms = "off"
positions_per_symbol_count = "off"
[strategy.reversion]
kind = "reversion"
"""
ENOUGH_S = 60


def needles(word: str) -> dict[str, bytes]:
    """How a word may lie in a file: plain, in hex, in UTF-16, and in base64 wherever in a longer text it began."""
    plain = word.encode()
    found = {"plain": plain, "hex": plain.hex().encode(), "HEX": plain.hex().upper().encode()}
    found |= {"utf-16": word.encode("utf-16-le"), "utf-16-be": word.encode("utf-16-be"), "json": json.dumps(word)[1:-1].encode()}
    found["repr"] = repr(plain)[2:-1].encode()
    for shift in range(3):
        skipped = (3 - shift) % 3  # these letters share a group of base64 with what came before, the last ones with what comes after
        kept = plain[skipped:]
        found[f"base64+{shift}"] = base64.b64encode(kept[: len(kept) // 3 * 3])
        found[f"base64url+{shift}"] = base64.urlsafe_b64encode(kept[: len(kept) // 3 * 3])
    return found


def seen(word: str, raw: bytes) -> list[str]:
    """In which forms a word is there."""
    return [form for form, needle in needles(word).items() if needle in raw]


def leaks(folder: Path, *words: str) -> list[tuple[str, str]]:
    """Every file below a folder that has one of the words in any form."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            raw = path.read_bytes()
            found += [(str(path), form) for word in words for form in seen(word, raw)]
    return found


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """``mesh up`` and every process below it."""
    root = psutil.Process(process.pid)
    return [root, *root.children(recursive=True)]


def check_processes(process: subprocess.Popen[str], words: tuple[str, ...]) -> int:
    """No command line has a secret, no environment either; the passphrase is only where it was given. How many processes were seen."""
    count = 0
    for each in family(process):
        try:
            line, environment = (Path(f"/proc/{each.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue  # it has ended
        count += 1
        for word in words:
            assert seen(word, line + environment) == [], each.pid
        assert seen(PASSPHRASE, line) == []
        assert (PASSPHRASE.encode() in environment) == (each.pid == process.pid), line
    return count


def test_needles_find_what_they_are_for() -> None:
    """Each form is found where it was planted, so that finding nothing means something."""
    plain = PLANTED.encode()
    texts = [plain, plain.hex().encode(), plain.hex().upper().encode(), *(PLANTED.encode(code) for code in ("utf-16", "utf-16-be"))]
    texts += [encode(b"x" * count + plain + b"yyy") for count in range(4) for encode in (base64.b64encode, base64.urlsafe_b64encode)]
    texts += [json.dumps({"a": PLANTED}).encode(), repr(plain).encode(), repr((1, PLANTED)).encode()]
    assert all(seen(PLANTED, b"--" + text + b"--") for text in texts)
    assert seen(PLANTED, b"Pl4nted-P") == []


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A mesh with one account at a locked terminal, and the system's key; what the terminal itself knows lies beside it."""
    terminals = tmp_path / "terminals"
    mesh = tmp_path / "mesh"
    for folder in (terminals, mesh, tmp_path / "credentials"):
        folder.mkdir()
    (terminals / "locked.toml").write_text(LOCKED, encoding="utf-8")
    (terminals / "market.toml").write_text(MARKET, encoding="utf-8")
    credential = tmp_path / "credentials" / "trademesh.key"
    credential.write_bytes(os.urandom(32))
    credential.chmod(0o400)
    account = f'server = "{SERVER}"\nterminal = "{terminals / "locked.toml"}"'
    made = Rig(mesh, small_mesh(HEAD.format(market=terminals / "market.toml"), {"one": account}, broker=False, first_login=LOGIN))
    made.environment |= {"CREDENTIALS_DIRECTORY": str(credential.parent), "MESH_PASSPHRASE": PASSPHRASE}
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credential.parent))
    return made


def store(rig: Rig, word: str) -> str:
    """``mesh secret set`` from a pipe; what it printed."""
    words = rig.command("secret", "set", "one", "--config", str(rig.config_path), "--state", str(rig.folder / "run"))
    done = subprocess.run(
        words, cwd=rig.folder, env=rig.environment, input=f"{word}\n", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def noted(rig: Rig, event: str) -> list[dict[str, str]]:
    """What the local has logged under a name."""
    lines = (rig.folder / "run" / "log" / "local-1.log").read_text(encoding="utf-8").splitlines()
    return [note for note in map(json.loads, lines) if note["event"] == event]


def wait_for(rig: Rig, event: str, count: int) -> None:
    """The local has noted something so often; each look is a `mesh status`."""
    give_up_s = time.monotonic() + ENOUGH_S
    while len(noted(rig, event)) < count:
        assert time.monotonic() < give_up_s, f"{noted(rig, event)}\n{rig.logs('run')}"
        rig.run("status", "--config", str(rig.config_path))


LOOKS = (
    ("status",), ("why", "last"), ("positions", "--json"), ("orders", "--json"), ("deals", "--json"), ("unknown", "--json"),
    ("entries", "--json"), ("reconcile", "one"), ("config", "show"), ("verify",),
)  # fmt: skip
"""What a person can be shown: stories, lists, the configuration."""


def looked(rig: Rig, *verbs: tuple[str, ...]) -> list[str]:
    """What some verbs print, and what says the most of all, the snapshot."""
    done = [rig.run(*verb, "--config", str(rig.config_path)) for verb in (("status", "--json"), *verbs)]
    return [f"{each.args}: {each.stdout}{each.stderr}" for each in done]


def bought(rig: Rig) -> str:
    """An order by hand at the locked terminal is filled: it is logged in. What was printed."""
    done = rig.run("signal", "EURUSD", "buy", "--accounts", "one", "--volume", "0.01", "--yes", "--config", str(rig.config_path))
    assert (done.returncode, done.stdout.count("✓ FILLED")) == (0, 1), f"{done.stdout}{done.stderr}\n{rig.logs('run')}"
    return done.stdout + done.stderr


def test_planted_password_is_only_in_the_sealed_file(rig: Rig) -> None:
    """Set, traded with, logged in with again after a kill -9, refused once: no file, no process and no word to people has it."""
    shown = [store(rig, PLANTED)]
    state = rig.folder / "run"
    box = opened_box(rig.config, "one", state)
    assert box is not None
    assert box.open().reveal() == PLANTED
    with rig.started("run") as process:
        rig.wait_ready("run")
        wait_for(rig, "terminal_attached", 1)
        shown.append(bought(rig))
        assert check_processes(process, (PLANTED,)) >= 9
        worker = psutil.Process(int(lock_path(state, LOGIN, SERVER).read_text()))
        worker.kill()
        wait_for(rig, "terminal_attached", 2)
        shown += [bought(rig), *looked(rig, *LOOKS, ("secret", "list", "--state", str(state)))]
        assert check_processes(process, (PLANTED,)) >= 9
        assert leaks(rig.folder, PLANTED, PASSPHRASE) == []
        shown.append(store(rig, WRONG))
        rig.run("restart", "local-1", "--config", str(rig.config_path))
        wait_for(rig, "terminal_refused", 1)
        shown += looked(rig)
        assert check_processes(process, (PLANTED, WRONG)) >= 9
        code, output = rig.finish("run", process)
    (note,) = noted(rig, "terminal_refused")
    assert note["why"] == (
        f"account one: login {LOGIN} at {SERVER} was not let in with the stored password (-6, 'Terminal: Authorization failed'): "
        "`mesh secret set one` and then `mesh restart local-1`"
    )
    assert code == 0, output
    assert [(word, form) for text in [*shown, output] for word in (PLANTED, WRONG, PASSPHRASE) for form in seen(word, text.encode())] == []
    assert leaks(rig.folder, PLANTED, WRONG, PASSPHRASE) == []
    assert sealed_path(state, "one").exists()
    assert {Path(path).name for path, _ in leaks(rig.folder.parent, PLANTED)} == {"locked.toml"}, "where the terminal itself has it"
