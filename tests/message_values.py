"""Values of every message type, made from its own annotations: one fixed sample, or a Hypothesis strategy for all of them."""

import functools
from typing import Any

import msgspec
from hypothesis import strategies
from msgspec import inspect

from mesh.messages.base import Msg

LIST_MAX = 4
"""Items of a drawn list: enough to meet none, one and several."""


def sample_of(kind: type[Msg]) -> Msg:
    """The one sample of a type: the same in every run, no two fields of it alike."""
    counter = iter(range(1, 1_000_000))
    plain = _sample(inspect.type_info(kind), counter)
    return msgspec.convert(plain, kind, builtin_types=(bytes,))


def _sample(info: inspect.Type, counter: Any) -> Any:
    number = next(counter)
    if isinstance(info, inspect.StructType):
        head = [info.tag] if info.tag is not None else []
        return head + [_sample(field.type, counter) for field in info.fields]
    if isinstance(info, inspect.IntType):
        # Beyond one byte, and negative where that is allowed: the sign and the width show in the bytes.
        return -1_000 - number if info.ge is not None and info.ge < 0 else 1_000 + number
    if isinstance(info, inspect.StrType):
        return f"text-{number}"
    if isinstance(info, inspect.BytesType):
        size = info.min_length or min(8, info.max_length or 8)
        return bytes((number + index) % 256 for index in range(size))
    if isinstance(info, inspect.BoolType):
        return number % 2 == 0
    if isinstance(info, inspect.ListType):
        return [_sample(info.item_type, counter) for _ in range(2)]
    if isinstance(info, inspect.UnionType):  # of what may be there or not: it is there
        return _sample(next(each for each in info.types if not isinstance(each, inspect.NoneType)), counter)
    assert isinstance(info, inspect.DictType), f"no sample for {info}: teach this function the new field type"
    return {_sample(info.key_type, counter): _sample(info.value_type, counter) for _ in range(2)}


@functools.cache
def messages_of(kind: type[Msg]) -> strategies.SearchStrategy[Msg]:
    """Every message of a type."""
    return _struct(inspect.type_info(kind)).map(lambda plain: msgspec.convert(plain, kind, builtin_types=(bytes,)))


def _struct(info: inspect.Type) -> strategies.SearchStrategy[list[Any]]:
    assert isinstance(info, inspect.StructType)
    head = [] if info.tag is None else [info.tag]
    return strategies.tuples(*(_values(field.type) for field in info.fields)).map(lambda values: [*head, *values])


def _values(info: inspect.Type) -> strategies.SearchStrategy[Any]:
    if isinstance(info, inspect.StructType):
        return _struct(info)
    if isinstance(info, inspect.IntType):
        return strategies.integers(-(2**63) if info.ge is None else info.ge, 2**63 - 1 if info.le is None else info.le)
    if isinstance(info, inspect.StrType):
        if info.pattern is not None:
            return strategies.from_regex(info.pattern, fullmatch=True)
        return strategies.text(min_size=info.min_length or 0, max_size=min(info.max_length or 20, 20))
    if isinstance(info, inspect.BytesType):
        least = info.min_length or 0
        return strategies.binary(min_size=least, max_size=max(least, min(info.max_length or 32, 32)))
    if isinstance(info, inspect.BoolType):
        return strategies.booleans()
    if isinstance(info, inspect.ListType):
        least = info.min_length or 0
        return strategies.lists(_values(info.item_type), min_size=least, max_size=least + LIST_MAX)
    assert isinstance(info, inspect.DictType), f"no strategy for {info}: teach this function the new field type"
    return strategies.dictionaries(_values(info.key_type), _values(info.value_type), max_size=LIST_MAX)
