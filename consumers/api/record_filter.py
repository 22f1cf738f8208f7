"""Whether an expression is true of a record, for resources whose properties are in no table.

Records are what operations respond: members by SageMaker's names, times in epoch milliseconds or as events have them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from consumers.api import times
from consumers.api.search_properties import KEYED, RESOURCES
from consumers.api.serializer import shaped
from store.search.expression import (
    Expression,
    Filter,
    Nested,
    Operator,
    Part,
    Property,
    SortKey,
    SortOrder,
    Value,
    ValueType,
    as_number,
    folded,
    segments,
)

if TYPE_CHECKING:
    from botocore.model import Shape

Record = Mapping[str, Any]


def matches(part: Part, record: Record) -> bool:
    """True if an expression, or a part of one, is true of a record."""
    if isinstance(part, Expression):
        return (all if part.every else any)(matches(one, record) for one in part.parts)
    if isinstance(part, Nested):
        return any(
            all(_meets(one, _values(one.property, element)) for one in part.filters)
            for _, element in _elements(record, part.within)
        )
    return _meets(part, list(_values_of(part.property, record)))


def sort_key(order: SortOrder, record: Record, arn: str) -> SortKey:
    """The key of a record in an order."""
    values = list(_values_of(order.by, record))
    key = arn.lower()
    for segment, kind in enumerate(segments(order.by.kind)):
        of_kind = [value for value in values if kind is not None and isinstance(value, str) is (kind in _TEXTS)]
        if of_kind:
            return segment, min(of_kind), key
    return segment, None, key


_TEXTS = (ValueType.TEXT, ValueType.NAME)

_ORDERED: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.AT_LEAST: operator.ge,
    Operator.GREATER: operator.gt,
}


def _meets(one: Filter, values: Sequence[Value]) -> bool:
    match one.operator:
        case Operator.EXISTS:
            return bool(values)
        case Operator.NOT_EXISTS:
            return not values
        case Operator.NOT_EQUALS:
            return bool(values) and not any(_equal(value, one) for value in values)
        case Operator.EQUALS | Operator.IN:
            return any(_equal(value, one) for value in values)
        case Operator.CONTAINS:
            return any(isinstance(value, str) and part in value for value in values for part in _texts(one))
        case _:
            compare = _ORDERED[one.operator]
            return any(
                isinstance(value, str) is isinstance(other, str) and compare(value, other)
                for value in values
                for other in one.values
            )


def _equal(value: Value, one: Filter) -> bool:
    if isinstance(value, str):
        return value in one.values
    return any(as_number(other) == value for other in one.values)


def _texts(one: Filter) -> Iterator[str]:
    return (value for value in one.values if isinstance(value, str))


def _values_of(property_: Property, record: Record) -> Iterator[Value]:
    """All values that a record has of a property, in the form in which they compare."""
    if not property_.within:
        yield from _values(property_, record)
        return
    for name, element in _elements(record, property_.within):
        if property_.element is None or name == property_.element:
            yield from _values(property_, element)


def _elements(record: Record, within: str) -> Iterator[tuple[str | None, Any]]:
    """The elements of a collection, with their names where they have one."""
    keyed = KEYED.get(within.rpartition(".")[2])
    for inner in _at(record, within):
        if isinstance(inner, Mapping):
            yield from inner.items()
        elif isinstance(inner, list | tuple):
            for element in inner:
                yield (element.get(keyed.key) if keyed and isinstance(element, Mapping) else None), element


def _at(value: Any, path: str) -> Iterator[Any]:
    """What is at a path that leads through structures, and through the elements of lists on its way."""
    head, _, rest = path.partition(".")
    if isinstance(value, list | tuple):
        for element in value:
            yield from _at(element, path)
    elif isinstance(value, Mapping) and (inner := value.get(head)) is not None:
        if rest:
            yield from _at(inner, rest)
        else:
            yield inner


def _values(property_: Property, element: Any) -> list[Value]:
    found = list(_at(element, property_.field)) if property_.field else [element]
    if property_.kind is ValueType.WHOLE:
        return [1.0 for one in found if one]
    flat = [inner for one in found for inner in (one if isinstance(one, list | tuple) else (one,))]
    return [value for one in flat if (value := _READ[property_.kind](one)) is not None]


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    text: str | None = shaped(_shape("DisplayName"), value)
    return text


def _name(value: Any) -> str | None:
    text = _text(value)
    return None if text is None else folded(text)


def _number(value: Any) -> float | None:
    number: float | None = shaped(_shape("Metrics").member.members["Last"], value)
    return number


def _time(value: Any) -> float | None:
    seconds = shaped(_shape("CreationTime"), value)
    return None if seconds is None else times.from_seconds(seconds)


def _either(value: Any) -> Value | None:
    if isinstance(value, Mapping):
        number = _number(value.get("NumberValue"))
        return _text(value.get("StringValue")) if number is None else number
    text = _text(value)
    number = None if text is None else as_number(text)
    return text if number is None else number


_READ: Mapping[ValueType, Callable[[Any], Value | None]] = {
    ValueType.TEXT: _text,
    ValueType.NAME: _name,
    ValueType.NUMBER: _number,
    ValueType.TIME: _time,
    ValueType.EITHER: _either,
}


@cache
def _shape(member: str) -> Shape:
    return RESOURCES["ExperimentTrialComponent"].shape.members[member]
