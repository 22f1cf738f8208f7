"""A made-up account with all that SageMaker has: what it says of it in events, and what it answers when it is asked.

Whatever is here could be there: answers are held against botocore's description of the service by the fake that gives
them, and events are made of answers, in the spellings that events have.
"""

from __future__ import annotations

import random

from tests.support.account import clients, jobs, pipelines, registry, serving
from tests.support.account.made import Account

__all__ = ["Account", "generated"]


def generated(seed: int) -> Account:
    """An account in which some of everything was made."""
    account = Account(random.Random(seed))
    group = registry.model_package_group(account, "Prices")
    flow = pipelines.pipeline(account, "Flow")
    execution, data = pipelines.execution(account, flow)
    packages = [registry.model_package(account, group, 1, [data], execution)]
    latest = execution
    if account.maybe():
        latest, data = pipelines.execution(account, flow, cached=execution)
    else:
        pipelines.failed_execution(account, flow)
    pipelines.tuning_execution(account, flow)
    decided = ("PendingManualApproval", *account.chance.choice([("Approved",), ("Rejected", "Approved")]))
    other = jobs.training_job(account, account.fresh("Other"), ["s3://bucket/y"], spare=2)
    packages.append(registry.model_package(account, group, 2, [data, other], latest, decided))

    _served(account, packages)
    _data_and_jobs(account)
    jobs.tuning_job(account, account.fresh("Search"), "s3://bucket/y")
    registry.image(account, account.fresh("Kernel"))
    alone = account.fresh("Alone")
    jobs.training_job(account, alone, ["s3://bucket/y"], tags={"team": "crm"})
    clients.lineage(account, "s3://bucket/y")
    clients.experiments(account, f"{alone}-aws-training-job")
    return account


def _served(account: Account, packages: list[str]) -> None:
    """Models of packages behind endpoints: one is updated, one is deleted and made again, one has components."""
    first, second = (registry.model(account, account.fresh("Served"), {"ModelPackageName": one}) for one in packages)
    both = registry.model(account, account.fresh("Both"), *({"ModelPackageName": one} for one in packages))
    shop = account.fresh("Shop")
    serving.endpoint(account, shop, [first])
    serving.update(account, shop, [second], rolled_back=account.maybe())
    serving.monitoring_schedule(account, account.fresh("Drift"), shop)
    again = account.fresh("Again")
    serving.endpoint(account, again, [first])
    serving.delete(account, again)
    serving.endpoint(account, again, [both])
    shared = account.fresh("Shared")
    serving.endpoint(account, shared, [])
    serving.inference_components(account, shared, [first, second])
    registry.model_card(account, account.fresh("Card"), packages[0], first)


def _data_and_jobs(account: Account) -> None:
    """Data that people label and Glue prepares, in S3 and in a feature group, and jobs that read and write them."""
    jobs.glue_job_run(account, "Clean", "s3://bucket/raw/x", "s3://bucket/clean")
    group = account.fresh("Features")
    features = jobs.feature_group(account, group)
    jobs.processing_job(account, account.fresh("Write"), ["s3://bucket/clean"], ["s3://bucket/y"], group=group)
    jobs.processing_job(account, account.fresh("Read"), [features], [])
    labels = jobs.labeling_job(account, account.fresh("Labels"), "s3://bucket/raw/manifest")
    jobs.training_job(account, account.fresh("Labeled"), [labels, "s3://bucket/clean"])
