"""Runs of experiments, as the SDK makes, lists, loads and analyses them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest

from tests.sdk.clients import sdk

experiment, run = sdk("experiments.experiment"), sdk("experiments.run")
component, trial = sdk("experiments.trial_component"), sdk("experiments.trial")
Run, load_run, list_runs = run.Run, run.load_run, run.list_runs


@pytest.fixture
def study(unique: str) -> str:
    """The name of an experiment that no other test uses."""
    return f"{unique}-study"


def described(sagemaker: Any, study: str, name: str) -> dict[str, Any]:
    response: dict[str, Any] = sagemaker.describe_trial_component(TrialComponentName=f"{study}-{name}")
    return response


def test_a_run_saves_parameters_metrics_artifacts_and_files(
    study: str, session: Any, sagemaker: Any, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("all went well")
    with Run(study, "first", run_display_name="The-first", sagemaker_session=session, artifact_bucket=bucket) as first:
        first.log_parameter("eta", 0.2)
        first.log_parameters({"depth": 5, "objective": "reg:linear", "nothing": math.nan})
        for step, loss in enumerate([0.9, 0.5, 0.7]):
            first.log_metric("loss", loss, step=step)
        first.log_metric("auc", 0.875)
        first.log_artifact("train", "s3://churn/train", media_type="text/csv", is_output=False)
        first.log_artifact("weights", "s3://churn/weights")
        first.log_file(str(tmp_path / "notes.txt"))

    description = described(sagemaker, study, "first")
    arn = description["TrialComponentArn"]
    assert description["TrialComponentName"] == f"{study}-first"
    assert description["DisplayName"] == "The-first"
    assert description["Status"] == {"PrimaryStatus": "Completed"}
    assert description["CreationTime"] <= description["EndTime"]
    assert description["Parameters"] == {
        "eta": {"NumberValue": 0.2},
        "depth": {"NumberValue": 5.0},
        "objective": {"StringValue": "reg:linear"},
    }
    assert description["InputArtifacts"] == {"train": {"Value": "s3://churn/train", "MediaType": "text/csv"}}
    uploaded = f"trial-component-artifacts/{study}-first/notes.txt"
    assert description["OutputArtifacts"] == {
        "weights": {"Value": "s3://churn/weights"},
        "notes.txt": {"Value": f"s3://{bucket}/{uploaded}", "MediaType": "text/plain"},
    }
    assert boto3.client("s3").get_object(Bucket=bucket, Key=uploaded)["Body"].read() == b"all went well"
    metrics = {one.pop("MetricName"): one for one in description["Metrics"]}
    assert {
        name: {key: value for key, value in one.items() if key != "TimeStamp"} for name, one in metrics.items()
    } == {
        "loss": {
            "SourceArn": arn,
            "Max": 0.9,
            "Min": 0.5,
            "Last": 0.7,
            "Count": 3,
            "Avg": pytest.approx(0.7),
            "StdDev": pytest.approx(math.sqrt(0.08 / 3)),
        },
        "auc": {"SourceArn": arn, "Max": 0.875, "Min": 0.875, "Last": 0.875, "Count": 1, "Avg": 0.875, "StdDev": 0.0},
    }


def test_the_last_value_of_a_metric_is_the_one_that_was_logged_last(study: str, session: Any) -> None:
    # Two requests, of ten values and of three, most likely in one second: the SDK sends times in whole seconds.
    with Run(study, "first", sagemaker_session=session) as first:
        for value in range(13):
            first.log_metric("countdown", 12 - value)

    loaded = component._TrialComponent.load(f"{study}-first", session)
    (metric,) = loaded.metrics
    assert (metric.metric_name, metric.last, metric.count, metric.max, metric.avg) == ("countdown", 0.0, 13, 12.0, 6.0)


def test_a_run_belongs_to_the_experiment(study: str, session: Any, sagemaker: Any) -> None:
    with Run(study, "first", experiment_display_name="A-study", sagemaker_session=session):
        pass

    assert sagemaker.describe_experiment(ExperimentName=study)["DisplayName"] == "A-study"
    group = f"Default-Run-Group-{study}"
    assert sagemaker.describe_trial(TrialName=group)["ExperimentName"] == study
    (listed,) = sagemaker.list_trial_components(TrialName=group)["TrialComponentSummaries"]
    assert listed["TrialComponentName"] == f"{study}-first"


def test_tags_of_a_run_are_on_all_that_is_created_for_it(study: str, session: Any, sagemaker: Any) -> None:
    with Run(study, "first", tags=[{"Key": "team", "Value": "a"}], sagemaker_session=session) as first:
        arn = first._trial_component.trial_component_arn

    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert tags == {"team": "a", "sagemaker:trial-component-source": "run"}


def test_a_failed_run_has_the_reason_in_its_status(study: str, session: Any, sagemaker: Any) -> None:
    def failing() -> None:
        with Run(study, "first", sagemaker_session=session):
            raise ValueError("no data\nnone at all")

    with pytest.raises(ValueError, match="no data"):
        failing()

    status = described(sagemaker, study, "first")["Status"]
    assert status == {"PrimaryStatus": "Failed", "Message": "no data\nnone at all"}


def test_a_run_in_progress_has_that_status(study: str, session: Any, sagemaker: Any) -> None:
    with Run(study, "first", sagemaker_session=session):
        description = described(sagemaker, study, "first")

    assert description["Status"] == {"PrimaryStatus": "InProgress", "Message": "Within a run context"}
    assert "EndTime" not in description


def test_a_graph_of_a_run_is_an_artifact_that_it_produced(
    study: str, session: Any, sagemaker: Any, bucket: str
) -> None:
    with Run(study, "first", sagemaker_session=session, artifact_bucket=bucket) as first:
        # What log_confusion_matrix and others do after scikit-learn has computed, which is large to install.
        for name, is_output in (("made", True), ("used", False)):
            first._log_graph_artifact(data={"cells": 4}, graph_type="Table", is_output=is_output, artifact_name=name)
        arn = first._trial_component.trial_component_arn

    (made,) = sagemaker.list_associations(SourceArn=arn)["AssociationSummaries"]
    (used,) = sagemaker.list_associations(DestinationArn=arn)["AssociationSummaries"]
    assert (made["DestinationName"], made["DestinationType"], made["AssociationType"]) == ("made", "Table", "Produced")
    assert (used["SourceName"], used["SourceType"], used["AssociationType"]) == ("used", "Table", "ContributedTo")
    source = sagemaker.describe_artifact(ArtifactArn=made["DestinationArn"])["Source"]
    assert source["SourceUri"] == f"s3://{bucket}/trial-component-artifacts/{study}-first/made.json"
    assert [one["SourceIdType"] for one in source["SourceTypes"]] == ["S3ETag"]


def test_a_loaded_run_keeps_what_was_logged_and_adds_to_it(study: str, session: Any, sagemaker: Any) -> None:
    with Run(study, "first", run_display_name="The-first", sagemaker_session=session) as first:
        first.log_parameters({"eta": 0.2, "mode": "slow"})
        first.log_artifact("weights", "s3://churn/weights")
    before = described(sagemaker, study, "first")

    with load_run("first", study, sagemaker_session=session) as loaded:
        assert loaded._trial_component.parameters == {"eta": 0.2, "mode": "slow"}
        loaded.log_parameter("mode", "fast")
        loaded.log_metric("auc", 0.5)

    after = described(sagemaker, study, "first")
    assert (loaded.run_name, loaded.experiment_name) == ("first", study)
    assert after["Parameters"] == {"eta": {"NumberValue": 0.2}, "mode": {"StringValue": "fast"}}
    assert [one["MetricName"] for one in after["Metrics"]] == ["auc"]
    for name in ("TrialComponentArn", "CreationTime", "StartTime", "DisplayName", "OutputArtifacts"):
        assert after[name] == before[name]
    assert after["EndTime"] > before["EndTime"]
    assert len(list_runs(study, sagemaker_session=session)) == 1


def test_a_run_is_loaded_within_itself(study: str, session: Any, sagemaker: Any) -> None:
    with Run(study, "first", sagemaker_session=session) as outer, load_run(sagemaker_session=session) as inner:
        inner.log_parameter("eta", 0.2)

    assert inner is outer
    assert described(sagemaker, study, "first")["Parameters"] == {"eta": {"NumberValue": 0.2}}


def test_a_run_is_loaded_within_the_job_that_was_started_for_it(
    session: Any, sagemaker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINING_JOB_ARN", "arn:aws:sagemaker:us-east-1:111122223333:training-job/run-train-1")

    with load_run(sagemaker_session=session) as loaded:
        loaded.log_parameter("eta", 0.2)

    assert (loaded.run_name, loaded.experiment_name) == ("first", "study-of-a-job")
    assert described(sagemaker, "study-of-a-job", "first")["Parameters"] == {"eta": {"NumberValue": 0.2}}


@pytest.mark.parametrize("order", [run.SortOrderType.ASCENDING, run.SortOrderType.DESCENDING])
def test_exactly_the_runs_of_an_experiment_are_listed_in_order(order: Any, study: str, session: Any) -> None:
    names = [f"run-{number}" for number in (3, 1, 2)]
    for name in names:
        with Run(study, name, sagemaker_session=session):
            pass
    other = component._TrialComponent.create(f"{study}-by-hand", sagemaker_session=session)
    trial._Trial.load(f"Default-Run-Group-{study}", session).add_trial_component(other)

    def listed(sort_by: Any) -> list[str]:
        found = list_runs(study, sort_by=sort_by, sort_order=order, max_results=2, sagemaker_session=session)
        return [one.run_name for one in found]

    turn = 1 if order is run.SortOrderType.ASCENDING else -1
    assert listed(run.SortByType.CREATION_TIME) == names[::turn]
    assert listed(run.SortByType.NAME) == sorted(names)[::turn]


def test_the_name_of_an_experiment_is_the_same_in_upper_and_lower_case(study: str, session: Any) -> None:
    with Run(study, "first", sagemaker_session=session):
        pass
    with Run(study.upper(), "Second", sagemaker_session=session):
        pass

    assert [one.run_name for one in list_runs(study.upper(), sagemaker_session=session)] == ["second", "first"]


def test_an_experiment_is_a_data_frame(study: str, session: Any) -> None:
    for name, eta, losses in (("first", 0.1, [0.5, 0.25]), ("second", 0.2, [1.0])):
        with Run(study, name, run_display_name=name, sagemaker_session=session) as one:
            one.log_parameters({"eta": eta, "mode": name})
            for step, loss in enumerate(losses):
                one.log_metric("validation:loss", loss, step=step)
            one.log_artifact("weights", f"s3://churn/{name}", media_type="a/b")

    def frame(**more: Any) -> pd.DataFrame:
        analytics = sdk("analytics").ExperimentAnalytics(experiment_name=study, sagemaker_session=session, **more)
        return analytics.dataframe(force_refresh=True)

    group = [f"Default-Run-Group-{study}"]
    columns = {
        "TrialComponentName": [f"{study}-first", f"{study}-second"],
        "DisplayName": ["first", "second"],
        "eta": [0.1, 0.2],
        "mode": ["first", "second"],
        "validation:loss - Min": [0.25, 1.0],
        "validation:loss - Max": [0.5, 1.0],
        "validation:loss - Avg": [0.375, 1.0],
        "validation:loss - StdDev": [0.125, 0.0],
        "validation:loss - Last": [0.25, 1.0],
        "validation:loss - Count": [2, 1],
        "weights - MediaType": ["a/b", "a/b"],
        "weights - Value": ["s3://churn/first", "s3://churn/second"],
        "Trials": [group, group],
        "Experiments": [[study], [study]],
    }
    expected = pd.DataFrame(columns)
    pd.testing.assert_frame_equal(frame(sort_by="parameters.eta", sort_order="Ascending"), expected)
    turned = expected.iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(frame(sort_by="metrics.validation:loss.max", sort_order="Descending"), turned)
    only = frame(
        search_expression={"Filters": [{"Name": "DisplayName", "Operator": "Equals", "Value": "second"}]},
        parameter_names=["eta"],
        metric_names=["other"],
    )
    assert only["TrialComponentName"].tolist() == [f"{study}-second"]
    assert "mode" not in only


def test_more_runs_than_a_page_are_all_in_the_data_frame(study: str, session: Any) -> None:
    names = [f"run-{number:02}" for number in range(12)]
    for name in names:
        with Run(study, name, sagemaker_session=session):
            pass

    analytics = sdk("analytics").ExperimentAnalytics(
        experiment_name=study, sort_by="CreationTime", sort_order="Ascending", sagemaker_session=session
    )

    assert analytics.dataframe()["TrialComponentName"].tolist() == [f"{study}-{name}" for name in names]


def test_an_experiment_is_saved_and_loaded(study: str, session: Any) -> None:
    made = experiment.Experiment.create(
        experiment_name=study, display_name="Before", description="what was tried", sagemaker_session=session
    )
    made.display_name = "After"
    made.save()

    loaded = experiment.Experiment.load(study, session)

    assert (loaded.experiment_name, loaded.display_name, loaded.description) == (study, "After", "what was tried")
    assert [one.trial_name for one in loaded.list_trials()] == []


@pytest.mark.usefixtures("unthrottled")
def test_an_experiment_is_deleted_with_all_that_is_in_it(study: str, session: Any, sagemaker: Any) -> None:
    for number in range(12):  # more than a page
        with Run(study, f"run-{number}", sagemaker_session=session):
            pass
    made = experiment.Experiment.load(study, session)
    with pytest.raises(sagemaker.exceptions.ClientError) as refused:
        made.delete()
    assert refused.value.response["Error"]["Code"] == "ValidationException"

    made._delete_all(action="--force")

    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        experiment.Experiment.load(study, session)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        component._TrialComponent.load(f"{study}-run-7", session)


def test_a_component_in_a_trial_is_not_deleted_alone(study: str, session: Any, sagemaker: Any) -> None:
    with Run(study, "first", sagemaker_session=session):
        pass

    with pytest.raises(sagemaker.exceptions.ClientError) as refused:
        component._TrialComponent.load(f"{study}-first", session).delete()

    assert "is linked to 1 or more trials and cannot be deleted" in str(refused.value)
