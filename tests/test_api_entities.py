"""Artifacts, contexts, actions, experiments, trials and trial components: created, described, changed and deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.api_server import (
    ACTION,
    COMPONENT,
    CONTEXT,
    EXPERIMENT,
    NAMED,
    PARTITION,
    SOURCE,
    TAGS,
    TRIAL,
    Api,
    EntityType,
    artifact,
    every_type,
    of_artifact,
    ready,
    refused,
    without_metadata,
)

METADATA = {"CommitId": "c0ffee", "Repository": "https://example.com/r", "GeneratedBy": "ada", "ProjectId": "p"}


# ------------------------------------------------------------------------------------------------------------- creating


@every_type
def test_an_entity_is_described_by_its_name_in_any_case_and_by_its_arn(api: Api, entity_type: EntityType) -> None:
    arn = entity_type.create(ready(api, entity_type), "MyName")

    assert arn == f"{PARTITION}{entity_type.part}/MyName"
    described = entity_type.described(api, "MyName")
    assert (described[f"{entity_type.name}Arn"], described[f"{entity_type.name}Name"]) == (arn, "MyName")
    assert entity_type.described(api, "myname") == entity_type.described(api, "MYNAME") == described
    if entity_type in (CONTEXT, ACTION, COMPONENT):  # those of the others are longer than their names may be
        assert entity_type.described(api, arn) == entity_type.described(api, arn.lower()) == described


@every_type
def test_a_name_is_taken_in_any_case(api: Api, entity_type: EntityType) -> None:
    entity_type.create(ready(api, entity_type), "MyName")
    before = entity_type.described(api, "MyName")

    why = refused(entity_type.call(api, "create"), **entity_type.named("myNAME"), **entity_type.members)

    assert why == f"ValidationException: {entity_type.name} with name (myNAME) already exists."
    assert entity_type.described(api, "MyName") == before


@every_type
def test_an_entity_that_was_not_created_is_not_found(api: Api, entity_type: EntityType) -> None:
    why = f"ResourceNotFound: {entity_type.word} '{PARTITION}{entity_type.part}/none' does not exist."

    assert refused(entity_type.call(api, "describe"), **entity_type.named("none")) == why
    assert refused(entity_type.call(api, "update"), **entity_type.named("none")) == why
    assert refused(entity_type.call(api, "delete"), **entity_type.named("none")) == why


@pytest.mark.parametrize(
    ("entity_type", "more"),
    [
        (CONTEXT, {"Description": "about", "Properties": {"a": "1", "b": ""}, "Tags": TAGS}),
        (
            ACTION,
            {
                "Description": "about",
                "Status": "InProgress",
                "Properties": {"a": "1"},
                "MetadataProperties": METADATA,
                "Tags": TAGS,
            },
        ),
        (EXPERIMENT, {"DisplayName": "Shown", "Description": "about", "Tags": TAGS}),
        (TRIAL, {"DisplayName": "Shown", "MetadataProperties": METADATA, "Tags": TAGS}),
        (
            COMPONENT,
            {
                "DisplayName": "Shown",
                "Status": {"PrimaryStatus": "InProgress", "Message": "on its way"},
                "StartTime": datetime(2026, 1, 2, 3, 4, 5, 678000, UTC),
                "EndTime": datetime(2026, 1, 3, tzinfo=UTC),
                "Parameters": {"eta": {"NumberValue": 0.1}, "mode": {"StringValue": "fast"}},
                "InputArtifacts": {"in": {"MediaType": "text/csv", "Value": "s3://bucket/in"}},
                "OutputArtifacts": {"out.txt": {"Value": "s3://bucket/out"}},
                "MetadataProperties": METADATA,
                "Tags": TAGS,
            },
        ),
    ],
    ids=lambda value: value.name if isinstance(value, EntityType) else "",
)
def test_all_members_of_an_entity_are_described(api: Api, entity_type: EntityType, more: dict[str, Any]) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    arn = entity_type.create(ready(api, entity_type), **more)

    described = entity_type.described(api)
    created, modified = described.pop("CreationTime"), described.pop("LastModifiedTime")
    assert before <= created <= datetime.now(UTC)
    assert modified == created
    described.pop("LineageGroupArn", None)
    expected = {**entity_type.members, **more, f"{entity_type.name}Arn": arn, f"{entity_type.name}Name": "One"}
    expected.pop("Tags")
    if entity_type is COMPONENT:
        expected["Metrics"] = []
    assert described == expected
    assert api.sagemaker.list_tags(ResourceArn=arn)["Tags"] == TAGS


@every_type
def test_members_that_were_not_given_are_left_out(api: Api, entity_type: EntityType) -> None:
    arn = entity_type.create(ready(api, entity_type))

    described = entity_type.described(api)

    always = {
        "CreationTime",
        "LastModifiedTime",
        f"{entity_type.name}Arn",
        f"{entity_type.name}Name",
        *entity_type.members,
    }
    more = {
        "Context": {"Properties", "LineageGroupArn"},
        "Action": {"Properties", "LineageGroupArn"},
        "Experiment": {"DisplayName"},
        "Trial": {"DisplayName"},
        "TrialComponent": {
            "DisplayName",
            "Metrics",
            "Parameters",
            "InputArtifacts",
            "OutputArtifacts",
            "LineageGroupArn",
        },
    }
    assert described.keys() == always | more[entity_type.name]
    assert described.get("DisplayName", "One") == "One"
    assert api.sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


def test_all_members_of_an_artifact_are_described(api: Api) -> None:
    types = [{"SourceIdType": "S3ETag", "Value": '"9b7c"'}, {"SourceIdType": "Custom", "Value": "c"}]
    members = {
        "ArtifactName": "Train",
        "ArtifactType": "text/plain",
        "Source": {**SOURCE, "SourceTypes": types},
        "Properties": {"k": "v"},
        "MetadataProperties": METADATA,
    }
    arn = artifact(api, **members, Tags=TAGS)

    described = of_artifact(api, arn)
    created, modified = described.pop("CreationTime"), described.pop("LastModifiedTime")
    group = described.pop("LineageGroupArn")

    assert group == f"{PARTITION}lineage-group/sagemaker-default-lineage-group"
    assert modified == created
    described["Source"]["SourceTypes"].sort(key=lambda one: one["Value"])
    assert described == {**members, "ArtifactArn": arn}
    assert api.sagemaker.list_tags(ResourceArn=arn)["Tags"] == TAGS


def test_there_is_one_artifact_of_a_source(api: Api) -> None:
    arn = artifact(api)

    why = refused(api.sagemaker.create_artifact, Source=SOURCE, ArtifactType="Model")

    assert why == "ValidationException: Artifact with source URI (s3://bucket/train.csv) already exists."
    assert of_artifact(api, arn)["ArtifactType"] == "DataSet"
    assert artifact(api, Source={"SourceUri": "s3://bucket/train.csv/"}) != arn


def test_what_lay_at_an_address_at_two_times_are_two_artifacts(api: Api) -> None:
    versions = [
        artifact(api, Source={**SOURCE, "SourceTypes": [{"SourceIdType": "S3ETag", "Value": value}]})
        for value in ("1", "2")
    ]

    assert len({*versions}) == 2
    why = refused(api.sagemaker.create_artifact, Source=SOURCE, ArtifactType="DataSet")
    assert "ValidationException" in why
    assert "already exists" in why


def test_empty_source_types_are_as_none(api: Api) -> None:
    arn = artifact(api, Source={**SOURCE, "SourceTypes": []})

    assert of_artifact(api, arn)["Source"] == SOURCE
    assert "already exists" in refused(api.sagemaker.create_artifact, Source=SOURCE, ArtifactType="DataSet")


def test_an_artifact_that_is_not_there_is_not_found(api: Api) -> None:
    arn = f"{PARTITION}artifact/{'0' * 32}"
    why = f"ResourceNotFound: Artifact '{arn}' does not exist."

    assert refused(api.sagemaker.describe_artifact, ArtifactArn=arn) == why
    assert refused(api.sagemaker.update_artifact, ArtifactArn=arn) == why
    assert refused(api.sagemaker.delete_artifact, ArtifactArn=arn) == why
    gone = {"Source": {"SourceUri": "s3://none"}}
    assert refused(api.sagemaker.delete_artifact, **gone).startswith("ResourceNotFound: Artifact '")


# ------------------------------------------------------------------------------------------------------------- changing


@every_type
def test_the_last_of_many_changes_holds_however_fast_they_come(api: Api, entity_type: EntityType) -> None:
    field, values = {
        CONTEXT: ("Description", ["b", "a", "c", "a"]),
        ACTION: ("Status", ["InProgress", "Completed", "InProgress", "Stopped"]),
        EXPERIMENT: ("Description", ["b", "a", "c", "a"]),
        TRIAL: ("DisplayName", ["b", "a", "c", "a"]),
        COMPONENT: ("DisplayName", ["b", "a", "c", "a"]),
    }[entity_type]
    entity_type.create(ready(api, entity_type))
    times = [entity_type.described(api)["LastModifiedTime"]]

    for value in values:
        entity_type.call(api, "update")(**entity_type.named("oNe"), **{field: value})
        described = entity_type.described(api)
        assert described[field] == value
        times.append(described["LastModifiedTime"])

    assert times == sorted(set(times))
    assert described["CreationTime"] == times[0]
    assert described[f"{entity_type.name}Name"] == "One"


def test_properties_are_merged_and_then_taken_away(api: Api) -> None:
    for entity_type in (CONTEXT, ACTION):
        entity_type.create(api, Properties={"a": "1", "b": "1"})
        change = entity_type.call(api, "update")
        change(
            **entity_type.named("One"), Properties={"b": "2", "c": "2", "d": "2"}, PropertiesToRemove=["a", "d", "none"]
        )
        assert entity_type.described(api)["Properties"] == {"b": "2", "c": "2"}
        change(**entity_type.named("One"), Properties={})
        change(**entity_type.named("One"), PropertiesToRemove=["c"])
        change(**entity_type.named("One"), Properties={"c": "3"})
        assert entity_type.described(api)["Properties"] == {"b": "2", "c": "3"}


def test_an_artifact_is_changed(api: Api) -> None:
    arn = artifact(api, ArtifactName="Old", Properties={"a": "1"})

    api.sagemaker.update_artifact(
        ArtifactArn=PARTITION + "artifact/" + arn.rpartition("/")[2].upper(),
        ArtifactName="New",
        Properties={"b": "2"},
        PropertiesToRemove=["a"],
    )

    described = of_artifact(api, arn)
    assert (described["ArtifactName"], described["Properties"]) == ("New", {"b": "2"})
    assert (described["ArtifactType"], described["Source"]) == ("DataSet", SOURCE)
    assert described["LastModifiedTime"] > described["CreationTime"]


def test_maps_of_a_trial_component_are_merged_and_then_taken_from(api: Api) -> None:
    number, text = {"NumberValue": 1.0}, {"StringValue": "x"}
    value = {"Value": "s3://b/x"}
    COMPONENT.create(
        api,
        Parameters={"a": number, "b": number},
        InputArtifacts={"a": value, "b": value},
        OutputArtifacts={"a": value, "b": value},
    )

    api.sagemaker.update_trial_component(
        TrialComponentName="One",
        Parameters={"b": text, "c": number},
        ParametersToRemove=["a", "none"],
        InputArtifacts={"c": value},
        InputArtifactsToRemove=["b", "c"],
        OutputArtifacts={"a": {"Value": "s3://b/y", "MediaType": "a/b"}},
        OutputArtifactsToRemove=["b"],
    )

    described = COMPONENT.described(api)
    assert described["Parameters"] == {"b": text, "c": number}
    assert described["InputArtifacts"] == {"a": value}
    assert described["OutputArtifacts"] == {"a": {"Value": "s3://b/y", "MediaType": "a/b"}}


def test_empty_maps_change_nothing(api: Api) -> None:
    value = {"a": {"Value": "s3://b/x"}}
    COMPONENT.create(api, Parameters={"a": {"NumberValue": 1}}, InputArtifacts=value, OutputArtifacts=value)
    before = COMPONENT.described(api)

    api.sagemaker.update_trial_component(
        TrialComponentName="One", Parameters={}, InputArtifacts={}, OutputArtifacts={}, ParametersToRemove=[]
    )

    after = COMPONENT.described(api)
    assert {**after, "LastModifiedTime": None} == {**before, "LastModifiedTime": None}


def test_a_status_is_replaced_as_a_whole(api: Api) -> None:
    COMPONENT.create(api, Status={"PrimaryStatus": "InProgress", "Message": "within"})

    api.sagemaker.update_trial_component(TrialComponentName="One", Status={"PrimaryStatus": "Completed"})

    assert COMPONENT.described(api)["Status"] == {"PrimaryStatus": "Completed"}


def test_a_failure_s_message_may_have_lines(api: Api) -> None:
    COMPONENT.create(api)
    failed = {"PrimaryStatus": "Failed", "Message": "Traceback:\n  one\n  twö\t" + "x" * 900}

    api.sagemaker.update_trial_component(TrialComponentName="One", Status=failed)

    assert COMPONENT.described(api)["Status"] == failed


def test_numbers_come_back_as_they_are(api: Api) -> None:
    numbers = {"int": 3, "float": 0.1, "small": 5e-324, "large": 1.7e308, "minus": -0.5, "big": 2**60}
    COMPONENT.create(api, Parameters={name: {"NumberValue": value} for name, value in numbers.items()})

    found = COMPONENT.described(api)["Parameters"]

    assert found == {name: {"NumberValue": float(value)} for name, value in numbers.items()}
    assert {type(value["NumberValue"]) for value in found.values()} == {float}


# ------------------------------------------------------------------------------------------------------------- deleting


@every_type
def test_what_was_deleted_is_gone_and_its_name_is_free(api: Api, entity_type: EntityType) -> None:
    arn = entity_type.create(ready(api, entity_type), Tags=TAGS)

    assert without_metadata(entity_type.call(api, "delete")(**entity_type.named("ONE"))) == {
        f"{entity_type.name}Arn": arn
    }

    assert refused(entity_type.call(api, "describe"), **entity_type.named("One")).startswith("ResourceNotFound")
    assert refused(entity_type.call(api, "delete"), **entity_type.named("One")).startswith("ResourceNotFound")
    assert refused(entity_type.call(api, "update"), **entity_type.named("One")).startswith("ResourceNotFound")
    assert entity_type.listed(api) == []
    assert entity_type.create(api) == arn


def test_an_entity_that_is_created_again_at_once_has_nothing_of_the_old_one(api: Api) -> None:
    olds: dict[EntityType, dict[str, Any]] = {
        CONTEXT: {"Description": "old", "Properties": {"old": "1"}},
        ACTION: {"Description": "old", "Properties": {"old": "1"}, "Status": "Failed", "MetadataProperties": METADATA},
        EXPERIMENT: {"Description": "old", "DisplayName": "old"},
        TRIAL: {"DisplayName": "old", "MetadataProperties": METADATA},
        COMPONENT: {
            "DisplayName": "old",
            "Parameters": {"old": {"NumberValue": 1}},
            "InputArtifacts": {"old": {"Value": "old"}},
            "Status": {"PrimaryStatus": "Failed", "Message": "old"},
        },
    }
    EXPERIMENT.create(api, "Exp")
    fresh = {}
    for entity_type in NAMED:
        entity_type.create(api)
        fresh[entity_type] = entity_type.described(api)
        entity_type.call(api, "delete")(**entity_type.named("One"))

    for entity_type, old in olds.items():
        for _ in range(2):
            arn = entity_type.create(api, **old, Tags=TAGS)
            api.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "more", "Value": "x"}])
            if entity_type is COMPONENT:
                point = {"MetricName": "loss", "Timestamp": datetime.now(UTC), "Value": 1.0}
                assert not api.metrics.batch_put_metrics(TrialComponentName="one", MetricData=[point]).get("Errors")
            entity_type.call(api, "delete")(**entity_type.named("One"))
        entity_type.create(api)
        found = entity_type.described(api)
        ours = {"CreationTime": None, "LastModifiedTime": None}
        assert {**found, **ours} == {**fresh[entity_type], **ours}
        assert api.sagemaker.list_tags(ResourceArn=arn)["Tags"] == []
        assert found["CreationTime"] > fresh[entity_type]["CreationTime"]


def test_an_artifact_is_deleted_by_its_arn_or_its_source_or_both(api: Api) -> None:
    source = {**SOURCE, "SourceTypes": [{"SourceIdType": "S3ETag", "Value": "1"}]}
    for members in ("ArtifactArn",), ("Source",), ("ArtifactArn", "Source"):
        for its_source in SOURCE, source:
            arn = artifact(api, Source=its_source)
            both = {"ArtifactArn": arn, "Source": its_source}
            response = api.sagemaker.delete_artifact(**{name: both[name] for name in members})
            assert without_metadata(response) == {"ArtifactArn": arn}
            assert refused(api.sagemaker.describe_artifact, ArtifactArn=arn).startswith("ResourceNotFound")
    assert refused(api.sagemaker.delete_artifact).startswith("ValidationException")


def test_an_artifact_that_is_created_again_at_once_has_nothing_of_the_old_one(api: Api) -> None:
    arn = artifact(api, ArtifactName="Old", Properties={"old": "1"}, Tags=TAGS, MetadataProperties=METADATA)
    api.sagemaker.delete_artifact(ArtifactArn=arn)

    assert artifact(api, ArtifactType="Model") == arn

    described = of_artifact(api, arn)
    assert described.keys() == {
        "ArtifactArn", "ArtifactType", "Source", "Properties", "CreationTime", "LastModifiedTime", "LineageGroupArn",
    }  # fmt: skip
    assert (described["ArtifactType"], described["Properties"]) == ("Model", {})
    assert api.sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


def test_what_has_associations_is_not_deleted(api: Api) -> None:
    ends = [artifact(api), CONTEXT.create(api), ACTION.create(api)]
    for source, destination in (ends[:2], ends[1:]):
        api.sagemaker.add_association(SourceArn=source, DestinationArn=destination)

    sentence = "associations and cannot be deleted: delete these first (ListAssociations, DeleteAssociation)"
    assert refused(api.sagemaker.delete_artifact, ArtifactArn=ends[0]) == (
        f"ValidationException: Artifact '{ends[0]}' has 1 {sentence}"
    )
    assert refused(api.sagemaker.delete_context, ContextName="one") == (
        f"ValidationException: Context '{PARTITION}context/one' has 2 {sentence}"
    )
    assert refused(api.sagemaker.delete_action, ActionName="One") == (
        f"ValidationException: Action '{ends[2]}' has 1 {sentence}"
    )


def test_an_experiment_with_trials_is_not_deleted_nor_a_trial_with_components(api: Api) -> None:
    EXPERIMENT.create(api, "Exp")
    TRIAL.create(api, "Try")
    COMPONENT.create(api)
    api.sagemaker.associate_trial_component(TrialName="try", TrialComponentName="one")

    assert refused(api.sagemaker.delete_experiment, ExperimentName="exp") == (
        f"ValidationException: Experiment '{PARTITION}experiment/exp' has 1 trials and cannot be deleted."
    )
    assert refused(api.sagemaker.delete_trial, TrialName="Try") == (
        f"ValidationException: Trial '{PARTITION}experiment-trial/Try' has 1 trial components and cannot be deleted."
    )
    component = f"{PARTITION}experiment-trial-component/One"
    assert refused(api.sagemaker.delete_trial_component, TrialComponentName="One") == (
        f"ValidationException: TrialComponent '{component}' is linked to 1 or more trials and cannot be deleted."
    )

    api.sagemaker.disassociate_trial_component(TrialName="Try", TrialComponentName="One")
    api.sagemaker.delete_trial_component(TrialComponentName="One")
    api.sagemaker.delete_trial(TrialName="Try")
    api.sagemaker.delete_experiment(ExperimentName="Exp")
    assert [entity_type.listed(api) for entity_type in (EXPERIMENT, TRIAL, COMPONENT)] == [[], [], []]


def test_a_trial_component_takes_its_associations_along(api: Api) -> None:
    component, one, other = COMPONENT.create(api), artifact(api), CONTEXT.create(api)
    api.sagemaker.add_association(SourceArn=one, DestinationArn=component)
    api.sagemaker.add_association(SourceArn=component, DestinationArn=other)

    api.sagemaker.delete_trial_component(TrialComponentName="One")

    assert api.sagemaker.list_associations()["AssociationSummaries"] == []
    api.sagemaker.delete_artifact(ArtifactArn=one)
    api.sagemaker.delete_context(ContextName="One")
    COMPONENT.create(api)
    artifact(api)
    CONTEXT.create(api)
    assert api.sagemaker.list_associations()["AssociationSummaries"] == []
