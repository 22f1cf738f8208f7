"""SageMaker's names in their two spellings: PascalCase, and the lowerCamel of CloudTrail and of pipelines' events.

The keys of users' maps are data: no spelling changes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
"""What CloudTrail writes in place of a secret value (plausible: evidence.md#cloudtrail-hidden)."""

MAPS = frozenset(
    {
        "ActionArns",
        "ActiveOperations",
        "Aggregation",
        "Arguments",
        "ArtifactArns",
        "AuthenticationRequestExtraParams",
        "BatchDescribeModelPackageErrorMap",
        "CollectionParameters",
        "ContainerEnvironmentVariables",
        "ContextArns",
        "CurrentLabels",
        "CustomerMetadataProperties",
        "DesiredLabels",
        "Environment",
        "EnvironmentVariables",
        "Filling",
        "HookParameters",
        "HyperParameters",
        "InferenceContainerDefinitions",
        "InputArtifacts",
        "Labels",
        "ModelPackageSummaries",
        "ModelVariantActions",
        "OptimizationConfig",
        "OptimizationEnvironment",
        "OutputArtifacts",
        "OverrideEnvironment",
        "Parameters",
        "ProfilingParameters",
        "Properties",
        "RuleParameters",
        "StaticHyperParameters",
        "StatusDetails",
        "TextGenerationHyperParameters",
        "TunedHyperParameters",
    }
)
"""Members of requests and responses that are maps: their keys are their users', or values of an enumeration.

They follow from botocore's model of SageMaker, to which a test compares them. None of these names is a structure's
elsewhere, so that the name alone says which it is; where it is a list's, that is respelled as any other.
"""
_MAPS_OF_EVENTS = frozenset({"Tags"})
"""Maps that only events show."""
_MAPS_OF_MAPS = frozenset({"Filling"})


def pascal(value: Any) -> Any:
    """A JSON value in PascalCase, at every level; without the values that CloudTrail hides."""
    return _respelled(value, _upper, 0)


def lower_camel(fields: Mapping[str, object]) -> dict[str, object]:
    """A JSON object in the spelling of pipelines' events: keys begin with a small letter, at every level."""
    respelled: dict[str, object] = _respelled(fields, _lower, 0)
    return respelled


def _respelled(value: Any, spell: Callable[[str], str], data: int) -> Any:
    """A JSON value in another spelling; `data` is how many levels of it have keys that are data."""
    if isinstance(value, Mapping):
        return {
            name if data else spell(name): _respelled(inner, spell, data - 1 if data else _levels(name))
            for name, inner in value.items()
            if inner != HIDDEN
        }
    if isinstance(value, list):
        return [_respelled(inner, spell, 0) for inner in value if inner != HIDDEN]
    return value


def is_map(name: str) -> bool:
    """True if a member of this name, in either spelling, is a map with its users' keys."""
    return _upper(name) in MAPS or _upper(name) in _MAPS_OF_EVENTS


def _levels(name: str) -> int:
    """How many levels of a member have keys that are data."""
    return is_map(name) + (_upper(name) in _MAPS_OF_MAPS)


def _upper(name: str) -> str:
    return name[:1].upper() + name[1:]


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
