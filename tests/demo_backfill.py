"""`make demo-backfill`: lineage of what existed before Headwater, and of resources whose events were lost.

A miniature AWS (moto) in which a model was trained, registered and deployed without any event reaching Headwater; then
the commands that a user would run, as processes of their own, and what they print.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from consumers.demo.aws import Aws, miniature
from tests.support.moto_account import ENDPOINT, make_account


def main() -> int:
    """Run it; 0 if every command succeeded."""
    with miniature() as aws, tempfile.TemporaryDirectory(prefix="headwater-demo-") as folder:
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)  # it logs each operation that moto lacks
        made = make_account(aws.client("sagemaker"))
        _say("A miniature AWS in which a model was trained, registered and deployed before Headwater was started")
        for words in (
            ("backfill", "--dry-run"),
            ("backfill", "--per-second", "20"),
            ("status",),
            ("lineage", ENDPOINT),
        ):
            if code := _run(aws, folder, *words):
                return code
        _say("Another store, which has received one event, that the endpoint is in service; all earlier ones were lost")
        (Path(folder) / "received.json").write_text(_in_service(aws, made["endpoint"]))
        lost = ("--database-url", "sqlite:///lost.db")
        for words in (("replay", "received.json"), ("reconcile", "--per-second", "20"), ("lineage", ENDPOINT)):
            if code := _run(aws, folder, *words, *lost):
                return code
    return 0


def _run(aws: Aws, folder: str, *words: str) -> int:
    """Run a command as a user would, and show it; its exit code."""
    print(f"\n$ headwater {' '.join(words)}", flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "consumers.cli", *words]
    done = subprocess.run(command, cwd=folder, env=_environment(aws), check=False)
    print(f"({time.monotonic() - began:.1f} s)", flush=True)
    return done.returncode


def _in_service(aws: Aws, arn: str) -> str:
    """The last event of the endpoint."""
    described = aws.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    detail = {
        "EndpointName": ENDPOINT,
        "EndpointArn": arn,
        "EndpointConfigName": described["EndpointConfigName"],
        "EndpointStatus": "IN_SERVICE",
        **{name: int(described[name].timestamp() * 1000) for name in ("CreationTime", "LastModifiedTime")},
    }
    event = {"detail-type": "SageMaker Endpoint State Change", "source": "aws.sagemaker", "detail": detail}
    return json.dumps({**event, "time": described["LastModifiedTime"].isoformat(), "resources": [arn]})


def _environment(aws: Aws) -> dict[str, str]:
    """This process's environment, without variables that point to another AWS or store than the demo's."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HEADWATER_"))}
    return {
        **plain,
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_DEFAULT_REGION": aws.region,
        "AWS_ACCESS_KEY_ID": aws.access_key_id,
        "AWS_SECRET_ACCESS_KEY": aws.secret_access_key,
        "AWS_MAX_ATTEMPTS": "1",  # moto's error for operations that it lacks is one that clients retry
    }


def _say(text: str) -> None:
    print(f"» {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
