"""What events derive and what clients make, side by side: the Abalone run is there before the clients come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from consumers.api.app import Settings
from tests.support.api_server import (
    ACTION,
    COMPONENT,
    CONTEXT,
    EXPERIMENT,
    TRIAL,
    Api,
    artifact,
    of_artifact,
    pages,
    refused,
    served,
)
from tests.support.events import abalone
from tests.support.stores import emptied, fed, sqlite_store

ACCOUNT, REGION = "000000000000", "us-west-2"
PARTITION = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
BUCKET = f"s3://sagemaker-{REGION}-{ACCOUNT}"
MODEL_URI = f"{BUCKET}/AbaloneTrain/pipelines-d84ewltjmxhe-AbaloneTrain-3kYZvpYx11/output/model.tar.gz"
TRAINED = "pipelines-d84ewltjmxhe-AbaloneTrain-3kYZvpYx11-aws-training-job"
JOB = f"{PARTITION}training-job/pipelines-d84ewltjmxhe-abalonetrain-3kyzvpyx11"
PACKAGE = f"{PARTITION}model-package/abalonemodelpackagegroupname/1"
GROUP = "AbaloneModelPackageGroupName-1657729287-aws-model-package-group"
APPROVAL = "abalonemodelpackagegroupname-1-PendingManualApproval-1657729287-aws-model-package"
TRIAL_NAME = "d84ewltjmxhe"


@pytest.fixture(scope="module")
def one_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server over a SQLite file."""
    store = sqlite_store(tmp_path_factory.mktemp("derived") / "store.db")
    with served(store, Settings(account=ACCOUNT, region=REGION)) as api:
        yield api
    store.close()


@pytest.fixture
def run(one_run: Api) -> Api:
    """A server over the Abalone run."""
    fed(emptied(one_run.store), abalone())
    return one_run


def the_artifact(api: Api, uri: str) -> dict[str, Any]:
    """The artifact of a source."""
    [found] = api.sagemaker.list_artifacts(SourceUri=uri)["ArtifactSummaries"]
    return of_artifact(api, found["ArtifactArn"])


def ends(api: Api, **members: Any) -> set[tuple[str, str, str]]:
    found = pages(api.sagemaker.list_associations, "AssociationSummaries", **members)
    return {(one["SourceArn"], one["AssociationType"], one["DestinationArn"]) for page in found for one in page}


def names_of(api: Api, call: Callable[..., Any], member: str, name: str) -> list[str]:
    return [one[name] for page in pages(call, member) for one in page]


# --------------------------------------------------------------------------------------------------------- is there


@pytest.mark.parametrize("uri", [MODEL_URI, PACKAGE])
def test_an_artifact_of_a_source_that_a_job_reported_already_exists(run: Api, uri: str) -> None:
    why = refused(run.sagemaker.create_artifact, Source={"SourceUri": uri}, ArtifactType="Model")

    assert why == f"ValidationException: Artifact with source URI ({uri}) already exists."


def test_a_derived_artifact_s_address_is_that_artifact_whatever_the_version(run: Api) -> None:
    derived = the_artifact(run, MODEL_URI)["ArtifactArn"]
    source = {"SourceUri": MODEL_URI, "SourceTypes": [{"SourceIdType": "S3ETag", "Value": "e"}]}

    why = refused(run.sagemaker.create_artifact, Source=source, ArtifactType="Model")

    assert why == f"ValidationException: Artifact with source URI ({MODEL_URI}) already exists: {derived}"


def test_names_that_sagemaker_gave_are_taken_in_any_case(run: Api) -> None:
    for call, name in (
        (run.sagemaker.create_context, GROUP),
        (run.sagemaker.create_action, APPROVAL),
        (run.sagemaker.create_experiment, "AbalonePipeline"),
        (run.sagemaker.create_trial_component, TRAINED),
    ):
        entity_type = next(
            entity_type
            for entity_type in (CONTEXT, ACTION, EXPERIMENT, COMPONENT)
            if entity_type.call(run, "create") == call
        )
        for spelled in (name, name.lower(), name.upper()):
            why = refused(call, **entity_type.named(spelled), **entity_type.members)
            assert why == f"ValidationException: {entity_type.name} with name ({spelled}) already exists."
    members = {"TrialName": TRIAL_NAME, "ExperimentName": "abalonepipeline"}
    assert refused(run.sagemaker.create_trial, **members).endswith("already exists.")


def test_the_source_of_a_derived_context_or_action_has_the_type_arn(run: Api) -> None:
    for call, member in (
        (run.sagemaker.list_contexts, "ContextSummaries"),
        (run.sagemaker.list_actions, "ActionSummaries"),
    ):
        [*sources] = [one["Source"] for page in pages(call, member) for one in page]
        assert sources
        assert {source["SourceType"] for source in sources} == {"ARN"}
    described = run.sagemaker.describe_context(ContextName=GROUP)["Source"]
    group = f"{PARTITION}model-package-group/abalonemodelpackagegroupname"
    assert described == {"SourceUri": group, "SourceType": "ARN"}


@pytest.mark.parametrize("more", [{}, {"SourceType": "Job"}])
def test_the_source_of_what_a_client_made_has_the_type_that_the_client_gave_it(run: Api, more: dict[str, str]) -> None:
    source = {"SourceUri": JOB, **more}
    CONTEXT.call(run, "create")(ContextName="mine", Source=source, ContextType="Mine")
    ACTION.call(run, "create")(ActionName="mine", Source=source, ActionType="Mine")

    assert run.sagemaker.describe_context(ContextName="mine")["Source"] == source
    assert run.sagemaker.describe_action(ActionName="mine")["Source"] == source


# ---------------------------------------------------------------------------------------------------------- stays


def test_what_events_derive_is_not_deleted_and_a_sentence_says_why(run: Api) -> None:
    model = the_artifact(run, MODEL_URI)["ArtifactArn"]
    group = f"{PARTITION}model-package-group/abalonemodelpackagegroupname"
    tail = "and would be derived again: only what a client has created can be deleted"

    for call, members, sentence in (
        (run.sagemaker.delete_artifact, {"ArtifactArn": model}, f"Artifact '{model}' is derived from {PACKAGE}"),
        (run.sagemaker.delete_artifact, {"Source": {"SourceUri": MODEL_URI}}, f"Artifact '{model}' is derived from"),
        (run.sagemaker.delete_context, {"ContextName": GROUP}, f"/{GROUP}' is derived from {group}"),
        (run.sagemaker.delete_action, {"ActionName": APPROVAL}, f"is derived from {PACKAGE}"),
        (run.sagemaker.delete_experiment, {"ExperimentName": "abalonepipeline"}, f" from {PARTITION}pipeline"),
        (run.sagemaker.delete_trial, {"TrialName": TRIAL_NAME}, f"is derived from {PARTITION}pipeline"),
        (run.sagemaker.delete_trial_component, {"TrialComponentName": TRAINED}, f"is derived from {JOB}"),
    ):  # fmt: skip
        why = refused(call, **members)
        assert why.startswith("ValidationException: ")
        assert sentence in why
        assert why.endswith(tail)


def test_a_derived_entity_cannot_be_changed_where_its_events_would_outweigh_the_change(run: Api) -> None:
    for call, members in (
        (run.sagemaker.update_context, {"ContextName": GROUP, "Description": "mine"}),
        (run.sagemaker.update_action, {"ActionName": APPROVAL, "Status": "Completed"}),
        (run.sagemaker.update_experiment, {"ExperimentName": "abalonepipeline", "Description": "mine"}),
        (run.sagemaker.update_trial, {"TrialName": TRIAL_NAME, "DisplayName": "mine"}),
    ):
        why = refused(call, **members)
        assert " is derived from " in why
        assert why.endswith("has the values that its events report: only what a client has created can be changed here")


def test_derived_associations_and_memberships_stay(run: Api) -> None:
    model = the_artifact(run, MODEL_URI)["ArtifactArn"]
    trained = COMPONENT.described(run, TRAINED)["TrialComponentArn"]

    why = refused(run.sagemaker.delete_association, SourceArn=trained, DestinationArn=model)
    assert why == (
        f"ValidationException: The association between {trained} and {model} is derived from events, and "
        "would be derived again: only what a client has added can be deleted"
    )
    why = refused(run.sagemaker.add_association, SourceArn=trained, DestinationArn=model)
    assert why.endswith("already exists.")
    why = refused(run.sagemaker.disassociate_trial_component, TrialName=TRIAL_NAME, TrialComponentName=TRAINED)
    assert f"by the events of {JOB}, and would be put there again" in why
    assert TRAINED in COMPONENT.listed(run, TrialName=TRIAL_NAME)


# ----------------------------------------------------------------------------------------------------------- together


def test_what_clients_make_is_linked_with_what_events_derive(run: Api) -> None:
    trained = COMPONENT.described(run, TRAINED)["TrialComponentArn"]
    model = the_artifact(run, MODEL_URI)["ArtifactArn"]
    before = ends(run)
    report = artifact(run, Source={"SourceUri": "s3://mine/report"}, ArtifactType="Report")
    review = CONTEXT.create(run, "review")

    for source, destination in ((trained, report), (model, review), (report, model)):
        run.sagemaker.add_association(SourceArn=source, DestinationArn=destination, AssociationType="Produced")

    added = {(trained, "Produced", report), (model, "Produced", review), (report, "Produced", model)}
    assert ends(run) == before | added
    assert ends(run, SourceArn=report) == {(report, "Produced", model)}
    [one] = run.sagemaker.list_associations(DestinationArn=report)["AssociationSummaries"]
    assert (one["SourceType"], one["SourceName"]) == ("SageMakerTrainingJob", TRAINED)
    for source, _, destination in added:
        run.sagemaker.delete_association(SourceArn=source, DestinationArn=destination)
    run.sagemaker.delete_artifact(ArtifactArn=report)
    run.sagemaker.delete_context(ContextName="review")
    assert ends(run) == before


def test_a_job_s_trial_component_takes_what_clients_add(run: Api) -> None:
    before = COMPONENT.described(run, TRAINED)
    tags = run.sagemaker.list_tags(ResourceArn=before["TrialComponentArn"])["Tags"]
    value = {"Value": "s3://mine/notes", "MediaType": "text/plain"}

    for number in range(3):
        run.sagemaker.update_trial_component(
            TrialComponentName=TRAINED.upper(),
            DisplayName=f"shown{number}",
            Parameters={"mine": {"NumberValue": number}},
            OutputArtifacts={"notes": value},
        )
    point = {"MetricName": "mine", "Timestamp": datetime(2026, 1, 1, tzinfo=UTC), "Value": 0.5}
    run.metrics.batch_put_metrics(TrialComponentName=TRAINED.lower(), MetricData=[point])
    mine = {"Key": "a team", "Value": "mine"}
    response = run.sagemaker.add_tags(ResourceArn=before["TrialComponentArn"], Tags=[mine])
    assert response["Tags"] == run.sagemaker.list_tags(ResourceArn=before["TrialComponentArn"])["Tags"] == [*tags, mine]

    after = COMPONENT.described(run, TRAINED)
    assert after["DisplayName"] == "shown2"
    assert after["Parameters"] == before["Parameters"] | {"mine": {"NumberValue": 2.0}}
    assert after["OutputArtifacts"] == before["OutputArtifacts"] | {"notes": value}
    assert [one["MetricName"] for one in after["Metrics"]] == sorted(
        ["mine", *(one["MetricName"] for one in before["Metrics"])]
    )
    same = {"Source", "Status", "StartTime", "EndTime", "CreationTime", "TrialComponentName", "InputArtifacts"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["LastModifiedTime"] > before["LastModifiedTime"]

    run.sagemaker.update_trial_component(
        TrialComponentName=TRAINED, ParametersToRemove=["mine"], OutputArtifactsToRemove=["notes"]
    )
    again = COMPONENT.described(run, TRAINED)
    assert (again["Parameters"], again["OutputArtifacts"]) == (before["Parameters"], before["OutputArtifacts"])


def test_a_job_s_trial_component_is_put_into_trials_of_clients_and_taken_out(run: Api) -> None:
    EXPERIMENT.create(run, "Mine")
    TRIAL.create(run, "Try", ExperimentName="Mine")
    both = {"TrialName": "Try", "TrialComponentName": TRAINED}
    run.sagemaker.associate_trial_component(**both)

    assert TRIAL.listed(run, TrialComponentName=TRAINED) == ["Try", TRIAL_NAME]
    assert COMPONENT.listed(run, ExperimentName="Mine") == [TRAINED]
    run.sagemaker.disassociate_trial_component(**both)
    assert TRIAL.listed(run, TrialComponentName=TRAINED) == [TRIAL_NAME]


def test_trial_components_are_found_by_their_job_in_any_case(run: Api) -> None:
    for arn in (JOB, JOB.replace("abalonetrain", "AbaloneTrain")):
        assert COMPONENT.listed(run, SourceArn=arn) == [TRAINED]


def test_a_job_is_tagged_by_its_own_arn(run: Api) -> None:
    before = run.sagemaker.list_tags(ResourceArn=JOB)["Tags"]

    response = run.sagemaker.add_tags(ResourceArn=JOB, Tags=[{"Key": "team", "Value": "mine"}])

    assert response["Tags"] == [*before, {"Key": "team", "Value": "mine"}]
    assert run.sagemaker.list_tags(ResourceArn=JOB)["Tags"] == response["Tags"]
    run.sagemaker.delete_tags(ResourceArn=JOB, TagKeys=["team"])
    assert run.sagemaker.list_tags(ResourceArn=JOB)["Tags"] == before


@pytest.mark.parametrize("uri", [MODEL_URI])
def test_a_derived_artifact_takes_what_clients_add(run: Api, uri: str) -> None:
    before = the_artifact(run, uri)
    arn = before["ArtifactArn"]

    run.sagemaker.update_artifact(ArtifactArn=arn, ArtifactName="Mine", Properties={"stage": "tried", "more": "1"})
    run.sagemaker.update_artifact(ArtifactArn=arn, Properties={"stage": "used"}, PropertiesToRemove=["more"])
    run.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "mine"}])

    after = the_artifact(run, uri)
    assert after.pop("LastModifiedTime") > before.pop("LastModifiedTime")
    expected = {"ArtifactName": "Mine", "Properties": before["Properties"] | {"stage": "used"}}
    assert after == {**before, **expected}
    assert run.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "mine"}]
    why = refused(run.sagemaker.delete_artifact, ArtifactArn=arn)
    assert f" is derived from {PACKAGE}" in why  # and not from what its client said of it


def test_a_client_s_artifact_that_a_job_uses_later_is_the_same_and_outlives_its_deletion(one_run: Api) -> None:
    emptied(one_run.store)
    arn = artifact(one_run, Source={"SourceUri": MODEL_URI}, ArtifactType="Mine", Properties={"a": "1"})
    made = of_artifact(one_run, arn)
    fed(one_run.store, abalone())

    both = the_artifact(one_run, MODEL_URI)
    assert (both["ArtifactType"], both["Properties"]) == ("Mine", {"a": "1"})
    assert both["CreationTime"] < made["CreationTime"]

    why = refused(one_run.sagemaker.delete_artifact, ArtifactArn=arn)
    assert "associations and cannot be deleted" in why


def test_a_component_that_a_client_creates_for_a_job_is_the_job_s(one_run: Api) -> None:
    emptied(one_run.store)
    COMPONENT.create(one_run, TRAINED, Parameters={"mine": {"NumberValue": 1}})
    fed(one_run.store, abalone())

    described = COMPONENT.described(one_run, TRAINED)

    assert described["Source"]["SourceArn"] == JOB
    assert described["Parameters"].keys() > {"mine"}
