"""A skip is a skip for a person and a failure for CI; what is for another platform stays a skip."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = '''
import pytest

def test_passes(): pass

def test_skips(): pytest.skip("no such thing here")

@pytest.mark.skipif(True, reason="marked away")
def test_marked(): pass

@pytest.mark.skipif(True, reason="platform: Windows only")
def test_platform(): pass

@pytest.mark.xfail(reason="known")
def test_expected(): assert False

def test_data(data_dir): pass

def test_needs(needs): assert needs("make", "make")

def test_needs_missing(needs): needs("nosuch-package", "nosuch-command")
'''
SAMPLE_MODULE = "import pytest\n\npytest.importorskip('nosuch_module')\n"


def run_sample(folder: Path, text: str, ci: str) -> tuple[int, str]:
    """Exit code and output of the sample tests under our conftest."""
    (folder / "conftest.py").write_text(Path(__file__).with_name("conftest.py").read_text("utf-8"), "utf-8")
    (folder / "test_sample.py").write_text(text, "utf-8")
    environment = {**os.environ, "CI": ci, "TRADEMESH_DATA": str(folder / "absent")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "-rs", "-q", str(folder)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


@pytest.mark.slow
def test_skips_stay_skips_for_a_person(tmp_path: Path) -> None:
    """Without CI a missing package or file is a skip that says what is missing and what to do."""
    code, output = run_sample(tmp_path, SAMPLE, ci="")
    assert code == 0, output
    assert "2 passed, 5 skipped, 1 xfailed" in output
    assert "nosuch-command is missing: apt-get install -y nosuch-package" in output
    assert "set TRADEMESH_DATA to its folder" in output


@pytest.mark.slow
def test_skips_fail_under_ci(tmp_path: Path) -> None:
    """Under CI=true the same skips fail with their reasons; another platform's and an expected failure do not."""
    code, output = run_sample(tmp_path, SAMPLE, ci="true")
    assert code == 1
    assert "2 passed, 1 skipped, 1 xfailed" in output
    for reason in ("no such thing here", "marked away", "no market data in ", "nosuch-command is missing"):
        assert f"skipped, which CI does not accept: {reason}" in output


@pytest.mark.slow
def test_skipped_file_fails_under_ci(tmp_path: Path) -> None:
    """A whole file that skips itself, for a library it lacks, fails under CI too."""
    code, output = run_sample(tmp_path, SAMPLE_MODULE, ci="true")
    assert code == 2
    assert "skipped, which CI does not accept: could not import 'nosuch_module'" in output
