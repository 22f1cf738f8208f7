"""Runs by what is true of them, beside a plain model of the same conditions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.event import listen

from store import resources as table
from store.database import Store, Transaction
from store.lineage import OWNER, Entity, Experiment, Lineage, Measured, Membership, Trial, TrialComponent
from store.save import save
from store.search.expression import Expression, Filter, Operator, Property, ValueType
from store.search.runs import Group, Run, RunList, Unknown, groups, names_in, runs
from store.search.text_form import BadCondition, parse
from tests.support.events import NOON, PARTITION, case_events
from tests.support.laws import scaled
from tests.support.stores import Backend, emptied, fed


def run(name: str, **fields: Any) -> TrialComponent:
    return TrialComponent(
        arn=f"{PARTITION}experiment-trial-component/{name}",
        type="SageMakerTrainingJob",
        name=name,
        weight=OWNER,
        **{"created": NOON, **fields},
    )


def holding(store: Store, *entities: Entity, inside: dict[str, str] | None = None) -> Store:
    """The store, after one resource reported these entities, each in what it is inside of, by name."""
    arns = {one.name: one.arn for one in entities}
    members = tuple(Membership(arns[outer], arns[inner]) for inner, outer in (inside or {}).items())

    def report(tx: Transaction) -> None:
        rows = table.claim(tx, {f"{PARTITION}training-job/job": "training-job"})
        save(tx, {row.id: Lineage(entities, (), members) for row in rows.values()})

    store.write(report)
    return store


CHURN = Experiment(arn=f"{PARTITION}experiment/churn", name="churn", weight=OWNER)
DEEP = Trial(arn=f"{PARTITION}experiment-trial/deep", name="deep", weight=OWNER)
FLAT = Trial(arn=f"{PARTITION}experiment-trial/flat", name="flat", weight=OWNER)
A = run(
    "a",
    display_name="The first",
    status="Completed",
    started=NOON + 1000,
    ended=NOON + 91_500,
    billable_seconds=60,
    created=NOON + 1,
    parameters={
        "eta": ("0.1", 0.1),
        "objective": ("reg:squarederror", None),
        "SageMaker.InstanceType": ("ml.m5.xlarge", None),
        "SageMaker.InstanceCount": (None, 2.0),
    },
    metrics={"validation:rmse": Measured(2.5, NOON)},
    tags={"team": "risk"},
)
B = run(
    "b",
    status="Failed",
    created=NOON + 2,
    parameters={"eta": ("0.3", 0.3), "objective": ("multi:softmax", None)},
    metrics={"validation:rmse": Measured(1.5, NOON)},
)
C = run("c", status="Completed", created=NOON + 3, parameters={"eta": ("auto", None)}, family="nightly")


@pytest.fixture
def tracked(store: Store) -> Store:
    """Two runs in two trials of an experiment, and one in none."""
    return holding(
        store, CHURN, DEEP, FLAT, A, B, C, inside={"a": "deep", "b": "flat", "deep": "churn", "flat": "churn"}
    )


def names(found: RunList) -> list[str]:
    assert found.total == len(found.runs)
    return [one.name for one in found.runs]


def test_a_run_has_everything_that_is_known_about_it(tracked: Store) -> None:
    assert runs(tracked, "deep") == RunList(
        1,
        (
            Run(
                arn=A.arn,
                name="a",
                display_name="The first",
                status="Completed",
                created=NOON + 1,
                started=NOON + 1000,
                ended=NOON + 91_500,
                duration=90.5,
                billable_seconds=60,
                instance_type="ml.m5.xlarge",
                instance_count=2,
                parameters={
                    "SageMaker.InstanceCount": 2.0,
                    "SageMaker.InstanceType": "ml.m5.xlarge",
                    "eta": 0.1,
                    "objective": "reg:squarederror",
                },
                metrics={"validation:rmse": 2.5},
                experiments=("churn",),
                trials=("deep",),
                family="",
                family_inferred=False,
            ),
        ),
    )


def test_a_run_in_no_trial_is_grouped_by_its_family_which_is_inferred(tracked: Store) -> None:
    (one,) = runs(tracked, "nightly").runs

    assert (one.name, one.family, one.family_inferred, one.experiments, one.trials) == ("c", "nightly", True, (), ())


def test_a_run_that_came_into_a_trial_is_in_no_family_any_more(store: Store) -> None:
    holding(store, CHURN, DEEP, C, inside={"c": "deep", "deep": "churn"})

    assert [(one.family, one.family_inferred) for one in runs(store, "churn").runs] == [("", False)]
    with pytest.raises(Unknown):
        runs(store, "nightly")


@pytest.mark.parametrize("group", ["churn", CHURN.arn, CHURN.arn.upper()])
def test_an_experiment_is_named_by_its_name_or_its_arn(group: str, tracked: Store) -> None:
    assert names(runs(tracked, group)) == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "which"),
    [
        ("eta>0.1", ["b"]),
        ("eta >= 0.1", ["b", "a"]),
        ("eta=0.10", ["a"]),
        ("eta!=0.1", ["c", "b"]),
        ("eta=auto", ["c"]),
        ("eta!=auto", ["b", "a"]),
        ("objective contains :squared", ["a"]),
        ("objective contains REG", []),
        ("objective<n", ["b"]),
        ("validation:rmse<=1.5", ["b"]),
        ("SageMaker.InstanceCount=2", ["a"]),
        ("status=Completed", ["c", "a"]),
        ("status!=Completed", ["b"]),
        ("name contains b", ["b"]),
        ("tag:team=risk", ["a"]),
        ("tag:team!=risk", []),
        ("created>=2023-11-14T22:13:20.002", ["c", "b"]),
        ("created<2023-11-14", []),
    ],
)
def test_runs_are_found_by_what_is_true_of_them(text: str, which: list[str], tracked: Store) -> None:
    assert names(runs(tracked, None, [parse(text)])) == which


@pytest.mark.parametrize("text", ["eta!=0.1", "eta!=auto", "objective contains :squared", "SageMaker.InstanceCount<3"])
def test_a_condition_of_one_parameter_takes_one_look_at_its_rows(text: str, tracked: Store) -> None:
    executed: list[str] = []
    listen(tracked.engine, "before_cursor_execute", lambda *call: executed.append(call[2]))

    runs(tracked, None, [parse(text)])

    (counted,) = [statement for statement in executed if "count(*)" in statement]
    assert counted.count("FROM parameter") == 1


@pytest.mark.parametrize(
    ("sort_by", "ascending", "which"),
    [
        ("validation:rmse", True, ["b", "a"]),
        ("validation:rmse", False, ["a", "b"]),
        ("eta", False, ["b", "a", "c"]),
        ("eta", True, ["a", "b", "c"]),
        ("created", True, ["a", "b", "c"]),
    ],
)
def test_runs_are_sorted_and_what_cannot_be_is_left_out(
    sort_by: str, ascending: bool, which: list[str], tracked: Store
) -> None:
    assert names(runs(tracked, sort_by=sort_by, ascending=ascending)) == which


def test_a_limit_shows_the_first_and_counts_all(tracked: Store) -> None:
    found = runs(tracked, limit=1)

    assert (found.total, [one.name for one in found.runs]) == (3, ["c"])


@pytest.mark.parametrize(
    ("group", "text", "sort_by", "sentence"),
    [
        ("chrun", None, "created", "no experiment, trial or family is called 'chrun'; did you mean churn?"),
        (None, "ETA>1", "created", "no parameter or metric is called 'ETA'; did you mean eta?"),
        (None, None, "rmse", "no parameter or metric is called 'rmse'; did you mean validation:rmse?"),
        (
            None,
            None,
            "nothing like it",
            "no parameter or metric is called 'nothing like it'; there are "
            "SageMaker.InstanceCount, SageMaker.InstanceType, eta, objective, validation:rmse",
        ),
    ],
)
def test_an_unknown_name_gets_a_sentence_with_similar_names(
    group: str | None, text: str | None, sort_by: str, sentence: str, tracked: Store
) -> None:
    with pytest.raises(Unknown) as why:
        runs(tracked, group, [parse(text)] if text else [], sort_by=sort_by)

    assert str(why.value) == sentence


TEXT, NUMBER = ValueType.TEXT, ValueType.NUMBER
ETA_TEXT, ETA_NUMBER = (
    Property(f"{of}Value", kind, "Parameters", "eta") for of, kind in (("String", TEXT), ("Number", NUMBER))
)
ETA_METRIC = Property("Last", NUMBER, "Metrics", "eta")


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        (
            "eta > 0.1",
            Expression(
                (Filter(ETA_NUMBER, Operator.GREATER, (0.1,)), Filter(ETA_METRIC, Operator.GREATER, (0.1,))), False
            ),
        ),
        ("eta contains 0.1", Expression((Filter(ETA_TEXT, Operator.CONTAINS, ("0.1",)),), False)),
        (
            "eta!=auto",
            Expression(
                (
                    Filter(ETA_TEXT, Operator.NOT_EQUALS, ("auto",)),
                    Expression((Filter(ETA_TEXT, Operator.NOT_EXISTS), Filter(ETA_NUMBER, Operator.EXISTS))),
                ),
                False,
            ),
        ),
        ("tag:a b=1.0", Expression((Filter(Property("Value", TEXT, "Tags", "a b"), Operator.EQUALS, ("1.0",)),))),
        (
            "status=1e3",
            Expression((Filter(Property("Status.PrimaryStatus", TEXT), Operator.EQUALS, ("1000",)),), False),
        ),
        (
            "created<1970-01-01T00:00:01+01:00",
            Expression((Filter(Property("CreationTime", ValueType.TIME), Operator.LESS, (-3_599_000.0,)),)),
        ),
    ],
)
def test_a_condition_is_read_as_an_expression_of_search(text: str, expression: Expression) -> None:
    assert parse(text) == expression


def test_the_parameters_and_metrics_in_a_condition_have_names() -> None:
    assert [list(dict.fromkeys(names_in(parse(text)))) for text in ("eta!=1", "status=x", "tag:eta=1")] == [
        ["eta"],
        [],
        [],
    ]


def test_a_time_contains_nothing(tracked: Store) -> None:
    with pytest.raises(BadCondition, match="created cannot contain a number"):
        runs(tracked, None, [parse("created contains 2026-01-31")])


@pytest.mark.parametrize("text", ["eta", "eta>", ">1", "", "created>yesterday"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(BadCondition):
        parse(text)


@pytest.mark.parametrize("text", ["validation:rmse=low", "validation:rmse contains 1"])
def test_a_metric_is_compared_with_numbers_only(text: str, tracked: Store) -> None:
    with pytest.raises(BadCondition, match="validation:rmse is a metric: compare it with a number"):
        runs(tracked, None, [parse(text)])


def test_experiments_come_with_their_trials_and_runs_and_families_with_theirs(tracked: Store) -> None:
    assert groups(tracked) == [
        Group("churn", CHURN.arn, 2, 2, inferred=False),
        Group("nightly", "", 0, 1, inferred=True),
    ]


def test_the_experiments_of_events_are_found(store: Store) -> None:
    fed(store, case_events("experiment_config"))

    assert [(one.name, one.trials > 0, one.runs > 0) for one in groups(store) if not one.inferred] == [
        (name, True, True) for name in sorted({name for one in runs(store).runs for name in one.experiments})
    ]


# ------------------------------------------------------------------------------------------------------- a plain model

numbers = st.sampled_from([-1.0, 0.0, 0.1, 2.0])
texts = st.sampled_from(["a", "ab", "b", "B", "é", "0.1"])
parameters = st.dictionaries(
    st.sampled_from(["p", "q", "both"]),
    st.tuples(texts, st.none() | numbers) | st.tuples(st.none(), numbers),
    max_size=3,
)
metrics = st.dictionaries(st.sampled_from(["m", "both"]), numbers.map(Measured), max_size=2)
statuses = st.sampled_from(["Completed", "Failed", ""])
components = st.lists(
    st.tuples(parameters, metrics, statuses, st.integers(0, 3), st.dictionaries(st.just("t"), texts)), max_size=6
).map(
    lambda some: [
        run(f"r{number}", parameters=p, metrics=m, status=s, created=NOON + c, tags=t)
        for number, (p, m, s, c, t) in enumerate(some)
    ]
)
signs = st.sampled_from(["<", "<=", "=", "!=", ">=", ">", "contains"])
values = texts | numbers.map(str)
wanted = st.tuples(st.sampled_from(["p", "q", "both", "m"]), signs, values) | (
    st.tuples(st.sampled_from(["status", "name", "tag:t"]), signs, texts | st.sampled_from(["Completed", "r1"]))
)
Condition = tuple[str, str, str]
"""A name, a sign and a value, as they are written."""

COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
    "contains": operator.contains,
}


def read(sign: str, text: str) -> str | float:
    """The value that a parameter or a metric is compared with."""
    try:
        return text if sign == "contains" else float(text)
    except ValueError:
        return text


def true_of(one: TrialComponent, condition: Condition) -> bool:
    name, sign, text = condition
    compare, value = COMPARED[sign], read(sign, text)
    if name in ("status", "name"):
        return compare(getattr(one, name), text)
    if name.startswith("tag:"):
        return any(compare(tag, text) for tag in one.tags.values())
    true = False
    if name in one.parameters:
        string, number = one.parameters[name]
        mine = string if isinstance(value, str) else number
        true = sign == "!=" if mine is None else compare(mine, value)
    if name in one.metrics and not isinstance(value, str):
        true = true or compare(one.metrics[name][0], value)
    return true


@pytest.mark.law
def test_a_search_finds_what_a_plain_model_finds(store: Store, backend: Backend) -> None:
    @settings(max_examples=scaled(120 if backend == "sqlite" else 30))
    @given(
        components,
        st.lists(wanted, max_size=2),
        st.sampled_from(["created", "p", "m", "both"]),
        st.booleans(),
        st.sampled_from([0, 1000]),
    )
    def check(some: list[TrialComponent], conditions: list[Condition], sort_by: str, ascending: bool, few: int) -> None:
        holding(emptied(store), *some)
        expressions = [parse(" ".join(one)) for one in conditions]
        p = {name for one in some for name in one.parameters}
        m = {name for one in some for name in one.metrics}
        named = {sort_by, *(name for name, _, _ in conditions)} - {"created", "status", "name", "tag:t"}
        refused = any(isinstance(read(sign, text), str) and name in m - p for name, sign, text in conditions)
        if not named <= p | m or refused:
            with pytest.raises((Unknown, BadCondition)):
                runs(store, None, expressions, sort_by=sort_by, ascending=ascending)
            return

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("store.search.compiler.FEW", few)
            found = runs(store, None, expressions, sort_by=sort_by, ascending=ascending)

        def place(one: TrialComponent) -> tuple[Any, ...]:
            if sort_by == "created":
                return (one.created,)
            if sort_by in m:
                return (one.metrics[sort_by][0],)
            string, number = one.parameters[sort_by]
            return (number is not None) ^ ascending, number or 0, (string is not None) ^ ascending, string or ""

        kept = [one for one in some if all(true_of(one, each) for each in conditions)]
        if sort_by != "created":
            kept = [one for one in kept if sort_by in (one.metrics if sort_by in m else one.parameters)]
        ordered = sorted(sorted(kept, key=lambda one: one.key), key=place, reverse=not ascending)
        assert names(found) == [one.name for one in ordered]

    check()
