"""Metrics of trial components: put point by point, described as statistics, and read again as series."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.api_server import COMPONENT, PARTITION, Api, refused

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ARN = f"{PARTITION}experiment-trial-component/run"
Point = tuple[float, float, int | None]
"""Seconds after noon, the value, the step."""


@pytest.fixture
def run(api: Api) -> Api:
    """A server with a trial component."""
    COMPONENT.create(api, "run")
    return api


def put(api: Api, *points: Point, name: str = "loss", component: str = "run") -> list[Any]:
    """Put points of one metric; what was wrong."""
    data = [
        {"MetricName": name, "Timestamp": NOON + timedelta(seconds=at), "Value": value}
        | ({} if step is None else {"Step": step})
        for at, value, step in points
    ]
    found: list[Any] = api.metrics.batch_put_metrics(TrialComponentName=component, MetricData=data).get("Errors", [])
    return found


def measured(api: Api) -> dict[str, dict[str, Any]]:
    """The statistics of each metric, by name."""
    return {
        one["MetricName"]: one for one in api.sagemaker.describe_trial_component(TrialComponentName="run")["Metrics"]
    }


def read(api: Api, stat: str = "Last", period: str = "IterationNumber", arn: str = ARN, **more: Any) -> dict[str, Any]:
    """A series in a response."""
    axis = "IterationNumber" if period == "IterationNumber" else "Timestamp"
    query = {"MetricName": "loss", "ResourceArn": arn, "MetricStat": stat, "Period": period, "XAxisType": axis, **more}
    [found] = api.metrics.batch_get_metrics(MetricQueries=[query])["MetricQueryResults"]
    assert isinstance(found, dict)
    return found


def series(api: Api, *asked: str, **more: Any) -> dict[int, float]:
    found = read(api, *asked, **more)
    assert found["Status"] == "Complete"
    return dict(zip(found["XAxisValues"], found["MetricValues"], strict=True))


def test_statistics_are_of_all_points(run: Api) -> None:
    values = [0.5, 0.25, 1.0, 0.125]
    for number, value in enumerate(values):
        assert put(run, (number, value, number)) == []

    assert measured(run) == {
        "loss": {
            "MetricName": "loss",
            "SourceArn": ARN,
            "TimeStamp": NOON + timedelta(seconds=3),
            "Max": 1.0,
            "Min": 0.125,
            "Last": 0.125,
            "Count": 4,
            "Avg": statistics.fmean(values),
            "StdDev": pytest.approx(statistics.pstdev(values)),
        }
    }


def test_one_point_is_all_there_is_of_itself(run: Api) -> None:
    put(run, (0, 2.0, None))

    found = measured(run)["loss"]

    assert {name: found[name] for name in ("Max", "Min", "Last", "Avg", "Count", "StdDev")} == {
        "Max": 2.0, "Min": 2.0, "Last": 2.0, "Avg": 2.0, "Count": 1, "StdDev": 0.0,
    }  # fmt: skip


def test_a_component_of_which_nothing_was_measured_has_no_metrics(run: Api) -> None:
    assert measured(run) == {}


def test_the_last_is_of_the_latest_time_then_of_the_highest_step_then_the_one_put_last(run: Api) -> None:
    put(run, (5, 1.0, 1), (0, 2.0, 9))
    assert measured(run)["loss"]["Last"] == 1.0
    put(run, (5, 3.0, 0))
    assert measured(run)["loss"]["Last"] == 1.0
    put(run, (5, 4.0, 1))
    assert measured(run)["loss"]["Last"] == 4.0
    put(run, (5, 0.5, 1), (5, 0.25, 1))
    assert measured(run)["loss"]["Last"] == 0.25
    assert measured(run)["loss"]["Count"] == 6


def test_equal_points_count_as_often_as_they_are_put(run: Api) -> None:
    for _ in range(3):
        put(run, (0, 1.0, None), (0, 1.0, None))

    assert measured(run)["loss"]["Count"] == 6


def test_metrics_have_names_with_case(run: Api) -> None:
    put(run, (0, 1.0, None), name="test:Loss")
    put(run, (0, 2.0, None), name="test:loss")

    assert {name: one["Last"] for name, one in measured(run).items()} == {"test:Loss": 1.0, "test:loss": 2.0}


def test_the_largest_numbers_can_be_measured(run: Api) -> None:
    put(run, *[(number, 1.7e308, number) for number in range(3)], (3, -1.7e308, 3))

    found = measured(run)["loss"]
    assert (found["Max"], found["Min"], found["Avg"]) == (1.7e308, -1.7e308, 0.85e308)
    assert found["StdDev"] < 1.7e308
    put(run, (4, 1.0, 4))
    assert measured(run)["loss"]["Last"] == 1.0
    assert series(run, "Avg", "OneHour").keys() == {int(NOON.timestamp())}


def test_points_of_a_missing_component_are_errors_and_no_failure(run: Api) -> None:
    assert put(run, (0, 1.0, None), (1, 2.0, None), component="none") == [
        {"Code": "VALIDATION_ERROR", "MetricIndex": 0},
        {"Code": "VALIDATION_ERROR", "MetricIndex": 1},
    ]


def test_names_are_in_small_letters_and_points_ten_at_most(run: Api) -> None:
    point = {"MetricName": "loss", "Timestamp": NOON, "Value": 1.0}
    why = refused(run.metrics.batch_put_metrics, TrialComponentName="Run", MetricData=[point])
    assert why.startswith("ValidationException: 1 validation error detected: Value 'Run' at 'trialComponentName'")
    why = refused(run.metrics.batch_put_metrics, TrialComponentName="run", MetricData=[point] * 11)
    assert "less than or equal to 10" in why
    assert measured(run) == {}


def test_a_series_by_iteration_has_a_value_for_each_step(run: Api) -> None:
    put(run, (0, 1.0, 0), (1, 2.0, 2), (2, 3.0, 2), (3, 9.0, None))

    assert series(run) == {0: 1.0, 2: 3.0}
    assert series(run, "Count") == {0: 1, 2: 2}
    assert series(run, "Avg") == {0: 1.0, 2: 2.5}
    assert series(run, Start=1, End=2) == {2: 3.0}
    assert series(run, End=1) == {0: 1.0}


def test_a_series_by_time_has_a_value_for_each_period(run: Api) -> None:
    put(run, (0, 4.0, None), (59, 2.0, None), (60, 1.0, None), (301, 8.0, None), (3600, 0.5, None))
    noon = int(NOON.timestamp())

    assert series(run, "Max", "OneMinute") == {noon: 4.0, noon + 60: 1.0, noon + 300: 8.0, noon + 3600: 0.5}
    assert series(run, "Min", "FiveMinute") == {noon: 1.0, noon + 300: 8.0, noon + 3600: 0.5}
    assert series(run, "Last", "OneHour") == {noon: 8.0, noon + 3600: 0.5}
    assert series(run, "Count", "OneMinute", Start=noon + 59, End=noon + 60) == {noon: 1, noon + 60: 1}
    assert series(run, "StdDev", "OneMinute") == {noon: 1.0, noon + 60: 0.0, noon + 300: 0.0, noon + 3600: 0.0}


def test_a_bad_query_has_an_error_beside_the_results_of_others(run: Api) -> None:
    put(run, (0, 1.0, 0))
    assert series(run, arn=ARN.replace("run", "RUN")) == {0: 1.0}
    assert series(run, MetricName="other") == {}
    assert read(run, arn=f"{PARTITION}experiment-trial-component/none")["Status"] == "ValidationError"
    mixed = read(run, period="OneMinute", XAxisType="IterationNumber")
    assert mixed["Status"] == "ValidationError"
    assert mixed["Message"] == "Period and XAxisType must both be IterationNumber, or neither."


def test_a_component_that_is_created_again_has_no_metrics_of_the_old_one(run: Api) -> None:
    put(run, (0, 1.0, 0))
    run.sagemaker.delete_trial_component(TrialComponentName="run")
    assert read(run)["Status"] == "ValidationError"
    COMPONENT.create(run, "run")
    assert measured(run) == {}
    assert series(run) == {}
    put(run, (0, 2.0, 0))
    assert series(run) == {0: 2.0}
    assert measured(run)["loss"]["Count"] == 1
