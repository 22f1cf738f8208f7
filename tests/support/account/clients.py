"""What clients make themselves in a made-up account: entities, links and tags. Only calls report them."""

from __future__ import annotations

from typing import Any

from tests.support.account.made import BY, Account, Detail, call, moment
from tests.support.events import PARTITION


def lineage(account: Account, uri: str) -> None:
    """Artifacts, a context and an action, associated with each other; an association and an artifact are taken away."""
    raw, kept, gone = (_artifact(account, uri_) for uri_ in (uri, f"{uri}/kept", f"{uri}/gone"))
    _change(account, kept)
    review = _named(account, "Context", account.fresh("Review"), "Review")
    check = _named(account, "Action", account.fresh("Check"), "Check", status="InProgress")
    account.calls(
        check,
        call("UpdateAction", {"actionName": check.rpartition("/")[2], "status": "Completed"}, at=account.second()),
    )
    account.forget(check)
    for source, destination, type_ in (
        (raw, check, "ContributedTo"),
        (check, kept, "Produced"),
        (kept, review, "AssociatedWith"),
        (raw, review, None),
        (gone, review, None),
    ):
        asked = {"sourceArn": source, "destinationArn": destination}
        account.calls(
            source,
            call(
                "AddAssociation", {**asked, **({"associationType": type_} if type_ else {})}, asked, at=account.second()
            ),
        )
    ends = {"sourceArn": raw, "destinationArn": review}
    account.calls(raw, call("DeleteAssociation", ends, ends, at=account.second()))
    account.calls(gone, call("DeleteArtifact", {"artifactArn": gone}, {"artifactArn": gone}, at=account.second()))
    account.forget(gone)


def _artifact(account: Account, uri: str) -> str:
    """An artifact; its ARN, whose last part does not follow from its source."""
    arn = f"{PARTITION}artifact/{account.chance.getrandbits(128):032x}"
    began = account.second()
    name = account.fresh("Data")
    asked = {
        "artifactName": name,
        "artifactType": "DataSet",
        "source": {"sourceUri": uri},
        "properties": {"Rows": "3", "owner": "ada"},
    }
    described = {
        "ArtifactName": name,
        "ArtifactArn": arn,
        "Source": {"SourceUri": uri, "SourceTypes": []},
        "ArtifactType": "DataSet",
        "Properties": {"Rows": "3", "owner": "ada"},
        "CreationTime": moment(began),
        "CreatedBy": BY,
        "LastModifiedTime": moment(began),
    }
    made = call("CreateArtifact", asked, {"artifactArn": arn}, at=began)
    # Associations speak of it.
    return account.keep(arn, [made], ("DescribeArtifact", {"ArtifactArn": arn}, described), spare=1)


def _change(account: Account, arn: str) -> None:
    """Properties of an artifact are added and taken away."""
    asked = {"artifactArn": arn, "properties": {"Rows": "4"}, "propertiesToRemove": ["owner"]}
    changed = account.second()
    [(request, before)] = [
        (request, response)
        for one in account.made
        for operation, request, response in one.answers
        if one.arn == arn and operation == "DescribeArtifact"
    ]
    account.forget(arn, operations=("DescribeArtifact", "ListTags"))
    described = {**before, "Properties": {"Rows": "4"}, "LastModifiedTime": moment(changed), "LastModifiedBy": BY}
    made = call("UpdateArtifact", asked, {"artifactArn": arn}, at=changed)
    # Nothing else reports the change.
    account.keep(arn, [made], ("DescribeArtifact", request, described), spare=0)


def _named(account: Account, sort: str, name: str, type_: str, **more: str) -> str:
    """A context or an action; its ARN."""
    arn = f"{PARTITION}{sort.lower()}/{name}"
    began = account.second()
    stem = sort.lower()
    source = "https://example.com/review"
    asked = {
        f"{stem}Name": name,
        f"{stem}Type": type_,
        "source": {"sourceUri": source},
        "properties": {"a": "1"},
        **more,
    }
    described = {
        f"{sort}Name": name,
        f"{sort}Arn": arn,
        "Source": {"SourceUri": source},
        f"{sort}Type": type_,
        "Properties": {"a": "1"},
        "CreationTime": moment(began),
        "CreatedBy": BY,
        "LastModifiedTime": moment(began),
        **{key.capitalize(): value for key, value in more.items()},
    }
    made = call(f"Create{sort}", asked, {f"{stem}Arn": arn}, at=began)
    return account.keep(arn, [made], (f"Describe{sort}", {f"{sort}Name": name}, described), spare=1)


def experiments(account: Account, component: str) -> None:
    """An experiment with a trial and a trial component of a client's, another one that is deleted, and tags.

    SageMaker is not asked about experiments and trials that others speak of, since they need not be there: nothing of
    them may be lost.

    Args:
        account: Where.
        component: The name of a job's trial component, to which a client adds something.
    """
    experiment, trial, mine = account.fresh("Churn"), account.fresh("Monday"), account.fresh("By-Hand")
    experiment_arn = f"{PARTITION}experiment/{experiment.lower()}"
    done: list[tuple[str, Detail, Any]] = [
        ("CreateExperiment", {"experimentName": experiment, "description": "first"}, {"experimentArn": experiment_arn}),
        ("CreateTrial", {"trialName": trial, "experimentName": experiment}, None),
        (
            "CreateTrialComponent",
            {
                "trialComponentName": mine,
                "parameters": {"eta": {"numberValue": 0.2}, "mode": {"stringValue": "fast"}},
                "inputArtifacts": {"data": {"value": "s3://bucket/by-hand"}},
                "status": {"primaryStatus": "InProgress"},
            },
            None,
        ),
        ("AssociateTrialComponent", {"trialComponentName": mine, "trialName": trial}, None),
        ("AssociateTrialComponent", {"trialComponentName": component, "trialName": trial}, None),
        ("UpdateTrialComponent", {"trialComponentName": component, "displayName": "the good one"}, None),
        (
            "UpdateTrialComponent",
            {
                "trialComponentName": mine,
                "status": {"primaryStatus": "Completed"},
                "parameters": {"eta": {"numberValue": 0.3}},
                "parametersToRemove": ["mode"],
            },
            None,
        ),
        ("UpdateExperiment", {"experimentName": experiment, "description": "second"}, None),
        (
            "AddTags",
            {"resourceArn": experiment_arn, "tags": [{"key": "team", "value": "crm"}, {"key": "cost", "value": "4"}]},
            None,
        ),
        ("DeleteTags", {"resourceArn": experiment_arn, "tagKeys": ["cost"]}, None),
        ("CreateTrial", {"trialName": f"{trial}-gone", "experimentName": experiment}, None),
        ("AssociateTrialComponent", {"trialComponentName": mine, "trialName": f"{trial}-gone"}, None),
        ("DisassociateTrialComponent", {"trialComponentName": mine, "trialName": f"{trial}-gone"}, None),
        ("DeleteTrial", {"trialName": f"{trial}-gone"}, None),
    ]
    account.calls(experiment_arn, *(call(name, asked, answered, at=account.second()) for name, asked, answered in done))
