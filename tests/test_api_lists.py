"""Lists: which entries, in which order, page by page, while others write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest

from tests.support.api_server import (
    ACTION,
    COMPONENT,
    CONTEXT,
    EXPERIMENT,
    PARTITION,
    TAGS,
    TRIAL,
    Api,
    EntityType,
    artifact,
    every_type,
    pages,
    ready,
    refused,
)

ORDERS = [
    {},
    {"SortOrder": "Ascending"},
    {"SortOrder": "Descending"},
    {"SortBy": "CreationTime"},
    {"SortBy": "Name", "SortOrder": "Ascending"},
    {"SortBy": "Name"},
]


def filled(api: Api, entity_type: EntityType, names: str) -> Api:
    """The server with an entity of this type for each letter."""
    ready(api, entity_type)
    for name in names:
        entity_type.create(api, name)
    return api


def ordered(names: str, order: dict[str, str]) -> list[str]:
    """Names that are given in the order of creation, as a list has them."""
    found = sorted(names) if order.get("SortBy") == "Name" else list(names)
    return found if order.get("SortOrder") == "Ascending" else found[::-1]


@every_type
def test_a_list_has_ten_on_a_page_and_the_newest_first(api: Api, entity_type: EntityType) -> None:
    filled(api, entity_type, "hbgafcedkjil")

    found = pages(entity_type.call(api, "list"), f"{entity_type.name}Summaries")

    assert [[one[f"{entity_type.name}Name"] for one in page] for page in found] == [list("lijkdecfag"), list("bh")]


@every_type
@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_a_list_is_in_the_requested_order_on_pages_of_any_size(
    api: Api, entity_type: EntityType, order: dict[str, str]
) -> None:
    names = "bdac"
    filled(api, entity_type, names)

    for size in (1, 3, 4, 100):
        assert entity_type.listed(api, **order, MaxResults=size) == ordered(names, order)


@every_type
def test_a_list_may_begin_and_end_at_a_millisecond(api: Api, entity_type: EntityType) -> None:
    filled(api, entity_type, "abcde")
    times = {name: entity_type.described(api, name)["CreationTime"] for name in "abcde"}
    assert list(times.values()) == sorted(times.values())

    def between(**bounds: Any) -> str:
        return "".join(reversed(entity_type.listed(api, **bounds)))

    same = {name: [other for other in "abcde" if times[other] == times[name]] for name in "abcde"}
    assert between(CreatedAfter=times["b"]) == "abcde"["abcde".index(same["b"][0]) :]
    assert between(CreatedBefore=times["d"]) == "abcde"[: "abcde".index(same["d"][-1]) + 1]
    assert between(CreatedAfter=times["c"], CreatedBefore=times["c"]) == "".join(same["c"])
    assert between(CreatedAfter=times["e"] + timedelta(milliseconds=1)) == ""
    assert between(CreatedBefore=times["a"] - timedelta(milliseconds=1)) == ""


@every_type
def test_a_page_that_is_just_full_is_the_last(api: Api, entity_type: EntityType) -> None:
    filled(api, entity_type, "abcd")

    found = pages(entity_type.call(api, "list"), f"{entity_type.name}Summaries", MaxResults=2)

    assert [len(page) for page in found] == [2, 2]


def test_an_empty_store_has_empty_lists(api: Api) -> None:
    for operation, member in [
        ("list_artifacts", "ArtifactSummaries"),
        ("list_contexts", "ContextSummaries"),
        ("list_actions", "ActionSummaries"),
        ("list_experiments", "ExperimentSummaries"),
        ("list_trials", "TrialSummaries"),
        ("list_trial_components", "TrialComponentSummaries"),
        ("list_associations", "AssociationSummaries"),
        ("list_lineage_groups", "LineageGroupSummaries"),
    ]:
        response = getattr(api.sagemaker, operation)()
        assert response[member] == []
        assert "NextToken" not in response


def test_entries_say_what_descriptions_say(api: Api) -> None:
    arn = artifact(api, ArtifactName="Name", Properties={"a": "1"})
    described = api.sagemaker.describe_artifact(ArtifactArn=arn)
    [entry] = api.sagemaker.list_artifacts()["ArtifactSummaries"]
    assert entry == {name: described[name] for name in entry}
    assert entry.keys() >= {"ArtifactArn", "ArtifactName", "ArtifactType", "Source", "CreationTime", "LastModifiedTime"}

    EXPERIMENT.create(api, "Exp")
    status = {"PrimaryStatus": "Failed", "Message": "why"}
    more: dict[EntityType, Any] = {
        COMPONENT: {"Status": status},
        ACTION: {"Status": "Completed"},
        EXPERIMENT: {"Description": "text"},
    }
    for entity_type in (CONTEXT, ACTION, EXPERIMENT, TRIAL, COMPONENT):
        entity_type.create(api, **more.get(entity_type, {}))
        described = entity_type.described(api)
        entry = entity_type.call(api, "list")(MaxResults=1)[f"{entity_type.name}Summaries"][0]
        assert entry == {name: described[name] for name in entry if name in described}
        assert entry.keys() >= {f"{entity_type.name}Arn", f"{entity_type.name}Name", "CreationTime", "LastModifiedTime"}


def test_artifacts_are_found_by_their_source_and_their_type(api: Api) -> None:
    for uri, type_ in (("s3://b/x", "DataSet"), ("s3://b/y", "DataSet"), ("s3://b/z", "Model"), ("s3://b/X", "Model")):
        artifact(api, Source={"SourceUri": uri}, ArtifactType=type_)

    def found(**members: str) -> list[str]:
        listed = api.sagemaker.list_artifacts(**members, SortOrder="Ascending")["ArtifactSummaries"]
        return [one["Source"]["SourceUri"] for one in listed]

    assert found(SourceUri="s3://b/x") == ["s3://b/x"]
    assert found(ArtifactType="Model") == ["s3://b/z", "s3://b/X"]
    assert found(ArtifactType="model") == []
    assert found(SourceUri="s3://b/y", ArtifactType="Model") == []
    assert found(SortBy="CreationTime") == ["s3://b/x", "s3://b/y", "s3://b/z", "s3://b/X"]


@pytest.mark.parametrize("entity_type", [CONTEXT, ACTION], ids=["Context", "Action"])
def test_contexts_and_actions_are_found_by_their_source_and_their_type(api: Api, entity_type: EntityType) -> None:
    type_ = f"{entity_type.name}Type"
    entity_type.create(api, "a", **{"Source": {"SourceUri": "s3://b/x"}, type_: "One"})
    entity_type.create(api, "b", **{"Source": {"SourceUri": "s3://b/x"}, type_: "Two"})
    entity_type.create(api, "c", **{"Source": {"SourceUri": "s3://b/y"}, type_: "Two"})

    assert entity_type.listed(api, SourceUri="s3://b/x") == ["b", "a"]
    assert entity_type.listed(api, **{type_: "Two"}) == ["c", "b"]
    assert entity_type.listed(api, SourceUri="s3://b/x", **{type_: "Two"}) == ["b"]
    assert entity_type.listed(api, SourceUri="s3://b") == []


def test_trials_and_components_are_found_by_what_they_are_in(api: Api) -> None:
    for name in ("E1", "E2"):
        EXPERIMENT.create(api, name)
    for name, inside in (("t1", "E1"), ("t2", "e1"), ("t3", "E2")):
        TRIAL.create(api, name, ExperimentName=inside)
    for name, trials in (("c1", ["t1"]), ("c2", ["T1", "t2"]), ("c3", ["t3"]), ("c4", [])):
        COMPONENT.create(api, name)
        for trial in trials:
            api.sagemaker.associate_trial_component(TrialName=trial, TrialComponentName=name)

    assert TRIAL.listed(api, ExperimentName="e1") == ["t2", "t1"]
    assert TRIAL.listed(api, TrialComponentName="C2") == ["t2", "t1"]
    assert TRIAL.listed(api, TrialComponentName="c2", ExperimentName="E2") == []
    assert COMPONENT.listed(api, ExperimentName="E1") == ["c2", "c1"]
    assert COMPONENT.listed(api, ExperimentName="E1", SortOrder="Ascending", MaxResults=1) == ["c1", "c2"]
    assert COMPONENT.listed(api, TrialName="T1") == ["c2", "c1"]
    assert COMPONENT.listed(api) == ["c4", "c3", "c2", "c1"]
    assert COMPONENT.listed(api, SourceArn=f"{PARTITION}training-job/none") == []


def test_what_a_list_is_to_be_of_has_to_be_there_and_be_one_thing(api: Api) -> None:
    trials, components = api.sagemaker.list_trials, api.sagemaker.list_trial_components

    assert refused(trials, ExperimentName="e").startswith("ResourceNotFound: Experiment ")
    assert refused(trials, TrialComponentName="c").startswith("ResourceNotFound: Trial component ")
    assert refused(components, ExperimentName="e").startswith("ResourceNotFound: Experiment ")
    assert refused(components, TrialName="t").startswith("ResourceNotFound: Trial ")
    assert refused(components, TrialName="t", ExperimentName="e") == (
        "ValidationException: Only one of ExperimentName, TrialName and SourceArn can be given, "
        "not ExperimentName and TrialName."
    )


def test_a_token_of_another_list_is_refused(api: Api) -> None:
    filled(api, CONTEXT, "abc")
    token = api.sagemaker.list_contexts(MaxResults=1)["NextToken"]

    assert [one["ContextName"] for one in api.sagemaker.list_contexts(NextToken=token)["ContextSummaries"]] == [*"ba"]
    for call, members in (
        (api.sagemaker.list_contexts, {"SortBy": "Name"}),
        (api.sagemaker.list_contexts, {"ContextType": "x"}),
        (api.sagemaker.list_actions, {}),
    ):
        assert refused(call, NextToken=token, **members).startswith(
            "ValidationException: NextToken is of a request with"
        )
    assert refused(api.sagemaker.list_contexts, NextToken="x").startswith(
        "ValidationException: NextToken was not made by"
    )


# ------------------------------------------------------------------------------------------------- while others write


def by_pages(api: Api, entity_type: EntityType, **members: Any) -> Iterator[list[str]]:
    """The names on each page, which is read after the page before was handled."""
    token: dict[str, str] = {}
    while True:
        response = entity_type.call(api, "list")(**members, **token)
        yield [one[f"{entity_type.name}Name"] for one in response[f"{entity_type.name}Summaries"]]
        if "NextToken" not in response:
            return
        token = {"NextToken": response["NextToken"]}


@every_type
@pytest.mark.parametrize("order", ORDERS[1:5:3] + ORDERS[2:3], ids=str)
def test_all_can_be_deleted_page_by_page(api: Api, entity_type: EntityType, order: dict[str, str]) -> None:
    filled(api, entity_type, "bdafce")

    found = []
    for page in by_pages(api, entity_type, **order, MaxResults=2):
        for name in page:
            entity_type.call(api, "delete")(**entity_type.named(name))
        found += page

    assert found == ordered("bdafce", order)
    assert entity_type.listed(api) == []


def test_links_can_be_deleted_page_by_page(api: Api) -> None:
    source = artifact(api)
    ends = [CONTEXT.create(api, name) for name in "bdace"]
    for end in ends:
        api.sagemaker.add_association(SourceArn=source, DestinationArn=end)

    for order in ({"SortBy": "DestinationArn"}, {}, {"SortBy": "SourceType", "SortOrder": "Ascending"}):
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            response = api.sagemaker.list_associations(SourceArn=source, MaxResults=2, **order, **token)
            for one in response["AssociationSummaries"]:
                found.append(one["DestinationArn"])
                api.sagemaker.delete_association(SourceArn=source, DestinationArn=one["DestinationArn"])
            if "NextToken" not in response:
                break
            token = {"NextToken": response["NextToken"]}
        assert sorted(found) == sorted(ends)
        for end in ends:
            api.sagemaker.add_association(SourceArn=source, DestinationArn=end)


@contextmanager
def writing(*works: Any) -> Iterator[None]:
    """Do these again and again, each in a thread, with a number that grows."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def go(work: Any) -> None:
        number = 0
        try:
            while not stop.is_set():
                work(number)
                number += 1
        except BaseException as why:  # noqa: BLE001  # shown below
            failures.append(why)

    threads = [threading.Thread(target=go, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("order", [ORDERS[0], ORDERS[1], ORDERS[4]], ids=str)
def test_nothing_is_listed_twice_or_left_out_while_others_write(api_on_both: Api, order: dict[str, str]) -> None:
    api = api_on_both
    staying = [f"m{number:02}" for number in range(30)]
    for name in staying:
        CONTEXT.create(api, name)

    def comes(number: int) -> None:
        CONTEXT.create(api, f"{'az'[number % 2]}{number}")

    def comes_and_goes(number: int) -> None:
        CONTEXT.create(api, f"mm{number % 3}", Tags=TAGS)
        api.sagemaker.delete_context(ContextName=f"mm{number % 3}")

    def changes(number: int) -> None:
        api.sagemaker.update_context(ContextName=staying[number % 30], Description=f"{number}")

    with writing(comes, comes_and_goes, changes):
        for _ in range(3):
            found = [*chain.from_iterable(by_pages(api, CONTEXT, **order, MaxResults=4))]
            # A resource made again under a listed name is another one.
            stood = [name for name in found if not name.startswith("mm")]
            assert len(stood) == len({*stood})
            kept = [name for name in found if name in staying]
            assert kept == (staying if order.get("SortOrder") == "Ascending" else staying[::-1])
