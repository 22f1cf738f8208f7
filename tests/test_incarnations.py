"""Names used again: what belongs to one incarnation does not lead to another."""

from __future__ import annotations

import msgspec
import pytest

from consumers.kind import MODEL_PACKAGE
from consumers.resources import compilation_job, model_card, model_package
from consumers.resources.types import AnyResourceType, D, Resource
from store.database import Store
from store.graph.lineage import walk
from store.graph.resolve import find
from store.graph.traversal import Direction
from store.lineage import artifact
from tests.support.events import NOON, PARTITION, case_events
from tests.support.stores import fed

PACKAGE = f"{PARTITION}model-package/churnmodels/1"
WEST = "arn:aws:sagemaker:us-west-2:111122223333:"


def came_from(store: Store, ref: str) -> set[str]:
    """The addresses and names of all that something came from."""
    [match] = find(store, ref)
    return {one.source_uri or one.name for one in walk(store, [match.vertex.arn], Direction.ASCENDANTS).vertices}


def came_of(store: Store, ref: str) -> set[str]:
    """The addresses and names of all that came of something."""
    [match] = find(store, ref)
    return {one.source_uri or one.name for one in walk(store, [match.vertex.arn], Direction.DESCENDANTS).vertices}


def test_what_reads_a_feature_group_made_again_comes_from_what_was_written_into_the_new_one(store: Store) -> None:
    fed(store, case_events("feature_group_made_again"))

    found = came_from(store, f"{WEST}training-job/read-b")

    assert {"s3://raw/2", f"{WEST}processing-job/w2"} <= found
    assert not {"s3://raw/1", f"{WEST}processing-job/w1"} & found


@pytest.mark.parametrize(
    ("data", "served_by", "not_by"),
    [("first", "churn-live", "churn-new"), ("second", "churn-new", "churn-live")],
)
def test_a_version_made_again_leads_only_to_what_was_made_of_it(
    store: Store, data: str, served_by: str, not_by: str
) -> None:
    fed(store, case_events("package_group_made_again"))

    found = came_of(store, f"s3://churn/{data}.tar.gz")

    assert {PACKAGE, f"{PARTITION}endpoint/{served_by}"} <= found
    assert f"{PARTITION}endpoint/{not_by}" not in found


def test_a_version_made_again_came_only_from_its_own_data(store: Store) -> None:
    fed(store, case_events("package_group_made_again"))

    assert "s3://churn/first.tar.gz" not in came_from(store, f"{PARTITION}endpoint/churn-new")
    assert "s3://churn/second.tar.gz" not in came_from(store, f"{PARTITION}endpoint/churn-live")


def test_both_incarnations_of_a_version_are_found_by_its_arn(store: Store) -> None:
    fed(store, case_events("package_group_made_again"))

    assert [match.vertex.source_uri for match in find(store, PACKAGE)] == [PACKAGE, PACKAGE]


def test_the_first_incarnation_has_the_artifact_that_its_arn_alone_names(store: Store) -> None:
    whole = case_events("package_group_made_again")
    fed(store, whole[:6])
    [before] = find(store, PACKAGE)
    fed(store, whole)

    assert before.vertex.arn in {match.vertex.arn for match in find(store, PACKAGE)}


def test_a_job_uses_the_model_that_existed_when_it_was_made(store: Store) -> None:
    fed(store, case_events("model_made_again"))

    assert "s3://churn/second.tar.gz" not in came_from(store, f"{PARTITION}transform-job/predict-1")
    assert "s3://churn/first.tar.gz" not in came_from(store, f"{PARTITION}transform-job/predict-2")


BEHIND = NOON + 1000
"""When the package was made again."""


def package_at(key: str, fields: type[D], at: int | None = None) -> Resource[D] | None:
    """A lookup that knows the two incarnations of the package, and nothing else."""
    if key != PACKAGE:
        return None
    again = at is None or at >= BEHIND
    time = BEHIND if again else NOON - 1000
    return Resource(MODEL_PACKAGE, PACKAGE, "churnmodels/1", fields(), created=time, modified=time, again=again)


@pytest.mark.parametrize(
    ("one", "detail"),
    [
        (compilation_job.TYPE, compilation_job.CompilationJob(model_package_version_arn=PACKAGE)),
        (model_card.TYPE, model_card.ModelCard(model_id=PACKAGE)),
        (model_package.TYPE, model_package.ModelPackage(source_uri=PACKAGE)),
    ],
    ids=["compilation job", "model card", "package made from a package"],
)
def test_what_names_a_package_leads_to_the_one_that_existed_then(one: AnyResourceType, detail: msgspec.Struct) -> None:
    def named_at(time: int) -> set[str]:
        made = Resource(one.kind, f"{PARTITION}{one.kind}/other", "other", detail, created=time, modified=time)
        return {entity.arn for entity in one.lineage_of(made, package_at).entities if entity.source_uri == PACKAGE}

    second = artifact(PARTITION, "Model", PACKAGE, BEHIND, source_types=(("Custom", str(BEHIND // 1000)),))

    assert named_at(NOON) == {artifact(PARTITION, "Model", PACKAGE, NOON).arn}
    assert named_at(BEHIND) == {second.arn}
