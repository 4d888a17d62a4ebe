"""What of ``requirements.lock`` a host needs: the project's own requirements and theirs, as pinned there, for that host's system.

The lock serves developers, too, and every system. Which of its lines a host needs is read from what is installed here: a name that is not
(it is for another system) brings nothing further.
"""

import re
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, requires

import msgspec
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mesh.errors import BadUsage

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\\n]+))?")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
PROJECT = "trademesh"
SYSTEMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    "windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
}
CPYTHON = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
Requires = Callable[[str], list[str]]


class Pin(msgspec.Struct, frozen=True):
    """One package of the lock."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    def line(self) -> str:
        """As pip reads it, for the one system it was chosen for."""
        return " \\\n    ".join([f"{self.name}=={self.version}", *(f"--hash={each}" for each in self.hashes)])


def pins_in(text: str) -> dict[str, Pin]:
    """Name and version → pin. Raises BadUsage for a lock that cannot be read."""
    pins: dict[str, Pin] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        match = _PIN.match(block)
        if match is not None:
            name = canonicalize_name(match["name"])
            pins[f"{name}=={match['version']}"] = Pin(name, match["version"], (match["marker"] or "").strip(), tuple(_HASH.findall(block)))
    if not pins or not all(pin.hashes for pin in pins.values()):
        raise BadUsage("requirements.lock: cannot be read: name==version and its --hash=sha256:… are expected; `make lock` writes it")
    return pins


def environment_of(system: str, python: str) -> dict[str, str]:
    """What markers ask of a host. Raises BadUsage for a system or a Python that is none."""
    if system not in SYSTEMS:
        raise BadUsage(f"--platform {system}: allowed: {', '.join(SYSTEMS)}")
    if re.fullmatch(r"3\.\d{1,2}", python) is None:
        raise BadUsage(f"--python {python}: such as 3.11 is expected")
    return SYSTEMS[system] | CPYTHON | {"python_version": python, "python_full_version": f"{python}.9", "platform_release": "", "extra": ""}


def needed(pins: dict[str, Pin], environment: dict[str, str], requires_of: Requires | None = None) -> list[Pin]:
    """The pins of a host with this environment, by name; with the terminal's package where there is one."""
    asked = requires_of or _installed
    names = _names(PROJECT, environment, asked, {}, extra="mt5")
    chosen = [pin for pin in pins.values() if pin.name in names and (not pin.marker or Marker(pin.marker).evaluate(environment))]
    missing = sorted(names - {pin.name for pin in chosen} - {PROJECT})
    if missing:
        raise BadUsage(f"requirements.lock has no {', '.join(missing)} for this system, which is needed there; `make lock` writes it anew")
    return sorted(chosen, key=lambda pin: pin.name)


def _names(name: str, environment: dict[str, str], asked: Requires, seen: dict[str, None], extra: str = "") -> set[str]:
    seen[name] = None
    for line in asked(name):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment | {"extra": extra}):
            below = canonicalize_name(requirement.name)
            for wanted in requirement.extras or [""]:
                if f"{below}[{wanted}]" not in seen:
                    seen[f"{below}[{wanted}]"] = None
                    _names(below, environment, asked, seen, wanted)
    return {known for known in seen if "[" not in known}


def _installed(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []


def text_of(pins: Iterable[Pin], own: Pin) -> str:
    """The requirements of an offline bundle, its own wheel among them."""
    head = "# Made by `mesh hosts bundle`: pip install --no-index --find-links FOLDER --require-hashes -r FOLDER/requirements.txt"
    return "\n".join([head, *(pin.line() for pin in [own, *pins])]) + "\n"
