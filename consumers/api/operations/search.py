"""Search and GetSearchSuggestions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from consumers.api import entity_views, page_tokens, times
from consumers.api.errors import Invalid
from consumers.api.record_filter import Record, matches, sort_key
from consumers.api.request import Request, Response
from consumers.api.search_properties import (
    RESOURCES,
    Resource,
    collection,
    fixed,
    nested,
    property_of,
    resource,
    user_names,
)
from consumers.api.service import Operation, Service
from store import paging
from store.database import Transaction
from store.entity_records import EntityRecord, by_ids, experiments_of, inside, parts
from store.paging import Page
from store.search import select
from store.search.compiler import Query
from store.search.expression import (
    ORDERED,
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
    in_order,
    precedes,
    segments,
)

if TYPE_CHECKING:
    from botocore.model import Shape

PAGE = 10
"""Results on a page, unless the request says otherwise."""
MOST = 50
"""Filters, nested filters and expressions in one request."""
SUGGESTIONS = 1000
"""Names in one answer."""


def search(service: Service, request: Request) -> Response:
    """Search: a page of the resources of which an expression is true, in an order, and how many there are.

    Raises:
        Invalid: There is no such property, or it cannot be compared so; the token is of another request.
    """
    sought = resource(request.input["Resource"])
    expression = read_expression(sought.shape, request.input)
    order = read_order(sought.shape, request.input)
    size = request.input.get("MaxResults", PAGE)
    after = _after(request, order)
    if request.input.get("CrossAccountFilterOption") == "CrossAccount":  # nobody else's is here
        return {"Results": [], "TotalHits": _total(0)}
    if sought.kind is None:
        query = Query(sought.record, request.arn_prefix.lower(), expression)

        def look(tx: Transaction) -> tuple[int, Page[Record]]:
            found = select.select_page(tx, query, order, size=size, after=after)
            return found.total, Page(_RECORDS[sought.record](tx, by_ids(tx, found.ids)), found.next)

        total, page = service.store.read(look)
    else:
        every = service.descriptions.all_of(sought.kind, request.arn_prefix)
        total, page = _matching(every, sought, expression, order, size, after)
    return {
        "Results": [{sought.record: record} for record in page.rows],
        "TotalHits": _total(total),
        "NextToken": page_tokens.token(request, page.next) if page.next else None,
    }


def get_search_suggestions(service: Service, request: Request) -> Response:
    """GetSearchSuggestions: names of properties with a prefix; those that users gave have a value somewhere."""
    sought = resource(request.input["Resource"])
    query = request.input.get("SuggestionQuery", {}).get("PropertyNameQuery", {})
    hint = folded(query.get("PropertyNameHint", ""))
    if sought.kind is None:
        names = service.store.read(lambda tx: list(_names(tx, Query(sought.record, request.arn_prefix.lower()))))
    else:
        every = service.descriptions.all_of(sought.kind, request.arn_prefix)
        names = sorted({name for record in every for name in user_names(sought.shape, record)})
    fitting = (name for name in (*fixed(sought.shape), *names) if folded(name).startswith(hint))
    return {"PropertyNameSuggestions": [{"PropertyName": name} for name in islice(fitting, SUGGESTIONS)]}


def _after(request: Request, order: SortOrder) -> SortKey | None:
    """The key of the page before.

    Raises:
        Invalid: The token was not made for this order.
    """
    key: SortKey | None = page_tokens.page_key(request, (int, str | int | float | None, str))
    if key is not None:
        segment, value, _ = key
        types = dict(enumerate(_VALUES.get(kind, (str,)) for kind in segments(order.by.kind)))
        if not isinstance(value, types.get(segment, ())):
            raise page_tokens.unknown_token()
    return key


_VALUES: Mapping[ValueType | None, tuple[type, ...]] = {
    None: (type(None),),
    ValueType.NUMBER: (int, float),
    ValueType.TIME: (int, float),
}
"""The types of values in the segments of an order; all others are texts."""


def _total(found: int) -> Record:
    return {
        "Value": min(found, select.COUNTED),
        "Relation": "EqualTo" if found <= select.COUNTED else "GreaterThanOrEqualTo",
    }


# ------------------------------------------------------------------------------------------------------------ requests


def read_expression(shape: Shape, request: Mapping[str, Any]) -> Expression:
    """The expression of a request.

    Args:
        shape: Of the records that are searched.
        request: The request.

    Raises:
        Invalid: There is no such property, or it cannot be compared so.
    """
    parts: list[Part] = []
    if "SearchExpression" in request:
        parts.append(_read(shape, request["SearchExpression"], iter(range(MOST))))
    for condition in request.get("VisibilityConditions", ()):
        # What lacks the tag is visible, too: the service's model says so.
        seen = _tag(shape, condition.get("Key", ""))
        values = (condition.get("Value", ""),)
        parts.append(
            Expression((Filter(seen, Operator.NOT_EXISTS), Filter(seen, Operator.EQUALS, values)), every=False)
        )
    return Expression(tuple(parts))


def _tag(shape: Shape, name: str) -> Property:
    if not name.lower().startswith("tags."):
        raise Invalid(f"VisibilityConditions are about tags: say Tags.X instead of {name}")
    return property_of(shape, name)


def _read(shape: Shape, expression: Mapping[str, Any], room: Iterator[int]) -> Expression:
    parts: list[Part] = []
    for one in expression.get("Filters", ()):
        _take(room)
        parts.append(_filter(one, property_of(shape, one["Name"])))
    for one in expression.get("NestedFilters", ()):
        _take(room)
        within = collection(shape, one["NestedPropertyName"])
        filters = one["Filters"]
        parts.append(Nested(within, tuple(_filter(inner, nested(shape, within, inner["Name"])) for inner in filters)))
    for one in expression.get("SubExpressions", ()):
        _take(room)
        parts.append(_read(shape, one, room))
    if not parts:
        raise Invalid("A SearchExpression must have one of Filters, NestedFilters and SubExpressions at least")
    return Expression(tuple(parts), every=expression.get("Operator", "And") == "And")


def _take(room: Iterator[int]) -> None:
    if next(room, None) is None:
        raise Invalid(f"A SearchExpression can have {MOST} filters, nested filters and sub-expressions in all")


def _filter(given: Mapping[str, Any], about: Property) -> Filter:
    how = Operator(given.get("Operator", Operator.EQUALS))
    if how in (Operator.EXISTS, Operator.NOT_EXISTS):
        return Filter(about, how)
    name, value = given["Name"], given.get("Value")
    if value is None:
        raise Invalid(f"The filter on {name} has no Value: {how} needs one")
    if about.kind is ValueType.WHOLE:
        raise Invalid(f"{name} has no value of its own: ask whether it Exists, or say which of its properties")
    if how in ORDERED and about.kind in (ValueType.TEXT, ValueType.NAME):
        raise Invalid(f"{how} is not supported for text properties: {name} is one")
    if how in (Operator.CONTAINS, Operator.IN) and about.kind in (ValueType.NUMBER, ValueType.TIME):
        raise Invalid(f"{how} is only supported for text properties: {name} is none")
    several = how is Operator.IN or (how is not Operator.CONTAINS and about.field.endswith("Arn"))
    values = [one for one in map(str.strip, value.split(",")) if one] if several else [value]
    if not values:
        raise Invalid(f"The filter on {name} has no value between the commas of {value!r}")
    return Filter(about, how, tuple(_value(name, one, how, about.kind) for one in values))


def _value(name: str, text: str, how: Operator, kind: ValueType) -> Value:
    if kind is ValueType.NAME:
        return folded(text)
    number = as_number(text)
    if kind is ValueType.TIME:
        time = times.from_text(text) if number is None else times.from_seconds(number)
        if time is None:
            raise Invalid(f"{name} is a time, and {text!r} is none: say 2026-01-31T12:00:00, or epoch seconds")
        return time
    if kind is ValueType.NUMBER or how in ORDERED:
        if number is None:
            raise Invalid(f"{name} is compared with a number, and {text!r} is none")
        return number
    return text


def read_order(shape: Shape, request: Mapping[str, Any]) -> SortOrder:
    """The order of a request.

    Args:
        shape: Of the records that are searched.
        request: The request.

    Raises:
        Invalid: There is no such property, or it has no value of its own.
    """
    usual = "LastModifiedTime" if "LastModifiedTime" in shape.members else "CreationTime"
    name = request.get("SortBy", usual)
    by = property_of(shape, name)
    if by.kind is ValueType.WHOLE:
        raise Invalid(f"{name} has no value to sort by: say which of its properties")
    return SortOrder(by, ascending=request.get("SortOrder") == "Ascending")


# ------------------------------------------------------------------------------------------------------------- answers


def _matching(
    every: Iterable[Record],
    sought: Resource,
    expression: Expression,
    order: SortOrder,
    size: int,
    after: SortKey | None,
) -> tuple[int, Page[Record]]:
    """Of all records those of which an expression is true: how many there are, and a page of them."""
    found = [(sort_key(order, one, one[sought.arn]), one) for one in every if matches(expression, one)]
    rest = [row for row in found if after is None or precedes(after, row[0], order)]
    page = paging.page(in_order(rest, order, lambda row: row[0]), size, lambda row: row[0])
    return len(found), Page([record for _, record in page.rows], page.next)


def _components(tx: Transaction, found: list[EntityRecord]) -> list[Record]:
    beside = parts(tx, [one.id for one in found], parents=True)
    return [
        entity_views.component(one, beside)
        | {
            "Tags": entity_views.tags(beside.tags.get(one.id, {})),
            "Parents": entity_views.parents(beside.parents.get(one.id, [])),
        }
        for one in found
    ]


def _trials(tx: Transaction, found: list[EntityRecord]) -> list[Record]:
    numbers = [one.id for one in found]
    beside = parts(tx, numbers, measured=False)
    experiments = experiments_of(tx, numbers)
    components = inside(tx, numbers)
    return [
        entity_views.trial(one, experiments.get(one.id))
        | {
            "Tags": entity_views.tags(beside.tags.get(one.id, {})),
            "TrialComponentSummaries": [entity_views.component(inner) for inner in components.get(one.id, [])],
        }
        for one in found
    ]


def _experiments(tx: Transaction, found: list[EntityRecord]) -> list[Record]:
    beside = parts(tx, [one.id for one in found], measured=False)
    return [entity_views.experiment(one) | {"Tags": entity_views.tags(beside.tags.get(one.id, {}))} for one in found]


_RECORDS = {"Experiment": _experiments, "Trial": _trials, "TrialComponent": _components}


def _names(tx: Transaction, query: Query) -> Iterator[str]:
    """The names of properties to which users gave names."""
    for within, names in select.user_names(tx, query).items():
        for name in names:
            if within == "Metrics":
                yield from (f"{within}.{name}.{stat}" for stat in ("Min", "Max", "Last", "Avg", "Count", "StdDev"))
            else:
                yield f"{within}.{name}"


OPERATIONS: Mapping[str, Operation] = {
    "Search": Operation(
        search,
        differs="An integer is compared with decimal hyperparameters as it is; Contains may be used more than once; "
        f"it finds {', '.join(RESOURCES)}.",
    ),
    "GetSearchSuggestions": Operation(get_search_suggestions),
}
"""How to search."""
