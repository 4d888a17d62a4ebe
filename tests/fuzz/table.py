"""Everything that is fuzzed, by name."""

from tests.fuzz.target import Target
from tests.fuzz.targets import calls, feeds, readers, secrets, stops, stores, texts, wire

TARGETS: dict[str, Target] = {
    target.name: target for module in (wire, stops, stores, texts, secrets, feeds, readers, calls) for target in module.TARGETS
}
