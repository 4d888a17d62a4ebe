"""What all tests share: the real data beside the checkout, Debian packages some need, and no silent skips under CI."""

import os
import shutil
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

CHECKOUT = Path(__file__).resolve().parent.parent
DATA_VARIABLE = "TRADEMESH_DATA"
PLATFORM_REASON = "platform:"
"""A skip whose reason begins so stays a skip under CI: the test is for another operating system."""

# The same examples in every run, and no verdict that depends on how fast the machine is.
settings.register_profile(
    "trademesh", derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("trademesh")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real market data: $TRADEMESH_DATA, or shared/data beside the checkout. Read it in place."""
    folder = Path(os.environ.get(DATA_VARIABLE) or CHECKOUT.parent / "shared" / "data")
    if not (folder / "README.md").is_file():
        pytest.skip(f"no market data in {folder}: put it there, or set {DATA_VARIABLE} to its folder")
    return folder


@pytest.fixture(scope="session")
def needs() -> Callable[[str, str], str]:
    """``needs("tmux", "tmux")``: the path of a Debian package's command, or a skip that says how to install it."""

    def find(package: str, command: str) -> str:
        path = shutil.which(command)
        if path is None:
            pytest.skip(f"{command} is missing: apt-get install -y {package}")
        return path

    return find


def must_not_skip(report: pytest.TestReport | pytest.CollectReport) -> bool:
    """Whether this is a skip (not an expected failure) that CI takes as a failure."""
    if os.environ.get("CI") != "true" or not report.skipped or hasattr(report, "wasxfail"):
        return False
    return not skip_reason(report).startswith(PLATFORM_REASON)


def skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """What the skip says of itself, without pytest's own ``Skipped:`` before it."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure that gives its reason."""
    report.longrepr = f"skipped, which CI does not accept: {skip_reason(report)}"
    report.outcome = "failed"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI=true a skipped test is a failed one."""
    report = yield
    if must_not_skip(report):
        fail(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Under CI=true a skipped file is a failed one."""
    report = yield
    if must_not_skip(report):
        fail(report)
    return report
