"""Expressions about entities as SQL: the conditions that they mean, and which of their filters an index answers."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    union,
)

from store import bulk, entity_records
from store.search.columns import RESOURCE_TYPES, Column, properties
from store.search.expression import (
    ORDERED,
    Expression,
    Filter,
    Nested,
    Operator,
    Part,
    ValueType,
    as_number,
    filters_of,
)
from store.tables import entity

FEW = 1000
"""So many entities are read and sorted sooner than an order is followed."""
_PLAIN = re.compile(r"[ !#-\[\]-~]+")
"""Texts that are the same in JSON."""


class Query(msgspec.Struct, frozen=True):
    """What is searched for.

    Attributes:
        lineage_type: One of `store.search.columns.RESOURCE_TYPES`.
        arn_prefix: What ARNs begin with, in lower case, up to the resource type; empty for those of every account and
            region, of which the text form can compare properties: names and ARNs of Search are within one.
        expression: What is true of it.
    """

    lineage_type: str
    arn_prefix: str = ""
    expression: Expression = Expression()


class Driver(NamedTuple):
    """A statement that finds few entities by an index, with all that are searched for among them.

    Attributes:
        ids: Selects their ids.
        exact: The part of the expression that is true of exactly these; None if some others are among them.
        many: True if they are known to be more than `FEW`.
    """

    ids: Select[Any]
    exact: Part | None
    many: bool = False


class Compiler:
    """Compiles a query for a database."""

    def __init__(self, connection: Connection, query: Query) -> None:
        self.connection, self.query = connection, query
        self.columns, self.collections = properties(connection.dialect.name, query.lineage_type, query.arn_prefix)
        # A literal, and not a parameter: so an index is known to serve.
        self.has_type = entity.c.lineage_type == literal(query.lineage_type, literal_execute=True)
        prefix = f"{query.arn_prefix}{RESOURCE_TYPES[query.lineage_type]}/"
        self.scope = entity_records.within(prefix) if query.arn_prefix else self.has_type

    # --------------------------------------------------------------------------------------------------- conditions

    def found(self, driver: Driver | None = None) -> ColumnElement[bool]:
        """The condition that an entity is searched for, by an index where one is given."""
        found = and_(self.scope, self.true(self.query.expression, driver.exact if driver else None))
        return and_(entity.c.id.in_(driver.ids), found) if driver else found

    def true(self, part: Part, known: Part | None = None) -> ColumnElement[bool]:
        """The condition that a part of an expression is true of an entity of which one part is known to be true."""
        if part is known:
            return true()
        if isinstance(part, Expression):
            return _joined(part, [self.true(one, known) for one in part.parts])
        if isinstance(part, Nested):
            return self._has(part.within, None, self._element_meets(part.within, part))
        within, element = part.property.within, part.property.element
        if not within:
            return self._entity_meets(part)
        if part.operator is Operator.NOT_EXISTS:
            return not_(self.true(Filter(part.property, Operator.EXISTS)))
        if part.operator is Operator.NOT_EQUALS and element is None:
            equals = Filter(part.property, Operator.EQUALS, part.values)
            return and_(self.true(Filter(part.property, Operator.EXISTS)), not_(self.true(equals)))
        return and_(self._may_hold(part), self._has(within, element, self._element_meets(within, part)))

    def _entity_meets(self, one: Filter) -> ColumnElement[bool]:
        """The condition that a filter of what an entity has once is true."""
        if one.property.kind is ValueType.WHOLE:
            parts = [
                column.value.is_not(None)
                for name, column in self.columns.items()
                if name.startswith(f"{one.property.field}.")
            ]
            there = or_(false(), *parts)
            return there if one.operator is Operator.EXISTS else not_(there)
        return _meets(self.columns.get(one.property.field), one)

    def _element_meets(self, within: str, part: Part) -> ColumnElement[bool]:
        """The condition that a part of an expression is true of an element of a collection."""
        if isinstance(part, Expression):
            return _joined(part, [self._element_meets(within, one) for one in part.parts])
        if isinstance(part, Nested):
            return and_(true(), *(self._element_meets(within, one) for one in part.filters))
        if part.property.kind is ValueType.WHOLE:
            return literal(part.operator is Operator.EXISTS)
        collection = self.collections.get(within)
        return _meets(collection.fields.get(part.property.field) if collection else None, part)

    def _has(self, within: str, element: str | None, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """The condition that one element of a collection meets a condition."""
        collection = self.collections.get(within)
        if collection is None:
            return false()
        there = select(literal(1)).select_from(collection.rows).where(condition)
        if element is not None and collection.name is not None:
            there = there.where(collection.name == element)
        if collection.owner is not None:
            there = there.where(collection.owner == entity.c.id)
        return exists(there.correlate(entity))

    def _may_hold(self, one: Filter) -> ColumnElement[bool]:
        """The condition that an entity's document can meet a filter at all: quicker to refuse than to read it."""
        exact = one.operator in (Operator.EQUALS, Operator.IN, Operator.CONTAINS)
        plain = all(isinstance(value, str) and _PLAIN.fullmatch(value) for value in one.values)
        collection = self.collections.get(one.property.within)
        if not (exact and plain and collection and collection.owner is None and one.property.kind is ValueType.TEXT):
            return true()
        return or_(*(bulk.contains(entity.c.document, str(value)) for value in one.values))

    # ------------------------------------------------------------------------------------------------------ by index

    def driver(self) -> Driver | None:
        """What finds the fewest entities by an index; None if no index finds any."""
        drivers = self._drivers(self.query.expression)
        if len(drivers) < 2:
            return drivers[0] if drivers else None
        counts = (select(func.count()).select_from(one.ids.limit(FEW + 1).subquery()) for one in drivers)
        found = self.connection.execute(select(*(one.scalar_subquery() for one in counts))).one()
        fewest = min(range(len(drivers)), key=found.__getitem__)
        return drivers[fewest]._replace(many=found[fewest] > FEW)

    def few(self, driver: Driver) -> Sequence[int] | None:
        """The ids that a driver finds; None if they are more than `FEW`."""
        if driver.many:
            return None
        found = self.connection.scalars(driver.ids.limit(FEW + 1)).all()
        return found if len(found) <= FEW else None

    def _drivers(self, part: Part) -> list[Driver]:
        if (ids := self._ids(part)) is not None:
            return [Driver(ids, part)]
        if not isinstance(part, Expression):
            return []
        each = [self._drivers(one) for one in part.parts]
        if part.every:
            return [one for drivers in each for one in drivers]
        if not each or not all(each):
            return []
        if len(each) == 1:
            return each[0]
        together = union(*(drivers[0].ids for drivers in each)).subquery()
        exact = all(drivers[0].exact is one for drivers, one in zip(each, part.parts, strict=True))
        return [Driver(select(together.c[0]), part if exact else None)]

    def _ids(self, part: Part) -> Select[Any] | None:
        """The entities of which a part of an expression is true, where an index finds them."""
        if (ids := self._ids_by_element(part)) is not None or not isinstance(part, Filter):
            return ids
        exact = part.operator in (Operator.EQUALS, Operator.IN)
        if not part.property.within:
            column = self.columns.get(part.property.field)
            if column is None or not (
                (exact and column.key is not None) or (part.operator in ORDERED and column.sorted)
            ):
                return None
            return select(entity.c.id).where(self.has_type, _meets(column, part))
        collection = self.collections.get(part.property.within)
        if not exact or collection is None or collection.owner is None:
            return None
        way = collection.ways.get(part.property.field)
        if way is None:
            return None
        return select(collection.owner).select_from(way).where(self._element_meets(part.property.within, part))

    def _ids_by_element(self, part: Part) -> Select[Any] | None:
        """The entities of which a part is true that is about one element by its name, and needs it.

        An entity has one element of a name at most: the part is a condition of that row, and no union of its filters.
        """
        places = {(one.property.within, one.property.element) for one in filters_of(part)}
        if len(places) != 1 or not _needs_element(part):
            return None
        ((within, element),) = places
        collection = self.collections.get(within)
        if collection is None or collection.owner is None or collection.name is None or element is None:
            return None
        meets = self._element_meets(within, part)
        return select(collection.owner).select_from(collection.rows).where(collection.name == element, meets)


def _joined(part: Expression, conditions: Iterable[ColumnElement[bool]]) -> ColumnElement[bool]:
    """The condition that an expression is true, of those that its parts are."""
    return (and_(true(), *conditions) if part.every else or_(false(), *conditions)).self_group()


def _needs_element(part: Part) -> bool:
    """True if a part of an expression that is about one element is true of no entity without it."""
    if isinstance(part, Filter):
        return part.operator is not Operator.NOT_EXISTS
    if isinstance(part, Nested):
        return True
    return (any if part.every else all)(_needs_element(one) for one in part.parts)


# ------------------------------------------------------------------------------------------------------- one comparison

_ORDERED: Mapping[Operator, Callable[[Any, Any], ColumnElement[bool]]] = {
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.AT_LEAST: operator.ge,
    Operator.GREATER: operator.gt,
}


def _meets(column: Column | None, one: Filter) -> ColumnElement[bool]:
    """The condition that a column compares as a filter says; None: the column of a property that nothing has."""
    if column is None:
        return true() if one.operator is Operator.NOT_EXISTS else false()
    if column.text is None:
        return _compares(column, one)
    number, text = Column(column.value), Column(column.text)
    numbers = tuple(value for value in map(as_number, one.values) if value is not None)
    match one.operator:
        case Operator.EXISTS:
            return or_(_compares(number, one), _compares(text, one))
        case Operator.NOT_EXISTS:
            return and_(_compares(number, one), _compares(text, one))
        case Operator.CONTAINS:
            return _compares(text, one)
        case Operator.EQUALS | Operator.IN | Operator.NOT_EQUALS:
            # Each way by itself, as an index has it.
            by_number = _compares(number, Filter(one.property, one.operator, numbers))
            return or_(by_number, and_(column.value.is_(None), _compares(text, one)))
        case _:
            return _compares(number, Filter(one.property, one.operator, numbers))


def _compares(column: Column, one: Filter) -> ColumnElement[bool]:
    value, values = column.value, one.values
    match one.operator:
        case Operator.EXISTS:
            return value.is_not(None)
        case Operator.NOT_EXISTS:
            return value.is_(None)
        case Operator.EQUALS | Operator.IN if column.key is not None:
            return column.key.in_([f"{column.prefix}{end}" for end in values])
        case Operator.EQUALS | Operator.IN:
            return value == values[0] if len(values) == 1 else value.in_(values)
        case Operator.NOT_EQUALS if len(values) == 1:
            return value != values[0]
        case Operator.NOT_EQUALS:
            return and_(value.is_not(None), value.not_in(values))
        case Operator.CONTAINS:
            return or_(false(), *(bulk.contains(value, str(part)) for part in values))
        case _:
            return or_(false(), *(_ORDERED[one.operator](value, other) for other in values))
