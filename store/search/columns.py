"""Where each of SageMaker's properties is in the tables: what an entity has once, and what it has several of."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    FromClause,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    not_,
    select,
)

from store import bulk
from store.lineage import GROUP
from store.tables import entity, last_modified, membership, metric, parameter, tag

RESOURCE_TYPES: Mapping[str, str] = {
    "Experiment": "experiment",
    "Trial": "experiment-trial",
    "TrialComponent": "experiment-trial-component",
}
"""The resource type in the ARNs of what can be searched, by lineage type."""

USER_PROFILE = ":user-profile/"
"""In the ARN of somebody who works in Studio."""


class Column(NamedTuple):
    """A property in SQL.

    Attributes:
        value: NULL where an entity lacks it; names in lower case. Of what is a number or a text, the number.
        text: Of what is a number or a text, the text of those that have no number; else None.
        key: An indexed column that ends in the value, or None.
        prefix: What is before the value in `key`.
        sorted: True if an index is in the order of the values, or of `key` if there is one.
    """

    value: ColumnElement[Any]
    text: ColumnElement[Any] | None = None
    key: ColumnElement[Any] | None = None
    prefix: str = ""
    sorted: bool = False


class Collection(NamedTuple):
    """The elements that entities have in a collection.

    Attributes:
        rows: The rows of all elements.
        owner: The id of the entity that an element is of; None where `rows` are of one entity already.
        name: The name of an element, or None if elements have none.
        fields: The properties of an element; the empty name means the element itself.
        ways: The rows by which an index leads from the key of a field to the owners, by field.
    """

    rows: FromClause
    owner: ColumnElement[int] | None
    name: ColumnElement[str] | None
    fields: Mapping[str, Column]
    ways: Mapping[str, FromClause] = MappingProxyType({})


@lru_cache(maxsize=32)
def properties(
    dialect: str, lineage_type: str, arn_prefix: str
) -> tuple[Mapping[str, Column], Mapping[str, Collection]]:
    """What an entity has once, and what it has several of, by SageMaker's names.

    Args:
        dialect: Of the database.
        lineage_type: Of the entities, one of `RESOURCE_TYPES`.
        arn_prefix: What their ARNs begin with, in lower case, up to the resource type.
    """
    found = _Properties(dialect, arn_prefix)
    return found.columns(lineage_type, entity), found.collections(lineage_type)


class _Properties:
    """Makes the columns and collections of a database."""

    def __init__(self, dialect: str, arn_prefix: str) -> None:
        self.lite, self.arn_prefix = dialect == "sqlite", arn_prefix

    def columns(self, lineage_type: str, one: FromClause) -> dict[str, Column]:
        """What an entity has once."""
        found = {
            f"{lineage_type}Name": self._name(one, lineage_type),
            f"{lineage_type}Arn": Column(one.c.key, key=one.c.key, sorted=True),
            "Name": Column(one.c.name),  # with its case: the text form compares it so, and Search does not know it
            "DisplayName": Column(func.lower(func.coalesce(self._text(one, "display_name"), one.c.name))),
            "Description": Column(self._text(one, "description")),
            "Source.SourceArn": Column(func.lower(func.nullif(one.c.source_uri, "")), key=func.lower(one.c.source_uri)),
            "Source.SourceType": Column(case((one.c.source_uri != "", func.nullif(one.c.type, "")))),
            "CreationTime": Column(one.c.created, sorted=True),
            "LastModifiedTime": Column(last_modified(one), sorted=True),
        }
        for property_, field in (("CreatedBy", "created_by"), ("LastModifiedBy", "modified_by")):
            who = self._text(one, field)
            studio = bulk.contains(who, USER_PROFILE)
            found[f"{property_}.UserProfileArn"] = Column(func.lower(case((studio, who))))
            found[f"{property_}.IamIdentity.Arn"] = Column(func.lower(case((not_(studio), who))))
        if lineage_type != "Experiment":
            for field in ("CommitId", "Repository", "GeneratedBy", "ProjectId"):
                found[f"MetadataProperties.{field}"] = Column(self._text(one, "metadata", field))
        if lineage_type == "Trial":
            found["ExperimentName"] = Column(self._experiment(one))
        if lineage_type == "TrialComponent":
            found["Status.PrimaryStatus"] = Column(func.nullif(one.c.status, ""))
            found["Status.Message"] = Column(case((one.c.status != "", self._text(one, "message"))))
            found["StartTime"] = Column(self._time(one, "started"))
            found["EndTime"] = Column(self._time(one, "ended"))
            found["LineageGroupArn"] = Column(literal(f"{self.arn_prefix}lineage-group/{GROUP}"))
        return found

    def collections(self, lineage_type: str) -> dict[str, Collection]:
        """What an entity has several of."""
        found = {
            "Tags": Collection(
                tag,
                tag.c.entity_id,
                tag.c.name,
                {"Key": Column(tag.c.name), "Value": Column(tag.c.value, sorted=True)},
            )
        }
        if lineage_type == "Trial":
            found["TrialComponentSummaries"] = self._components()
        if lineage_type == "TrialComponent":
            found["Parents"] = self._parents()
            found["Parameters"] = _parameters()
            found["Metrics"] = _metrics()
            found["InputArtifacts"] = self._artifacts("inputs")
            found["OutputArtifacts"] = self._artifacts("outputs")
        return found

    def _components(self) -> Collection:
        inner = entity.alias("component")
        columns = self.columns("TrialComponent", inner)
        fields = {name: columns[name] for name in ("TrialComponentName", "TrialComponentArn", "CreationTime")}
        fields |= {f"TrialComponent{name}": one for name, one in columns.items() if name.startswith("Source.")}
        fields |= {name: one for name, one in columns.items() if name.startswith("CreatedBy.")}
        joined = membership.join(inner, inner.c.id == membership.c.child_id)
        ways = dict.fromkeys(("TrialComponentName", "TrialComponentArn"), joined)
        return Collection(joined, membership.c.parent_id, None, fields, ways)

    def _parents(self) -> Collection:
        trial, upper, top = entity.alias("trial"), membership.alias("upper"), entity.alias("top")
        is_trial = trial.c.lineage_type == literal("Trial", literal_execute=True)
        by_trial = membership.join(trial, trial.c.id == membership.c.parent_id)
        by_experiment = membership.join(upper, upper.c.child_id == membership.c.parent_id)
        joined = membership.join(trial, and_(trial.c.id == membership.c.parent_id, is_trial))
        joined = joined.outerjoin(upper, upper.c.child_id == trial.c.id)
        fields = {
            "TrialName": self._name(trial, "Trial"),
            "ExperimentName": self._name(top, "Experiment"),
        }
        ways = {"TrialName": by_trial, "ExperimentName": by_experiment.join(top, top.c.id == upper.c.parent_id)}
        return Collection(
            joined.outerjoin(top, top.c.id == upper.c.parent_id), membership.c.child_id, None, fields, ways
        )

    def _artifacts(self, field: str) -> Collection:
        if self.lite:
            each = func.json_each(entity.c.document, f"$.{field}").table_valued("key", "value", name=field)
            media, value = (func.json_extract(each.c.value, f"$[{place}]") for place in (0, 1))
        else:
            columns = (column("key", Text), column("value", JSON))
            document = cast(entity.c.document, JSON)
            each = func.json_each(document[field]).table_valued(*columns, name=field).render_derived()
            media, value = (each.c.value[place].as_string().collate("C") for place in (0, 1))
        return Collection(each, None, each.c.key, {"MediaType": Column(func.nullif(media, "")), "Value": Column(value)})

    def _experiment(self, one: FromClause) -> ColumnElement[Any]:
        upper, top = membership.alias("upper"), entity.alias("top")
        name = self._name(top, "Experiment").value
        parent = (
            select(func.min(name))
            .select_from(upper.join(top, top.c.id == upper.c.parent_id))
            .where(upper.c.child_id == one.c.id)
            .correlate(one)
            .scalar_subquery()
        )
        return func.coalesce(func.lower(self._text(one, "experiment_name")), parent)

    def _name(self, one: FromClause, lineage_type: str) -> Column:
        """The name of an entity, in lower case, which is the end of its key."""
        prefix = f"{self.arn_prefix}{RESOURCE_TYPES[lineage_type]}/"
        return Column(func.substr(one.c.key, len(prefix) + 1), key=one.c.key, prefix=prefix, sorted=True)

    def _text(self, one: FromClause, *path: str) -> ColumnElement[Any]:
        """A text in an entity's document."""
        if self.lite:
            return func.json_extract(one.c.document, f"$.{'.'.join(path)}")
        text: ColumnElement[Any] = cast(one.c.document, JSON)[path].as_string()
        return text.collate("C")

    def _time(self, one: FromClause, field: str) -> ColumnElement[Any]:
        """A time in an entity's document."""
        if self.lite:
            return func.json_extract(one.c.document, f"$.{field}")
        return cast(cast(one.c.document, JSON)[field].as_string(), BigInteger)


def _parameters() -> Collection:
    text = case((parameter.c.number.is_(None), parameter.c.string))
    fields = {
        "": Column(parameter.c.number, text, sorted=True),
        "NumberValue": Column(parameter.c.number, sorted=True),
        "StringValue": Column(parameter.c.string),
    }
    return Collection(parameter, parameter.c.entity_id, parameter.c.name, fields)


def _metrics() -> Collection:
    def of_many(several: ColumnElement[Any], once: Any) -> Column:
        return Column(case((metric.c.count.is_(None), once), else_=several))

    fields = {
        "MetricName": Column(metric.c.name),
        "TimeStamp": Column(metric.c.time),
        "Last": Column(metric.c.value, sorted=True),
        "Min": of_many(metric.c.low, metric.c.value),
        "Max": of_many(metric.c.high, metric.c.value),
        "Avg": of_many(metric.c.mean, metric.c.value),
        "StdDev": of_many(metric.c.deviation, 0.0),
        "Count": of_many(metric.c.count, 1),
    }
    return Collection(metric, metric.c.entity_id, metric.c.name, fields)
