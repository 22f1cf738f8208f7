"""Values by the service's model, as JSON: what it allows, and the same with exactly one thing wrong."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.model import Shape
from hypothesis import strategies as st

from consumers.api import service_model
from consumers.api.errors import Invalid
from consumers.api.validator import checked, matcher, pattern_of

OPERATIONS = (*service_model.names(service_model.SAGEMAKER), *service_model.names(service_model.METRICS))

TEXT = st.characters(codec="utf-8", exclude_characters="\0")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
"""Whatever JSON can say, and a bit more: numbers that are not finite, halves of surrogates."""


def requests(operation: str) -> st.SearchStrategy[dict[str, Any]]:
    """Inputs of an operation that the model allows."""
    return values(service_model.operation(operation).input_shape)


@st.composite
def mutated(draw: st.DrawFn, operation: str) -> dict[str, Any]:
    """Inputs of an operation with exactly one thing wrong: to be refused."""
    shape = service_model.operation(operation).input_shape
    request: dict[str, Any] = {"": draw(values(shape))}
    wrongs = [(container, key, wrong) for inner, container, key in places(shape, request, "")
              for wrong in _wrong(inner, container[key])]  # fmt: skip
    container, key, wrong = draw(st.sampled_from(wrongs))
    container[key] = copy.deepcopy(wrong)
    whole: dict[str, Any] = request[""]
    return whole


@st.composite
def extended(draw: st.DrawFn, operation: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs that the model allows, and the same with members that it does not know and nulls: to be taken alike."""
    shape = service_model.operation(operation).input_shape
    request = draw(values(shape))
    more = {"": copy.deepcopy(request)}
    structures = [(inner, container[key]) for inner, container, key in places(shape, more, "")
                  if inner.type_name == "structure"]  # fmt: skip
    inner, structure = draw(st.sampled_from(structures))
    absent = [name for name in inner.members if name not in structure]
    structure |= dict.fromkeys(draw(st.lists(st.sampled_from(absent))) if absent else (), None)
    structure["Headwater"] = draw(JSON)
    return request, more[""]


def smallest(operation: str) -> dict[str, Any]:
    """A request that the model allows, of an operation whose required members are texts or numbers: only these."""
    shape = service_model.operation(operation).input_shape
    return {name: _simplest(shape.members[name]) for name in shape.required_members}


def _simplest(shape: Shape) -> Any:
    if shape.type_name == "string":
        return next(one for one in (*shape.enum, *_SIMPLE) if _is_allowed(shape, one))
    return max(shape.metadata.get("min", 1), 1)


_ARN = "arn:aws:sagemaker:us-west-2:123456789012:"
_SIMPLE = (
    "one",
    "0123456789ab",
    "d-0123456789ab",
    "01234567-0123-0123-0123-0123456789ab",
    *(f"{_ARN}{one}/one" for one in ("artifact", "mlflow-app", "reserved-capacity", "workteam", "training-plan")),
    f"{_ARN}partner-app/app-0123456789AB",
    f"{_ARN}model-card/one/export-job/one",
    f"{_ARN}pipeline/one/execution/one",
)
"""Texts of which at least one matches each pattern of the model's required members."""


def _is_allowed(shape: Shape, text: str) -> bool:
    try:
        checked(shape, text)
    except Invalid:
        return False
    return True


@st.composite
def nearly(draw: st.DrawFn, shape: Shape) -> Any:
    """Values of a shape in which something somewhere is any JSON at all."""
    value = {"": draw(values(shape))}
    _, container, key = draw(st.sampled_from(list(places(shape, value, ""))))
    container[key] = draw(JSON)
    return value[""]


def places(shape: Shape, container: Any, key: Any) -> Iterator[tuple[Shape, Any, Any]]:
    """Each value within one: its shape, and the dictionary or list it is in, under which key."""
    yield shape, container, key
    value = container[key]
    match shape.type_name:
        case "structure":
            for name in list(value):
                yield from places(shape.members[name], value, name)
        case "list":
            for position in range(len(value)):
                yield from places(shape.member, value, position)
        case "map":
            for name in list(value):
                yield from places(shape.value, value, name)


@cache
def values(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a shape, as JSON has them."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    few = least or 0
    some = max(few, min(3 if most is None else most, 3))
    match shape.type_name:
        case "structure":
            return _structures(shape, depth + 1)
        case "list":
            return st.lists(values(shape.member, depth), min_size=few, max_size=some)
        case "map":
            return st.dictionaries(values(shape.key, depth), values(shape.value, depth), min_size=few, max_size=some)
        case "string":
            return _strings(shape)
        case "integer" | "long" as kind:
            end = 2 ** (31 if kind == "integer" else 63)
            return st.integers(-end if least is None else least, end - 1 if most is None else most)
        case "float" | "double":
            return st.floats(least, most, allow_nan=False, allow_infinity=False)
        case "boolean":
            return st.booleans()
        case "timestamp":
            seconds = st.integers(0, 4 * 10**9) | st.floats(0, 4e9)
            return seconds | st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
    raise NotImplementedError(shape.type_name)


def _structures(shape: Shape, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    members = {name: _later(inner, depth) for name, inner in shape.members.items()}
    if shape.is_tagged_union:
        return st.sampled_from(sorted(members)).flatmap(lambda name: st.fixed_dictionaries({name: members[name]}))
    required = {name: members.pop(name) for name in shape.required_members}
    if not members or depth > 6:
        return st.fixed_dictionaries(required)
    some = st.lists(st.sampled_from(sorted(members)), max_size=5, unique=True)
    return some.flatmap(lambda names: st.fixed_dictionaries(required | {name: members[name] for name in names}))


def _later(shape: Shape, depth: int) -> st.SearchStrategy[Any]:
    return st.deferred(lambda: values(shape, depth))


# Hypothesis reads patterns as `re` does, which knows no classes of Unicode: some of each will do.
_CLASSES = {
    r"\p{L}": "a-zA-Zéß", r"\p{M}": "\u0301", r"\p{Z}": " \u00a0", r"\p{S}": "+$©", r"\p{N}": "0-9½", r"\p{P}": ".,!/",
    r"\p{Alnum}": "a-zA-Z0-9",
}  # fmt: skip
_ONE_CLASS = re.compile(r"\^?(?:\(?(\[(?:[^\]\\]|\\.)+\]|\\\w|\.)[*+]\)?)\$?(?:\$\{[0-9,]+\})?")
_FEW = st.characters(min_codepoint=1, max_codepoint=0x3FF)  # there are large tables to search for more


def _strings(shape: Shape) -> st.SearchStrategy[str]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 10**6)
    pattern = pattern_of(shape)
    if shape.enum:
        return st.sampled_from(shape.enum)
    if not pattern:
        return st.text(TEXT, min_size=least, max_size=min(most, least + 20))
    readable = pattern.pattern
    for name, some in _CLASSES.items():
        readable = readable.replace(name, some)
    readable = re.sub(r"-\\uD7FF[^\]]*", r"-\\u03FF", readable)  # as far as it goes
    if one := _ONE_CLASS.fullmatch(readable):
        readable = f"{one[1]}{{{least},{min(most, least + 20)}}}"
    readable = re.sub(r"\(\?=\.\{[0-9,]+\}\$\)", "", readable)  # a length, which is looked at below
    made = st.from_regex(re.compile(readable, re.ASCII), fullmatch=True, alphabet=_FEW)
    return made.filter(lambda text: least <= len(text) <= most and matcher(pattern)(text) is not None)


_OTHERS: dict[str, tuple[Any, ...]] = {
    "structure": ([], "text", 5, True),
    "map": ([], "text", 5, True),
    "list": ({}, "text", 5, True, [None]),
    "string": ({}, [], 5, 0.5, True),
    "integer": ({}, [], "5", 5.5, True, 2**31, -(2**31) - 1, 1e300),
    "long": ({}, [], "5", 5.5, True, 2**63, -(2**63) - 1, 1e300),
    "float": ({}, [], "5", True, "NaN", "-Infinity", float("inf"), 10**400),
    "double": ({}, [], "5", True, "NaN", "-Infinity", float("nan"), 10**400),
    "boolean": ({}, [], "true", 1, 0.0),
    "timestamp": ({}, [], True, "", "yesterday", 1e15, -1e15, float("nan"), 10**400, "10000-01-01T00:00:00Z"),
}


def _wrong(shape: Shape, value: Any) -> Iterator[Any]:
    """What is not to be taken in the place of a value."""
    yield from _OTHERS[shape.type_name]
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    match shape.type_name:
        case "structure":
            for name in shape.required_members:
                yield {**value, name: None}
                yield {inner: kept for inner, kept in value.items() if inner != name}
            if shape.is_tagged_union:
                yield {}
            if shape.name == "SearchExpression":
                yield _nested(value)
        case "list" if most is not None:
            yield [None] * (most + 1)
        case "map":
            if most is not None:
                yield {str(number): None for number in range(most + 1)}
            for key in _wrong_texts(shape.key, "key"):
                yield {key: next(iter(value.values()), None)}
        case "string":
            yield from _wrong_texts(shape, value)
        case "integer" | "long" | "float" | "double":
            yield from [least - 1] if least is not None else []
            yield from [most + 1] if most is not None else []
    if shape.type_name in ("list", "map", "string") and least:
        yield {"list": [], "map": {}, "string": ""}[shape.type_name]


def _wrong_texts(shape: Shape, value: str) -> Iterator[str]:
    yield from (f"{value}\0", "\0", f"{value}\ud800", "\udfff")
    if shape.metadata.get("max") is not None:
        yield "x" * (shape.metadata["max"] + 1)
    if shape.enum:
        yield from (text for text in (f"{value} ", value.swapcase(), "") if text not in shape.enum)
    elif pattern := pattern_of(shape):
        yield from (
            text for text in (f"{value}\n", f"{value} ", f"!{value}", f"é{value}") if not matcher(pattern)(text)
        )


def _nested(value: Any) -> Any:
    for _ in range(60):
        value = {"SubExpressions": [value]}
    return value
