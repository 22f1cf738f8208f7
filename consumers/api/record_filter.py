"""Whether an expression is true of a record: of what events told, where no tables answer.

Records are as operations answer them: members by SageMaker's names, times in epoch milliseconds or as events tell them.
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
    Order,
    Position,
    Property,
    Value,
    ValueType,
    folded,
    read,
    runs,
)

if TYPE_CHECKING:
    from botocore.model import Shape

Record = Mapping[str, Any]


def matches(part: Expression | Nested | Filter, record: Record) -> bool:
    """True if an expression, or a part of one, is true of a record."""
    if isinstance(part, Expression):
        return (all if part.every else any)(matches(one, record) for one in part.parts)
    if isinstance(part, Nested):
        return any(
            all(_meets(one, _values(one.property, element)) for one in part.filters)
            for _, element in _elements(record, part.within)
        )
    return _meets(part, list(_told(part.property, record)))


def place(order: Order, record: Record, arn: str) -> Position:
    """Where a record is in an order."""
    values = list(_told(order.by, record))
    key = arn.lower()
    for run, kind in enumerate(runs(order.by.kind)):
        of_kind = [value for value in values if kind is not None and isinstance(value, str) is (kind in _TEXTS)]
        if of_kind:
            return run, min(of_kind), key
    return run, None, key


_TEXTS = (ValueType.TEXT, ValueType.NAME)

_ORDERED: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.AT_LEAST: operator.ge,
    Operator.GREATER: operator.gt,
}


def _meets(one: Filter, told: Sequence[Value]) -> bool:
    match one.operator:
        case Operator.EXISTS:
            return bool(told)
        case Operator.NOT_EXISTS:
            return not told
        case Operator.NOT_EQUALS:
            return bool(told) and not any(_equal(value, one) for value in told)
        case Operator.EQUALS | Operator.IN:
            return any(_equal(value, one) for value in told)
        case Operator.CONTAINS:
            return any(isinstance(value, str) and part in value for value in told for part in _texts(one))
        case _:
            compare = _ORDERED[one.operator]
            return any(not isinstance(value, str) and compare(value, other) for value in told for other in one.values)


def _equal(value: Value, one: Filter) -> bool:
    if isinstance(value, str):
        return value in one.values
    return any(read(other) == value for other in one.values)


def _texts(one: Filter) -> Iterator[str]:
    return (value for value in one.values if isinstance(value, str))


def _told(property_: Property, record: Record) -> Iterator[Value]:
    """All that a record tells of a property, in the form in which it compares."""
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


def _text(told: Any) -> str | None:
    if isinstance(told, bool):
        return str(told).lower()
    said: str | None = shaped(_shape("DisplayName"), told)
    return said


def _name(told: Any) -> str | None:
    said = _text(told)
    return None if said is None else folded(said)


def _number(told: Any) -> float | None:
    said: float | None = shaped(_shape("Metrics").member.members["Last"], told)
    return said


def _time(told: Any) -> float | None:
    seconds = shaped(_shape("CreationTime"), told)
    return None if seconds is None else times.from_seconds(seconds)


def _either(told: Any) -> Value | None:
    if isinstance(told, Mapping):
        number = _number(told.get("NumberValue"))
        return _text(told.get("StringValue")) if number is None else number
    said = _text(told)
    number = None if said is None else read(said)
    return said if number is None else number


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
