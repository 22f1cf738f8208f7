"""Search over records, of resources that no table has by property; and tables and records agree on what is found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.api.operations.search import read_expression, read_order
from consumers.api.record_filter import matches, sort_key
from consumers.api.search_properties import resource
from store.database import Store
from store.lineage import Measured, TrialComponent
from store.search.expression import in_order
from store.search.runs import runs
from store.search.text_form import parse
from tests.support.events import ACCOUNT, NOON, PARTITION
from tests.support.search import (
    CHURN,
    COMPONENT,
    DEEP,
    FLAT,
    INSIDE,
    A,
    B,
    C,
    ask,
    ask_records,
    holding,
    names,
    pages,
    request_of,
    run,
)
from tests.support.stores import emptied, sqlite_store


@pytest.fixture
def tracked(store: Store) -> Store:
    """Two runs in two trials of an experiment, and one in no trial."""
    return holding(store, CHURN, DEEP, FLAT, A, B, C, inside=INSIDE)


# --------------------------------------------------------------------------------------------------- over records


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([("TrainingJobName", "two")], ["Two"]),
        ([("HyperParameters.eta", "LessThan", "0.5")], ["Two", "one"]),
        ([("HyperParameters.eta", "0.3")], ["Two"]),
        ([("HyperParameters.eta", "NotEquals", "0.3")], ["one", "three"]),
        ([("Metrics.rmse", "LessThan", "2")], ["Two", "one"]),
        ([("FinalMetricDataList.rmse.Value", "GreaterThan", "2")], ["three"]),
        ([("Tags.team", "Two")], ["Two"]),
        ([("InputDataConfig.DataSource.S3DataSource.S3Uri", "Contains", "/one")], ["one"]),
        ([("InputDataConfig.ChannelName", "NotEquals", "train")], []),
        ([("CreationTime", "GreaterThan", "2023-11-14T22:13:20.001Z")], ["Two"]),
        ([("EnableNetworkIsolation", "true")], ["one"]),
        ([("TrainingJobArn", f"{PARTITION}training-job/ONE,{PARTITION}training-job/two")], ["Two", "one"]),
    ],
)
def test_records_are_found_by_their_members(filters: list[tuple[str, ...]], found: list[str]) -> None:
    assert sorted(names(ask_records("TrainingJob", *filters))) == found


def test_nested_filters_on_records_are_met_by_one_element() -> None:
    def found(channel: str) -> list[str]:
        nested = {
            "NestedPropertyName": "InputDataConfig",
            "Filters": [
                {"Name": "InputDataConfig.ChannelName", "Value": channel},
                {"Name": "InputDataConfig.DataSource.S3DataSource.S3Uri", "Operator": "Contains", "Value": "/one"},
            ],
        }
        return names(ask_records("TrainingJob", SearchExpression={"NestedFilters": [nested]}))

    assert (found("test"), found("train")) == (["one"], [])


def test_records_are_sorted_and_paged_like_the_rest() -> None:
    assert names(ask_records("TrainingJob")) == ["Two", "one", "three"]
    assert names(ask_records("TrainingJob", SortBy="HyperParameters.eta", SortOrder="Ascending")) == [
        "one",
        "Two",
        "three",
    ]
    first = ask_records("TrainingJob", MaxResults=2)
    assert first["TotalHits"] == {"Value": 3, "Relation": "EqualTo"}
    assert names(ask_records("TrainingJob", MaxResults=2, NextToken=first["NextToken"])) == ["three"]


def test_records_without_a_time_of_change_are_sorted_by_creation() -> None:
    assert names(ask_records("ModelPackageGroup")) == ["new", "old"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("lr>0.1", ["B"]),
        ("lr=auto", ["C"]),
        ("lr!=0.1", ["B", "C"]),
        ("lr contains 0.", ["A", "B"]),
        ("objective<n", ["B"]),
        ("test:accuracy<=0.7", ["B"]),
        ("status!=Completed", ["B"]),
        ("tag:team=risk", ["A"]),
        ("created>2023-11-14T22:13:20.001Z", ["B", "C"]),
    ],
)
def test_a_condition_of_the_command_line_is_true_of_the_same_records_and_rows(
    text: str, found: list[str], tracked: Store
) -> None:
    records = [one["TrialComponent"] for one in ask(tracked)["Results"]]

    assert sorted(one["TrialComponentName"] for one in records if matches(parse(text), one)) == found
    assert sorted(one.name for one in runs(tracked, None, [parse(text)]).runs) == found


# ------------------------------------------------------------------------------------- two implementations that agree


NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f"])
NUMBERS = st.sampled_from([0.0, 0.5, 1.0, 2.0])
WORDS = st.sampled_from(["x", "X", "1", "1.0", "0.5", "xy", "ünï", "Ü", ""])
KEYS = st.sampled_from(["p", "p.q", "P", "Max"])
PARAMETERS = st.one_of(
    st.tuples(WORDS, st.none()), st.tuples(st.none(), NUMBERS), NUMBERS.map(lambda number: (str(number), number))
)
MEASURED = st.one_of(
    NUMBERS.map(Measured),
    st.tuples(NUMBERS, st.just(NOON), NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.integers(2, 3)).map(
        lambda values: Measured(*values)
    ),
)
PLACES = st.tuples(st.sampled_from(["", "text/csv"]), st.sampled_from(["s3://b/x", "s3://b/y"]))
TIMES = st.sampled_from([None, NOON, NOON + 1, NOON + 1000])
WHO = st.sampled_from(["", f"arn:aws:iam::{ACCOUNT}:user/Ann", f"{PARTITION}user-profile/d-1/Bob"])
RUNS = st.lists(NAMES, unique=True).flatmap(
    lambda names: st.tuples(
        *(
            st.builds(
                run,
                st.just(name),
                display_name=WORDS,
                type=WORDS,
                source_uri=st.sampled_from(["", f"{PARTITION}training-job/J", f"{PARTITION}training-job/j"]),
                status=st.sampled_from(["", "Completed"]),
                message=WORDS,
                created=st.sampled_from([NOON, NOON + 1]),
                started=TIMES,
                modified=TIMES,
                created_by=WHO,
                metadata=st.dictionaries(st.sampled_from(["CommitId", "ProjectId"]), WORDS, max_size=2),
                parameters=st.dictionaries(KEYS, PARAMETERS, max_size=3),
                metrics=st.dictionaries(KEYS, MEASURED, max_size=3),
                tags=st.dictionaries(KEYS, WORDS, max_size=3),
                inputs=st.dictionaries(KEYS, PLACES, max_size=2),
            )
            for name in names
        )
    )
)
PLACED = st.lists(st.tuples(NAMES, st.sampled_from(["deep", "flat"])), unique=True)

TEXTS = ["Equals", "NotEquals", "Contains", "In", "Exists", "NotExists"]
ORDERS = ["Equals", "NotEquals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo", "Exists"]
VALUES = st.sampled_from(["x", "X", "1", "1.0", "0.5", "x,1", "xy", "ü", "b", "deep", "Churn", "s3://b/x", "text/csv"])
FIGURES = st.sampled_from(["0", "0.5", "1", "2", "3"])
MOMENTS = st.sampled_from(["2023-11-14T22:13:20", "1700000000.001", "2023-11-14T22:13:21Z"])
ARNS = st.sampled_from([f"{PARTITION}training-job/J", f"{A.arn},{B.arn}", f"arn:aws:iam::{ACCOUNT}:user/ann"])


def filters(properties: Iterable[str], operators: Iterable[str], values: st.SearchStrategy[str]) -> Any:
    return st.fixed_dictionaries(
        {"Name": st.sampled_from([*properties]), "Operator": st.sampled_from([*operators]), "Value": values}
    )


FILTERS = st.one_of(
    filters(
        [
            "TrialComponentName",
            "DisplayName",
            "Source.SourceType",
            "Status.PrimaryStatus",
            "Status.Message",
            "MetadataProperties.CommitId",
            "Tags.p",
            "Tags",
            "Tags.p.q",
            "Parents.TrialName",
            "Parents.ExperimentName",
            "InputArtifacts.p",
            "InputArtifacts.P.MediaType",
            "InputArtifacts",
            "Parameters.p.StringValue",
            "RunName",
        ],
        TEXTS,
        VALUES,
    ),
    filters(["Parameters.p", "Parameters.p.q", "Parameters"], TEXTS, VALUES),
    filters(["Parameters.p", "Parameters.P", "Parameters"], ORDERS, FIGURES),
    filters(["Parameters.p.NumberValue", "Metrics.p", "Metrics.p.q.Avg", "Metrics", "Metrics.Max"], ORDERS, FIGURES),
    filters([f"Metrics.p.{stat}" for stat in ("Min", "Max", "Last", "StdDev", "Count")], ORDERS, FIGURES),
    filters(["CreationTime", "LastModifiedTime", "StartTime", "Metrics.p.TimeStamp"], ORDERS, MOMENTS),
    filters(["TrialComponentArn", "Source.SourceArn", "CreatedBy.IamIdentity.Arn"], TEXTS, ARNS),
    filters(["Source", "Parents", "Status", "SourceDetail"], ["Exists", "NotExists"], st.just("x")),
)


def nested(within: str, *of: Any) -> Any:
    return st.fixed_dictionaries(
        {"NestedPropertyName": st.just(within), "Filters": st.lists(st.one_of(*of), min_size=1, max_size=2)}
    )


NESTED = st.one_of(
    nested("Parents", filters(["Parents.TrialName", "Parents.ExperimentName"], TEXTS, VALUES)),
    nested(
        "Metrics",
        filters(["Metrics.MetricName"], TEXTS, st.sampled_from(["p", "Max"])),
        filters(["Metrics.Max", "Metrics.Count"], ORDERS, FIGURES),
    ),
    nested("Tags", filters(["Tags.Key", "Tags.Value"], TEXTS, VALUES)),
    nested("InputArtifacts", filters(["InputArtifacts.Value", "InputArtifacts.MediaType"], TEXTS, VALUES)),
    nested("Parameters", filters(["Parameters.NumberValue"], ORDERS, FIGURES)),
)
BOOLEAN = st.sampled_from(["And", "Or"])


def expression(**parts: Any) -> Any:
    return st.fixed_dictionaries({}, optional={**parts, "Operator": BOOLEAN}).filter(
        lambda one: one.keys() - {"Operator"}
    )


SIMPLE = expression(
    Filters=st.lists(FILTERS, min_size=1, max_size=3), NestedFilters=st.lists(NESTED, min_size=1, max_size=2)
)
PARAMETER = st.one_of(
    filters(["Parameters.p", "Parameters.p.StringValue"], TEXTS, VALUES),
    filters(["Parameters.p", "Parameters.p.NumberValue"], [*ORDERS, "NotExists"], FIGURES),
)
OF_ONE_ELEMENT = expression(
    Filters=st.lists(PARAMETER, min_size=1, max_size=2),
    SubExpressions=st.lists(expression(Filters=st.lists(PARAMETER, min_size=1, max_size=2)), min_size=1, max_size=2),
)
EXPRESSIONS = st.one_of(
    SIMPLE,
    OF_ONE_ELEMENT,
    expression(
        Filters=st.lists(FILTERS, min_size=1, max_size=2), SubExpressions=st.lists(SIMPLE, min_size=1, max_size=2)
    ),
)
SORTS = st.sampled_from(
    [
        "CreationTime",
        "LastModifiedTime",
        "StartTime",
        "DisplayName",
        "TrialComponentName",
        "Parameters.p",
        "Tags.p",
        "Metrics.p",
        "Metrics.p.Max",
        "Parents.TrialName",
        "InputArtifacts.p",
        "Parameters",
        "Status.Message",
        "RunName",
    ]
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that every example empties and fills again."""
    store = sqlite_store(tmp_path_factory.mktemp("search") / "store.db")
    yield store
    store.close()


def agree(store: Store, entities: Sequence[TrialComponent], placed: Any, given: Mapping[str, Any], few: int) -> None:
    """Search over tables finds what `record_filter` finds among the records of a search without any condition."""
    names_of_runs = {one.name for one in entities}
    emptied(store)
    holding(
        store,
        DEEP,
        FLAT,
        CHURN,
        *entities,
        inside=[*(pair for pair in placed if pair[0] in names_of_runs), ("deep", "Churn")],
    )
    every = [one["TrialComponent"] for one in ask(store, MaxResults=100)["Results"]]
    shape = resource(COMPONENT).shape
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("store.search.compiler.FEW", few)
        answer = ask(store, **given, MaxResults=100)
        paged = [name for page in pages(store, 2, given) for name in page]

    request = request_of("Search", {"Resource": COMPONENT, **given}).input
    condition, order = read_expression(shape, request), read_order(shape, request)
    found = [(sort_key(order, one, one["TrialComponentArn"]), one) for one in every if matches(condition, one)]
    wanted = [one["TrialComponentName"] for _, one in in_order(found, order, lambda one: one[0])]
    assert (names(answer), answer["TotalHits"]["Value"]) == (wanted, len(wanted))
    assert paged == wanted


ORDER = {"SortBy": SORTS, "SortOrder": st.sampled_from(["Ascending", "Descending"])}
SEARCHES = st.fixed_dictionaries({"SearchExpression": EXPRESSIONS}, optional=ORDER)
REQUESTS = st.one_of(SEARCHES, SEARCHES, SEARCHES, st.fixed_dictionaries({}, optional=ORDER))
"""Few without an expression, since an order alone has little that can differ."""


@pytest.mark.law
@given(RUNS, PLACED, REQUESTS, st.sampled_from([0, 1000]))
def test_tables_and_records_agree_on_what_is_found(
    filled: Store, entities: Sequence[TrialComponent], placed: Any, given: Mapping[str, Any], few: int
) -> None:
    agree(filled, entities, placed, given, few)
