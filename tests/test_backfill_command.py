"""`headwater backfill`: what it prints, where it goes on after a stop, and what it says of what fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest

from consumers.run.backfill import BATCH
from store.checkpoints import save_checkpoint
from store.database import Store
from tests.support.aws import ACCOUNT, REGION, ROLE, arn_of
from tests.support.cli import Headwater
from tests.support.sagemaker import FakeSageMaker, at, labeling_jobs, models
from tests.support.stores import asked, sqlite_store


def _begun(path: Path) -> bool:
    if not path.exists():
        return False
    with Store(f"sqlite:///{path}") as store:
        try:
            return bool(asked(store))
        except Exception:  # noqa: BLE001  # it has no tables yet
            return False


def test_a_dry_run_describes_nothing_and_writes_nothing(
    sagemaker: FakeSageMaker, headwater: Headwater, tmp_path: Path
) -> None:
    models(sagemaker, 250)
    labeling_jobs(sagemaker, 3)

    said = headwater("backfill", "--dry-run")

    assert said == (
        0,
        "       3  labeling-job\n     250  model\n"
        "253 resources of 2 kinds: 503 calls, or more where answers have several pages, at least 50 seconds\n"
        "nothing was described yet: leave --dry-run out to do it\n",
        "",
    )
    assert {name for name in sagemaker.calls if not name.startswith("List")} == set()
    assert "ListTags" not in sagemaker.calls
    assert list(tmp_path.iterdir()) == []
    printed = json.loads(headwater("backfill", "--dry-run", "--json", "--kinds", "model").out)
    assert printed == {
        "resources": {"model": 250},
        "calls": {"DescribeModel": 250, "ListTags": 250},
        "seconds_at_least": 50.0,
        "denied": {},
        "unsupported": {},
        "invalid": {},
        "gone": 0,
        "elsewhere": 0,
    }


def test_since_is_an_age_or_a_date(sagemaker: FakeSageMaker, headwater: Headwater) -> None:
    models(sagemaker, 2)  # of November 2023
    for since, found in (("2023-11-14", 2), ("2023-11-15", 0), ("30d", 0)):
        said = headwater("backfill", "--dry-run", "--json", "--since", since)
        assert sum(json.loads(said.out)["resources"].values()) == found


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--kinds", "model,horse"), "--kinds does not know 'horse': choose from pipeline,"),
        (("--since", "yesterday"), "--since is an age in days, as 400d, or a date, as 2025-01-31, not 'yesterday'"),
        (("--per-second", "0"), "--per-second"),
    ],
)
def test_wrong_options_get_one_sentence(headwater: Headwater, words: tuple[str, ...], why: str) -> None:
    said = headwater("backfill", *words)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert why in said.err


def test_operations_that_a_server_lacks_are_named_and_gone_on_without(aws: str, headwater: Headwater) -> None:
    boto3.client("sagemaker").create_model(ModelName="a-model", ExecutionRoleArn=ROLE)
    said = headwater("backfill", "--kinds", "model,labeling-job,image-version", "--per-second", "1000")
    assert said.code == 0
    assert "this server has no operation ListImages, ListLabelingJobs: went on without\n" in said.out
    assert "1 resources described\n2 events in" in said.out


def test_stopped_in_order_it_goes_on_there_by_itself(
    sagemaker: FakeSageMaker, headwater: Headwater, tmp_path: Path
) -> None:
    count = 4 * BATCH
    models(sagemaker, count)
    command = [sys.executable, "-m", "consumers.cli", "backfill", "--kinds", "model", "--per-second", "100"]
    filling = subprocess.Popen(
        command, cwd=tmp_path, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not _begun(tmp_path / "headwater.db"):
        assert filling.poll() is None, filling.communicate()
        time.sleep(0.05)
    filling.send_signal(signal.SIGTERM)
    out, err = filling.communicate(timeout=60)

    assert filling.returncode == 1, err
    assert out.endswith("stopped before the end: the same command goes on there\n")
    [advice] = [line for line in headwater("status").out.splitlines() if "to go on" in line]
    assert advice == "stopped before its end, to go on: headwater backfill"
    again = headwater("backfill", "--kinds", "model", "--per-second", "1000")
    assert (again.code, again.err.splitlines()[0]) == (
        0,
        "going on where the last backfill stopped; --anew begins from the start",
    )
    assert "to go on" not in headwater("status").out
    assert count <= sagemaker.calls["DescribeModel"] <= count + 2 * BATCH
    with Store(f"sqlite:///{tmp_path}/headwater.db") as store:
        assert len({arn for arn, _ in asked(store)}) == count


def test_it_stops_in_order_while_it_lists(sagemaker: FakeSageMaker, tmp_path: Path) -> None:
    sagemaker.delay = 600.0
    command = [sys.executable, "-m", "consumers.cli", "backfill", "--kinds", "model"]
    filling = subprocess.Popen(
        command, cwd=tmp_path, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not sagemaker.busiest:
        assert filling.poll() is None, filling.communicate()
        time.sleep(0.05)
    sagemaker.delay = 0
    filling.send_signal(signal.SIGTERM)
    out, err = filling.communicate(timeout=120)
    assert (filling.returncode, err) == (1, "")
    assert out.endswith("stopped before the end: the same command goes on there\n")


def test_begun_from_the_start_it_describes_everything(
    sagemaker: FakeSageMaker, headwater: Headwater, tmp_path: Path
) -> None:
    models(sagemaker, 3)
    with sqlite_store(tmp_path / "headwater.db") as store:
        position = {
            "through": {f"{ACCOUNT}/{REGION}/model": [round(at(1).timestamp() * 1000), arn_of("model/model-1")]}
        }
        save_checkpoint(store, "headwater backfill", json.dumps(position))
    fast = ("--kinds", "model", "--per-second", "1000", "--json")
    assert json.loads(headwater("backfill", *fast).out)["resources"] == 1
    assert json.loads(headwater("backfill", *fast, "--anew").out)["resources"] == 3


def test_what_our_role_may_not_describe_stops_nothing_else_and_is_said_once(
    sagemaker: FakeSageMaker, headwater: Headwater, tmp_path: Path
) -> None:
    arns = models(sagemaker, 30)
    labeling_jobs(sagemaker, 4 * BATCH)
    sagemaker.fault("deny", "DescribeLabelingJob")
    sagemaker.fault("deny", "ListEndpoints")
    kinds = ("--kinds", "model,labeling-job,endpoint", "--per-second", "1000")

    said = headwater("backfill", *kinds)

    assert said.code == 1
    assert said.err.splitlines()[-1] == (
        "headwater: not allowed to describe everything: give this role sagemaker:DescribeLabelingJob, "
        "sagemaker:ListEndpoints, then: headwater backfill --kinds endpoint,labeling-job"
    )
    assert sagemaker.calls["DescribeLabelingJob"] <= BATCH
    with Store(f"sqlite:///{tmp_path}/headwater.db") as store:
        assert {arn for arn, _ in asked(store)} == set(arns)
    printed = json.loads(headwater("backfill", *kinds, "--json").out)
    assert printed["denied"] == {
        "sagemaker:DescribeLabelingJob": ["labeling-job"],
        "sagemaker:ListEndpoints": ["endpoint"],
    }
