"""One server for every account of a store: the caller's key names the account, or the path, or a header."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from consumers.api.access import Credentials, Identity, Role
from consumers.api.app import Settings
from consumers.api.signature import Verifier
from store.database import Store
from store.graph.borders import places
from store.lineage import Lineage, artifact
from tests.support.api_server import Api, client, refused, served
from tests.support.events import HERE, NOON, event
from tests.support.query_lineage import holding
from tests.support.stores import fed, sqlite_store

FIRST, SECOND, EMPTY = "111122223333", "444455556666", "777788889999"
REGION = "us-west-2"
SECRET = "a secret of sixteen"


def endpoint(account: str, name: str, region: str = REGION) -> bytes:
    body = json.loads(event("Endpoint State Change", {"EndpointName": name, "EndpointStatus": "InService"}))
    return json.dumps(body | {"account": account, "region": region}).encode()


@pytest.fixture
def two_accounts(tmp_path: Path) -> Iterator[Store]:
    with sqlite_store(tmp_path / "store.db") as store:
        yield fed(store, [endpoint(FIRST, "One"), endpoint(SECOND, "Two")])


@pytest.fixture
def unsigned(two_accounts: Store) -> Iterator[Api]:
    with served(two_accounts, Settings(FIRST, REGION)) as api:
        yield api


def endpoints(sagemaker: Any) -> list[str]:
    return [one["EndpointArn"] for one in sagemaker.list_endpoints()["Endpoints"]]


def naming(api: Api, account: str, path: str = "") -> Any:
    """A client whose requests name an account in a header."""
    made = client("sagemaker", f"{api.url}{path}")
    made.meta.events.register(
        "before-call.sagemaker.*", lambda params, **_: params["headers"].update({"x-headwater-account": account})
    )
    return made


def arn(account: str, name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{account}:endpoint/{name}"


def test_without_keys_a_path_or_a_header_names_the_account(unsigned: Api) -> None:
    assert endpoints(unsigned.sagemaker) == [arn(FIRST, "one")]
    for account, found in ((FIRST, [arn(FIRST, "one")]), (SECOND, [arn(SECOND, "two")]), (EMPTY, [])):
        assert endpoints(client("sagemaker", f"{unsigned.url}/{account}")) == found
        assert endpoints(client("sagemaker", f"{unsigned.url}/{account}/")) == found
        assert endpoints(naming(unsigned, account)) == found
        assert endpoints(naming(unsigned, account, f"/{account}")) == found


def test_what_a_client_makes_belongs_to_the_account_that_it_names(unsigned: Api) -> None:
    url = f"{unsigned.url}/{SECOND}"
    sagemaker, metrics = client("sagemaker", url), client("sagemaker-metrics", url)

    made = sagemaker.create_trial_component(TrialComponentName="by-hand")["TrialComponentArn"]
    metrics.batch_put_metrics(
        TrialComponentName="by-hand", MetricData=[{"MetricName": "loss", "Timestamp": NOON // 1000, "Value": 0.5}]
    )

    assert made == f"arn:aws:sagemaker:{REGION}:{SECOND}:experiment-trial-component/by-hand"
    [loss] = sagemaker.describe_trial_component(TrialComponentName="by-hand")["Metrics"]
    assert loss["Last"] == 0.5
    assert "Trial" in refused(unsigned.sagemaker.describe_trial_component, TrialComponentName="by-hand")


def test_a_request_that_names_no_account_or_two_is_refused_with_a_sentence(unsigned: Api) -> None:
    assert "must be the twelve digits of an account, not '42'" in refused(naming(unsigned, "42").list_endpoints)
    both = naming(unsigned, FIRST, f"/{SECOND}").list_endpoints
    assert f"The path names the account {SECOND}, and the header x-headwater-account {FIRST}" in refused(both)


def signing(api: Api, name: str, path: str = "") -> Any:
    config = Config(retries={"total_max_attempts": 1})
    return boto3.Session(f"AKIA{name}", SECRET, region_name=REGION).client(
        "sagemaker", endpoint_url=f"{api.url}{path}", config=config
    )


def test_a_key_names_its_account(two_accounts: Store) -> None:
    identities = [
        Identity("ann", "AKIAann", SECRET, Role.READ, SECOND),
        Identity("bob", "AKIAbob", SECRET, Role.READ),
    ]
    verifier = Verifier(Credentials({one.access_key_id: one for one in identities}), FIRST)
    with served(two_accounts, Settings(FIRST, REGION, verifier)) as api:
        assert endpoints(signing(api, "ann")) == endpoints(signing(api, "ann", f"/{SECOND}")) == [arn(SECOND, "two")]
        assert endpoints(signing(api, "bob")) == [arn(FIRST, "one")]
        denied = f"AccessDeniedException: User: arn:aws:iam::{SECOND}:user/ann is of the account {SECOND}"
        assert denied in refused(signing(api, "ann", f"/{FIRST}").list_endpoints)
        assert "AccessDeniedException" in refused(signing(api, "bob", f"/{SECOND}").list_endpoints)


def test_a_key_writes_to_its_own_account_alone_and_reads_others_by_arn(two_accounts: Store) -> None:
    identities = [
        Identity("ann", "AKIAann", SECRET, Role.WRITE, SECOND),
        Identity("bob", "AKIAbob", SECRET, Role.WRITE),
    ]
    verifier = Verifier(Credentials({one.access_key_id: one for one in identities}), FIRST)
    with served(two_accounts, Settings(FIRST, REGION, verifier)) as api:
        ann, bob = signing(api, "ann"), signing(api, "bob")
        hers, his = (
            one.create_artifact(ArtifactType="DataSet", Source={"SourceUri": f"s3://b/{name}"})["ArtifactArn"]
            for one, name in ((ann, "hers"), (bob, "his"))
        )
        for write, members in (
            (bob.update_artifact, {"ArtifactArn": hers, "ArtifactName": "mine"}),
            (bob.delete_artifact, {"ArtifactArn": hers}),
            (bob.add_tags, {"ResourceArn": hers, "Tags": [{"Key": "a", "Value": "b"}]}),
            (bob.delete_tags, {"ResourceArn": hers, "TagKeys": ["a"]}),
            (bob.add_association, {"SourceArn": hers, "DestinationArn": hers}),
        ):
            denied = f"user/bob is of the account {FIRST}, and may not change {hers}"
            assert denied in refused(write, **members)

        assert bob.describe_artifact(ArtifactArn=hers)["Source"]["SourceUri"] == "s3://b/hers"
        assert ann.update_artifact(ArtifactArn=hers, ArtifactName="mine")["ArtifactArn"] == hers
        bob.add_association(SourceArn=hers, DestinationArn=his)
        [link] = ann.list_associations(SourceArn=hers)["AssociationSummaries"]
        assert link["DestinationArn"] == his


def test_every_account_and_region_is_found_however_few_its_entities_are(store: Store) -> None:
    many = [artifact(f"arn:aws:sagemaker:{REGION}:{FIRST}:", "DataSet", f"s3://b/{n}", NOON) for n in range(1100)]
    few = [
        artifact(f"arn:{partition}:sagemaker:{region}:{account}:", "DataSet", "s3://b/x", NOON)
        for partition, region, account in (
            ("aws", "us-east-2", FIRST),
            ("aws", REGION, SECOND),
            ("aws-eusc", "eusc-de-east-1", EMPTY),
        )
    ]
    holding(store, Lineage((*few, *many)))

    assert places(store)[0] == (FIRST, REGION)
    assert sorted(places(store)) == sorted(
        [(FIRST, REGION), (FIRST, "us-east-2"), (SECOND, REGION), (EMPTY, "eusc-de-east-1")]
    )


def test_the_server_says_at_its_start_which_accounts_it_answers_for(tmp_path: Path) -> None:
    with sqlite_store(tmp_path / "headwater.db") as store:
        fed(store, [endpoint(FIRST, "One"), endpoint(FIRST, "More"), endpoint(SECOND, "Two", "eu-west-1")])
    command = [sys.executable, "-m", "consumers.cli", "serve", "--port", "0", "--region", "eu-west-1"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    environment |= {"PYTHONPATH": str(HERE.parent)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            first, second, third = (server.stdout.readline().rstrip("\n") for _ in range(3))
        finally:
            server.terminate()

    assert first.endswith(f"(account {SECOND}, lineage of eu-west-1)")
    assert second == "It answers for these accounts too, by their keys or by their number after the address:"
    assert third.endswith(f"/{FIRST} (lineage of {REGION})")
