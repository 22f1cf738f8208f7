"""Alerts and the dashboard use only metrics that a worker has: names, labels and limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser as promql
import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from consumers.run import metrics
from consumers.run.worker_service import GRACE

INFRA = Path(__file__).parent.parent / "infra"
GROUPS = yaml.safe_load((INFRA / "prometheus/rules.yaml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
DASHBOARD = json.loads((INFRA / "grafana/headwater.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

# What Prometheus itself puts on all that it scrapes; `namespace` and `pod` in Kubernetes only.
OF_TARGETS = {"job", "instance", "namespace", "pod"}


class Said(NamedTuple):
    """What an expression speaks of: its metrics, and labels with the metrics that they are asked of."""

    metrics: set[str]
    labels: set[str]


def served() -> dict[str, set[str]]:
    """Every name that a worker's /metrics can have, with its labels."""
    found: dict[str, set[str]] = {}
    for metric in vars(metrics).values():
        if not isinstance(metric, MetricWrapperBase):
            continue
        [family] = metric.describe()
        labels = set(metric._labelnames)
        match metric:
            case Counter():
                found[f"{family.name}_total"] = labels
            case Histogram():
                found[f"{family.name}_bucket"] = labels | {"le"}
                found |= {f"{family.name}_sum": labels, f"{family.name}_count": labels}
            case Gauge():
                found[family.name] = labels
    return found


def parsed(expression: str) -> Said:
    """What an expression speaks of.

    Raises:
        ValueError: Prometheus would not take it.
    """
    said = Said(set(), set())

    def visit(node: promql.Expr) -> None:
        if isinstance(node, promql.VectorSelector):
            assert node.name, f"a selector without a name in {expression}"
            said.metrics.add(node.name)
            said.labels.update(matcher.name for matcher in node.matchers.matchers)
        elif isinstance(node, promql.AggregateExpr) and node.modifier:
            said.labels.update(node.modifier.labels)
        elif isinstance(node, promql.BinaryExpr) and node.modifier and node.modifier.matching:
            said.labels.update(node.modifier.matching.labels)

    promql.walk(promql.parse(expression), visit)
    return said


def queries() -> Iterator[tuple[str, str]]:
    """Every expression with where it stands, as Grafana or the adapter hands it to Prometheus."""
    for rule in RULES:
        yield rule.get("alert") or rule["record"], rule["expr"]
    for panel in PANELS:
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "5m").replace("$__range", "6h")
            yield f"{panel['title']} {panel['id']}{target['refId']}", expression
    [external] = yaml.safe_load((INFRA / "prometheus/adapter.yaml").read_text())["rules"]["external"]
    yield "adapter series", external["seriesQuery"]
    query = external["metricsQuery"].replace("<<.Series>>", external["name"]["as"])
    yield "adapter", query.replace("<<.LabelMatchers>>", 'namespace="lineage"')


QUERIES = dict(queries())


@pytest.mark.parametrize("where", QUERIES)
def test_only_metrics_that_exist_are_queried_and_by_labels_that_they_have(where: str) -> None:
    known = served() | {name: parsed(expression).labels for name, expression in RECORDED.items()}
    said = parsed(QUERIES[where])
    assert said.metrics - known.keys() == set()
    assert said.labels - OF_TARGETS - set().union(*(known[name] for name in said.metrics)) == set()


def test_every_metric_is_shown_on_the_dashboard() -> None:
    shown = set().union(*(parsed(QUERIES[where]).metrics for where in QUERIES if where not in ALERTS.keys() | RECORDED))
    families = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in shown}
    assert {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in served()} == families


def test_every_query_was_found() -> None:
    panels = sum(len(panel["targets"]) for panel in PANELS)
    assert len(QUERIES) == len(RULES) + panels + 2  # none hides behind another of the same name
    assert panels > 20


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_happens_and_what_to_do(name: str) -> None:
    alert = ALERTS[name]
    assert set(alert["annotations"]) == {"summary", "action"}
    assert all(text.strip().endswith(".") for text in alert["annotations"].values())
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert name in (INFRA.parent / "docs/operate.md").read_text(), "docs/operate.md says nothing of it"


def test_alerts_are_named_once() -> None:
    names = [rule["alert"] for rule in RULES if "alert" in rule]
    assert len(names) == len(set(names))


def kubernetes(file: str, kind: str) -> list[dict[str, Any]]:
    """What a file of manifests specifies for things of a kind."""
    return [one["spec"] for one in yaml.safe_load_all((INFRA / "kubernetes" / file).read_text()) if one["kind"] == kind]


def windows(expression: str) -> list[timedelta]:
    """The spans of time that an expression looks back over."""
    spans: list[timedelta] = []

    def visit(node: promql.Expr) -> None:
        if isinstance(node, promql.MatrixSelector):
            spans.append(node.range)

    promql.walk(promql.parse(expression), visit)
    return spans


def threshold(name: str) -> float:
    """The number that the last comparison of an alert is with."""
    numbers: list[float] = []

    def visit(node: promql.Expr) -> None:
        if isinstance(node, promql.BinaryExpr) and isinstance(node.rhs, promql.NumberLiteral):
            numbers.append(node.rhs.val)

    promql.walk(promql.parse(ALERTS[name]["expr"]), visit)
    return max(numbers)


def test_batches_are_slow_before_they_are_too_slow_for_an_orderly_end() -> None:
    bounds = metrics.BATCH_SECONDS._upper_bounds
    assert threshold("HeadwaterBatchesSlow") < GRACE
    assert threshold("HeadwaterBatchesSlow") in bounds  # exact there, a guess between two bounds


def test_the_autoscaler_has_had_its_turn_before_lag_wakes_somebody() -> None:
    [scaler] = kubernetes("autoscale.yaml", "HorizontalPodAutoscaler")
    [metric] = scaler["metrics"]
    lag_for_two = 2 * int(metric["external"]["target"]["averageValue"])
    assert threshold("HeadwaterLagGrows") > lag_for_two


def test_a_rolling_update_of_all_workers_is_over_before_it_is_taken_for_a_rebalance_storm() -> None:
    [worker] = kubernetes("worker.yaml", "Deployment")
    [scaler] = kubernetes("autoscale.yaml", "HorizontalPodAutoscaler")
    pod = worker["template"]["spec"]
    one_by_one = worker["minReadySeconds"] + pod["terminationGracePeriodSeconds"]
    storm = ALERTS["HeadwaterRebalanceStorm"]
    [window] = windows(storm["expr"])
    update = timedelta(seconds=scaler["maxReplicas"] * one_by_one)
    assert update + window < promql.parse_duration(storm["for"])


def test_panels_have_ids_of_their_own_units_and_descriptions() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    bare = [
        panel["title"] for panel in PANELS if not (panel["description"] and panel["fieldConfig"]["defaults"]["unit"])
    ]
    assert bare == []


def test_panels_do_not_overlap_and_fit_the_grid() -> None:
    def overlap(a: dict[str, int], b: dict[str, int]) -> bool:
        across = a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"]
        return across and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]

    places = {panel["title"] + str(panel["id"]): panel["gridPos"] for panel in DASHBOARD["panels"]}
    assert [pair for pair in combinations(places, 2) if overlap(places[pair[0]], places[pair[1]])] == []
    assert [title for title, at in places.items() if at["x"] + at["w"] > 24] == []


def test_the_data_source_of_every_panel_is_the_one_chosen() -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    variables = {variable["name"]: variable["type"] for variable in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource": "datasource", "namespace": "query"}
    sources: list[Any] = [thing["datasource"] for panel in PANELS for thing in (panel, *panel["targets"])]
    assert all(source == chosen for source in sources)
