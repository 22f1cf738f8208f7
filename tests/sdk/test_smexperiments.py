"""`sagemaker-experiments`, the predecessor of the SDK's own experiments, still used in many notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest
from smexperiments.experiment import Experiment
from smexperiments.search_expression import BooleanOperator, Filter, NestedFilter, Operator, SearchExpression
from smexperiments.tracker import Tracker
from smexperiments.trial import Trial
from smexperiments.trial_component import TrialComponent


@pytest.fixture(autouse=True)
def _one_client(sagemaker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package creates a client for each call, which takes longer than everything else here."""
    monkeypatch.setattr("smexperiments._utils.sagemaker_client", lambda: sagemaker)


@pytest.fixture
def study(unique: str) -> Any:
    """An experiment of this test."""
    return Experiment.create(
        experiment_name=f"{unique}-Study", description=unique, tags=[{"Key": "test", "Value": unique}]
    )


def named(attribute: str, found: Any) -> list[str]:
    return [getattr(one, attribute) for one in found]


def test_an_experiment_is_saved_loaded_and_listed(study: Any) -> None:
    study.description = "after"
    study.display_name = "A-study"
    study.save()

    loaded = Experiment.load(study.experiment_name)

    assert loaded.experiment_arn == study.experiment_arn
    assert loaded.experiment_arn.endswith(f"experiment/{study.experiment_name}")
    assert (loaded.description, loaded.display_name) == ("after", "A-study")
    assert study.experiment_name in named("experiment_name", Experiment.list(created_after=loaded.creation_time))


def test_trials_are_listed_in_the_order_of_their_creation(study: Any, unique: str) -> None:
    names = [f"{unique}-{name}" for name in ("b", "a", "c")]
    for name in names:
        study.create_trial(trial_name=name)

    assert named("trial_name", study.list_trials(sort_by="CreationTime", sort_order="Ascending")) == names
    assert named("trial_name", study.list_trials(sort_by="Name", sort_order="Descending")) == sorted(names)[::-1]
    assert Trial.load(names[0]).experiment_name == study.experiment_name


def test_a_component_is_in_every_trial_that_it_was_added_to(study: Any, unique: str) -> None:
    component = TrialComponent.create(f"{unique}-Step", display_name="step")
    trials = [study.create_trial(trial_name=f"{unique}-{number}") for number in range(2)]
    for one in trials:
        one.add_trial_component(component)
        one.add_trial_component(component)  # which changes nothing

    assert sorted(named("trial_name", component.list_trials())) == sorted(one.trial_name for one in trials)
    assert named("trial_component_name", trials[0].list_trial_components()) == [f"{unique}-Step"]
    trials[0].remove_trial_component(component)
    assert named("trial_component_name", trials[0].list_trial_components()) == []
    assert named("trial_name", Trial.list(trial_component_name=f"{unique}-Step")) == [f"{unique}-1"]


def test_a_tracker_saves_what_is_logged(study: Any, unique: str, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("all went well")
    with Tracker.create(base_trial_component_name=unique, display_name="prepare", artifact_bucket=bucket) as tracker:
        study.create_trial(trial_name=unique).add_trial_component(tracker)
        tracker.log_parameters({"rows": 100, "mode": "slow"})
        tracker.log_input("raw", "s3://churn/raw", media_type="s3/uri")
        tracker.log_output("clean", "s3://churn/clean")
        tracker.log_output_artifact(str(tmp_path / "notes.txt"), name="notes")
        tracker.log_table("sizes", data_frame=pd.DataFrame({"size": [1, 2]}), output_artifact=False)

    component = TrialComponent.load(tracker.trial_component.trial_component_name)

    assert component.display_name == "prepare"
    assert component.parameters == {"rows": 100.0, "mode": "slow"}
    assert (component.input_artifacts["raw"].value, component.input_artifacts["raw"].media_type) == (
        "s3://churn/raw",
        "s3/uri",
    )
    assert component.output_artifacts["clean"].value == "s3://churn/clean"
    assert component.output_artifacts["notes"].media_type == "text/plain"
    assert component.status.primary_status == "Completed"
    assert component.start_time <= component.end_time
    client = boto3.client("sagemaker")
    (made,) = client.list_associations(SourceArn=component.trial_component_arn)["AssociationSummaries"]
    (used,) = client.list_associations(DestinationArn=component.trial_component_arn)["AssociationSummaries"]
    assert (made["DestinationName"], made["DestinationType"]) == ("notes", "text/plain")
    assert (used["SourceName"], used["SourceType"]) == ("sizes", "Table")
    assert made["SourceType"] == used["DestinationType"] == "SageMakerExperimentTrialComponent"


def test_a_failed_tracker_has_the_reason_in_its_status(unique: str) -> None:
    def failing() -> str:
        with Tracker.create(base_trial_component_name=unique) as tracker:
            failed.append(tracker.trial_component.trial_component_name)
            raise ValueError("no data")

    failed: list[str] = []
    with pytest.raises(ValueError, match="no data"):
        failing()

    status = TrialComponent.load(failed[0]).status
    assert (status.primary_status, status.message) == ("Failed", "no data")


def test_a_tracker_continues_the_component_of_a_job(unique: str) -> None:
    tracker = Tracker.load(training_job_name="Flow-Train-1")
    tracker.log_parameter("note", unique)
    tracker.close()

    component = TrialComponent.load("Flow-Train-1-aws-training-job")

    assert component.parameters["note"] == unique
    assert component.parameters["SageMaker.ImageUri"].endswith("sagemaker-xgboost:1.7-1")
    assert component.source.source_arn == "arn:aws:sagemaker:us-east-1:111122223333:training-job/flow-train-1"


def test_components_are_listed_by_the_job_they_are_of() -> None:
    job = "arn:aws:sagemaker:us-east-1:111122223333:training-job/churn-train-7"

    assert named("trial_component_name", TrialComponent.list(source_arn=job)) == ["Churn-Train-7-aws-training-job"]


class TestSearch:
    """Searches, written with the package's classes."""

    @pytest.fixture
    def searched(self, study: Any, unique: str) -> None:
        """Components of a study: depths 3 and 5 were tried in the office, 8 at home."""
        for place, depths in (("office", (3, 5)), ("home", (8,))):
            trial = study.create_trial(trial_name=f"{unique}-{place}")
            for depth in depths:
                tags = [{"Key": "test", "Value": unique}, {"Key": "place", "Value": place}]
                component = TrialComponent.create(f"{unique}-{depth}", display_name=f"depth-{depth}", tags=tags)
                component.parameters = {"depth": depth, "place": place}
                component.save()
                trial.add_trial_component(component)

    def found(self, unique: str, *filters: Filter, operator: BooleanOperator = BooleanOperator.AND) -> list[str]:
        """The depths of the components found, among those of this test."""
        ours = SearchExpression(filters=[Filter("Tags.test", Operator.EQUALS, unique)])
        expression = SearchExpression(filters=list(filters), boolean_operator=operator)
        both = SearchExpression(sub_expressions=[ours, expression])
        names = named(
            "trial_component_name", TrialComponent.search(both, sort_by="Parameters.depth", sort_order="Ascending")
        )
        return [name.removeprefix(f"{unique}-") for name in names]

    @pytest.mark.usefixtures("searched")
    def test_by_parameters_tags_names_and_parents(self, study: Any, unique: str) -> None:
        def depths(name: str, operator: Operator | None = None, value: str | None = None) -> list[str]:
            return self.found(unique, Filter(name, operator, value))

        assert depths("Parameters.depth", Operator.GREATER_THAN, "3") == ["5", "8"]
        assert depths("Parameters.depth", Operator.LESS_THAN_OR_EQUAL, "5") == ["3", "5"]
        assert depths("Parameters.place", Operator.NOT_EQUALS, "home") == ["3", "5"]
        assert depths("Parameters.depth", Operator.EXISTS) == ["3", "5", "8"]
        assert depths("Parameters.width", Operator.EXISTS) == []
        assert depths("Parameters.width", Operator.NOT_EXISTS) == ["3", "5", "8"]
        assert depths("Tags.place", Operator.EQUALS, "home") == ["8"]
        assert depths("DisplayName", None, "depth-5") == ["5"]
        assert depths("TrialComponentName", Operator.CONTAINS, f"{unique}-8") == ["8"]
        assert depths("Parents.TrialName", Operator.EQUALS, f"{unique}-office") == ["3", "5"]
        assert depths("Parents.ExperimentName", Operator.EQUALS, study.experiment_name) == ["3", "5", "8"]

    @pytest.mark.usefixtures("searched")
    def test_by_all_or_any_of_several(self, unique: str) -> None:
        office, deep = (
            Filter("Tags.place", Operator.EQUALS, "office"),
            Filter("Parameters.depth", Operator.GREATER_THAN, "3"),
        )

        assert self.found(unique, office, deep) == ["5"]
        assert self.found(unique, office, deep, operator=BooleanOperator.OR) == ["3", "5", "8"]

    @pytest.mark.usefixtures("searched")
    def test_by_several_conditions_on_one_parent(self, study: Any, unique: str) -> None:
        def names(trial: str, experiment: str) -> list[str]:
            parent = [
                Filter("Parents.TrialName", Operator.EQUALS, trial),
                Filter("Parents.ExperimentName", Operator.EQUALS, experiment),
            ]
            found = TrialComponent.search(SearchExpression(nested_filters=[NestedFilter("Parents", parent)]))
            return sorted(named("display_name", found))

        assert names(f"{unique}-office", study.experiment_name) == ["depth-3", "depth-5"]
        assert names(f"{unique}-office", "another") == []

    @pytest.mark.usefixtures("searched")
    def test_a_page_at_a_time_is_the_same_as_all_at_once(self, unique: str) -> None:
        expression = SearchExpression(filters=[Filter("Tags.test", Operator.EQUALS, unique)])

        paged = TrialComponent.search(expression, sort_by="Parameters.depth", sort_order="Descending", max_results=1)

        assert named("display_name", paged) == ["depth-8", "depth-5", "depth-3"]

    @pytest.mark.usefixtures("searched")
    def test_a_record_contains_all_of_a_component(self, study: Any, unique: str) -> None:
        expression = SearchExpression(filters=[Filter("TrialComponentName", Operator.EQUALS, f"{unique}-5")])

        (record,) = TrialComponent.search(expression)

        assert record.trial_component_arn == TrialComponent.load(f"{unique}-5").trial_component_arn
        assert record.display_name == "depth-5"
        assert record.parameters == {"depth": {"NumberValue": 5.0}, "place": {"StringValue": "office"}}
        assert {tag["Key"]: tag["Value"] for tag in record.tags} == {"test": unique, "place": "office"}
        assert record.parents == [{"TrialName": f"{unique}-office", "ExperimentName": study.experiment_name}]

    @pytest.mark.usefixtures("searched")
    def test_trials_and_experiments(self, study: Any, unique: str) -> None:
        ours = SearchExpression(filters=[Filter("ExperimentName", Operator.EQUALS, study.experiment_name)])

        trials = Trial.search(ours, sort_by="TrialName", sort_order="Ascending")
        experiments = Experiment.search(SearchExpression(filters=[Filter("Tags.test", Operator.EQUALS, unique)]))

        assert named("trial_name", trials) == [f"{unique}-home", f"{unique}-office"]
        assert named("experiment_arn", experiments) == [study.experiment_arn]


@pytest.mark.usefixtures("unthrottled")
def test_an_experiment_is_deleted_with_all_that_is_in_it(study: Any, unique: str) -> None:
    component = TrialComponent.create(f"{unique}-step")
    for number in range(12):  # more than a page, and the same component in all of them
        study.create_trial(trial_name=f"{unique}-{number}").add_trial_component(component)

    study.delete_all(action="--force")

    client = boto3.client("sagemaker")
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.describe_experiment(ExperimentName=study.experiment_name)
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.describe_trial_component(TrialComponentName=f"{unique}-step")
