"""What clients create, change and delete: artifacts, contexts, actions and the associations between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sdk.clients import sdk

Artifact = sdk("lineage.artifact").Artifact
Action = sdk("lineage.action").Action
Context = sdk("lineage.context").Context
Association = sdk("lineage.association").Association
already_exists = sdk("experiments._utils").is_already_exist_error
"""The codes by which the SDK recognizes that something exists already."""

ETAG = [{"SourceIdType": "S3ETag", "Value": '"9b7c6f52"'}]


def artifact(session: Any, uri: str, **more: Any) -> Any:
    return Artifact.create(
        **({"artifact_type": "Notes", "source_uri": uri, "sagemaker_session": session} | more),
    )


def refusal(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_an_artifact_is_loaded_as_it_was_created(session: Any, unique: str) -> None:
    made = artifact(
        session, f"s3://{unique}/a", artifact_name=unique, source_types=ETAG, properties={"rows": "5", "empty": ""}
    )

    loaded = Artifact.load(made.artifact_arn, session)

    assert loaded.artifact_arn == made.artifact_arn
    assert loaded.artifact_name == unique
    assert loaded.artifact_type == "Notes"
    assert loaded.source.source_uri == f"s3://{unique}/a"
    assert loaded.source.source_types == ETAG
    assert loaded.properties == {"rows": "5", "empty": ""}
    assert loaded.creation_time == loaded.last_modified_time
    assert loaded.creation_time.tzinfo is not None


def test_an_artifact_without_a_name_has_none(session: Any, unique: str) -> None:
    loaded = Artifact.load(artifact(session, f"s3://{unique}/a").artifact_arn, session)

    assert loaded.artifact_name is None
    assert not loaded.properties


def test_an_artifact_of_the_same_source_is_refused_as_one_that_exists(session: Any, unique: str) -> None:
    artifact(session, f"s3://{unique}/a", source_types=ETAG)

    with pytest.raises(ClientError) as refused:
        artifact(session, f"s3://{unique}/a", source_types=ETAG)

    assert already_exists(refused.value.response["Error"])


def test_the_same_source_with_another_etag_is_another_artifact(session: Any, unique: str) -> None:
    other = [ETAG[0] | {"Value": '"0d1f"'}]
    arns = {artifact(session, f"s3://{unique}/a", source_types=types).artifact_arn for types in (ETAG, other)}

    assert len(arns) == 2


def test_saving_an_artifact_merges_its_properties_and_then_removes(session: Any, unique: str) -> None:
    made = artifact(session, f"s3://{unique}/a", properties={"keep": "1", "change": "1", "remove": "1"})

    made.artifact_name = unique
    made.properties = {"change": "2", "add": "3", "remove": "4"}
    made.properties_to_remove = ["remove"]
    made.save()

    loaded = Artifact.load(made.artifact_arn, session)
    assert loaded.artifact_name == unique
    assert loaded.properties == {"keep": "1", "change": "2", "add": "3"}
    assert loaded.last_modified_time > loaded.creation_time


def test_a_deleted_artifact_is_not_found(session: Any, unique: str) -> None:
    made = artifact(session, f"s3://{unique}/a")

    made.delete()

    with pytest.raises(ClientError) as refused:
        Artifact.load(made.artifact_arn, session)
    assert refusal(refused) == "ResourceNotFound"
    assert list(Artifact.list(source_uri=f"s3://{unique}/a", sagemaker_session=session)) == []


@pytest.mark.parametrize("order", ["Ascending", "Descending"])
def test_artifacts_are_listed_in_the_order_of_their_creation_page_by_page(
    order: str, session: Any, unique: str
) -> None:
    uris = [f"s3://{unique}/{number}" for number in range(5)]
    for uri in uris:
        artifact(session, uri, artifact_type=unique)
    artifact(session, f"s3://{unique}/other")

    listed = Artifact.list(
        artifact_type=unique, sort_by="CreationTime", sort_order=order, max_results=2, sagemaker_session=session
    )

    assert [one.source.source_uri for one in listed] == (uris if order == "Ascending" else uris[::-1])


def test_artifacts_are_listed_by_source_and_by_time(session: Any, unique: str) -> None:
    uris = [f"s3://{unique}/{number}" for number in range(3)]
    made = [artifact(session, uri, artifact_type=unique) for uri in uris]
    middle = Artifact.load(made[1].artifact_arn, session).creation_time

    def listed(**filters: Any) -> set[str]:
        found = Artifact.list(**filters, sagemaker_session=session)
        return {one.source.source_uri for one in found}

    assert listed(source_uri=uris[2]) == {uris[2]}
    assert listed(artifact_type=unique, created_after=middle) == set(uris[1:])
    assert listed(artifact_type=unique, created_before=middle) == set(uris[:2])
    assert listed(artifact_type=unique, created_after=datetime.now(UTC) + timedelta(hours=1)) == set()
    assert made[0].s3_uri_artifacts(uris[0])["ArtifactSummaries"][0]["ArtifactArn"] == made[0].artifact_arn


def test_tags_are_added_to_existing_ones(session: Any, sagemaker: Any, unique: str) -> None:
    made = artifact(session, f"s3://{unique}/a", tags=[{"Key": "team", "Value": "a"}])

    tags = made.set_tags([{"Key": "cost", "Value": "4"}, {"Key": "team", "Value": "b"}])

    assert tags == sagemaker.list_tags(ResourceArn=made.artifact_arn)["Tags"]
    assert sorted((tag["Key"], tag["Value"]) for tag in tags) == [("cost", "4"), ("team", "b")]


def test_an_action_is_saved_and_loaded(session: Any, unique: str) -> None:
    made = Action.create(
        action_name=unique,
        source_uri="review",
        source_type="Page",
        action_type="Review",
        status="InProgress",
        properties={"k1": "v1"},
        sagemaker_session=session,
    )
    made.description = "all of it"
    made.status = "Completed"
    made.properties = {"k3": "v3"}
    made.properties_to_remove = ["k1"]
    made.save()

    loaded = Action.load(unique, session)

    assert loaded.action_arn == made.action_arn
    assert (loaded.action_type, loaded.status, loaded.description) == ("Review", "Completed", "all of it")
    assert (loaded.source.source_uri, loaded.source.source_type) == ("review", "Page")
    assert loaded.properties == {"k3": "v3"}
    assert [one.status for one in Action.list(source_uri="review", sagemaker_session=session)] == ["Completed"]
    made.delete()
    assert list(Action.list(source_uri="review", sagemaker_session=session)) == []


def test_a_context_is_saved_and_loaded(session: Any, unique: str) -> None:
    made = Context.create(
        context_name=f"{unique}_of_all",
        source_uri=unique,
        source_type="Page",
        context_type="Project",
        description="before",
        properties={"k1": "v1"},
        sagemaker_session=session,
    )
    made.description = "after"
    made.properties = {"k3": "v3"}
    made.save()

    loaded = Context.load(f"{unique}_of_all", session)

    assert loaded.context_arn == made.context_arn
    assert (loaded.context_type, loaded.description) == ("Project", "after")
    assert loaded.properties == {"k1": "v1", "k3": "v3"}
    listed = list(Context.list(source_uri=unique, context_type="Project", sagemaker_session=session))
    assert [one.context_name for one in listed] == [f"{unique}_of_all"]
    made.delete()
    with pytest.raises(ClientError) as refused:
        Context.load(f"{unique}_of_all", session)
    assert refusal(refused) == "ResourceNotFound"


def test_an_association_is_listed_from_both_ends(session: Any, unique: str) -> None:
    data = artifact(session, f"s3://{unique}/data", artifact_type="DataSet", artifact_name=unique)
    model = artifact(session, f"s3://{unique}/model", artifact_type="Model")

    Association.create(data.artifact_arn, model.artifact_arn, "DerivedFrom", session)

    for end in ({"source_arn": data.artifact_arn}, {"destination_arn": model.artifact_arn}):
        (listed,) = Association.list(**end, sagemaker_session=session)
        assert (listed.source_arn, listed.destination_arn) == (data.artifact_arn, model.artifact_arn)
        assert (listed.source_type, listed.destination_type) == ("DataSet", "Model")
        assert (listed.source_name, listed.destination_name) == (unique, None)
        assert listed.association_type == "DerivedFrom"


def test_associations_are_listed_by_types(session: Any, unique: str) -> None:
    data = artifact(session, f"s3://{unique}/data", artifact_type="DataSet")
    for type_, link in (("Model", "Produced"), ("Image", "Produced"), ("Notes", None)):
        other = artifact(session, f"s3://{unique}/{type_}", artifact_type=type_)
        Association.create(data.artifact_arn, other.artifact_arn, link, session)

    def listed(**filters: Any) -> set[str]:
        found = Association.list(source_arn=data.artifact_arn, **filters, sagemaker_session=session)
        return {one.destination_type for one in found}

    assert listed() == {"Model", "Image", "Notes"}
    assert listed(destination_type="Model") == {"Model"}
    assert listed(source_type="DataSet", association_type="Produced") == {"Model", "Image"}
    assert listed(source_type="Model") == set()
    assert listed(destination_type="Artifact") == set()


def test_an_association_that_exists_is_refused_as_such(session: Any, unique: str) -> None:
    ends = [artifact(session, f"s3://{unique}/{number}").artifact_arn for number in range(2)]
    Association.create(*ends, "Produced", session)

    with pytest.raises(ClientError) as refused:
        Association.create(*ends, "ContributedTo", session)

    assert already_exists(refused.value.response["Error"])


def test_an_association_with_an_entity_that_does_not_exist_is_refused(session: Any, unique: str) -> None:
    made = artifact(session, f"s3://{unique}/a").artifact_arn
    missing = f"{made.rpartition('/')[0]}/{'0' * 32}"

    with pytest.raises(ClientError) as refused:
        Association.create(made, missing, "Produced", session)

    assert refusal(refused) == "ResourceNotFound"


def test_a_deleted_association_is_gone_and_its_ends_stay(session: Any, unique: str) -> None:
    ends = [artifact(session, f"s3://{unique}/{number}").artifact_arn for number in range(2)]
    made = Association.create(*ends, "Produced", session)

    made.delete()

    assert list(Association.list(source_arn=ends[0], sagemaker_session=session)) == []
    assert [Artifact.load(arn, session).artifact_arn for arn in ends] == ends


def test_an_associated_entity_is_deleted_only_with_its_associations(session: Any, unique: str) -> None:
    made = artifact(session, f"s3://{unique}/a")
    # More than a page of them: the SDK deletes those of a page before it requests the next one.
    others = [artifact(session, f"s3://{unique}/{number}").artifact_arn for number in range(13)]
    for other in others:
        Association.create(made.artifact_arn, other, "Produced", session)
    Association.create(others[0], made.artifact_arn, "ContributedTo", session)
    with pytest.raises(ClientError) as refused:
        made.delete()
    assert refusal(refused) == "ValidationException"

    made.delete(disassociate=True)

    with pytest.raises(ClientError) as refused:
        Artifact.load(made.artifact_arn, session)
    assert refusal(refused) == "ResourceNotFound"
    assert list(Association.list(source_arn=others[0], sagemaker_session=session)) == []
