"""Every key of a configuration with a value of every kind: read, or complained of; the complaint itself must not fall over."""

from collections.abc import Callable, Iterator

import pytest

from mesh.config import parse
from mesh.errors import BadConfig
from mesh.section import Section
from mesh.settings import Settings
from nodes.terminal.simfile import SimFile, simfile_from

VALUES = (
    "3", '"x"', "[]", "[3]", '["a"]', "[[]]", "[{}]", "{}", "{a = 3}", "{a = {}}", "{a = []}", "true", "1.5", "inf", "nan",
    '"off"', '"max"', "1979-05-27", "07:32:00", '{kind = "x"}', '[{kind = "x"}]', '{"a b" = {}}', '{"" = 3}', "{x = []}", "{x = [3]}",
    "{x = {login = []}}", "{x = {login = 1, rails = []}}", "{x = {login = 1, rails = {closed_from = []}}}", "{x = {sizing = []}}",
    "{x = {manage = {a = 1}}}", "{x = {nodes = [3]}}", "{x = {cpus = [[]]}}", "{x = {y = {z = {}}}}",
)  # fmt: skip


def texts_of(kind: type[Section]) -> Iterator[str]:
    """Each key of the file, and each of its sections, with each value."""
    for name in (*kind.__struct_fields__, "unheard_of"):
        inner = kind.__annotations__.get(name)
        keys = inner.__struct_fields__ if isinstance(inner, type) and issubclass(inner, Section) else ()
        for value in VALUES:
            yield f"{name} = {value}\n"
            yield from (f"{name} = {{{key} = {value}}}\n" for key in keys)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "read"), [(Settings, parse), (SimFile, simfile_from)], ids=["mesh.toml", "sim.toml"])
def test_every_key_with_every_kind_of_value(kind: type[Section], read: Callable[[str], object]) -> None:
    """What cannot be a value of its key is told in one line that names the key."""
    complaints = []
    for text in texts_of(kind):
        try:
            read(text)
        except BadConfig as error:
            complaints.append(str(error))
    assert len(complaints) > 700
    assert not [complaint for complaint in complaints if len(complaint.splitlines()) != 1]
