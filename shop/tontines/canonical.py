"""One text for one value: frozen dataclasses written as canonical JSON, and read back strictly.

Keys are sorted, there is no space, money is whole minor units, dates and times are ISO 8601. A text
that would not be written exactly so is refused, so that equal rules have equal hashes and a hash
accepted by members can stand for one text only.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date, time
from enum import StrEnum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from shop.money import Money

T = TypeVar("T")
MAX_LENGTH = 20_000


class NotCanonical(ValueError):
    """The text is not what this value would be written as."""


def write(value: object) -> str:
    """Write a dataclass as the one JSON text that stands for it."""
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def read(cls: type[T], text: str, currency: str | None = None) -> T:
    """Read a dataclass back; raises `NotCanonical` for any text that `write` would not write."""
    if len(text) > MAX_LENGTH:
        raise NotCanonical("the text is too long")
    try:
        data = json.loads(text, object_pairs_hook=_no_twins)
        value: T = _build(cls, data, currency or str(data["currency"]))
        again = write(value)
    except (ValueError, TypeError, KeyError, AssertionError, RecursionError) as error:
        raise NotCanonical(f"{cls.__name__}: {error}") from error
    if again != text:
        raise NotCanonical("the text is not in its canonical form")
    return value


def plain(value: object) -> object:
    """Give JSON's own words for a value of these dataclasses."""
    if is_dataclass(value) and not isinstance(value, (type, Money)):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Money):
        return value.amount
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    assert value is None or isinstance(value, (bool, int, str)), f"not a plain value: {value!r}"
    return value


def _no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotCanonical("a key is there twice")
    return found


def _build(wanted: Any, data: Any, currency: str) -> Any:
    if get_origin(wanted) in (types.UnionType, Union):
        inner = next(each for each in get_args(wanted) if each is not type(None))
        return None if data is None else _build(inner, data, currency)
    if get_origin(wanted) is tuple:
        return tuple(_build(get_args(wanted)[0], each, currency) for each in _exact(list, data))
    if wanted is Money:
        return Money(_exact(int, data), currency)
    if wanted in _TEXTS:
        return _TEXTS[wanted](_exact(str, data))
    if issubclass(wanted, StrEnum):
        return wanted(_exact(str, data))
    if is_dataclass(wanted):
        return _dataclass(wanted, _exact(dict, data), currency)
    return _exact(wanted, data)


def _dataclass(wanted: Any, data: dict[str, object], currency: str) -> object:
    hints = get_type_hints(wanted)
    if set(data) != {field.name for field in fields(wanted)}:
        raise NotCanonical(f"{wanted.__name__} has other keys")
    return wanted(**{name: _build(hints[name], each, currency) for name, each in data.items()})


_TEXTS: dict[object, Callable[[str], object]] = {
    date: date.fromisoformat,
    time: time.fromisoformat,
}


def _exact(wanted: type[T], data: object) -> T:
    # `True` is an int in Python, and true francs is a bug.
    if type(data) is not wanted:
        raise NotCanonical(f"{data!r} is no {wanted.__name__}")
    return data
