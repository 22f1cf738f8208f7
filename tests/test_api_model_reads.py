"""Every Describe and List operation of SageMaker's model answers: from state, with an empty list, or "not found"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy.event import listen

from consumers.api import service_model
from consumers.api.app import Settings
from consumers.api.completeness import HEADER, KINDS
from consumers.api.errors import Invalid
from consumers.api.missing import missing
from consumers.api.operations import OPERATIONS, answered
from consumers.api.operations.model_reads import list_member
from consumers.api.operations.resources.selection import selection, summary
from consumers.api.request import Request
from tests.support.api_server import Api, client, pages, refused, served
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION, answer, call, event
from tests.support.model_values import smallest
from tests.support.stores import fed, sqlite_store

READS = [name for name in service_model.names(service_model.SAGEMAKER) if name.startswith(("Describe", "List"))]
OTHERS = [name for name in READS if name not in OPERATIONS]
FIRST_LISTS = (
    "ListNotebookInstances",
    "ListDomains",
    "ListUserProfiles",
    "ListAutoMLJobs",
    "ListCompilationJobs",
    "ListLabelingJobs",
    "ListMonitoringSchedules",
    "ListCodeRepositories",
    "ListInferenceComponents",
    "ListModelCards",
)
"""What the first runs of DataHub, Cartography and Prowler list, besides what has a function of its own."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server over a store with some of what only the model's reads answer."""
    with sqlite_store(tmp_path_factory.mktemp("reads") / "store.db") as store:
        fed(store, EVENTS)
        with served(store, Settings(account=ACCOUNT, region=REGION)) as api:
            here = client("sagemaker", api.url, region_name=REGION)
            yield Api(api.url, store, here, api.metrics)


def image(name: str, later: int = 0) -> bytes:
    return event("Image State Change", {"ImageName": name, "ImageArn": f"{PARTITION}image/{name}",
                 "ImageStatus": "CREATED", "CreationTime": NOON + later, "LastModifiedTime": NOON + later})  # fmt: skip


def version(number: int) -> bytes:
    return event("Image Version State Change", {"ImageArn": f"{PARTITION}image/cuda", "Version": number,
                 "ImageVersionArn": f"{PARTITION}image-version/cuda/{number}", "ImageVersionStatus": "CREATED",
                 "CreationTime": NOON + number * 1000, "LastModifiedTime": NOON + number * 1000})  # fmt: skip


def schedule(name: str, endpoint: str) -> bytes:
    return event("Monitoring Schedule State Change", {"MonitoringScheduleName": name, "EndpointName": endpoint,
                 "MonitoringScheduleArn": f"{PARTITION}monitoring-schedule/{name}",
                 "MonitoringScheduleStatus": "Scheduled", "CreationTime": NOON, "LastModifiedTime": NOON})  # fmt: skip


def compilation(name: str, later: int = 0) -> bytes:
    return call("CreateCompilationJob", {"compilationJobName": name, "roleArn": f"arn:aws:iam::{ACCOUNT}:role/r"},
                {"compilationJobArn": f"{PARTITION}compilation-job/{name}"}, time=NOON + later)  # fmt: skip


EVENTS = [
    image("cuda"),
    image("plain", later=1000),
    *map(version, (1, 2, 10)),
    schedule("hourly", "churn"),
    schedule("daily", "fraud"),
    compilation("Edge-One"),
    compilation("edge-two", later=5000),
    call("CreateNotebookInstance", {"notebookInstanceName": "nb", "additionalCodeRepositories": ["mine"]}),
    call("CreateCluster", {"clusterName": "hyper"}, {"clusterArn": f"{PARTITION}cluster/abc123abc123"}),
    answer(
        "DescribeModelCard",
        {
            "ModelCardArn": f"{PARTITION}model-card/card",
            "ModelCardName": "card",
            "ModelCardVersion": 2,
            "ModelCardStatus": "Draft",
            "CreationTime": NOON,
        },
        arn=f"{PARTITION}model-card/card",
    ),
    call("CreateModelCard", {"modelCardName": "draft"}, {"modelCardArn": f"{PARTITION}model-card/draft"}),
    call("DeleteCompilationJob", {"compilationJobName": "edge-two"}, time=NOON + 9000),
]


def method(api: Api, operation: str) -> Any:
    """boto3's method of an operation."""
    names = {of_model: snake for snake, of_model in api.sagemaker.meta.method_to_api_mapping.items()}
    return getattr(api.sagemaker, names[operation])


def outcome(call: Any, **members: Any) -> tuple[str, Mapping[str, Any]]:
    """The code of the error, empty if there is none, and the response."""
    try:
        return "", call(**members)
    except ClientError as why:
        return why.response["Error"]["Code"], why.response


def completeness(response: Mapping[str, Any]) -> str | None:
    """How completely what was read is known, as the response's header says."""
    headers: Mapping[str, str] = response["ResponseMetadata"]["HTTPHeaders"]
    return headers.get(HEADER)


def test_every_describe_and_list_of_the_model_is_answered_and_writes_nothing() -> None:
    assert set(READS) <= answered().keys()
    assert [name for name in READS if answered()[name].writes] == []


@pytest.mark.parametrize("operation", [name for name in OTHERS if name.startswith("Describe")])
def test_what_does_not_exist_is_refused_as_sagemaker_refuses_it(api: Api, operation: str) -> None:
    code, response = outcome(method(api, operation), **smallest(operation))

    assert code == missing(operation, "").code
    assert completeness(response) in ("events", "calls", "never")


@pytest.mark.parametrize("operation", [name for name in OTHERS if name.startswith("List")])
def test_a_list_of_what_nothing_is_known_of_is_empty_or_its_container_is_missing(api: Api, operation: str) -> None:
    model = service_model.operation(operation)
    code, response = outcome(method(api, operation), **smallest(operation))

    if code:
        assert "ResourceNotFound" in {shape.name for shape in model.error_shapes}
        assert code in ("ResourceNotFound", "ValidationException")
    else:
        assert response[list_member(model)] == []
        assert "NextToken" not in response
        assert not service_model.naming_members(operation) or operation in _OF_NO_CONTAINER
    assert completeness(response) in ("events", "calls", "never")


_OF_NO_CONTAINER = frozenset({"ListJobs", "ListJobSchemaVersions", "ListModelCardExportJobs", "ListStageDevices"})
"""Lists with a required member whose container SageMaker's model says never to be missing."""


@pytest.mark.parametrize("operation", FIRST_LISTS)
def test_the_first_lists_of_catalogues_and_scanners_answer(api: Api, operation: str) -> None:
    member = list_member(service_model.operation(operation))

    assert pages(method(api, operation), member) == [[]]


def test_a_request_is_validated_as_any_other(api: Api) -> None:
    assert refused(api.sagemaker.list_domains, NextToken="no token").startswith("ValidationException: NextToken")
    assert "failed to satisfy constraint" in refused(api.sagemaker.describe_domain, DomainId="not a domain")
    assert "enum value set" in refused(api.sagemaker.list_notebook_instances, SortBy="Colour")


def test_a_response_says_how_what_it_reads_becomes_known(api: Api) -> None:
    known = {
        "ListImages": "events",
        "ListTrainingJobs": "events",
        "ListCompilationJobs": "calls",
        "ListModelMetadata": "never",
        "ListContexts": None,
    }
    assert {name: completeness(method(api, name)()) for name in known} == known


def test_what_has_a_resource_type_is_described_from_its_state(filled: Api) -> None:
    one = filled.sagemaker.describe_image(ImageName="cuda")
    assert (one["ImageArn"], one["ImageStatus"]) == (f"{PARTITION}image/cuda", "CREATED")
    job = filled.sagemaker.describe_compilation_job(CompilationJobName="edge-one")
    assert (job["CompilationJobName"], job["RoleArn"]) == ("Edge-One", f"arn:aws:iam::{ACCOUNT}:role/r")
    assert "does not exist" in refused(filled.sagemaker.describe_compilation_job, CompilationJobName="edge-two")


def test_what_lies_in_something_else_is_missing_by_its_own_name(api: Api) -> None:
    assert refused(api.sagemaker.describe_device, DeviceName="camera", DeviceFleetName="fleet") == (
        "ValidationException: No device with name camera"
    )
    assert "'ev'" in refused(api.sagemaker.describe_cluster_event, EventId="ev", ClusterName="hyper")
    assert "'tune'" in refused(api.sagemaker.describe_job, JobName="tune", JobCategory="AgentRFT")


def test_what_a_request_selects_of_a_resource_is_what_is_known_of_it_or_is_missing(filled: Api) -> None:
    describe = filled.sagemaker.describe_model_card

    assert describe(ModelCardName="card", ModelCardVersion=2)["ModelCardVersion"] == 2
    assert "does not exist" in refused(describe, ModelCardName="card", ModelCardVersion=1)
    assert "Headwater does not keep what ModelCardVersion selects" in refused(
        describe, ModelCardName="draft", ModelCardVersion=1
    )


def test_a_cluster_is_described_by_its_name_and_others_are_looked_for_by_their_arns_alone(filled: Api) -> None:
    assert filled.sagemaker.describe_cluster(ClusterName="hyper")["ClusterArn"] == f"{PARTITION}cluster/abc123abc123"
    executed: list[str] = []
    listen(filled.store.engine, "before_cursor_execute", lambda *call: executed.append(call[2]))

    assert "RecordNotFound" in refused(filled.sagemaker.describe_notebook_instance, NotebookInstanceName="none")
    assert executed
    assert [statement for statement in executed if "ORDER BY" in statement] == []


def test_versions_of_an_image_are_described_by_number_and_listed_by_image(filled: Api) -> None:
    describe, listed = filled.sagemaker.describe_image_version, filled.sagemaker.list_image_versions

    assert describe(ImageName="cuda", Version=2)["Version"] == 2
    assert describe(ImageName="cuda")["Version"] == 10
    assert refused(describe, ImageName="cuda", Version=3).startswith("ResourceNotFound: ")
    assert refused(describe, ImageName="cuda", Alias="latest").startswith("ValidationException: Headwater does not")
    found = pages(listed, "ImageVersions", ImageName="cuda", SortOrder="ASCENDING", MaxResults=2)
    assert [[one["Version"] for one in page] for page in found] == [[1, 2], [10]]
    assert listed(ImageName="plain")["ImageVersions"] == []
    assert refused(listed, ImageName="none").startswith("ResourceNotFound: ")


def test_lists_are_in_the_requested_order_and_leave_out_what_was_deleted(filled: Api) -> None:
    names = [one["ImageName"] for one in filled.sagemaker.list_images(SortBy="IMAGE_NAME")["Images"]]
    assert names == ["plain", "cuda"]
    upwards = filled.sagemaker.list_images(SortBy="IMAGE_NAME", SortOrder="ASCENDING")["Images"]
    assert [one["ImageName"] for one in upwards] == ["cuda", "plain"]
    jobs = filled.sagemaker.list_compilation_jobs()["CompilationJobSummaries"]
    assert [one["CompilationJobName"] for one in jobs] == ["Edge-One"]
    assert refused(filled.sagemaker.list_images, SortBy="LAST_MODIFIED_TIME").startswith("ValidationException: ")


def test_a_job_whose_status_is_not_reported_has_one_in_a_list_but_is_in_no_list_by_status(filled: Api) -> None:
    [job] = filled.sagemaker.list_compilation_jobs()["CompilationJobSummaries"]
    assert job["CompilationJobStatus"] == "INPROGRESS"
    assert filled.sagemaker.list_compilation_jobs(StatusEquals="INPROGRESS")["CompilationJobSummaries"] == []


def test_a_list_honours_every_member_of_its_request(filled: Api) -> None:
    def schedules(**members: Any) -> list[str]:
        found = filled.sagemaker.list_monitoring_schedules(**members)["MonitoringScheduleSummaries"]
        return [one["MonitoringScheduleName"] for one in found]

    assert schedules(EndpointName="churn") == ["hourly"]
    assert schedules(EndpointName="churn", NameContains="dai") == []
    assert schedules(StatusEquals="Scheduled", NameContains="DAI") == ["daily"]
    assert schedules(StatusEquals="Stopped") == []
    assert schedules(MonitoringTypeEquals="ModelBias") == []
    assert schedules(CreationTimeAfter=(NOON + 1000) / 1000) == []


def names_in(shape: Any, above: frozenset[str] = frozenset()) -> set[str]:
    """The members of a shape at any depth."""
    if shape is None or shape.name in above:
        return set()
    inner = {"list": ("member",), "map": ("value",)}.get(shape.type_name, ())
    shapes = [getattr(shape, one) for one in inner]
    if shape.type_name == "structure":
        shapes += shape.members.values()
    own = set(shape.members) if shape.type_name == "structure" else set()
    return own.union(*(names_in(one, above | {shape.name}) for one in shapes))


def test_each_member_of_a_lists_request_is_about_one_of_the_resources_or_is_refused() -> None:
    for name in (name for name in OTHERS if name.startswith("List") and name in KINDS):
        models = [service_model.operation(one) for one, kind in KINDS.items() if kind == KINDS[name]]
        known = set[str]().union(*(names_in(one.output_shape) for one in models))
        for member, shape in service_model.operation(name).input_shape.members.items():
            value = shape.enum[0] if getattr(shape, "enum", None) else "x"
            try:
                _, where = selection(Request(name, {member: value}, REGION, ACCOUNT, PARTITION), KINDS[name])
            except Invalid:
                assert member in answered()[name].differs, (name, member)
                continue
            looked_at: set[str] = set()
            if where is not None:
                where(Looked(looked_at))
            assert looked_at <= known, (name, member)


class Looked(Mapping[str, Any]):
    """A description without members, which remembers those that were looked for."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return False

    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def selected(operation: str, members: dict[str, Any], *resources: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those of some resources of which all that a request wants of their members is true."""
    _, where = selection(Request(operation, members, REGION, ACCOUNT, PARTITION), KINDS[operation])
    return [one for one in resources if where is None or where(one)]


def test_texts_and_times_of_members_select_whatever_the_case_and_with_both_ends() -> None:
    before, then, after = ({"StartTime": NOON + more} for more in (-1, 0, 1))
    assert selected("ListTrainingPlans", {"StartTimeAfter": NOON}, before, then, after, {}) == [then, after]
    assert selected("ListTrainingPlans", {"StartTimeBefore": NOON}, before, then, after, {}) == [before, then]
    mine, other = {"DefaultCodeRepository": "https://Mine"}, {"DefaultCodeRepository": "https://other"}
    assert selected("ListNotebookInstances", {"DefaultCodeRepositoryContains": "mINE"}, mine, other, {}) == [mine]


def test_the_time_of_change_selects_too(filled: Api) -> None:
    def images(**members: Any) -> list[str]:
        return [one["ImageName"] for one in filled.sagemaker.list_images(**members)["Images"]]

    assert images(LastModifiedTimeAfter=(NOON + 1) / 1000) == ["plain"]
    assert images(LastModifiedTimeBefore=(NOON + 1) / 1000) == ["cuda"]


def test_the_items_of_a_list_have_members_that_descriptions_have_further_down_or_under_shorter_names() -> None:
    definition = {"JobDefinitionName": "d", "ModelQualityJobInput": {"EndpointInput": {"EndpointName": "e"}}}
    items = service_model.operation("ListModelQualityJobDefinitions").output_shape
    item = items.members["JobDefinitionSummaries"].member

    found = summary(definition, item)

    assert (found["MonitoringJobDefinitionName"], found["EndpointName"]) == ("d", "e")


def test_members_of_requests_with_names_of_their_own_select_too(filled: Api) -> None:
    def notebooks(repository: str) -> list[str]:
        found = filled.sagemaker.list_notebook_instances(AdditionalCodeRepositoryEquals=repository)
        return [one["NotebookInstanceName"] for one in found["NotebookInstances"]]

    assert (notebooks("mine"), notebooks("other")) == (["nb"], [])
    assert refused(filled.sagemaker.list_optimization_jobs, OptimizationContains="x") == (
        "ValidationException: Headwater cannot select by OptimizationContains here: leave it out"
    )


def test_a_list_belongs_to_what_its_members_name(filled: Api) -> None:
    assert filled.sagemaker.list_monitoring_alerts(MonitoringScheduleName="daily")["MonitoringAlertSummaries"] == []
    assert refused(filled.sagemaker.list_monitoring_alerts, MonitoringScheduleName="none").startswith(
        "ResourceNotFound"
    )
    assert filled.sagemaker.list_aliases(ImageName="cuda")["SageMakerImageVersionAliases"] == []


def test_the_page_about_the_api_names_the_header() -> None:
    assert f"`{HEADER}`" in (Path(__file__).parents[1] / "docs" / "api.md").read_text()
