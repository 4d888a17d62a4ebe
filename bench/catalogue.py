"""The scenarios by name. Each is ``SCENARIO`` in ``bench/scenarios/NAME.py``, imported when it is asked for; a new one is one line here."""

from importlib import import_module

from bench.scenario import Scenario

NAMES = (
    "hop",
    "flow",
    "rates",
    "fanout",
    "status",
    "kill",
    "storm",
    "console",
    "growth",
    "core",
    "cci",
    "venue",
    "soak",
    "restart",
    "idle",
)
"""In the order in which they are listed."""
_FOLDER = "bench.scenarios"


def scenario(name: str) -> Scenario:
    """One of NAMES. Raises ValueError for any other name, and where its file is not in this checkout."""
    if name not in NAMES:
        raise ValueError(f"{name}: no scenario of this name; there are {', '.join(NAMES)}")
    module = f"{_FOLDER}.{name}"
    try:
        found = import_module(module).SCENARIO
    except ModuleNotFoundError as error:
        # only its own file may be missing: a scenario that cannot import something else is broken, and that is to be seen
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise ValueError(f"{name}: this scenario is not in this checkout") from None
    assert isinstance(found, Scenario) and found.name == name, f"{module}.SCENARIO is {found!r}"
    return found


def help_of(name: str) -> str:
    """Its line of help, or why it cannot be run: one that is broken does not hide the others."""
    try:
        return scenario(name).help
    except ValueError:
        return "(not in this checkout)"
    except ImportError as error:
        return f"(cannot be imported: {error})"
