"""An AWS in miniature: EventBridge, SQS and CloudFormation by moto, behind one port of this machine.

    with miniature() as aws:
        stack = deploy(aws)
        publish(aws, abalone(), bus=stack.event_bus)
        waiting(aws, stack.queue_url)

The template deployed is the one for the real AWS; `fitted_to_moto` shows all that is changed in it.
"""

import json
import logging
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]
CHECKOUT = HERE.parent

ENTRIES_A_CALL = 10  # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
BYTES_A_CALL = 256 * 1024


class MotoMissing(Exception):
    """The demo's extra is not installed; the message says what to do."""


ANY_KEY = "miniature"
"""What an access key and its secret may be: moto checks no signature."""


@dataclass(frozen=True, slots=True)
class Aws:
    """Where the miniature answers, and how to speak to it and to no other AWS."""

    endpoint: str
    access_key_id: str = ANY_KEY
    secret_access_key: str = ANY_KEY
    region: str = "us-west-2"  # where the Abalone pipeline ran

    @property
    def arguments(self) -> dict[str, str]:
        """What a client of boto3 or aiobotocore must be given: its place, and credentials that open nothing real.

        Given explicitly, these win over those of the environment, of profiles and of instance roles.
        """
        return {
            "endpoint_url": self.endpoint,
            "region_name": self.region,
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
        }

    def client(self, service: str) -> Any:
        """A boto3 client of `service`."""
        from botocore.config import Config

        # A proxy cannot reach this machine's loopback, FIPS and dual-stack endpoints exclude one of our own, and
        # what fails here fails again when retried.
        plain = Config(
            proxies={},
            use_fips_endpoint=False,
            use_dualstack_endpoint=False,
            retries={"total_max_attempts": 1},
        )
        return _session().client(service, config=plain, **self.arguments)


@cache
def _session() -> Any:
    """One for all clients, as it reads the description of each service once."""
    import boto3

    return boto3.session.Session()


@dataclass(frozen=True, slots=True)
class Stack:
    """What was deployed: the template's outputs."""

    queue_url: str
    queue_arn: str
    dead_letter_queue_url: str
    worker_policy_arn: str
    event_bus_arn: str
    rule_arn: str
    archive_arn: str | None  # None when the stack keeps no archive
    describe_policy_arn: str | None  # None when the stack lets nobody look at SageMaker

    @property
    def event_bus(self) -> str:
        """The name of the bus that the rule listens on."""
        return self.event_bus_arn.partition(":event-bus/")[2]


@contextmanager
def miniature() -> Iterator[Aws]:
    """An empty AWS on a free port of the loopback interface, for as long as the block lasts.

    Raises:
        MotoMissing: moto is not installed.
    """
    try:
        from moto.server import ThreadedMotoServer
    except ImportError as why:
        raise MotoMissing("the demo needs moto: pip install 'headwater[demo]'") from why

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    access_log = logging.getLogger("werkzeug")  # it prints a line for every request unless it has a level
    level = access_log.level
    access_log.setLevel(logging.ERROR)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield new_account(Aws(f"http://{host}:{port}"))
    finally:
        server.stop()
        access_log.setLevel(level)


def new_account(aws: Aws) -> Aws:
    """The same server, seen from an account that is still empty.

    moto keeps its accounts in the process, not in the server, so without this a second miniature would find what the
    first one left.
    """
    account = f"{secrets.randbelow(10**12):012}"
    role = f"arn:aws:iam::{account}:role/demo"
    keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="demo")["Credentials"]
    return replace(aws, access_key_id=keys["AccessKeyId"], secret_access_key=keys["SecretAccessKey"])


def template() -> dict[str, Any]:
    """`infra/template.yaml`, its short tags written out: `!Ref Queue` is {"Ref": "Queue"}, as in a JSON template."""
    import yaml

    def written_out(loader: Any, tag: str, node: Any) -> dict[str, Any]:
        if tag == "GetAtt":
            return {"Fn::GetAtt": node.value.split(".", 1)}
        value = loader.construct_sequence(node, deep=True) if node.id == "sequence" else loader.construct_scalar(node)
        return {tag if tag == "Ref" else f"Fn::{tag}": value}

    loader_class: Any = type("TemplateLoader", (yaml.SafeLoader,), {})  # a class of our own, as tags are added to it
    loader_class.add_multi_constructor("!", written_out)
    text = shipped("template.yaml", CHECKOUT / "infra" / "template.yaml").read_text("utf-8")
    loader = loader_class(text)
    loaded: dict[str, Any] = loader.get_single_data()
    loader.dispose()
    return loaded


def fitted_to_moto(template: Mapping[str, Any]) -> dict[str, Any]:
    """The template as moto can take it; each step is a gap of moto's, and none of AWS's."""
    fitted = deepcopy(dict(template))
    resources = fitted["Resources"]

    # moto's CloudFormation can make neither queue policies nor alarms, and warns of each. It would not enforce the one
    # and measures nothing that the other could be about.
    for name, resource in list(resources.items()):
        if resource["Type"] in {"AWS::SQS::QueuePolicy", "AWS::CloudWatch::Alarm"}:
            del resources[name]

    # It hands an archive's pattern, a mapping, to code that expects the JSON text of one.
    for resource in resources.values():
        if resource["Type"] == "AWS::Events::Archive":
            properties = resource["Properties"]
            properties["EventPattern"] = json.dumps(properties["EventPattern"])

    return fitted


def deploy(aws: Aws, *, name: str = "headwater", parameters: Mapping[str, str] | None = None) -> Stack:
    """Deploy `infra/template.yaml` under `name`; `parameters` are the template's, its defaults hold for the rest."""
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(fitted_to_moto(template())),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in (parameters or {}).items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name)
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    return Stack(
        queue_url=_here(aws, outputs["QueueUrl"]),
        queue_arn=outputs["QueueArn"],
        dead_letter_queue_url=_here(aws, outputs["DeadLetterQueueUrl"]),
        worker_policy_arn=outputs["WorkerPolicyArn"],
        event_bus_arn=outputs["EventBusArn"],
        rule_arn=outputs["RuleArn"],
        archive_arn=outputs.get("ArchiveArn"),
        describe_policy_arn=outputs.get("DescribePolicyArn"),
    )


def _here(aws: Aws, queue_url: str) -> str:
    """The miniature's own URL of a queue: in a stack moto gives the real AWS's, where nothing of ours must go."""
    name = queue_url.rpartition("/")[2]
    url: str = aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
    return url


def abalone() -> list[dict[str, Any]]:
    """The 29 events of one run of AWS's Abalone pipeline, from its start to a model evaluated and registered."""
    text = shipped("abalone.jsonl", CHECKOUT / "tests" / "cases" / "abalone" / "events.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def publish(aws: Aws, events: Iterable[Mapping[str, Any]], *, bus: str = "default") -> int:
    """Put events, given as EventBridge would deliver them, on `bus`; say how many.

    Time, source, detail-type, resources and detail survive; id, account and region are given by EventBridge. The
    real AWS would refuse these events, as no source but its own may begin with `aws.`.

    Raises:
        RuntimeError: EventBridge refused some of the events.
    """
    client = aws.client("events")
    published = 0
    for entries in filled_calls(entry_for(event, bus) for event in events):
        answer = client.put_events(Entries=entries)
        if answer["FailedEntryCount"]:
            reasons = [entry["ErrorMessage"] for entry in answer["Entries"] if "ErrorMessage" in entry]
            raise RuntimeError(f"EventBridge refused {answer['FailedEntryCount']} events: {reasons[0]}")
        published += len(entries)
    return published


def entry_for(event: Mapping[str, Any], bus: str) -> dict[str, Any]:
    """An event as PutEvents takes it."""
    return {
        "EventBusName": bus,
        "Time": datetime.fromisoformat(event["time"]),
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Resources": event["resources"],
        "Detail": json.dumps(event["detail"]),
    }


def filled_calls(entries: Iterable[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    """The entries in order, as many in a call as PutEvents takes by their number and by their size."""
    call: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        more = _size(entry)
        if call and (len(call) == ENTRIES_A_CALL or size + more > BYTES_A_CALL):
            yield call
            call, size = [], 0
        call.append(entry)
        size += more
    if call:
        yield call


def _size(entry: Mapping[str, Any]) -> int:
    """The bytes of an entry as PutEvents counts them.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
    """
    texts = [entry["Source"], entry["DetailType"], entry["Detail"], *entry["Resources"]]
    return 14 + sum(len(text.encode()) for text in texts)  # 14 for the time


def waiting(aws: Aws, queue_url: str) -> int:
    """How many messages of a queue could be received now."""
    name = "ApproximateNumberOfMessages"
    answer = aws.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def shipped(name: str, source: Path) -> Path:
    """A file of the demo: in the package of an installed wheel, at `source` in a checkout."""
    packaged = HERE / "demo_files" / name
    return packaged if packaged.exists() else source
