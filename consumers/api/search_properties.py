"""The names by which Search knows properties, read by the shapes that records have in SageMaker's model.

    TrialComponentName  Source.SourceArn  Tags.team  Parameters.lr  Parameters.lr.NumberValue  Metrics.test:acc.max
    Parents.TrialName  InputArtifacts.train.MediaType  HyperParameters.eta  InputDataConfig.ChannelName

SageMaker's own names are read in any case, as notebooks write them; names that users gave are read with their case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from consumers.api.errors import Invalid
from consumers.api.service_model import operation
from store.search.expression import Property, ValueType

if TYPE_CHECKING:
    from botocore.model import Shape


class Resource(NamedTuple):
    """What can be searched.

    Attributes:
        record: The member of a result that holds its record.
        arn: The member of its record that is its ARN.
        kind: Its resource type in ARNs; None where it is an entity.
    """

    record: str
    arn: str
    kind: str | None = None

    @property
    def shape(self) -> Shape:
        """The shape of its records."""
        return operation("Search").output_shape.members["Results"].member.members[self.record]


RESOURCES: Mapping[str, Resource] = {
    "Experiment": Resource("Experiment", "ExperimentArn"),
    "ExperimentTrial": Resource("Trial", "TrialArn"),
    "ExperimentTrialComponent": Resource("TrialComponent", "TrialComponentArn"),
    "TrainingJob": Resource("TrainingJob", "TrainingJobArn", "training-job"),
    "ModelPackage": Resource("ModelPackage", "ModelPackageArn", "model-package"),
    "ModelPackageGroup": Resource("ModelPackageGroup", "ModelPackageGroupArn", "model-package-group"),
    "Pipeline": Resource("Pipeline", "PipelineArn", "pipeline"),
    "PipelineExecution": Resource("PipelineExecution", "PipelineExecutionArn", "pipeline-execution"),
}
"""All that can be searched, by SageMaker's names."""


def resource(name: str) -> Resource:
    """What is searched, by its name.

    Raises:
        Invalid: It cannot be searched here.
    """
    if name not in RESOURCES:
        raise Invalid(f"Headwater cannot search {name}: it can search {', '.join(RESOURCES)}")
    return RESOURCES[name]


class Keyed(NamedTuple):
    """A list whose elements are named by one of their members (`key`), and the member that a name alone means."""

    key: str
    value: str


KEYED: Mapping[str, Keyed] = {
    "Tags": Keyed("Key", "Value"),
    "Metrics": Keyed("MetricName", "Last"),
    "FinalMetricDataList": Keyed("MetricName", "Value"),
}
"""Lists whose elements have names, by the list's."""

_ALIASES: Mapping[tuple[str, str], str] = {("TrainingJob", "metrics"): "FinalMetricDataList"}
"""Members that Search has another name for: by the record's shape and that name in lower case."""

_SEARCH_NAMES = {"FinalMetricDataList": "Metrics"}

_NUMBERS_OR_TEXTS = frozenset({"HyperParameters", "TrialComponentParameterValue"})
_VALUES: Mapping[str, str] = {"TrialComponentParameterValue": "", "TrialComponentArtifact": "Value"}
"""The member that the name of an element of a map alone means, by the shape of the element."""


def property_of(shape: Shape, name: str) -> Property:
    """The property of a name.

    Args:
        shape: Of records.
        name: As it is written in a request.

    Raises:
        Invalid: There is none.
    """
    found = _found(shape, name.split("."), ())
    if found is None:
        raise _unknown(name)
    return found


def nested(shape: Shape, within: str, name: str) -> Property:
    """The property of a name that a nested filter has, as one of each element; `within` is as `collection` gives it.

    Raises:
        Invalid: It is none of that collection.
    """
    head = f"{within}.".lower()
    if not name.lower().startswith(head):
        raise Invalid(f"Nested filters on {within} are about its own properties, such as {within}.X, and not {name}")
    inner = _walked(shape, within.split("."))
    element = inner.member if inner.type_name == "list" else inner.value
    parts = name[len(head) :].split(".")
    found = _found(element, parts, ()) if element.type_name == "structure" else None
    if found is None:
        raise _unknown(name)
    field = f"{found.within}.{found.field}" if found.within else found.field  # lists in lists are as one
    return Property(field, found.kind, within)


def collection(shape: Shape, name: str) -> str:
    """The collection of a name, as the model spells it.

    Raises:
        Invalid: There is none.
    """
    spelled: list[str] = []
    inner = shape
    for part in name.split("."):
        member = _member(inner, part) if inner.type_name == "structure" else None
        if member is None:
            raise _unknown(name)
        spelled.append(member)
        inner = inner.members[member]
    if inner.type_name not in ("list", "map"):
        raise Invalid(f"{name} is no list of its own: use Filters instead of NestedFilters")
    return ".".join(spelled)


def fixed(shape: Shape) -> Iterator[str]:
    """The names of all properties that have a value each, without those that users name."""
    yield from _leaves(shape, ())


def user_names(shape: Shape, record: Mapping[str, Any]) -> Iterator[str]:
    """The names that users gave to properties of a record: its tags, hyperparameters, metrics."""
    for name, member in shape.members.items():
        value = record.get(name)
        if isinstance(value, Mapping) and member.type_name == "map":
            yield from (f"{name}.{key}" for key in value)
        elif isinstance(value, list | tuple) and name in KEYED:
            keys = (one.get(KEYED[name].key) for one in value if isinstance(one, Mapping))
            yield from (f"{_SEARCH_NAMES.get(name, name)}.{key}" for key in keys if isinstance(key, str))


def _leaves(shape: Shape, path: tuple[str, ...]) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if (
                name != "SourceDetail"
            ):  # the whole description of a job, which the record of its component does not have
                yield from _leaves(member, (*path, name))
    elif shape.type_name == "list":
        if path[-1] not in KEYED:
            yield from _leaves(shape.member, path)
    elif shape.type_name != "map":
        yield ".".join(path)


def _unknown(name: str) -> Invalid:
    return Invalid(f"Unknown property name: {name}")


def _walked(shape: Shape, parts: list[str]) -> Shape:
    for part in parts:
        shape = shape.members[part]
    return shape


def _member(shape: Shape, name: str) -> str | None:
    """The member of a structure with this name, in any case."""
    low = name.lower()
    return _ALIASES.get((shape.name, low)) or _spelled(shape).get(low)


@cache
def _spelled(shape: Shape) -> Mapping[str, str]:
    return {name.lower(): name for name in shape.members}


def _found(shape: Shape, parts: list[str], path: tuple[str, ...]) -> Property | None:
    """A property within a structure at a path."""
    name = _member(shape, parts[0])
    if name is None:
        return None
    inner, rest, path = shape.members[name], parts[1:], (*path, name)
    field = ".".join(path)
    match inner.type_name:
        case "structure":
            return _found(inner, rest, path) if rest else Property(field, ValueType.WHOLE)
        case "list" if name in KEYED:
            return _element(field, inner.member, rest, KEYED[name].value, whole_keys=name == "Tags")
        case "list":
            return _of_each(field, inner.member, rest)
        case "map" if inner.value.type_name == "structure":
            return _element(field, inner.value, rest, _VALUES.get(inner.value.name, ""))
        case "map":
            kind = ValueType.EITHER if inner.name in _NUMBERS_OR_TEXTS else _kind(inner.value, field)
            return Property("", kind, field, ".".join(rest) if rest else None)
        case _:
            return None if rest else Property(field, _kind(inner, name))


def _element(within: str, shape: Shape, rest: list[str], value: str, *, whole_keys: bool = False) -> Property | None:
    """A property of the element of a name; the name may hold dots, and what follows it may be left out."""
    last = _member(shape, rest[-1]) if len(rest) > 1 and not whole_keys else None
    field = last or value
    name = ".".join(rest[:-1] if last else rest) if rest else None
    kind = _kind(shape.members[field], field) if field else _kind(shape, within)
    return Property(field, kind, within, name)


def _of_each(within: str, shape: Shape, rest: list[str]) -> Property | None:
    if shape.type_name != "structure":
        return None if rest else Property("", _kind(shape, within), within)
    if not rest:
        return Property("", ValueType.WHOLE, within)
    found = _found(shape, rest, ())
    if found is None or found.element is not None:
        return None
    return Property(f"{found.within}.{found.field}".strip("."), found.kind, within)


def _kind(shape: Shape, name: str) -> ValueType:
    if shape.name in _NUMBERS_OR_TEXTS:
        return ValueType.EITHER
    match shape.type_name:
        case "timestamp":
            return ValueType.TIME
        case "integer" | "long" | "float" | "double":
            return ValueType.NUMBER
        case "string" | "boolean":
            named = name.endswith(("Name", "Arn")) and name != "MetricName"
            return ValueType.NAME if named else ValueType.TEXT
        case _:
            return ValueType.WHOLE
