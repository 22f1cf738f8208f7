"""Expressions about runs as people write them: `eta>0.1`, `status=Completed`, `tag:team=risk`, `created>=2026-01-31`.

This is what `headwater runs --where` takes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from store.search.expression import Expression, Filter, Operator, Property, ValueType, as_number

TAG = "tag:"
"""Before the name of a tag."""
CREATED, STATUS, NAME = "created", "status", "name"
"""What a condition may name beside parameters, metrics and tags, before all of these."""

SIGNS: Mapping[str, Operator] = {
    "<": Operator.LESS,
    "<=": Operator.AT_MOST,
    "=": Operator.EQUALS,
    "!=": Operator.NOT_EQUALS,
    ">=": Operator.AT_LEAST,
    ">": Operator.GREATER,
    "contains": Operator.CONTAINS,
}
"""How operators are written."""


class BadCondition(Exception):
    """A condition cannot be read, or what it names cannot be compared so."""


_CONDITION = re.compile(r"\s*(.+?)\s*(<=|>=|!=|=|<|>|\scontains\s)\s*(.+?)\s*", re.DOTALL)


def parse(text: str) -> Expression:
    """The expression that a condition means, about trial components.

    A condition is a name, an operator and a value. Texts compare by code point and with case; what reads as a number is
    compared as one with parameters and metrics. A run without such a parameter, metric or tag does not meet it.

    Raises:
        BadCondition: It is no condition.
    """
    parts = _CONDITION.fullmatch(text)
    if not parts:
        raise BadCondition(f"{text!r} is no condition: write a name, one of {' '.join(SIGNS)}, and a value")
    name, operator, value = parts[1], SIGNS[parts[2].strip()], parts[3]
    if name == CREATED:
        return _created(operator, value)
    number = None if operator is Operator.CONTAINS else as_number(value)
    if name in (STATUS, NAME):
        return _of_entity(name, operator, value if number is None else f"{number:g}")
    if name.startswith(TAG):
        tag = Property("Value", ValueType.TEXT, "Tags", name.removeprefix(TAG))
        return Expression((Filter(tag, operator, (value,)),))
    if number is None:
        return Expression(_of_parameter(name, operator, value), every=False)
    metric = Filter(Property("Last", ValueType.NUMBER, "Metrics", name), operator, (number,))
    return Expression((*_of_parameter(name, operator, number), metric), every=False)


def _created(operator: Operator, value: str) -> Expression:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise BadCondition(f"{value!r} is no time: write 2026-01-31 or 2026-01-31T12:00:00") from None
    time = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    return Expression((Filter(Property("CreationTime", ValueType.TIME), operator, (time,)),))


def _of_entity(name: str, operator: Operator, value: str) -> Expression:
    if name == NAME:
        return Expression((Filter(Property("Name", ValueType.TEXT), operator, (value,)),))
    status = Property("Status.PrimaryStatus", ValueType.TEXT)
    parts = [Filter(status, operator, (value,))]
    if operator in (Operator.NOT_EQUALS, Operator.LESS, Operator.AT_MOST):  # a run without a status has an empty one
        parts.append(Filter(status, Operator.NOT_EXISTS))
    return Expression(tuple(parts), every=False)


def _of_parameter(name: str, operator: Operator, value: str | float) -> tuple[Filter | Expression, ...]:
    """Of these, one suffices. A text is compared with the parameter's text, and a number with its number."""
    text = Property("StringValue", ValueType.TEXT, "Parameters", name)
    number = Property("NumberValue", ValueType.NUMBER, "Parameters", name)
    compared, other = (text, number) if isinstance(value, str) else (number, text)
    found = Filter(compared, operator, (value,))
    if operator is not Operator.NOT_EQUALS:
        return (found,)
    return found, Expression((Filter(compared, Operator.NOT_EXISTS), Filter(other, Operator.EXISTS)))
