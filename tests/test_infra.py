import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from consumers.demo import aws as demo
from consumers.demo.aws import Aws, Stack
from consumers.resources import RESOURCE_TYPES
from consumers.resources.kept import BY_KIND
from consumers.run.backfill import KINDS, descriptions

TEMPLATE = demo.template()
RESOURCES = TEMPLATE["Resources"]

THIS_RULE = {"aws:SourceArn": {"Fn::GetAtt": ["Rule", "Arn"]}}


@pytest.fixture(scope="module")
def server() -> Iterator[Aws]:
    with demo.miniature() as aws:
        yield aws


@pytest.fixture
def aws(server: Aws) -> Aws:
    return demo.new_account(server)


@pytest.fixture
def stack(aws: Aws) -> Stack:
    return demo.deploy(aws, parameters={"MaxReceiveCount": "3"})


def received(aws: Aws, queue_url: str) -> list[dict[str, Any]]:
    """Ten messages at most, as SQS gives them."""
    sqs = aws.client("sqs")
    answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def drained(aws: Aws, queue_url: str) -> list[dict[str, Any]]:
    """All messages of a queue, received and deleted."""
    sqs, bodies = aws.client("sqs"), []
    while messages := received(aws, queue_url):
        for message in messages:
            bodies.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def content(events: list[dict[str, Any]]) -> list[str]:
    """The content of events, without what EventBridge sets itself: id, account, region."""
    fields = ("source", "detail-type", "time", "resources", "detail")
    return sorted(json.dumps({name: event[name] for name in fields}, sort_keys=True) for event in events)


def statements(policy: str) -> dict[str, dict[str, Any]]:
    return {statement["Sid"]: statement for statement in RESOURCES[policy]["Properties"]["PolicyDocument"]["Statement"]}


def test_every_event_of_sagemaker_reaches_the_queue_unchanged(aws: Aws, stack: Stack) -> None:
    assert demo.publish(aws, demo.abalone(), bus=stack.event_bus) == 29
    assert demo.waiting(aws, stack.queue_url) == 29
    assert content(drained(aws, stack.queue_url)) == content(demo.abalone())


def test_events_of_other_sources_do_not_reach_the_queue(aws: Aws, stack: Stack) -> None:
    demo.publish(aws, [event | {"source": "aws.glue"} for event in demo.abalone()])
    assert demo.waiting(aws, stack.queue_url) == 0


def test_calls_logged_by_cloudtrail_reach_the_queue(aws: Aws, stack: Stack) -> None:
    call = demo.abalone()[0] | {"detail-type": "AWS API Call via CloudTrail", "resources": []}
    demo.publish(aws, [call])
    assert content(drained(aws, stack.queue_url)) == content([call])


def test_of_glue_only_states_of_job_runs_and_calls_that_start_them_reach_the_queue(aws: Aws, stack: Stack) -> None:
    about = demo.abalone()[0] | {"source": "aws.glue", "resources": []}
    running = about | {"detail-type": "Glue Job Run Status"}
    ended = about | {"detail-type": "Glue Job State Change"}
    started, listed = (
        about
        | {
            "detail-type": "AWS API Call via CloudTrail",
            "detail": {"eventSource": "glue.amazonaws.com", "eventName": name},
        }
        for name in ("StartJobRun", "CreateTable")
    )
    demo.publish(aws, [running, ended, started, listed, about | {"detail-type": "Glue Crawler State Change"}])
    assert content(drained(aws, stack.queue_url)) == content([running, ended, started])


def test_the_archive_holds_what_was_sent_to_the_queue_and_can_replay_it(aws: Aws, stack: Stack) -> None:
    demo.publish(aws, demo.abalone())
    drained(aws, stack.queue_url)
    aws.client("events").start_replay(
        ReplayName="again",
        EventSourceArn=stack.archive_arn,
        EventStartTime="2022-07-13T00:00:00Z",
        EventEndTime="2022-07-14T00:00:00Z",
        Destination={"Arn": stack.event_bus_arn, "FilterArns": [stack.rule_arn]},
    )
    assert content(drained(aws, stack.queue_url)) == content(demo.abalone())


def test_the_archive_and_the_rule_take_the_same_events() -> None:
    assert RESOURCES["Archive"]["Properties"]["EventPattern"] == RESOURCES["Rule"]["Properties"]["EventPattern"]


def test_the_archive_can_be_left_out(aws: Aws) -> None:
    stack = demo.deploy(aws, parameters={"ArchiveEvents": "false"})
    assert stack.archive_arn is None
    assert aws.client("events").list_archives()["Archives"] == []


def test_events_can_be_taken_from_another_bus(aws: Aws) -> None:
    aws.client("events").create_event_bus(Name="lineage")
    stack = demo.deploy(aws, parameters={"EventBusName": "lineage"})
    assert stack.event_bus == "lineage"

    demo.publish(aws, demo.abalone(), bus="default")
    assert demo.waiting(aws, stack.queue_url) == 0
    demo.publish(aws, demo.abalone(), bus="lineage")
    assert demo.waiting(aws, stack.queue_url) == 29


def test_a_message_received_too_often_goes_to_the_dead_letter_queue(aws: Aws, stack: Stack) -> None:
    demo.publish(aws, demo.abalone()[:1])
    sqs = aws.client("sqs")
    for _ in range(3):
        [message] = received(aws, stack.queue_url)
        sqs.change_message_visibility(
            QueueUrl=stack.queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    assert received(aws, stack.queue_url) == []
    assert content(drained(aws, stack.dead_letter_queue_url)) == content(demo.abalone()[:1])


def test_both_queues_are_encrypted_and_keep_messages_for_14_days(aws: Aws, stack: Stack) -> None:
    for queue_url in (stack.queue_url, stack.dead_letter_queue_url):
        names = ["SqsManagedSseEnabled", "MessageRetentionPeriod"]
        attributes = aws.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
        assert attributes == {"SqsManagedSseEnabled": "true", "MessageRetentionPeriod": str(14 * 24 * 3600)}


def test_a_key_given_as_a_parameter_encrypts_both_queues(aws: Aws) -> None:
    key = f"arn:aws:kms:{aws.region}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    stack = demo.deploy(aws, parameters={"KmsKeyArn": key})
    for queue_url in (stack.queue_url, stack.dead_letter_queue_url):
        attributes = aws.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
        assert attributes["KmsMasterKeyId"] == key


def test_what_eventbridge_cannot_deliver_goes_to_the_dead_letter_queue(aws: Aws, stack: Stack) -> None:
    targets = aws.client("events").list_targets_by_rule(Rule=stack.rule_arn.rpartition("/")[2])["Targets"]
    [dead_letters] = [target["DeadLetterConfig"]["Arn"] for target in targets]
    assert dead_letters.rpartition(":")[2] == stack.dead_letter_queue_url.rpartition("/")[2]


def allowed_by(aws: Aws, policy_arn: str) -> list[dict[str, Any]]:
    """The statements of a policy, as it was deployed."""
    iam = aws.client("iam")
    version = iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"]
    policy = iam.get_policy_version(PolicyArn=policy_arn, VersionId=version)["PolicyVersion"]["Document"]
    assert policy["Version"] == "2012-10-17"
    found: list[dict[str, Any]] = policy["Statement"]
    return found


def test_the_worker_policy_allows_receiving_from_its_queue_and_nothing_else(aws: Aws, stack: Stack) -> None:
    assert allowed_by(aws, stack.worker_policy_arn) == [
        {
            "Sid": "WorkTheQueue",
            "Effect": "Allow",
            "Action": [
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:ReceiveMessage",
            ],
            "Resource": stack.queue_arn,
        }
    ]


def test_the_describe_policy_allows_the_calls_that_headwater_makes_and_nothing_else(aws: Aws, stack: Stack) -> None:
    listing = {one.name for one in KINDS.values()}
    existing = {operation.name for kind in KINDS for operation in descriptions(kind)}
    described = {
        one.described_by.operation.name
        for kind, one in RESOURCE_TYPES.items()
        if one.described_by and kind not in BY_KIND
    }
    # AutoML jobs of the first version are described by the older operation.
    about_one = {*existing, *described, "DescribeAutoMLJob"} - listing
    assert stack.describe_policy_arn
    assert allowed_by(aws, stack.describe_policy_arn) == [
        {
            "Sid": "DescribeWhatIsInSageMaker",
            "Effect": "Allow",
            "Action": [f"sagemaker:{operation}" for operation in sorted(about_one)],
            "Resource": f"arn:aws:sagemaker:*:{stack.queue_arn.split(':')[4]}:*",
        },
        {
            "Sid": "ListWhatIsInSageMaker",
            "Effect": "Allow",
            "Action": [f"sagemaker:{operation}" for operation in sorted(listing)],
            "Resource": "*",
        },
    ]


def test_the_describe_policy_can_be_left_out(aws: Aws) -> None:
    stack = demo.deploy(aws, parameters={"DescribeSageMaker": "false"})
    assert stack.describe_policy_arn is None


@pytest.mark.parametrize(
    ("policy", "queue", "allowed"),
    [
        ("QueuePolicy", "Queue", "RuleMaySend"),
        ("DeadLetterQueuePolicy", "DeadLetterQueue", "RuleMaySendWhatItCouldNotDeliver"),
    ],
)
def test_the_rule_is_all_that_a_queue_policy_allows(policy: str, queue: str, allowed: str) -> None:
    assert RESOURCES[policy]["Properties"]["Queues"] == [{"Ref": queue}]
    assert [sid for sid, statement in statements(policy).items() if statement["Effect"] == "Allow"] == [allowed]
    assert statements(policy)[allowed] == {
        "Sid": allowed,
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": [queue, "Arn"]},
        "Condition": {"ArnEquals": THIS_RULE},
    }


@pytest.mark.parametrize(("policy", "queue"), [("QueuePolicy", "Queue"), ("DeadLetterQueuePolicy", "DeadLetterQueue")])
def test_a_queue_policy_denies_what_does_not_come_over_tls(policy: str, queue: str) -> None:
    assert statements(policy)["OnlyOverTls"] == {
        "Sid": "OnlyOverTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": {"Fn::GetAtt": [queue, "Arn"]},
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_the_queue_policy_denies_everyone_but_the_rule() -> None:
    assert statements("QueuePolicy")["NobodyElseMaySend"] == {
        "Sid": "NobodyElseMaySend",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": ["Queue", "Arn"]},
        "Condition": {"ArnNotEquals": THIS_RULE},
    }


def test_every_parameter_has_a_default_so_that_one_command_deploys() -> None:
    assert [name for name, parameter in TEMPLATE["Parameters"].items() if "Default" not in parameter] == []


def test_a_call_of_put_events_is_filled_but_never_overfilled(aws: Aws, stack: Stack) -> None:
    small = demo.abalone()[0]
    large = small | {"detail": {"padding": "x" * 100_000}}
    events = [small] * 11 + [large] * 5 + [small]
    calls = list(demo.filled_calls(demo.entry_for(event, "default") for event in events))
    assert [len(call) for call in calls] == [10, 3, 2, 2]
    assert demo.publish(aws, events) == len(events) == demo.waiting(aws, stack.queue_url)


def test_the_demo_without_moto_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moto.server", None)  # what Python does for a module that cannot be imported
    with pytest.raises(demo.MotoMissing, match=r"pip install 'headwater\[demo\]'"), demo.miniature():
        pass
