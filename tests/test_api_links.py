"""Associations, and trial components in trials."""

from __future__ import annotations

from typing import Any

import pytest

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


def linked(api: Api, **members: Any) -> list[tuple[str, str]]:
    """The ends of associations, of all pages."""
    found = pages(api.sagemaker.list_associations, "AssociationSummaries", **members)
    return [(one["SourceArn"], one["DestinationArn"]) for page in found for one in page]


def link(api: Api, source: str, destination: str, type_: str | None = None) -> None:
    more = {"AssociationType": type_} if type_ else {}
    response = api.sagemaker.add_association(SourceArn=source, DestinationArn=destination, **more)
    assert without_metadata(response) == {"SourceArn": source, "DestinationArn": destination}


@pytest.mark.parametrize("type_", ["ContributedTo", "AssociatedWith", "DerivedFrom", "Produced", "SameAs", None])
def test_an_association_is_listed_as_it_was_added(api: Api, type_: str | None) -> None:
    source, destination = artifact(api), CONTEXT.create(api)
    link(api, source, destination, type_)

    [one] = api.sagemaker.list_associations()["AssociationSummaries"]

    assert one.pop("CreationTime") >= of_artifact(api, source)["CreationTime"]
    assert one == {
        "SourceArn": source,
        "DestinationArn": destination,
        "SourceType": "DataSet",
        "DestinationType": "Project",
        "AssociationType": type_ or "AssociatedWith",
        "DestinationName": "One",
    }


def test_there_is_one_association_between_two_at_most_in_a_direction(api: Api) -> None:
    source, destination = CONTEXT.create(api), ACTION.create(api)
    link(api, source, destination, "Produced")

    for type_ in ("Produced", "SameAs"):
        why = refused(
            api.sagemaker.add_association,
            SourceArn=source.lower(),
            DestinationArn=destination,
            AssociationType=type_,
        )
        assert why == (
            f"ValidationException: Association between source ({source.lower()}) and destination ({destination}) "
            "already exists."
        )
    link(api, destination, source)
    link(api, source, source)
    assert len(linked(api)) == 3


def test_both_ends_have_to_be_there(api: Api) -> None:
    there, none = CONTEXT.create(api), f"{PARTITION}action/none"

    for ends in ((there, none), (none, there), (none, none)):
        why = refused(api.sagemaker.add_association, SourceArn=ends[0], DestinationArn=ends[1])
        assert why == f"ResourceNotFound: Lineage entity '{none}' does not exist."
        why = refused(api.sagemaker.delete_association, SourceArn=ends[0], DestinationArn=ends[1])
        assert why == (
            f"ResourceNotFound: Association between source ({ends[0]}) and destination ({ends[1]}) does not exist."
        )


def test_entities_of_experiments_are_not_linked_with_each_other(api: Api) -> None:
    experiment = EXPERIMENT.create(api, "Exp")
    one, other = COMPONENT.create(api), COMPONENT.create(api, "Other")

    for ends in ((one, other), (experiment, one), (other, experiment)):
        why = refused(api.sagemaker.add_association, SourceArn=ends[0], DestinationArn=ends[1])
        assert why.startswith("ValidationException: An association cannot be between two experiment entities")
    link(api, one, artifact(api))


def test_an_association_that_was_deleted_can_be_added_again(api: Api) -> None:
    ends = {"SourceArn": CONTEXT.create(api), "DestinationArn": ACTION.create(api)}
    times = []
    for type_ in ("Produced", "SameAs", "DerivedFrom"):
        api.sagemaker.add_association(**ends, AssociationType=type_)
        [one] = api.sagemaker.list_associations()["AssociationSummaries"]
        assert one["AssociationType"] == type_
        times.append(one["CreationTime"])
        assert without_metadata(api.sagemaker.delete_association(**ends)) == ends
        assert linked(api) == []
        assert refused(api.sagemaker.delete_association, **ends).startswith("ResourceNotFound: Association between")

    assert times == sorted({*times})


def test_associations_are_found_by_their_ends_and_their_types(api: Api) -> None:
    data, model = artifact(api), artifact(api, Source={"SourceUri": "s3://b/m"}, ArtifactType="Model")
    context, action, component = CONTEXT.create(api), ACTION.create(api), COMPONENT.create(api)
    added = [(data, component), (component, model), (model, action), (action, context), (data, context)]
    for source, destination in added:
        link(api, source, destination, "DerivedFrom" if destination == context else "Produced")
    added.reverse()  # the newest first

    assert linked(api) == added
    assert linked(api, MaxResults=2) == added
    assert linked(api, SourceArn=data) == [(data, context), (data, component)]
    assert linked(
        api, DestinationArn=context.upper().replace(context.upper().rpartition("/")[0], PARTITION + "context")
    )
    assert linked(api, SourceArn=data, DestinationArn=context) == [(data, context)]
    assert linked(api, SourceArn=context, DestinationArn=data) == []
    assert linked(api, SourceArn=f"{PARTITION}action/none") == []
    assert linked(api, SourceType="Model") == [(model, action)]
    assert linked(api, DestinationType="Check") == [(model, action)]
    assert linked(api, SourceType="SageMakerExperimentTrialComponent") == [(component, model)]
    assert linked(api, AssociationType="DerivedFrom") == [(data, context), (action, context)]
    assert linked(api, SourceType="Context") == []

    for by, key in (
        ("SourceArn", lambda ends: ends[0]),
        ("DestinationArn", lambda ends: ends[1]),
        ("CreationTime", lambda ends: -added.index(ends)),
    ):
        listed = linked(api, SortBy=by, SortOrder="Ascending", MaxResults=2)
        assert [key(ends) for ends in listed] == sorted(map(key, added))
        assert linked(api, SortBy=by, SortOrder="Descending", MaxResults=1) == listed[::-1]
    by_hand = "SageMakerExperimentTrialComponent"
    types = {data: "DataSet", model: "Model", context: "Project", action: "Check", component: by_hand}
    by_source = linked(api, SortBy="SourceType", SortOrder="Ascending")
    assert [types[source] for source, _ in by_source] == sorted(types[source] for source, _ in added)
    by_destination = linked(api, SortBy="DestinationType", SortOrder="Descending")
    assert [types[end] for _, end in by_destination] == sorted((types[end] for _, end in added), reverse=True)


def test_an_association_follows_what_becomes_of_its_ends(api: Api) -> None:
    data, context = artifact(api, ArtifactName="Old"), CONTEXT.create(api, "Name")
    link(api, data, context)

    api.sagemaker.update_artifact(ArtifactArn=data, ArtifactName="New")

    [one] = api.sagemaker.list_associations()["AssociationSummaries"]
    assert (one["SourceName"], one["DestinationName"]) == ("New", "Name")


# ------------------------------------------------------------------------------------------ trial components in trials


@pytest.fixture
def trials(api: Api) -> Api:
    """A server with two trials and a trial component."""
    EXPERIMENT.create(api, "Exp")
    for name in ("Try", "Other"):
        TRIAL.create(api, name)
    COMPONENT.create(api)
    return api


def test_a_component_is_put_into_trials_and_taken_out(trials: Api) -> None:
    for name in ("Try", "Other"):
        response = trials.sagemaker.associate_trial_component(TrialName=name, TrialComponentName="One")
        assert without_metadata(response) == {
            "TrialArn": f"{PARTITION}experiment-trial/{name}",
            "TrialComponentArn": f"{PARTITION}experiment-trial-component/One",
        }
    assert TRIAL.listed(trials, TrialComponentName="One") == ["Other", "Try"]

    response = trials.sagemaker.disassociate_trial_component(TrialName="try", TrialComponentName="one")

    assert response["TrialArn"].lower() == f"{PARTITION}experiment-trial/try"
    assert TRIAL.listed(trials, TrialComponentName="One") == ["Other"]


def test_both_can_be_said_twice(trials: Api) -> None:
    both = {"TrialName": "Try", "TrialComponentName": "One"}
    for call, expected in (
        (trials.sagemaker.associate_trial_component, ["Try"]),
        (trials.sagemaker.disassociate_trial_component, []),
    ):
        responses = [without_metadata(call(**both)) for _ in range(2)]
        assert responses[0] == responses[1]
        assert TRIAL.listed(trials, TrialComponentName="One") == expected


def test_a_component_can_come_and_go_any_number_of_times(trials: Api) -> None:
    both = {"TrialName": "Try", "TrialComponentName": "One"}
    for _ in range(3):
        trials.sagemaker.associate_trial_component(**both)
        assert COMPONENT.listed(trials, TrialName="Try") == ["One"]
        trials.sagemaker.disassociate_trial_component(**both)
        assert COMPONENT.listed(trials, TrialName="Try") == []


def test_trial_and_component_must_exist_to_be_associated_and_not_to_be_disassociated(trials: Api) -> None:
    associate, apart = trials.sagemaker.associate_trial_component, trials.sagemaker.disassociate_trial_component

    assert refused(associate, TrialName="none", TrialComponentName="One") == (
        f"ResourceNotFound: Trial '{PARTITION}experiment-trial/none' does not exist."
    )
    assert refused(associate, TrialName="Try", TrialComponentName="none") == (
        f"ResourceNotFound: Trial component '{PARTITION}experiment-trial-component/none' does not exist."
    )
    assert apart(TrialName="none", TrialComponentName="none")["TrialArn"] == f"{PARTITION}experiment-trial/none"


def test_a_component_that_is_created_again_is_in_no_trial(trials: Api) -> None:
    both = {"TrialName": "Try", "TrialComponentName": "One"}
    trials.sagemaker.associate_trial_component(**both)
    trials.sagemaker.disassociate_trial_component(**both)
    trials.sagemaker.delete_trial_component(TrialComponentName="One")
    COMPONENT.create(trials)

    assert TRIAL.listed(trials, TrialComponentName="One") == []


def test_a_trial_names_its_experiment_in_the_case_of_its_creator(api: Api) -> None:
    EXPERIMENT.create(api, "MyExp")
    TRIAL.create(api, ExperimentName="myexp")

    assert TRIAL.described(api)["ExperimentName"] == "myexp"
    assert TRIAL.listed(api, ExperimentName="MYEXP") == ["One"]


def test_a_trial_has_to_be_in_an_experiment_that_is_there(api: Api) -> None:
    assert refused(api.sagemaker.create_trial, TrialName="One", ExperimentName="none") == (
        f"ResourceNotFound: Experiment '{PARTITION}experiment/none' does not exist."
    )
