"""Resources that are kept without lineage of their own: notebooks, domains, job definitions and all the others.

What calls and descriptions report of them is kept, so that they can be described, listed, tagged and referred to. Their
operations and members follow one pattern, so that a line for each is enough; a test holds each line against SageMaker's
service model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from consumers.arns import parse_arn
from consumers.kind import ResourceKind
from consumers.resources.calls import CallEffect, JsonObject, creates, deletes, updates
from consumers.resources.descriptions import Described, Description
from consumers.resources.fields import Fields, Name, Tags, Time, Uri
from consumers.resources.types import Envelope, Lookup, Resource, ResourceType
from ingest.event import Malformed
from ingest.sagemaker_operations import DescribeOperation, Parameters
from store.lineage import Lineage

_EFFECTS: Mapping[str, Callable[[Callable[[JsonObject], JsonObject | None]], CallEffect]] = {
    "Create": creates,
    "Update": lambda rewrite: updates(rewrite=rewrite),
    "Start": lambda rewrite: updates(rewrite=rewrite),
    "Stop": lambda rewrite: updates(rewrite=rewrite),
    "Delete": deletes,
}
"""What the calls do, by the verb of their names."""


@dataclass(frozen=True, slots=True)
class KeptKind:
    """How a kind follows the pattern, and where it differs.

    Attributes:
        stem: Its name in operations: `NotebookInstance`.
        verbs: The calls that report it: `Create Delete` is CreateX and DeleteX.
        list_name: The operation that lists it; empty for `List<stem>s`.
        part: The part before the name in its ARNs; empty for the stem in kebab case.
        arn: The member with its ARN; empty for `<stem>Arn`.
        path: What follows the part in its ARN, of members of its requests: `{DomainId}/{SpaceName}`, `{A|B}` for the
            one that is there; empty where that is an id which no request contains; None for `{<stem>Name}`.
        status: The member with its status; empty if it has none.
        inside: The member of its description that contains it all; empty for the description itself.
        created: The member with the time when it was made; empty if it has none.
        modified: The member of its description with the time when it was changed; empty if there is none.
    """

    stem: str
    verbs: str
    list_name: str = ""
    part: str = ""
    arn: str = ""
    path: str | None = None
    status: str = ""
    inside: str = ""
    created: str = "CreationTime"
    modified: str = "LastModifiedTime"

    @property
    def kind(self) -> ResourceKind:
        """Its kind."""
        words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", self.stem)
        return ResourceKind(self.part or words.lower())

    @property
    def listed_by(self) -> str:
        """The operation that lists it."""
        return self.list_name or f"List{self.stem}s"

    @property
    def arn_member(self) -> str:
        """The member with its ARN."""
        return self.arn or f"{self.stem}Arn"

    @property
    def named_by(self) -> tuple[str, ...]:
        """The members of requests that its ARN is made of."""
        return tuple(name for names in _PLACE.findall(self.template) for name in names.split("|"))

    def tail(self, members: JsonObject) -> str | None:
        """What follows the part in its ARN, from the members of a request; None where they do not say it."""

        def value(place: re.Match[str]) -> str:
            return next((str(members[name]) for name in place[1].split("|") if members.get(name)), "")

        tail = _PLACE.sub(value, self.template)
        return tail if all(tail.split("/")) else None

    @property
    def template(self) -> str:
        """What follows the part in its ARN, of members of its requests."""
        return f"{{{self.stem}Name}}" if self.path is None else self.path


_ARN = "arn"
_PLACE = re.compile(r"\{([\w|]+)\}")
_ALL, _FIXED = "Create Update Delete", "Create Delete"

KEPT_KINDS: tuple[KeptKind, ...] = (
    KeptKind("NotebookInstance", f"{_ALL} Start Stop", status="NotebookInstanceStatus"),
    KeptKind("NotebookInstanceLifecycleConfig", _ALL),
    KeptKind("CodeRepository", _ALL, "ListCodeRepositories"),
    KeptKind("Algorithm", _FIXED, status="AlgorithmStatus", modified=""),
    KeptKind("Domain", _ALL, path="{DomainId}", status="Status"),
    KeptKind("UserProfile", _ALL, path="{DomainId}/{UserProfileName}", status="Status"),
    KeptKind("Space", _ALL, path="{DomainId}/{SpaceName}", status="Status"),
    KeptKind(
        "App",
        _FIXED,
        path="{DomainId}/{UserProfileName|SpaceName}/{AppType}/{AppName}",
        status="Status",
        modified="",
    ),
    KeptKind("AppImageConfig", _ALL),
    KeptKind("StudioLifecycleConfig", _FIXED),
    *(
        KeptKind(f"{what}JobDefinition", _FIXED, arn="JobDefinitionArn", path="{JobDefinitionName}", modified="")
        for what in ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")
    ),
    KeptKind("DeviceFleet", _ALL),
    KeptKind("EdgeDeploymentPlan", _FIXED, part="edge-deployment"),
    KeptKind("EdgePackagingJob", "Create Stop", status="EdgePackagingJobStatus"),
    KeptKind("OptimizationJob", f"{_FIXED} Stop", status="OptimizationJobStatus"),
    KeptKind("FlowDefinition", _FIXED, status="FlowDefinitionStatus", modified=""),
    KeptKind("HumanTaskUi", _FIXED, status="HumanTaskUiStatus", modified=""),
    KeptKind("Hub", _ALL, status="HubStatus"),
    KeptKind("InferenceExperiment", f"{_ALL} Start Stop", arn="Arn", path="{Name}", status="Status"),
    KeptKind("InferenceRecommendationsJob", "Create Stop", arn="JobArn", path="{JobName}", status="Status"),
    KeptKind("MlflowApp", _ALL, arn="Arn", path="", status="Status"),
    KeptKind(
        "MlflowTrackingServer",
        f"{_ALL} Start Stop",
        arn="TrackingServerArn",
        path="{TrackingServerName}",
        status="TrackingServerStatus",
    ),
    KeptKind("PartnerApp", _ALL, arn="Arn", path="", status="Status"),
    KeptKind("Project", _ALL, status="ProjectStatus"),
    KeptKind("TrainingPlan", "Create", status="Status", created="", modified=""),
    KeptKind("TrainingSession", f"{_FIXED} Stop", status="TrainingSessionStatus", inside="TrainingSessionDetail"),
    KeptKind("Job", f"{_FIXED} Stop", path="{JobCategory}/{JobName}", status="JobStatus"),
    KeptKind("AIBenchmarkJob", f"{_FIXED} Stop", status="AIBenchmarkJobStatus", modified=""),
    KeptKind("AIRecommendationJob", f"{_FIXED} Stop", status="AIRecommendationJobStatus", modified=""),
    KeptKind("AIWorkloadConfig", _FIXED, modified=""),
    KeptKind("Cluster", _ALL, path="", status="ClusterStatus", modified=""),
    KeptKind("ClusterSchedulerConfig", _ALL, path="{ClusterSchedulerConfigId}", status="Status"),
    KeptKind("ComputeQuota", _ALL, path="{ComputeQuotaId}", status="Status"),
    KeptKind("Workforce", _ALL, status="Status", inside="Workforce", created="CreateDate", modified="LastUpdatedDate"),
    KeptKind(
        "Workteam",
        _ALL,
        path="private-crowd/{WorkteamName}",
        inside="Workteam",
        created="CreateDate",
        modified="LastUpdatedDate",
    ),
)
"""All kinds that are only kept."""


def lineage(resource: Resource[msgspec.Struct], lookup: Lookup) -> Lineage:
    """None: the resource is kept to be described, listed and referred to.

    Source: ours: SageMaker captures nothing of it (evidence.md#no-entity).
    """
    return Lineage()


def _type(one: KeptKind) -> ResourceType[msgspec.Struct]:
    """The resource type of a kind."""
    single = _PLACE.fullmatch(one.template) is not None
    names = dict(zip((f"named_{at}" for at in range(len(one.named_by))), one.named_by, strict=True))
    renamed = {
        **names,
        _ARN: one.arn_member,
        "status": one.status or "Status",
        "tags": "Tags",
        "creation_time": one.created or "CreationTime",
        "last_modified_time": one.modified or "LastModifiedTime",
    }
    read: dict[str, Any] = {
        **dict.fromkeys(names, Name),
        _ARN: Uri,
        "status": str,
        "creation_time": Time,
        "last_modified_time": Time,
    }
    fields = msgspec.defstruct(
        one.stem,
        [*((name, type_ | None, None) for name, type_ in read.items()), ("tags", Tags, None)],
        bases=(Fields,),
        rename=renamed,
        module=__name__,
        frozen=True,
        gc=False,
    )

    def identity(found: msgspec.Struct, envelope: Envelope) -> str | None:
        for candidate in (getattr(found, _ARN), *envelope.resources):
            if candidate and (parts := parse_arn(candidate)) and parts.part == one.kind:
                return str(candidate)
        tail = one.tail({member: getattr(found, name) for name, member in names.items()})
        return envelope.arn(f"{one.kind}/{tail.lower()}") if tail else None

    return ResourceType(
        kind=one.kind,
        name=one.kind.replace("-", " "),
        mark="ours",
        fields=fields,
        lineage=lineage,
        arn_field=_ARN,
        name_field="named_0" if single else "",
        identity=identity,
        status_fields=("status",) if one.status else (),
        clock_fields=("last_modified_time",),
        created_field="creation_time" if one.created else None,
        calls={f"{verb}{one.stem}": _EFFECTS[verb](_identified(one)) for verb in one.verbs.split()},
        described_by=Description(
            DescribeOperation(f"Describe{one.stem}", _parameters(one)),
            None if one.modified and not one.inside else _read(one),
        ),
    )


def _identified(one: KeptKind) -> Callable[[JsonObject], JsonObject | None]:
    """Leaves out calls that do not say which resource they are about; the ARN is under the name of descriptions."""

    def rewrite(parameters: JsonObject) -> JsonObject | None:
        arn = parameters.get(one.arn_member) or parameters.get(f"{one.stem}Arn")
        if isinstance(arn, str):
            return {**parameters, one.arn_member: arn}
        return parameters if one.tail(parameters) else None

    return rewrite


def _read(one: KeptKind) -> Callable[[JsonObject, tuple[str, ...]], Iterator[Described]]:
    """Reads a description that has all in one member, or that does not say when it was changed."""

    def reading(response: JsonObject, _: tuple[str, ...]) -> Iterator[Described]:
        fields = response.get(one.inside) if one.inside else response
        if not isinstance(fields, Mapping):
            raise Malformed(f"{one.inside} cannot be read: it is not an object")
        yield Described(one.kind, fields)

    return reading


def _parameters(one: KeptKind) -> Callable[[str, str], Parameters]:
    """Makes the parameters of its Describe operation of its ARN and of what follows the part in that."""

    def parameters(arn: str, name: str) -> Parameters:
        if not one.named_by:
            return {"ClusterName" if one.stem == "Cluster" else one.arn_member: arn}
        places = _PLACE.findall(one.template)
        return {
            names.split("|")[0]: value for names, value in zip(places, name.split("/")[-len(places) :], strict=True)
        }

    return parameters


TYPES: tuple[ResourceType[msgspec.Struct], ...] = tuple(map(_type, KEPT_KINDS))
"""The resource type of each kind that is only kept."""
BY_KIND: Mapping[ResourceKind, KeptKind] = {one.kind: one for one in KEPT_KINDS}
"""The kinds that are only kept."""
