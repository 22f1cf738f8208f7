"""Resources without lineage of their own: what calls and descriptions report of them can be described and listed."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.api import service_model
from consumers.api.app import Settings
from consumers.api.completeness import KINDS
from consumers.api.operations.model_reads import list_member
from consumers.api.resource_views import Descriptions
from consumers.resources.kept import KEPT_KINDS, KeptKind
from store.database import Store
from tests.support.api_server import client, refused, served
from tests.support.events import ACCOUNT, NOON, PARTITION, REGION, answer, call
from tests.support.laws import scaled
from tests.support.stores import fed, sqlite_store

each_kind = pytest.mark.parametrize("one", KEPT_KINDS, ids=attrgetter("stem"))
ROLE = f"arn:aws:iam::{ACCOUNT}:role/studio"

EVENTS = [
    call("CreateNotebookInstance", {"notebookInstanceName": "Lab", "instanceType": "ml.t3.medium", "roleArn": ROLE},
         {"notebookInstanceArn": f"{PARTITION}notebook-instance/lab"}),
    answer("DescribeNotebookInstance", {"NotebookInstanceName": "Lab", "NotebookInstanceStatus": "InService",
           "NotebookInstanceArn": f"{PARTITION}notebook-instance/lab", "InstanceType": "ml.t3.medium",
           "CreationTime": NOON + 500, "LastModifiedTime": NOON + 9000, "RoleArn": ROLE},
           arn=f"{PARTITION}notebook-instance/lab", time=NOON + 20_000),
    call("UpdateNotebookInstance", {"notebookInstanceName": "Lab", "instanceType": "ml.t3.large"}, time=NOON + 60_000),
    call("CreateNotebookInstance", {"notebookInstanceName": "gone", "instanceType": "ml.t3.medium", "roleArn": ROLE}),
    call("DeleteNotebookInstance", {"notebookInstanceName": "gone"}, time=NOON + 60_000),
    call("CreateDomain", {"domainName": "science", "authMode": "IAM"},
         {"domainArn": f"{PARTITION}domain/d-0123456789ab", "domainId": "d-0123456789ab"}),
    call("CreateUserProfile", {"domainId": "d-0123456789ab", "userProfileName": "Ada"},
         {"userProfileArn": f"{PARTITION}user-profile/d-0123456789ab/ada"}, time=NOON + 1000),
    call("CreateApp", {"domainId": "d-0123456789ab", "userProfileName": "Ada", "appType": "JupyterServer",
         "appName": "default"}, {"appArn": f"{PARTITION}app/d-0123456789ab/ada/jupyterserver/default"}),
    call("CreateCluster", {"clusterName": "gpus"}, {"clusterArn": f"{PARTITION}cluster/abcdefghijkl"}),
    call("CreateWorkteam", {"workteamName": "eyes", "description": "who look"},
         {"workteamArn": f"{PARTITION}workteam/private-crowd/eyes"}),
    answer("DescribeWorkteam", {"Workteam": {"WorkteamName": "eyes", "Description": "who look twice",
           "WorkteamArn": f"{PARTITION}workteam/private-crowd/eyes", "CreateDate": NOON, "MemberDefinitions": [],
           "LastUpdatedDate": NOON + 5000}}, arn=f"{PARTITION}workteam/private-crowd/eyes", time=NOON + 9000),
    call("CreateModelQualityJobDefinition", {"jobDefinitionName": "drift", "roleArn": ROLE,
         "modelQualityJobInput": {"endpointInput": {"endpointName": "churn", "localPath": "/opt"}}},
         {"jobDefinitionArn": f"{PARTITION}model-quality-job-definition/drift"}),
    call("AddTags", {"resourceArn": f"{PARTITION}notebook-instance/lab", "tags": [{"key": "team", "value": "risk"}]},
         time=NOON + 70_000),
    call("StopMlflowTrackingServer", {}, time=NOON),
]  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """boto3's client of a server over a store with these events."""
    with sqlite_store(tmp_path_factory.mktemp("kept") / "store.db") as store:
        fed(store, EVENTS)
        with served(store, Settings(account=ACCOUNT, region=REGION)) as api:
            yield client("sagemaker", api.url, region_name=REGION)


def states(store: Store) -> dict[str, Any]:
    """What is known of each resource that is only kept, by kind."""
    return {one.kind: list(Descriptions(store).all_of(one.kind, PARTITION)) for one in KEPT_KINDS}


# --------------------------------------------------------------------------------------------- SageMaker's own model


@each_kind
def test_a_kind_has_operations_and_members_of_the_service_model(one: KeptKind) -> None:
    names = set(service_model.names(service_model.SAGEMAKER))
    described = service_model.operation(f"Describe{one.stem}")
    members = described.output_shape.members
    inside = members[one.inside].members if one.inside else members

    assert {f"{verb}{one.stem}" for verb in one.verbs.split()} == {
        f"{verb}{one.stem}" for verb in ("Create", "Update", "Delete", "Start", "Stop") if f"{verb}{one.stem}" in names
    }
    assert {*filter(None, (one.arn_member, one.status, one.created, one.modified))} <= set(inside)
    assert bool(one.modified) == any(name in inside for name in ("LastModifiedTime", "LastUpdatedDate"))
    assert set(one.named_by) <= set(described.input_shape.members)
    assert service_model.operation(one.listed_by).output_shape.members[
        list_member(service_model.operation(one.listed_by))
    ]


@each_kind
def test_a_kind_is_spelled_as_in_its_arns(one: KeptKind) -> None:
    members = service_model.operation(f"Describe{one.stem}").output_shape.members
    shape = (members[one.inside].members if one.inside else members)[one.arn_member]
    pattern = shape.metadata.get("pattern", ".*").replace("\\", "").replace("/?", "/")

    assert f"{one.kind}/" in pattern or pattern == ".*"  # some have none


@pytest.mark.parametrize(
    ("whose", "tail"),
    [
        ({"UserProfileName": "Ada"}, "d-1/Ada/JupyterLab/default"),
        ({"SpaceName": "lab", "UserProfileName": ""}, "d-1/lab/JupyterLab/default"),
        ({}, None),
    ],
)
def test_an_app_is_named_by_its_profile_or_its_space(whose: dict[str, str], tail: str | None) -> None:
    [app] = (one for one in KEPT_KINDS if one.stem == "App")

    assert app.tail({"DomainId": "d-1", "AppType": "JupyterLab", "AppName": "default", **whose}) == tail


def test_what_is_described_but_neither_kept_nor_derived_from_is_no_resource_of_its_own() -> None:
    described = {name for name in service_model.names(service_model.SAGEMAKER) if name.startswith("Describe")}

    assert described - KINDS.keys() - ENTITIES == {
        "DescribeClusterEvent",
        "DescribeClusterNode",
        "DescribeDevice",
        "DescribeFeatureMetadata",
        "DescribeHubContent",
        "DescribeJobSchemaVersion",
        "DescribeModelCardExportJob",
        "DescribeReservedCapacity",
        "DescribeSubscribedWorkteam",
        "DescribeTrainingPlanExtensionHistory",
    }


ENTITIES = {f"Describe{name}" for name in ("Action", "Artifact", "Context", "Experiment", "LineageGroup", "Trial",
            "TrialComponent")}  # fmt: skip


# ------------------------------------------------------------------------------------------------- what clients read


def test_calls_and_descriptions_are_described_in_the_order_of_time(kept: Any) -> None:
    lab = kept.describe_notebook_instance(NotebookInstanceName="lab")

    assert lab["NotebookInstanceName"] == "Lab"
    assert (lab["NotebookInstanceStatus"], lab["InstanceType"]) == ("InService", "ml.t3.large")
    assert kept.list_tags(ResourceArn=lab["NotebookInstanceArn"])["Tags"] == [{"Key": "team", "Value": "risk"}]


def test_what_was_deleted_is_neither_described_nor_listed(kept: Any) -> None:
    assert refused(kept.describe_notebook_instance, NotebookInstanceName="gone") == (
        "ValidationException: RecordNotFound"
    )
    found = kept.list_notebook_instances(StatusEquals="InService", SortBy="Name")["NotebookInstances"]
    assert [one["NotebookInstanceName"] for one in found] == ["Lab"]


def test_what_has_an_arn_of_several_names_is_found_by_them(kept: Any) -> None:
    domain = kept.describe_domain(DomainId="d-0123456789ab")
    assert domain["DomainName"] == "science"
    profile = kept.describe_user_profile(DomainId="d-0123456789ab", UserProfileName="Ada")
    assert profile["UserProfileArn"] == f"{PARTITION}user-profile/d-0123456789ab/ada"
    app = {"DomainId": "d-0123456789ab", "AppType": "JupyterServer", "AppName": "default"}
    assert kept.describe_app(**app, UserProfileName="Ada")["UserProfileName"] == "Ada"
    assert refused(kept.describe_app, **app, UserProfileName="Bob").startswith("ResourceNotFound: ")
    assert len(kept.list_user_profiles(DomainIdEquals="d-0123456789ab")["UserProfiles"]) == 1
    assert kept.list_user_profiles(DomainIdEquals="d-ba9876543210")["UserProfiles"] == []
    assert [one["AppName"] for one in kept.list_apps(UserProfileNameEquals="Ada")["Apps"]] == ["default"]


def test_what_has_an_id_in_its_arn_is_found_by_its_name(kept: Any) -> None:
    assert kept.describe_cluster(ClusterName="gpus")["ClusterArn"] == f"{PARTITION}cluster/abcdefghijkl"
    assert kept.describe_cluster(ClusterName=f"{PARTITION}cluster/abcdefghijkl")["ClusterName"] == "gpus"
    assert refused(kept.describe_cluster, ClusterName="cpus").startswith("ResourceNotFound: ")
    assert kept.list_cluster_nodes(ClusterName="gpus")["ClusterNodeSummaries"] == []


def test_a_description_that_holds_all_in_one_member_is_read_and_answered_so(kept: Any) -> None:
    assert kept.describe_workteam(WorkteamName="eyes")["Workteam"]["Description"] == "who look twice"
    assert [one["WorkteamName"] for one in kept.list_workteams()["Workteams"]] == ["eyes"]


def test_a_summary_has_what_lies_further_down_or_has_a_shorter_name(kept: Any) -> None:
    [found] = kept.list_model_quality_job_definitions(EndpointName="churn")["JobDefinitionSummaries"]

    assert (found["MonitoringJobDefinitionName"], found["EndpointName"]) == ("drift", "churn")
    assert kept.list_model_quality_job_definitions(EndpointName="fraud")["JobDefinitionSummaries"] == []


def test_no_required_member_is_missing_of_what_only_a_call_reports(kept: Any) -> None:
    [cluster] = kept.list_clusters()["ClusterSummaries"]
    assert (cluster["ClusterName"], cluster["ClusterStatus"]) == ("gpus", "Creating")
    described = kept.describe_cluster(ClusterName="gpus")
    assert (described["ClusterStatus"], described["InstanceGroups"]) == ("Creating", [])
    definition = kept.describe_model_quality_job_definition(JobDefinitionName="drift")
    assert definition["ModelQualityAppSpecification"]["ImageUri"] == ""


def test_a_call_that_does_not_say_what_it_is_about_is_no_dead_letter(kept: Any) -> None:
    assert kept.list_mlflow_tracking_servers()["TrackingServerSummaries"] == []


@pytest.mark.law
@settings(max_examples=scaled(25), deadline=None)
@given(st.permutations(EVENTS), st.integers(1, len(EVENTS)))
def test_order_repetition_and_batches_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, events: list[bytes], size: int
) -> None:
    folder = tmp_path_factory.mktemp("order")
    with sqlite_store(folder / "one.db") as one, sqlite_store(folder / "other.db") as other:
        assert states(fed(one, EVENTS)) == states(fed(other, [*events, *events[:5]], size))
