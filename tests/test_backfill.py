"""What exists already, found by asking: on moto's server, and on the fake where it has to fail or to be counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import boto3
import pytest
import structlog

from consumers.handle import handle
from consumers.kind import PIPELINE_STEP, ResourceKind
from consumers.resources import EVENTS, RESOURCE_TYPES
from consumers.resources.glue_job_run import GLUE_JOB_RUN
from consumers.run.backfill import (
    BATCH,
    KINDS,
    Backfill,
    BackfillPosition,
    BackfillResult,
    Estimate,
    Omissions,
    backfill,
    descriptions,
)
from ingest.delivery import Delivery, Refused, Unavailable
from ingest.sagemaker import SageMaker
from ingest.sagemaker_operations import LIST_TAGS
from store.checkpoints import read_checkpoint
from store.database import Store
from store.digest import canonical, digest
from store.ledger import events as ledger
from tests.support.aws import ACCOUNT, REGION, arn_of
from tests.support.moto_account import make_account
from tests.support.sagemaker import NOW, FakeSageMaker, at, labeling_jobs, models, response_in, service
from tests.support.stores import MakeStore, asked, fed, sqlite_store

FAST = 1000.0


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()  # filling a store sets up logs for the process that it thinks is its own


@pytest.fixture
def one_store(tmp_path: Path) -> Iterator[Store]:
    """A migrated empty store, where it does not matter on which database."""
    with sqlite_store(tmp_path / "one.db") as store:
        yield store


def filled(store: Store, *kinds: str, since: datetime | None = None, patience: float = 0, now: datetime = NOW) -> int:
    """Backfill some kinds: 0 if everything was described, else 1, as the command's exit code."""
    result = backfilled(store, *kinds, since=since, patience=patience, now=now)
    return 0 if result.filled.complete and not result.omissions.denied else 1


def backfilled(
    store: Store, *kinds: str, since: datetime | None = None, patience: float = 0, now: datetime = NOW
) -> BackfillResult:
    return backfill(
        store,
        SageMaker(per_second=FAST, now=lambda: now),
        kinds=kinds or KINDS,
        since=since,
        restart=False,
        patience=patience,
    )


async def everything(source: Backfill, most: int = 1000, ack: bool = True) -> list[Delivery]:
    """What a source hands out, in so many batches at the most."""
    taken: list[Delivery] = []
    for _ in range(most):
        if (batch := await source.read()) is None:
            break
        taken += batch.deliveries
        if ack and batch.deliveries:
            await batch.ack()
    return taken


def operation(delivery: Delivery) -> str:
    return delivery.origin.partition(" of ")[0]


# ---------------------------------------------------------------------------------------------------------- the table


@pytest.mark.parametrize("kind", KINDS)
def test_the_operations_that_list_and_describe_a_kind_can_be_called(kind: str) -> None:
    assert descriptions(kind)[0].name.startswith("Describe")
    required = service().operation_model(KINDS[kind].name).input_shape.required_members
    assert required == list(filter(None, [KINDS[kind].within]))
    assert bool(KINDS[kind].within) is (RESOURCE_TYPES[ResourceKind(kind)].listed_within is not None)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"pipeline-execution", "model-package", "image-version"}))
def test_tags_are_requested_where_the_description_has_none(kind: str) -> None:
    described = service().operation_model(descriptions(kind)[0].name).output_shape.members
    assert (LIST_TAGS in descriptions(kind)) is ("Tags" not in described)


def test_every_kind_that_rules_know_is_looked_for() -> None:
    elsewhere = {PIPELINE_STEP, GLUE_JOB_RUN}  # in ListPipelineExecutionSteps; not SageMaker's
    assert {*EVENTS.values()} - elsewhere <= set(KINDS)


# ------------------------------------------------------------------------------------------------------ what is found


def test_what_exists_is_derived_as_if_its_events_had_come(aws: str, make_store: MakeStore) -> None:
    client = boto3.client("sagemaker")
    made = make_account(client)
    store, listener = make_store(), make_store()

    assert filled(store) == 0

    by_kind = {str(kind): name for name, kind in EVENTS.items()}
    events = []
    for kind, arn in made.items():
        if kind in by_kind and kind != "pipeline-execution":
            parameter = service().operation_model(descriptions(kind)[0].name).input_shape.required_members[0]
            name = arn if kind == "model-package" else arn.rpartition("/")[2]
            describe = {
                "training-job": client.describe_training_job,
                "processing-job": client.describe_processing_job,
                "transform-job": client.describe_transform_job,
                "model": client.describe_model,
                "model-package": client.describe_model_package,
                "endpoint-config": client.describe_endpoint_config,
                "endpoint": client.describe_endpoint,
            }[kind]
            tags = {} if kind == "model-package" else {"Tags": client.list_tags(ResourceArn=arn)["Tags"]}
            described = describe(**{parameter: name}) | tags
            if kind == "model-package":  # which events always name
                described.setdefault("LastModifiedTime", described["CreationTime"])
            events.append(event(by_kind[kind], arn, described))
    fed(listener, events)
    untold = {line for line in graph(store) if line[1] in ("experiment", "trial") or line[3] == "abalone-run"}
    clients = {"abalone-experiment", "abalone-trial", "abalone-run"}
    execution = made["pipeline-execution"].rpartition("/")[2].lower()
    assert {line[3] for line in untold} == {*clients, "abalonepipeline", execution}  # by any of these events
    assert graph(store) - untold == graph(listener)
    assert Counter(line[1] for line in graph(store))["association"] == 17


def event(kind: str, arn: str, described: Mapping[str, Any]) -> bytes:
    """The event that SageMaker would have sent."""
    detail = {name: value for name, value in described.items() if name != "ResponseMetadata"}
    envelope = {
        "version": "0",
        "id": f"event-of-{arn}",
        "detail-type": kind,
        "source": "aws.sagemaker",
        "account": ACCOUNT,
        "region": REGION,
        "time": NOW.isoformat(),
        "resources": [arn],
        "detail": detail,
    }
    return json.dumps(envelope, default=lambda time: round(time.timestamp() * 1000)).encode()


def graph(store: Store) -> set[tuple[str, ...]]:
    """Entities and what links them, without times: who asks learns later, and more exactly, when a group was made."""
    found: set[tuple[str, ...]] = set()
    of = ""
    for line in map(json.loads, canonical(store).lower().splitlines()):
        if line[0].startswith("arn:"):
            of = line[0]
            found.add(tuple(map(str, line[:6])))
        elif line[0] == "association":
            found.add((of, *map(str, line[:3])))
    return found


def test_a_second_time_changes_nothing(aws: str, store: Store) -> None:
    make_account(boto3.client("sagemaker"))
    assert filled(store) == 0
    before, answers = digest(store), sum(asked(store).values())
    assert filled(store, now=NOW + timedelta(days=1)) == 0
    assert digest(store) == before
    assert sum(asked(store).values()) == 2 * answers


def test_executions_are_found_in_pipelines_of_any_age_with_all_that_belongs_to_them(
    sagemaker: FakeSageMaker, one_store: Store
) -> None:
    pipeline, execution = arn_of("pipeline/abalone"), arn_of("pipeline/abalone/execution/0123456789ab")
    described = {"PipelineArn": pipeline, "PipelineName": "Abalone", "CreationTime": at(-86_400 * 400)}
    sagemaker.has("ListPipelines", "DescribePipeline", described)
    sagemaker.answers("DescribePipelineExecution", {"PipelineExecutionArn": execution}, PipelineExecutionArn=execution)
    summary = {"PipelineExecutionArn": execution, "StartTime": at(0)}
    sagemaker.lists("ListPipelineExecutions", summary, PipelineName="Abalone")
    steps = [{"StepName": name, "StartTime": at(1)} for name in ("Prepare", "Train")]
    sagemaker.answers("ListPipelineExecutionSteps", {"PipelineExecutionSteps": steps}, PipelineExecutionArn=execution)
    parameters = {"PipelineParameters": [{"Name": "x", "Value": "1"}]}
    sagemaker.answers("ListPipelineParametersForExecution", parameters, PipelineExecutionArn=execution)
    definition = {"PipelineDefinition": "{}", "CreationTime": at(0)}
    sagemaker.answers("DescribePipelineDefinitionForExecution", definition, PipelineExecutionArn=execution)

    assert filled(one_store, "pipeline", "pipeline-execution", since=at(-86_400)) == 0

    assert asked(one_store) == {
        (execution, operation): 1 for operation in map(attrgetter("name"), descriptions("pipeline-execution"))
    }


async def test_only_what_was_made_since_is_described(sagemaker: FakeSageMaker) -> None:
    models(sagemaker, 5)
    source = Backfill(SageMaker(per_second=FAST), kinds=["model"], since=at(2.5))
    answers = await everything(source)
    await source.aclose()
    assert [response_in(one.body)["ModelName"] for one in answers if operation(one) == "DescribeModel"] == [
        "Model-3",
        "Model-4",
    ]


async def test_kinds_come_side_by_side_each_from_the_oldest_on(sagemaker: FakeSageMaker) -> None:
    models(sagemaker, 9)
    jobs = labeling_jobs(sagemaker, 3)
    source = Backfill(SageMaker(per_second=FAST), kinds=["labeling-job", "model"], batch_size=4)
    await source.find()
    estimate = Estimate(
        {"labeling-job": 3, "model": 9},
        {"DescribeLabelingJob": 3, "DescribeModel": 9, "ListTags": 9},
        9 / FAST,
    )
    assert source.estimate() == estimate
    first = await everything(source, 1)
    assert Counter(map(operation, first)) == {"DescribeLabelingJob": 1, "DescribeModel": 3, "ListTags": 3}
    assert source.so_far() == (4, 12)
    rest = await everything(source)
    await source.aclose()
    names = [
        response_in(one.body)["LabelingJobName"] for one in (*first, *rest) if operation(one) == "DescribeLabelingJob"
    ]
    assert names == [one.name for one in jobs]


def test_the_answers_in_the_ledger_make_the_same_lineage_with_no_aws_in_reach(
    aws: str, make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_account(boto3.client("sagemaker"))
    store, again = make_store(), make_store()
    assert filled(store) == 0
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    handle([Delivery(body) for body in ledger.events(store)], again)
    assert digest(again) == digest(store)


# ------------------------------------------------------------------------------------------------- stopped and resumed


@pytest.mark.parametrize("acked", [True, False])
async def test_killed_in_the_middle_it_describes_at_most_a_batch_again(sagemaker: FakeSageMaker, acked: bool) -> None:
    arns = models(sagemaker, 20)
    source = Backfill(SageMaker(per_second=FAST), kinds=["model"], batch_size=4)
    first = await everything(source, 3)
    first += await everything(source, 1, ack=acked)
    await source.aclose()
    assert source.position
    position = BackfillPosition(**json.loads(json.dumps(asdict(source.position))))

    again = Backfill(SageMaker(per_second=FAST), kinds=["model"], batch_size=4, start_at=position)
    rest = await everything(again)
    await again.aclose()

    found = [json.loads(one.body)["resources"][0] for one in (*first, *rest) if operation(one) == "DescribeModel"]
    assert set(found) == set(arns)
    assert len(found) == sagemaker.calls["DescribeModel"] == 20 + (0 if acked else 4)


async def test_a_batch_acknowledged_before_the_one_before_it_moves_nothing(sagemaker: FakeSageMaker) -> None:
    models(sagemaker, 4)
    source = Backfill(SageMaker(per_second=FAST), kinds=["model"], batch_size=2)
    first, second = await source.read(), await source.read()
    assert first
    assert second
    await second.ack()
    assert source.position is None
    await first.ack()
    assert source.position
    assert [arn for _, arn in source.position.through.values()] == [arn_of("model/model-3")]
    await source.aclose()


async def test_what_cannot_be_described_is_not_requested_again(sagemaker: FakeSageMaker) -> None:
    sagemaker.lists("ListModels", {"ModelArn": arn_of("model/gone"), "ModelName": "gone", "CreationTime": at(7)})
    source = Backfill(SageMaker(per_second=FAST), kinds=["model"])
    assert await everything(source) == []
    await source.aclose()
    made = round(at(7).timestamp() * 1000)
    assert source.position == BackfillPosition({f"{ACCOUNT}/{REGION}/model": (made, arn_of("model/gone"))})


async def test_a_position_of_another_account_or_region_holds_nothing_back(sagemaker: FakeSageMaker) -> None:
    models(sagemaker, 3)
    late = (10**14, "z")
    other = BackfillPosition({f"999999999999/{REGION}/model": late, f"{ACCOUNT}/eu-west-1/model": late})
    source = Backfill(SageMaker(per_second=FAST), kinds=["model"], start_at=other)
    assert len(await everything(source)) == 6
    await source.aclose()


# --------------------------------------------------------------------------------------------------------- what fails


def test_a_throttle_costs_time_and_nothing_else(sagemaker: FakeSageMaker, one_store: Store) -> None:
    arns = models(sagemaker, 3)
    jobs = labeling_jobs(sagemaker, 3)
    sagemaker.fault("throttle", "DescribeLabelingJob", times=2)
    assert filled(one_store, "model", "labeling-job", patience=60) == 0
    assert asked(one_store) == {
        **{(arn, operation): 1 for arn in arns for operation in ("DescribeModel", "ListTags")},
        **{(job.arn, "DescribeLabelingJob"): 1 for job in jobs},
    }


async def test_a_failure_that_passes_costs_none_of_its_kind(sagemaker: FakeSageMaker) -> None:
    models(sagemaker, 30)
    jobs = labeling_jobs(sagemaker, 30)
    sagemaker.fault("fail", "DescribeLabelingJob", times=2)
    source = Backfill(SageMaker(per_second=FAST), kinds=["model", "labeling-job"], batch_size=10)
    answers = await everything(source)
    await source.aclose()
    described = [json.loads(one.body)["resources"][0] for one in answers if operation(one) == "DescribeLabelingJob"]
    assert described == [job.arn for job in jobs]


async def test_what_was_not_allowed_is_described_once_it_is(sagemaker: FakeSageMaker) -> None:
    models(sagemaker, 4)
    jobs = labeling_jobs(sagemaker, 4)
    sagemaker.fault("deny", "DescribeLabelingJob")
    kinds = ["model", "labeling-job"]
    source = Backfill(SageMaker(per_second=FAST), kinds=kinds, batch_size=4)
    await everything(source, 1)
    await source.aclose()
    sagemaker.mend()

    again = Backfill(SageMaker(per_second=FAST), kinds=kinds, start_at=source.position)
    answers = await everything(again)
    await again.aclose()

    found = [json.loads(one.body)["resources"][0] for one in answers if operation(one) != "ListTags"]
    assert sorted(found) == sorted([*(job.arn for job in jobs), arn_of("model/model-2"), arn_of("model/model-3")])


def test_a_kind_that_cannot_be_described_waits_while_others_go_on(
    sagemaker: FakeSageMaker, one_store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    arns = models(sagemaker, 120)
    jobs = labeling_jobs(sagemaker, 120)
    sagemaker.fault("fail", "DescribeLabelingJob")

    with pytest.raises(Unavailable, match=r"AWS did not answer .*; the same command goes on where this one stopped"):
        filled(one_store, "model", "labeling-job")

    assert {arn for arn, _ in asked(one_store)} == set(arns)
    assert read_checkpoint(one_store, "headwater backfill")
    assert sagemaker.calls["DescribeLabelingJob"] <= 2 * BATCH
    sagemaker.mend()
    assert filled(one_store, "model", "labeling-job") == 0
    assert {arn for arn, _ in asked(one_store)} == {*arns, *(job.arn for job in jobs)}
    assert sagemaker.calls["DescribeModel"] == 120
    assert read_checkpoint(one_store, "headwater backfill") is None


def test_a_server_that_hangs_up_at_everything_is_named(sagemaker: FakeSageMaker, one_store: Store) -> None:
    sagemaker.fault("hang up")
    with pytest.raises(Unavailable, match="what ListModels lists: AWS did not answer"):
        filled(one_store, "model")


def test_what_is_gone_or_another_account_s_is_counted_and_left_out(sagemaker: FakeSageMaker, one_store: Store) -> None:
    [arn] = models(sagemaker, 1)
    gone, shared = arn_of("model/gone"), arn_of("model/model-0", account="999999999999")
    sagemaker.lists("ListModels", {"ModelArn": gone, "ModelName": "gone", "CreationTime": at(7)})
    sagemaker.lists("ListModels", {"ModelArn": shared, "ModelName": "Model-0", "CreationTime": at(8)})
    result = backfilled(one_store, "model")
    assert {one for one, _ in asked(one_store)} == {arn}
    assert (result.described, result.omissions) == (3, Omissions(gone=1, elsewhere=1))


def test_what_sagemaker_does_not_take_is_said_and_left_out(
    sagemaker: FakeSageMaker, one_store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    models(sagemaker, 1)
    bad = arn_of("model/")  # no request can name it
    sagemaker.lists("ListModels", {"ModelArn": bad + "x" * 300, "ModelName": "x", "CreationTime": at(7)})
    sagemaker.answers("DescribeModel", {"ModelName": "x", "ModelArn": bad + "x", "CreationTime": at(7)}, ModelName="x")
    assert filled(one_store, "model") == 0
    assert Counter(name for _, name in asked(one_store)) == {"DescribeModel": 2, "ListTags": 1}


def test_without_credentials_nothing_is_tried(
    one_store: Store, moto_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Refused, match="no AWS credentials"):
        filled(one_store)
