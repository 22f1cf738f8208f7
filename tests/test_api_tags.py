"""Tags, and the lineage group."""

from __future__ import annotations

from datetime import timedelta

from tests.support.api_server import (
    ACTION,
    COMPONENT,
    CONTEXT,
    EXPERIMENT,
    PARTITION,
    TRIAL,
    Api,
    artifact,
    of_artifact,
    pages,
    refused,
    without_metadata,
)

GROUP = f"{PARTITION}lineage-group/sagemaker-default-lineage-group"


def tags(api: Api, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in api.sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def as_list(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def test_every_entity_can_be_tagged_and_all_tags_are_returned_in_their_order(api: Api) -> None:
    EXPERIMENT.create(api, "Exp")
    for arn in (
        artifact(api),
        *(entity_type.create(api) for entity_type in (CONTEXT, ACTION, EXPERIMENT, TRIAL, COMPONENT)),
    ):
        first = api.sagemaker.add_tags(ResourceArn=arn, Tags=as_list(z="1", a="2"))
        assert first["Tags"] == as_list(z="1", a="2")
        second = api.sagemaker.add_tags(ResourceArn=arn, Tags=as_list(m="3", z="4"))
        assert second["Tags"] == as_list(z="4", a="2", m="3")
        assert api.sagemaker.list_tags(ResourceArn=arn)["Tags"] == second["Tags"]
        assert without_metadata(api.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a", "none"])) == {}
        assert api.sagemaker.list_tags(ResourceArn=arn)["Tags"] == as_list(z="4", m="3")
        assert without_metadata(api.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["none"])) == {}


def test_a_tag_that_was_deleted_can_be_added_again(api: Api) -> None:
    arn = CONTEXT.create(api, Tags=as_list(a="1"))
    for value in ("2", "1", "2"):
        api.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
        assert tags(api, arn) == {}
        api.sagemaker.add_tags(ResourceArn=arn, Tags=as_list(a=value))
        assert tags(api, arn) == {"a": value}


def test_tags_change_nothing_else(api: Api) -> None:
    arn = artifact(api, Properties={"a": "1"})
    before = of_artifact(api, arn)

    api.sagemaker.add_tags(ResourceArn=arn, Tags=as_list(a="1"))
    api.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])

    assert of_artifact(api, arn) == before


def test_tags_are_found_by_an_arn_in_any_case(api: Api) -> None:
    arn = CONTEXT.create(api, "MyName", Tags=as_list(a="1"))

    api.sagemaker.add_tags(ResourceArn=arn.lower(), Tags=as_list(b="2"))

    assert tags(api, arn) == tags(api, arn.lower()) == {"a": "1", "b": "2"}


def test_there_are_fifty_tags_at_most(api: Api) -> None:
    arn = CONTEXT.create(api)
    many = as_list(**{f"k{number:02}": "" for number in range(50)})
    assert api.sagemaker.add_tags(ResourceArn=arn, Tags=many)["Tags"] == many

    assert refused(api.sagemaker.add_tags, ResourceArn=arn, Tags=as_list(more="")) == (
        f"ValidationException: '{arn}' would have more than 50 tags: delete some first (DeleteTags)"
    )
    assert api.sagemaker.add_tags(ResourceArn=arn, Tags=as_list(k07="new"))["Tags"][7] == as_list(k07="new")[0]
    assert pages(api.sagemaker.list_tags, "Tags", ResourceArn=arn, MaxResults=50) == [
        [*many[:7], *as_list(k07="new"), *many[8:]]
    ]


def test_a_resource_that_is_not_in_the_store_has_no_tags(api: Api) -> None:
    arn = f"{PARTITION}training-job/none"
    why = f"ValidationException: There is no resource '{arn}' in Headwater: it has no tags"

    assert refused(api.sagemaker.list_tags, ResourceArn=arn) == why
    assert refused(api.sagemaker.add_tags, ResourceArn=arn, Tags=as_list(a="1")) == why
    assert refused(api.sagemaker.delete_tags, ResourceArn=arn, TagKeys=["a"]) == why


def test_what_was_deleted_has_no_tags(api: Api) -> None:
    arn = CONTEXT.create(api, Tags=as_list(a="1"))
    api.sagemaker.delete_context(ContextName="One")

    assert refused(api.sagemaker.list_tags, ResourceArn=arn).startswith("ValidationException: There is no resource")
    assert refused(api.sagemaker.add_tags, ResourceArn=arn, Tags=as_list(a="1")).startswith("ValidationException")


# --------------------------------------------------------------------------------------------------- the lineage group


def test_there_is_one_lineage_group_as_old_as_its_first_entity(api: Api) -> None:
    group, name = api.sagemaker.describe_lineage_group, "sagemaker-default-lineage-group"
    assert refused(group, LineageGroupName=name).startswith(f"ResourceNotFound: Lineage group '{name}' does not exist")
    first = of_artifact(api, artifact(api))["CreationTime"]
    CONTEXT.create(api)

    described = without_metadata(group(LineageGroupName=name))

    assert described == {
        "LineageGroupName": "sagemaker-default-lineage-group",
        "LineageGroupArn": GROUP,
        "DisplayName": "sagemaker-default-lineage-group",
        "CreationTime": first,
        "LastModifiedTime": first,
    }
    assert refused(group, LineageGroupName="other").startswith("ResourceNotFound")
    for group_name in (name, GROUP):
        assert refused(api.sagemaker.get_lineage_group_policy, LineageGroupName=group_name) == (
            f"ResourceNotFound: Lineage group '{GROUP}' has no resource policy: it is not shared."
        )


def test_the_lineage_group_is_listed(api: Api) -> None:
    created = of_artifact(api, artifact(api))["CreationTime"]
    second = timedelta(seconds=1)

    def listed(**members: object) -> list[str]:
        found = api.sagemaker.list_lineage_groups(**members)["LineageGroupSummaries"]
        return [one["LineageGroupArn"] for one in found]

    assert listed() == listed(SortBy="Name", MaxResults=1) == [GROUP]
    assert listed(CreatedAfter=created, CreatedBefore=created) == [GROUP]
    assert listed(CreatedAfter=created + second) == listed(CreatedBefore=created - second) == []
