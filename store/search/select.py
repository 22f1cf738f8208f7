"""Entities of which an expression is true, in an order, page by page: what Search asks of the tables.

There are two ways. Where a filter that has to be true leaves few entities, all of these are looked at. Else the order
is followed, by an index where there is one, until the page is full, and what is found is counted apart.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Null,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    exists,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
    union,
)

from store import bulk, entity_records
from store.database import Transaction
from store.lineage import GROUP
from store.search.expression import (
    ORDERED,
    Expression,
    Filter,
    Nested,
    Operator,
    Order,
    Position,
    Property,
    ValueType,
    in_order,
    precedes,
    read,
    runs,
)
from store.tables import entity, last_modified, membership, metric, parameter, tag

PARTS: Mapping[str, str] = {
    "Experiment": "experiment",
    "Trial": "experiment-trial",
    "TrialComponent": "experiment-trial-component",
}
"""How the ARNs of what can be searched go on, by lineage type."""

FEW = 1000
"""So many entities are looked at and sorted sooner than an order is followed."""
COUNTED = 10_000
"""So many are counted; whether there are more is not worth a client's time."""
_PLAIN = re.compile(r"[ !#-\[\]-~]+")
"""What JSON writes as it is."""
USER_PROFILE = ":user-profile/"
"""In the ARN of who works in Studio."""


class Wanted(msgspec.Struct, frozen=True):
    """What is searched for.

    Attributes:
        lineage_type: One of `PARTS`.
        partition: What ARNs begin with, in lower case.
        expression: What has to be true.
    """

    lineage_type: str
    partition: str
    expression: Expression = Expression()

    @property
    def prefix(self) -> str:
        """What keys begin with."""
        return f"{self.partition}{PARTS[self.lineage_type]}/"


class Hits(msgspec.Struct, frozen=True):
    """What was found.

    Attributes:
        total: How many there are on all pages, counted up to `COUNTED`.
        ids: Of entities on this page, in order.
        position: Of the last of them; None if there are no more.
    """

    total: int
    ids: tuple[int, ...]
    position: Position | None


def hits(tx: Transaction, wanted: Wanted, order: Order, *, size: int, after: Position | None = None) -> Hits:
    """A page of what is searched for.

    Args:
        tx: To read in.
        wanted: What is searched for.
        order: How it is sorted.
        size: How many at most.
        after: Where the page before ended.
    """
    search = _Search(tx.connection, wanted)
    driver = search.driver()
    few = search.few(driver) if driver is not None else None
    if driver is not None and few is not None:
        found = search.all(few, driver.exact, order)
        rest = [row for row in found if after is None or precedes(after, row[1], order)]
        return _page(len(found), rest[: size + 1], size)
    # Where no index knows the order, all that may be found is sorted.
    rest = list(search.following(None if search.has_index(order.by) else driver, order, after, size + 1))
    whole = after is None and len(rest) <= size
    return _page(len(rest) if whole else search.count(driver), rest, size)


Row = tuple[int, Position]


def _page(total: int, found: Sequence[Row], size: int) -> Hits:
    shown = found[:size]
    return Hits(total, tuple(number for number, _ in shown), shown[-1][1] if len(found) > size else None)


class _Column(NamedTuple):
    """A property in SQL.

    Attributes:
        value: NULL where it is not there; names in lower case. Of what is either, the number.
        text: Of what is either, the text of those that have no number.
        key: What an index knows of which the value is the end,
        prefix: and what is before it.
        sorted: True if an index is in the order of the values, or of the key if there is one.
    """

    value: ColumnElement[Any]
    text: ColumnElement[Any] | None = None
    key: ColumnElement[Any] | None = None
    prefix: str = ""
    sorted: bool = False


class _Collection(NamedTuple):
    """The elements that entities have of something.

    Attributes:
        rows: Where they are.
        owner: The id of the entity they are of; None where `rows` is of one entity already.
        name: What an element is called by, or None.
        fields: Of an element; the empty name means the element itself.
        ways: By which rows an index leads from the key of a field to the owners.
    """

    rows: FromClause
    owner: ColumnElement[int] | None
    name: ColumnElement[str] | None
    fields: Mapping[str, _Column]
    ways: Mapping[str, FromClause] = MappingProxyType({})


class _Driver(NamedTuple):
    """Among what all is that is searched for.

    Attributes:
        ids: The statement that tells.
        exact: The filter that this answers; None if it tells others, too.
        many: True if it is known to tell more ids than `FEW`.
    """

    ids: Select[Any]
    exact: Filter | None
    many: bool = False


class _Search:
    """Statements of one search."""

    def __init__(self, connection: Connection, wanted: Wanted) -> None:
        self.connection, self.wanted = connection, wanted
        self.columns, self.collections = _told(connection.dialect.name, wanted.lineage_type, wanted.partition)
        self.scope = entity_records.within(wanted.prefix)
        # Said, and not a parameter: so an index is known to serve.
        self.is_one = entity.c.lineage_type == literal(wanted.lineage_type, literal_execute=True)

    # ------------------------------------------------------------------------------------------------- which entities

    def _found(self, driver: _Driver | None) -> ColumnElement[bool]:
        """That an entity is searched for."""
        found = and_(self.scope, self._true(self.wanted.expression, driver.exact if driver else None))
        return and_(entity.c.id.in_(driver.ids), found) if driver else found

    def _true(self, part: Filter | Nested | Expression, known: Filter | None = None) -> ColumnElement[bool]:
        """That a part is true where one filter is known to be."""
        if isinstance(part, Expression):
            parts = [self._true(one, known) for one in part.parts if one is not known]
            return (and_(true(), *parts) if part.every else or_(false(), *parts)).self_group()
        if isinstance(part, Nested):
            return self._has(part.within, None, [self._meets(part.within, one) for one in part.filters])
        within, element = part.property.within, part.property.element
        if not within:
            return self._compared(part)
        if part.operator is Operator.NOT_EXISTS:
            return not_(self._true(Filter(part.property, Operator.EXISTS)))
        if part.operator is Operator.NOT_EQUALS and element is None:
            equals = Filter(part.property, Operator.EQUALS, part.values)
            return and_(self._true(Filter(part.property, Operator.EXISTS)), not_(self._true(equals)))
        return and_(self._may_hold(part), self._has(within, element, [self._meets(within, part)]))

    def _compared(self, one: Filter) -> ColumnElement[bool]:
        """That a filter of what an entity has once is true."""
        if one.property.kind is ValueType.WHOLE:
            parts = [
                c.value.is_not(None) for name, c in self.columns.items() if name.startswith(f"{one.property.field}.")
            ]
            there = or_(false(), *parts)
            return there if one.operator is Operator.EXISTS else not_(there)
        return _compared(self.columns.get(one.property.field), one)

    def _meets(self, within: str, one: Filter) -> ColumnElement[bool]:
        """That a filter is true of a row of a collection."""
        if one.property.kind is ValueType.WHOLE:
            return literal(one.operator is Operator.EXISTS)
        collection = self.collections.get(within)
        return _compared(collection.fields.get(one.property.field) if collection else None, one)

    def _has(self, within: str, element: str | None, conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
        """That one element of a collection meets all conditions."""
        collection = self.collections.get(within)
        if collection is None:
            return false()
        there = select(literal(1)).select_from(collection.rows).where(*conditions)
        if element is not None and collection.name is not None:
            there = there.where(collection.name == element)
        if collection.owner is not None:
            there = there.where(collection.owner == entity.c.id)
        return exists(there.correlate(entity))

    def _may_hold(self, one: Filter) -> ColumnElement[bool]:
        """That an entity's document can hold what a filter asks for: sooner said of most than what it does hold."""
        exact = one.operator in (Operator.EQUALS, Operator.IN, Operator.CONTAINS)
        plain = all(isinstance(told, str) and _PLAIN.fullmatch(told) for told in one.values)
        collection = self.collections.get(one.property.within)
        if not (exact and plain and collection and collection.owner is None and one.property.kind is ValueType.TEXT):
            return true()
        return or_(*(bulk.contains(entity.c.document, str(told)) for told in one.values))

    # ---------------------------------------------------------------------------------- what a filter leaves, by index

    def driver(self) -> _Driver | None:
        """What leaves the fewest; None if no index tells of any."""
        drivers = self._drivers(self.wanted.expression)
        if len(drivers) < 2:
            return drivers[0] if drivers else None
        counts = (select(func.count()).select_from(one.ids.limit(FEW + 1).subquery()) for one in drivers)
        found = self.connection.execute(select(*(one.scalar_subquery() for one in counts))).one()
        fewest = min(range(len(drivers)), key=found.__getitem__)
        return drivers[fewest]._replace(many=found[fewest] > FEW)

    def few(self, driver: _Driver) -> Sequence[int] | None:
        """The ids that a driver tells; None if they are more than `FEW`."""
        if driver.many:
            return None
        found = self.connection.scalars(driver.ids.limit(FEW + 1)).all()
        return found if len(found) <= FEW else None

    def _drivers(self, part: Filter | Nested | Expression) -> list[_Driver]:
        if isinstance(part, Nested):
            return []
        if isinstance(part, Filter):
            return [_Driver(ids, part)] if (ids := self._ids(part)) is not None else []
        each = [self._drivers(one) for one in part.parts]
        if part.every:
            return [one for drivers in each for one in drivers]
        if not each or not all(each):
            return []
        together = union(*(drivers[0].ids for drivers in each)).subquery()
        return [_Driver(select(together.c[0]), None)]

    def _ids(self, one: Filter) -> Select[Any] | None:
        """Those that a filter leaves, where an index finds them."""
        within, element = one.property.within, one.property.element
        exact = one.operator in (Operator.EQUALS, Operator.IN)
        if not within:
            column = self.columns.get(one.property.field)
            if column is None or not (
                (exact and column.key is not None) or (one.operator in ORDERED and column.sorted)
            ):
                return None
            return select(entity.c.id).where(self.is_one, _compared(column, one))
        collection = self.collections.get(within)
        if collection is None or collection.owner is None or one.operator is Operator.NOT_EXISTS:
            return None
        ids = select(collection.owner).where(self._meets(within, one))
        if element is not None and collection.name is not None:
            return ids.select_from(collection.rows).where(collection.name == element)
        way = collection.ways.get(one.property.field)
        return ids.select_from(way) if way is not None and exact else None

    # --------------------------------------------------------------------------------------------------- in which order

    def all(self, ids: Sequence[int], known: Filter | None, order: Order) -> list[Row]:
        """All that is found among some ids, of which one filter is known to be true, in order."""
        if not ids:
            return []
        values = self._values(order.by)
        # The ids themselves: a database takes the statement for them for more than it gives.
        among = bulk.among(self.connection, entity.c.id, ids)
        true = self._true(self.wanted.expression, known)
        wanted = select(entity.c.id, entity.c.key, *values).where(among, self.scope, true)
        found: list[Row] = []
        for id_, key, *told in self.connection.execute(wanted):
            run = next((run for run, value in enumerate(told) if value is not None), len(told))
            found.append((id_, (run, told[run] if run < len(told) else None, key)))
        return in_order(found, order, lambda row: row[1])

    def has_index(self, by: Property) -> bool:
        """True if an index is in the order of a property."""
        if not by.within:
            column = self.columns.get(by.field)
        elif by.element is not None and by.within in self.collections:
            column = self.collections[by.within].fields.get(by.field)
        else:
            return False
        return column is None or column.sorted  # what nobody has is sorted by its key alone

    def following(self, driver: _Driver | None, order: Order, after: Position | None, size: int) -> Iterator[Row]:
        """What comes after a position, in order, among some ids if they are told."""
        begin = after[0] if after else 0
        for run, kind in enumerate(runs(order.by.kind)):
            if run < begin or size <= 0:
                continue
            statement = self._run(driver, order, run, kind, after if after and run == begin else None)
            if statement is not None:
                for id_, key, value in self.connection.execute(statement.limit(size)):
                    size -= 1
                    yield id_, (run, value, key)

    def count(self, driver: _Driver | None) -> int:
        """How many there are, up to `COUNTED` and one."""
        found = select(literal(1)).select_from(entity).where(self._found(driver)).limit(COUNTED + 1)
        return self.connection.scalar(select(func.count()).select_from(found.subquery())) or 0

    def _run(
        self, driver: _Driver | None, order: Order, run: int, kind: ValueType | None, after: Position | None
    ) -> Select[Any] | None:
        """What comes after a position in one run of an order; None if nobody has such a property."""
        collection = self.collections.get(order.by.within)
        values = self._values(order.by)
        source: FromClause = entity
        conditions = [self._found(driver)]
        if kind is None:
            value: ColumnElement[Any] = null()
            conditions += [one.is_(None) for one in values]
        elif isinstance(values[run], Null):
            return None
        elif (
            driver is None
            and collection
            and collection.owner is not None
            and collection.name is not None
            and order.by.element is not None
        ):
            # From the element to what has it: the index of elements knows the order.
            value = _parts(collection.fields.get(order.by.field), order.by.kind)[run]
            source = collection.rows.join(entity, entity.c.id == collection.owner)
            conditions += [collection.name == order.by.element, value.is_not(None)]
        else:
            value = values[run]
            conditions += [*(one.is_(None) for one in values[:run]), value.is_not(None)]
            if driver is None:
                conditions.append(self.is_one)
        if after is not None and kind is None:
            conditions.append(entity.c.key > after[2])
        elif after is not None:
            beyond = value > after[1] if order.ascending else value < after[1]
            conditions.append(or_(beyond, and_(value == after[1], entity.c.key > after[2])))
        wanted = select(entity.c.id, entity.c.key, value).select_from(source).where(*conditions)
        if kind is not None:
            wanted = wanted.order_by(value.asc() if order.ascending else value.desc())
        return wanted.order_by(entity.c.key)

    def _values(self, by: Property) -> list[ColumnElement[Any]]:
        """What entities are sorted by, in the order of an order's runs; NULL where it is not there."""
        if not by.within:
            return _parts(self.columns.get(by.field), by.kind)
        collection = self.collections.get(by.within)
        if collection is None:
            return _parts(None, by.kind)
        values: list[ColumnElement[Any]] = []
        for value in _parts(collection.fields.get(by.field), by.kind):
            least = select(func.min(value)).select_from(collection.rows)
            if by.element is not None and collection.name is not None:
                least = least.where(collection.name == by.element)
            if collection.owner is not None:
                least = least.where(collection.owner == entity.c.id)
            values.append(least.correlate(entity).scalar_subquery())
        return values


def _parts(column: _Column | None, kind: ValueType) -> list[ColumnElement[Any]]:
    """A column for each run of an order by it but the last one."""
    if column is None:
        return [null() for run in runs(kind) if run]
    if column.text is not None:
        return [column.value, column.text]
    return [column.key if column.sorted and column.key is not None else column.value]


_ORDERED: Mapping[Operator, Callable[[Any, Any], ColumnElement[bool]]] = {
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.AT_LEAST: operator.ge,
    Operator.GREATER: operator.gt,
}


def _compared(column: _Column | None, one: Filter) -> ColumnElement[bool]:
    """That a column compares as a filter says."""
    if column is None:
        return true() if one.operator is Operator.NOT_EXISTS else false()
    if column.text is None:
        return _alone(column, one)
    number_, text = _Column(column.value), _Column(column.text)
    numbers = tuple(told for told in map(read, one.values) if told is not None)
    match one.operator:
        case Operator.EXISTS:
            return or_(_alone(number_, one), _alone(text, one))
        case Operator.NOT_EXISTS:
            return and_(_alone(number_, one), _alone(text, one))
        case Operator.CONTAINS:
            return _alone(text, one)
        case Operator.EQUALS | Operator.IN | Operator.NOT_EQUALS:
            # Each way by itself, as an index knows it.
            by_number = _alone(number_, Filter(one.property, one.operator, numbers))
            return or_(by_number, and_(column.value.is_(None), _alone(text, one)))
        case _:
            return _alone(number_, Filter(one.property, one.operator, numbers))


def _alone(column: _Column, one: Filter) -> ColumnElement[bool]:
    value, values = column.value, one.values
    match one.operator:
        case Operator.EXISTS:
            return value.is_not(None)
        case Operator.NOT_EXISTS:
            return value.is_(None)
        case Operator.EQUALS | Operator.IN if column.key is not None:
            return column.key.in_([f"{column.prefix}{told}" for told in values])
        case Operator.EQUALS | Operator.IN:
            return value == values[0] if len(values) == 1 else value.in_(values)
        case Operator.NOT_EQUALS:
            return and_(value.is_not(None), value.not_in(values))
        case Operator.CONTAINS:
            return or_(false(), *(bulk.contains(value, str(told)) for told in values))
        case _:
            return or_(false(), *(_ORDERED[one.operator](value, told) for told in values))


# ------------------------------------------------------------------------------------------- where properties are kept


@lru_cache(maxsize=32)
def _told(dialect: str, lineage_type: str, partition: str) -> tuple[dict[str, _Column], dict[str, _Collection]]:
    """Where a database keeps what SageMaker's properties tell: what an entity has once, and what it has several of."""
    told, wanted = _Told(dialect), Wanted(lineage_type, partition)
    return told.columns(wanted, entity), told.collections(wanted)


class _Told:
    """Where a database keeps what SageMaker's properties tell."""

    def __init__(self, dialect: str) -> None:
        self.lite = dialect == "sqlite"

    def columns(self, wanted: Wanted, one: FromClause) -> dict[str, _Column]:
        """What an entity has once."""
        named = f"{wanted.lineage_type}Name"
        found = {
            named: self._tail(one, wanted.prefix),
            f"{wanted.lineage_type}Arn": _Column(one.c.key, key=one.c.key, sorted=True),
            "DisplayName": _Column(
                func.lower(func.coalesce(self._text(one, "display_name"), one.c.name)),
            ),
            "Description": _Column(self._text(one, "description")),
            "Source.SourceArn": _Column(
                func.lower(func.nullif(one.c.source_uri, "")), key=func.lower(one.c.source_uri)
            ),
            "Source.SourceType": _Column(case((one.c.source_uri != "", func.nullif(one.c.type, "")))),
            "CreationTime": _Column(one.c.created, sorted=True),
            "LastModifiedTime": _Column(last_modified(one), sorted=True),
        }
        for property_, field in (("CreatedBy", "created_by"), ("LastModifiedBy", "modified_by")):
            who = self._text(one, field)
            studio = bulk.contains(who, USER_PROFILE)
            found[f"{property_}.UserProfileArn"] = _Column(func.lower(case((studio, who))))
            found[f"{property_}.IamIdentity.Arn"] = _Column(func.lower(case((not_(studio), who))))
        if wanted.lineage_type != "Experiment":
            for field in ("CommitId", "Repository", "GeneratedBy", "ProjectId"):
                found[f"MetadataProperties.{field}"] = _Column(self._text(one, "metadata", field))
        if wanted.lineage_type == "Trial":
            found["ExperimentName"] = _Column(self._experiment(one, wanted.partition))
        if wanted.lineage_type == "TrialComponent":
            found["Status.PrimaryStatus"] = _Column(func.nullif(one.c.status, ""))
            found["Status.Message"] = _Column(case((one.c.status != "", self._text(one, "message"))))
            found["StartTime"] = _Column(self._time(one, "started"))
            found["EndTime"] = _Column(self._time(one, "ended"))
            found["LineageGroupArn"] = _Column(literal(f"{wanted.partition}lineage-group/{GROUP}"))
        return found

    def collections(self, wanted: Wanted) -> dict[str, _Collection]:
        """What an entity has several of."""
        found = {
            "Tags": _Collection(
                tag,
                tag.c.entity_id,
                tag.c.name,
                {"Key": _Column(tag.c.name), "Value": _Column(tag.c.value, sorted=True)},
            )
        }
        if wanted.lineage_type == "Trial":
            found["TrialComponentSummaries"] = self._components(wanted.partition)
        if wanted.lineage_type == "TrialComponent":
            found["Parents"] = self._parents(wanted.partition)
            found["Parameters"] = _parameters()
            found["Metrics"] = _metrics()
            found["InputArtifacts"] = self._artifacts("inputs")
            found["OutputArtifacts"] = self._artifacts("outputs")
        return found

    def _components(self, partition: str) -> _Collection:
        inner = entity.alias("component")
        told = self.columns(Wanted("TrialComponent", partition), inner)
        fields = {name: told[name] for name in ("TrialComponentName", "TrialComponentArn", "CreationTime")}
        fields |= {f"TrialComponent{name}": one for name, one in told.items() if name.startswith("Source.")}
        fields |= {name: one for name, one in told.items() if name.startswith("CreatedBy.")}
        joined = membership.join(inner, inner.c.id == membership.c.child_id)
        ways = dict.fromkeys(("TrialComponentName", "TrialComponentArn"), joined)
        return _Collection(joined, membership.c.parent_id, None, fields, ways)

    def _parents(self, partition: str) -> _Collection:
        trial, upper, top = entity.alias("trial"), membership.alias("upper"), entity.alias("top")
        is_trial = trial.c.lineage_type == literal("Trial", literal_execute=True)
        by_trial = membership.join(trial, trial.c.id == membership.c.parent_id)
        by_experiment = membership.join(upper, upper.c.child_id == membership.c.parent_id)
        joined = membership.join(trial, and_(trial.c.id == membership.c.parent_id, is_trial))
        joined = joined.outerjoin(upper, upper.c.child_id == trial.c.id)
        fields = {
            "TrialName": self._tail(trial, f"{partition}{PARTS['Trial']}/"),
            "ExperimentName": self._tail(top, f"{partition}{PARTS['Experiment']}/"),
        }
        ways = {"TrialName": by_trial, "ExperimentName": by_experiment.join(top, top.c.id == upper.c.parent_id)}
        return _Collection(
            joined.outerjoin(top, top.c.id == upper.c.parent_id), membership.c.child_id, None, fields, ways
        )

    def _artifacts(self, field: str) -> _Collection:
        if self.lite:
            each = func.json_each(entity.c.document, f"$.{field}").table_valued("key", "value", name=field)
            media, value = (func.json_extract(each.c.value, f"$[{place}]") for place in (0, 1))
        else:
            columns = (column("key", Text), column("value", JSON))
            told = cast(entity.c.document, JSON)[field]
            each = func.json_each(told).table_valued(*columns, name=field).render_derived()
            media, value = (each.c.value[place].as_string().collate("C") for place in (0, 1))
        return _Collection(
            each, None, each.c.key, {"MediaType": _Column(func.nullif(media, "")), "Value": _Column(value)}
        )

    def _experiment(self, one: FromClause, partition: str) -> ColumnElement[Any]:
        upper, top = membership.alias("upper"), entity.alias("top")
        name = self._tail(top, f"{partition}{PARTS['Experiment']}/").value
        parent = (
            select(func.min(name))
            .select_from(upper.join(top, top.c.id == upper.c.parent_id))
            .where(upper.c.child_id == one.c.id)
            .correlate(one)
            .scalar_subquery()
        )
        return func.coalesce(func.lower(self._text(one, "experiment_name")), parent)

    def _tail(self, one: FromClause, prefix: str) -> _Column:
        """The name of an entity, which ends its key."""
        return _Column(func.substr(one.c.key, len(prefix) + 1), key=one.c.key, prefix=prefix, sorted=True)

    def _text(self, one: FromClause, *path: str) -> ColumnElement[Any]:
        """A text in an entity's document."""
        if self.lite:
            return func.json_extract(one.c.document, f"$.{'.'.join(path)}")
        told: ColumnElement[Any] = cast(one.c.document, JSON)[path].as_string()
        return told.collate("C")

    def _time(self, one: FromClause, field: str) -> ColumnElement[Any]:
        """A time in an entity's document."""
        if self.lite:
            return func.json_extract(one.c.document, f"$.{field}")
        return cast(cast(one.c.document, JSON)[field].as_string(), BigInteger)


def _parameters() -> _Collection:
    text = case((parameter.c.number.is_(None), parameter.c.string))
    fields = {
        "": _Column(parameter.c.number, text, sorted=True),
        "NumberValue": _Column(parameter.c.number, sorted=True),
        "StringValue": _Column(parameter.c.string),
    }
    return _Collection(parameter, parameter.c.entity_id, parameter.c.name, fields)


def _metrics() -> _Collection:
    def of_many(several: ColumnElement[Any], once: Any) -> _Column:
        return _Column(case((metric.c.count.is_(None), once), else_=several))

    fields = {
        "MetricName": _Column(metric.c.name),
        "TimeStamp": _Column(metric.c.time),
        "Last": _Column(metric.c.value, sorted=True),
        "Min": of_many(metric.c.low, metric.c.value),
        "Max": of_many(metric.c.high, metric.c.value),
        "Avg": of_many(metric.c.mean, metric.c.value),
        "StdDev": of_many(metric.c.deviation, 0.0),
        "Count": of_many(metric.c.count, 1),
    }
    return _Collection(metric, metric.c.entity_id, metric.c.name, fields)


# --------------------------------------------------------------------------------------------------------------- names


def names(tx: Transaction, wanted: Wanted) -> dict[str, list[str]]:
    """What users named that is searched for: by collection, each sorted."""
    told = {"Tags": tag}
    if wanted.lineage_type == "TrialComponent":
        told |= {"Parameters": parameter, "Metrics": metric}
    here = _Search(tx.connection, wanted).scope
    found = {}
    for within, table in told.items():
        every = bulk.distinct(tx.connection, table.c.name)
        owned = exists().where(table.c.name == bindparam("name"), table.c.entity_id == entity.c.id, here)
        found[within] = [name for name in every if tx.connection.scalar(select(owned), {"name": name})]
    return found
