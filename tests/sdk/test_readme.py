"""The lines of the README that are for the SDK, run as they are printed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from tests.sdk.clients import V3
from tests.support import readme


def test_the_lines_of_the_readme_find_the_data_of_the_demos_model_and_log_a_run(abalone: Any) -> None:
    client = abalone.sagemaker_client
    program = readme.program("sagemaker")
    if V3:
        program = program.replace("from sagemaker.", "from sagemaker.core.")
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **readme.exports(client.meta.endpoint_url)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    printed = [line for line in done.stdout.splitlines() if line.startswith("s3://")]
    assert [address.rpartition("/")[2] for address in printed] == [
        "train",
        "validation",
        "abalone-dataset.csv",
        "preprocessing.py",
    ]
    [run] = client.list_trial_components(ExperimentName="abalone-by-hand")["TrialComponentSummaries"]
    component = client.describe_trial_component(TrialComponentName=run["TrialComponentName"])
    assert component["Parameters"] == {"eta": {"NumberValue": 0.2}}
    assert [(metric["MetricName"], metric["Last"]) for metric in component["Metrics"]] == [("rmse", 1.93)]
