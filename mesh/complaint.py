"""What is wrong with a configuration file, in its operator's words: the key, its value and what is allowed.

msgspec checks the file; it says neither which entry of a table it was nor what else a key may be. This is asked of the sections here.
"""

import tomllib
from collections.abc import Iterator
from decimal import Decimal
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from mesh.errors import BadConfig
from mesh.section import Section

Document = TypeVar("Document", bound=Section)
_PLAIN = msgspec.json.Encoder(decimal_format="number")
_PLAIN_WORDS = {bool: "true or false", str: "text"}


def document_from(text: str, kind: type[Document]) -> Document:
    """What a TOML text says, as a struct of sections. Raises BadConfig with the first complaint."""
    try:
        plain = tomllib.loads(text, parse_float=Decimal)
    except ValueError as error:  # TOMLDecodeError is one; a number of too many digits is another
        raise BadConfig(f"this is not TOML: {error}") from None
    try:
        document = cast(Document, _read(plain, kind))
    except msgspec.ValidationError as error:
        raise BadConfig(_complaint(plain, kind, str(error))) from None
    _check_none_words(plain, kind, "")
    return document


def _check_none_words(plain: dict[str, Any], section: type[Section], key: str) -> None:
    """"off" and "max" are both read as None: each key has one of them. Raises BadConfig for the other."""
    for name, hint in get_type_hints(section, include_extras=True).items():
        value, inner = plain.get(name), _section_of(hint)
        if value in ("off", "max") and value != _none_word(get_args(hint)):
            raise BadConfig(f'{key}{name} = "{value}"; allowed: {_allowed(hint)}')
        if inner is not None and isinstance(value, dict):
            _check_none_words(value, inner, f"{key}{name}.")
        elif get_origin(hint) is dict and isinstance(value, dict) and (inner := _section_of(get_args(hint)[1])) is not None:
            for entry, item in value.items():
                _check_none_words(item, inner, f"{key}{name}.{entry}.")


def _read(value: Any, kind: type[Any]) -> Any:
    # By way of JSON, because there an integer may stand where a Decimal is expected; digits stay exact.
    return msgspec.json.decode(_PLAIN.encode(_worded(value)), type=kind)


def _worded(value: Any) -> Any:
    """The file's words for "no limit" as None, which TOML cannot say; numbers that JSON cannot say as text."""
    if isinstance(value, dict):
        return {key: _worded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_worded(item) for item in value]
    if isinstance(value, Decimal) and not value.is_finite():
        return str(value)
    return None if value in ("off", "max") else value


def _complaint(plain: dict[str, Any], kind: type[Section], error: str) -> str:
    """Each section is asked alone, so that the complaint names the one that is wrong."""
    for key, value, hint in _sections(plain, kind):
        try:
            _read(value, hint)
        except msgspec.ValidationError as alone:
            what, _, path = str(alone).partition(" - at `")
            path = path.removeprefix("key` in `")  # which of the keys, it does not say
            return _said(key, value, hint, path.split("[")[0].rstrip("`").split(".")[1:], what)
    return _unknown("", error.split("`")[1], plain, kind)


def _sections(plain: dict[str, Any], kind: type[Section]) -> Iterator[tuple[str, Any, Any]]:
    """Every section of the document, each entry of a table or a list by itself, with its key and its type; then the tables' names."""
    hints = get_type_hints(kind, include_extras=True)
    known = {name: value for name, value in plain.items() if name in hints}
    tables = {name: value for name, value in known.items() if get_origin(hints[name]) is dict and isinstance(value, dict)}
    for name, value in known.items():
        if isinstance(value, list) and get_origin(hints[name]) is list:
            for number, item in enumerate(value, 1):
                yield f"{name} {number}", item, get_args(hints[name])[0]
        elif name not in tables:
            yield name, value, hints[name]
        for entry, item in tables.get(name, {}).items():
            yield f"{name}.{entry}", item, get_args(hints[name])[1]
    for name, table in tables.items():
        for entry in table:
            yield f"name in [{name}]", entry, get_args(hints[name])[0]


def _said(key: str, value: Any, hint: Any, steps: list[str], what: str) -> str:
    """The complaint about the value that lies ``steps`` below a section."""
    for step in steps:
        key, value = f"{key}.{step}", value[step]
        hint = get_type_hints(_section_of(hint), include_extras=True)[step]
    section = _section_of(hint)
    if section is None or not isinstance(value, dict) or get_origin(hint) is list:
        return f"{key} = {_PLAIN.encode(value).decode()}; allowed: {_allowed(hint)}"
    problem, _, field = what.partition(" field `")
    field = field.rstrip("`")
    if problem == "Object contains unknown":
        return _unknown(key, field, value, section)
    if problem == "Object missing required":
        return f"{key}.{field} is missing; allowed: {_allowed(get_type_hints(section, include_extras=True)[field])}"
    return _said(key, value, section, [what.split(" ")[0]], "")  # the section's own check, whose words begin with the field


def _unknown(key: str, name: str, value: dict[str, Any], section: type[Section]) -> str:
    fields = section.__struct_fields__
    near = get_close_matches(name, fields, 1)
    shown = f" = {_PLAIN.encode(value[name]).decode()}" if not isinstance(value[name], dict) else ""
    meant = f" (did you mean {near[0]}?)" if near else ""
    return f"{key}{'.' if key else ''}{name}{shown}: there is no such key{meant}; allowed: {', '.join(fields)}"


def _section_of(hint: Any) -> Any:
    """The section a hint stands for, also where it may be left out; None for a plain value."""
    return next((part for part in (hint, *get_args(hint)) if isinstance(part, type) and issubclass(part, Section)), None)


def _allowed(hint: Any) -> str:
    """What a key may be, in words."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _bounded(parts[0], parts[1])
    if origin in (Union, UnionType):
        return ", or ".join(f'"{_none_word(parts)}"' if part is NoneType else _allowed(part) for part in parts)
    if origin is Literal:
        return ", ".join(map(str, parts))
    if origin in (list, tuple):
        return f"a list of {_allowed(parts[0])}"
    if origin is dict:
        return f"names, each with {_allowed(parts[1])}"
    section = _section_of(hint)
    return f"a section with {', '.join(section.__struct_fields__)}" if section is not None else _PLAIN_WORDS[hint]


def _none_word(parts: tuple[Any, ...]) -> str:
    notes = [note.extra for part in parts for note in getattr(part, "__metadata__", ()) if note.extra]
    return str(next((extra["none"] for extra in notes if "none" in extra), "off"))


def _bounded(kind: Any, meta: Meta) -> str:
    if meta.description:
        return meta.description
    if kind is int:
        return f"a whole number from {meta.ge:_} to {meta.le:_}"
    if kind is str:
        return f"text of {meta.max_length} characters at most"
    if meta.extra:
        least = f"above {meta.extra['above']}" if "above" in meta.extra else f"of {meta.extra['least']} or more"
        return f"a number {least}, {meta.extra['most']:_} at most"
    return f"{_allowed(kind)}; {meta.min_length} at least"
