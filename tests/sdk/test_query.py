"""Queries of lineage with the SDK: of events, and of what clients linked."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sdk.clients import CHURN_PACKAGE, EXECUTION, sdk

actions, artifacts, associations = sdk("lineage.action"), sdk("lineage.artifact"), sdk("lineage.association")
contexts, components, query = sdk("lineage.context"), sdk("lineage.lineage_trial_component"), sdk("lineage.query")
experiments = sdk("experiments.experiment"), sdk("experiments.trial"), sdk("experiments.trial_component")
UP, DOWN, BOTH = (
    query.LineageQueryDirectionEnum.ASCENDANTS,
    query.LineageQueryDirectionEnum.DESCENDANTS,
    query.LineageQueryDirectionEnum.BOTH,
)
Entity, Source, Filter = query.LineageEntityEnum, query.LineageSourceEnum, query.LineageFilter

PARTITION = "arn:aws:sagemaker:us-east-1:111122223333:"
MODEL = "s3://churn/models/Churn-Train-7/output/model.tar.gz"
DATA = {"s3://churn/train", "s3://churn/train/", "fs-0123456789abcdef0:/vocabulary"}
JOBS = {f"{PARTITION}training-job/churn-train-7", f"{PARTITION}training-job/flow-train-1"}
RUNS = {"Churn-Train-7-aws-training-job", "Flow-Train-1-aws-training-job"}
ENDPOINT = "Churn-Live-1772463600-aws-endpoint"
DEPLOYMENT = "churn-live-503cedf7-aws-endpoint"
APPROVAL = "churnmodels-1-Approved-1772456400-aws-model-package"
GROUP = "ChurnModels-1772456400-aws-model-package-group"


def only(uri: str, session: Any, kind: Any = artifacts.Artifact) -> Any:
    """The artifact of a source, as a class of the SDK."""
    (listed,) = artifacts.Artifact.list(source_uri=uri, sagemaker_session=session)
    return kind.load(listed.artifact_arn, session)


def uris(found: list[Any]) -> set[str]:
    return {one.source.source_uri for one in found}


@pytest.fixture
def endpoint(session: Any) -> Any:
    return contexts.EndpointContext.load(ENDPOINT, session)


class TestLineageOfEvents:
    """No client linked anything here."""

    def test_an_endpoint_has_its_data_jobs_and_actions(self, endpoint: Any) -> None:
        assert uris(endpoint.dataset_artifacts()) == DATA
        assert set(endpoint.training_job_arns()) == JOBS
        assert {one.trial_component_name for one in endpoint.trial_components()} == RUNS
        assert {one.action_name for one in endpoint.actions(UP)} == {APPROVAL, DEPLOYMENT}
        assert endpoint.processing_jobs() == []
        assert endpoint.transform_jobs() == []
        assert endpoint.pipeline_execution_arn() is None

    def test_an_endpoint_is_a_descendant_of_its_models_so_none_is_below_it(self, endpoint: Any) -> None:
        assert endpoint.models() == []
        assert endpoint.models_v2() == []

    def test_a_model_has_its_data_jobs_and_endpoints(self, session: Any) -> None:
        model = only(MODEL, session, artifacts.ModelArtifact)

        assert uris(model.dataset_artifacts()) == DATA
        assert set(model.training_job_arns()) == JOBS
        assert [one.context_name for one in model.endpoint_contexts()] == [ENDPOINT]
        assert model.dataset_artifacts(DOWN) == []

    def test_a_data_set_has_its_endpoints_and_other_data(self, session: Any) -> None:
        data = only("s3://churn/train/", session, artifacts.DatasetArtifact)

        assert [one.context_name for one in data.endpoint_contexts()] == [ENDPOINT]
        assert data.downstream_datasets() == []
        assert data.upstream_datasets() == []

    def test_a_data_set_made_of_another_one_has_it_upstream(self, abalone: Any) -> None:
        bucket = "s3://sagemaker-us-west-2-000000000000/sklearn-abalone-process-2022-07-13-16-07-51-228"
        test = only(f"{bucket}/output/test", abalone, artifacts.DatasetArtifact)

        assert uris(test.upstream_datasets()) == {
            "s3://sagemaker-sample-files-000000000000/abalone/abalone-dataset.csv",
            f"{bucket}/input/code/preprocessing.py",
        }

    def test_an_image_has_the_data_that_it_made(self, session: Any, abalone: Any) -> None:
        image = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:0.23-1-cpu-py3"

        made = only(image, abalone, artifacts.ImageArtifact).datasets(DOWN)

        names = {uri.rpartition("/")[2] for uri in uris(made)}
        assert names >= {"train", "validation", "test"}

    def test_a_run_of_a_job_has_its_data_models_and_pipeline(self, abalone: Any) -> None:
        run = components.LineageTrialComponent.load(
            "pipelines-d84ewltjmxhe-AbaloneTrain-3kYZvpYx11-aws-training-job", abalone
        )

        assert {uri.rpartition("/")[2] for uri in uris(run.dataset_artifacts())} >= {"train", "validation"}
        assert len(run.models()) == 2
        assert run.pipeline_execution_arn() == EXECUTION

    def test_a_model_of_a_pipeline_has_the_execution_that_made_it(self, abalone: Any) -> None:
        run = "pipelines-d84ewltjmxhe-AbaloneTrain-3kYZvpYx11"
        uri = f"s3://sagemaker-us-west-2-000000000000/AbaloneTrain/{run}/output/model.tar.gz"

        assert only(uri, abalone, artifacts.ModelArtifact).pipeline_execution_arn() == EXECUTION

    def test_an_approval_is_an_ascendant_of_its_package(self, session: Any) -> None:
        approval = actions.ModelPackageApprovalAction.load(APPROVAL, session)

        assert approval.status == "Completed"
        assert approval.properties == {"ModelApprovalStatus": "Approved"}
        assert approval.source.source_uri == CHURN_PACKAGE
        assert uris(approval.artifacts(DOWN)) == {CHURN_PACKAGE}
        assert [one.context_name for one in approval.endpoints()] == [ENDPOINT]
        assert approval.datasets() == []
        assert uris(approval.datasets(BOTH)) == DATA

    def test_the_group_of_a_package_is_a_context(self, abalone: Any) -> None:
        (listed,) = contexts.Context.list(
            source_uri="arn:aws:sagemaker:us-west-2:000000000000:model-package-group/abalonemodelpackagegroupname",
            sagemaker_session=abalone,
        )

        group = contexts.ModelPackageGroup.load(listed.context_name, abalone)

        assert group.context_type == "ModelGroup"
        assert group.pipeline_execution_arn() in (EXECUTION, None)


class TestFilters:
    """What a query leaves out, and what it follows all the same."""

    @pytest.fixture
    def found(self, session: Any, endpoint: Any) -> Any:
        def look(filters: Any = None, direction: Any = UP, **more: Any) -> set[tuple[str, str]]:
            result = query.LineageQuery(session).query(
                start_arns=[endpoint.context_arn],
                direction=direction,
                include_edges=False,
                query_filter=filters,
                **more,
            )
            assert result.edges == []
            return {(vertex.lineage_entity, vertex.lineage_source) for vertex in result.vertices}

        return look

    def test_without_a_filter_everything_is_returned_but_the_start(self, found: Any) -> None:
        assert found() == {
            ("Action", "Approval"),
            ("Action", "ModelDeployment"),
            ("Artifact", "DataSet"),
            ("Artifact", "Image"),
            ("Artifact", "Model"),
            ("TrialComponent", "TrainingJob"),
        }

    def test_entities_and_sources_both_have_to_match(self, found: Any) -> None:
        assert found(Filter(entities=[Entity.ARTIFACT])) == {
            ("Artifact", "DataSet"),
            ("Artifact", "Image"),
            ("Artifact", "Model"),
        }
        assert found(Filter(sources=[Source.TRAINING_JOB, Source.APPROVAL])) == {
            ("TrialComponent", "TrainingJob"),
            ("Action", "Approval"),
        }
        assert found(Filter(entities=[Entity.ARTIFACT], sources=[Source.IMAGE, Source.APPROVAL])) == {
            ("Artifact", "Image")
        }
        assert found(Filter(entities=[Entity.CONTEXT], sources=[Source.IMAGE])) == set()

    def test_only_the_given_direction_is_followed(self, found: Any) -> None:
        assert found(direction=DOWN) == set()
        assert found(Filter(sources=["Checkpoint"]), direction=UP) == set()
        assert found(Filter(sources=["Checkpoint"]), direction=BOTH) == {("Artifact", "Checkpoint")}

    def test_no_further_than_the_depth(self, found: Any) -> None:
        assert found(max_depth=1) == {("Action", "ModelDeployment")}
        assert found(max_depth=2) == {("Action", "ModelDeployment"), ("Artifact", "Model")}

    def test_one_matching_property_is_enough(self, found: Any) -> None:
        assert found(Filter(properties={"ModelApprovalStatus": "Approved", "EndpointConfigName": "other"})) == {
            ("Action", "Approval")
        }
        assert found(Filter(properties={"ModelApprovalStatus": "Rejected"})) == set()

    def test_times_bound_what_is_returned(self, found: Any) -> None:
        noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
        before, after = found(Filter(created_before=noon)), found(Filter(created_after=noon))

        assert ("TrialComponent", "TrainingJob") in before
        assert ("TrialComponent", "TrainingJob") not in after
        assert ("Action", "ModelDeployment") not in before
        assert ("Action", "ModelDeployment") in after

    def test_trials_are_no_part_of_lineage(self, found: Any) -> None:
        with pytest.raises(ClientError) as refused:
            found(Filter(entities=[Entity.TRIAL]))

        assert refused.value.response["Error"]["Code"] == "ValidationException"

    def test_a_start_that_does_not_exist_is_not_found(self, session: Any) -> None:
        with pytest.raises(ClientError) as refused:
            query.LineageQuery(session).query(start_arns=[f"{PARTITION}artifact/{'0' * 32}"])

        assert refused.value.response["Error"]["Code"] == "ResourceNotFound"


class Graph:
    """Entities of a test, each of another name, and links between them."""

    def __init__(self, session: Any, unique: str) -> None:
        self.session, self.unique, self.number = session, unique, 0

    def name(self) -> str:
        self.number += 1
        return f"{self.unique}-{self.number}"

    def artifact(self, type_: str, kind: Any = artifacts.Artifact) -> Any:
        return kind.create(source_uri=f"s3://{self.name()}", artifact_type=type_, sagemaker_session=self.session)

    def action(self, type_: str) -> Any:
        return actions.Action.create(
            action_name=self.name(), source_uri="here", action_type=type_, sagemaker_session=self.session
        )

    def context(self, type_: str, kind: Any = contexts.Context) -> Any:
        return kind.create(
            context_name=self.name(), source_uri="here", context_type=type_, sagemaker_session=self.session
        )

    def component(self) -> Any:
        return sdk("experiments.trial_component")._TrialComponent.create(self.name(), sagemaker_session=self.session)

    def link(self, source: str, destination: str, type_: str | None = None) -> None:
        associations.Association.create(source, destination, type_, self.session)


@pytest.fixture
def graph(session: Any, unique: str) -> Graph:
    return Graph(session, unique)


class TestLineageOfClients:
    """The graphs of the SDK's own tests against AWS."""

    def test_an_endpoint_has_the_models_that_were_linked_below_it(self, graph: Graph) -> None:
        endpoint = graph.context("Endpoint", contexts.EndpointContext)
        deployment, model = graph.action("ModelDeployment"), graph.artifact("Model")
        graph.link(endpoint.context_arn, deployment.action_arn)
        graph.link(deployment.action_arn, model.artifact_arn)

        (association,) = endpoint.models()

        assert (association.source_arn, association.destination_arn) == (deployment.action_arn, model.artifact_arn)
        assert (association.source_type, association.destination_type) == ("ModelDeployment", "Model")
        assert [one.artifact_arn for one in endpoint.models_v2()] == [model.artifact_arn]

    def test_a_model_has_its_endpoints_by_actions_of_type_action(self, graph: Graph) -> None:
        model = graph.artifact("Model", artifacts.ModelArtifact)
        action, endpoint = graph.action("Action"), graph.context("Context")
        for between, end in ((action, endpoint), (graph.action("Review"), graph.context("Context"))):
            graph.link(model.artifact_arn, between.action_arn)
            graph.link(between.action_arn, end.context_arn)

        (association,) = model.endpoints()

        assert (association.source_arn, association.destination_arn) == (action.action_arn, endpoint.context_arn)
        assert (association.source_type, association.destination_type) == ("Action", "Context")

    def test_a_data_set_has_the_models_trained_with_it(self, graph: Graph) -> None:
        data = graph.artifact("DataSet", artifacts.DatasetArtifact)
        component, model = graph.component(), graph.artifact("Context")
        graph.link(data.artifact_arn, component.trial_component_arn, "ContributedTo")
        graph.link(component.trial_component_arn, model.artifact_arn)

        (association,) = data.trained_models()

        assert association.source_arn == component.trial_component_arn
        assert association.source_type == "SageMakerExperimentTrialComponent"
        assert association.destination_arn == model.artifact_arn

    def test_an_artifact_has_the_trials_that_used_it(self, graph: Graph) -> None:
        experiment, trial, _ = (module for module in experiments)
        name = graph.name()
        experiment.Experiment.create(experiment_name=name, sagemaker_session=graph.session)
        made = trial._Trial.create(name, f"{name}-trial", sagemaker_session=graph.session)
        data, component, result = graph.artifact("DataSet"), graph.component(), graph.artifact("Model")
        made.add_trial_component(component)
        graph.link(data.artifact_arn, component.trial_component_arn, "ContributedTo")
        graph.link(component.trial_component_arn, result.artifact_arn, "Produced")

        assert data.downstream_trials(graph.session) == [f"{name}-trial"]
        assert data.downstream_trials_v2() == [f"{name}-trial"]
        assert result.upstream_trials() == [f"{name}-trial"]
        assert result.downstream_trials_v2() == []

    def test_a_query_in_both_directions_returns_siblings(self, graph: Graph) -> None:
        component, one, other = graph.component(), graph.artifact("Model"), graph.artifact("Model")
        for end in (one, other):
            graph.link(component.trial_component_arn, end.artifact_arn, "Produced")

        result = query.LineageQuery(graph.session).query([one.artifact_arn], include_edges=False)

        assert {vertex.arn for vertex in result.vertices} == {component.trial_component_arn, other.artifact_arn}

    def test_a_cycle_is_followed_once(self, graph: Graph) -> None:
        arns = [graph.artifact("Notes").artifact_arn for _ in range(3)]
        for source, destination in zip(arns, arns[1:] + arns[:1], strict=True):
            graph.link(source, destination, "DerivedFrom")

        result = query.LineageQuery(graph.session).query([arns[0]], direction=DOWN)

        assert sorted(vertex.arn for vertex in result.vertices) == sorted(arns)
        assert len(result.edges) == 3

    def test_a_wide_graph_is_returned_whole(self, graph: Graph) -> None:
        start, ends = graph.artifact("Notes"), [graph.artifact("Notes") for _ in range(150)]
        for end in ends:
            graph.link(start.artifact_arn, end.artifact_arn)

        result = query.LineageQuery(graph.session).query([start.artifact_arn])

        assert len(result.edges) == 150
        assert {vertex.arn for vertex in result.vertices} == {one.artifact_arn for one in [start, *ends]}

    def test_every_vertex_becomes_an_object_of_its_class(self, graph: Graph) -> None:
        start, data, image = graph.artifact("Notes"), graph.artifact("DataSet"), graph.artifact("Image")
        model, deployment = graph.artifact("Model"), graph.action("ModelDeployment")
        endpoint, group = graph.context("Endpoint"), graph.context("ModelGroup")
        component = graph.component()
        ends = [one.artifact_arn for one in (data, image, model)] + [deployment.action_arn]
        for arn in [*ends, endpoint.context_arn, group.context_arn, component.trial_component_arn]:
            graph.link(start.artifact_arn, arn)

        result = query.LineageQuery(graph.session).query([start.artifact_arn], include_edges=False)

        assert sorted(type(vertex.to_lineage_object()).__name__ for vertex in result.vertices) == [
            "Action",
            "Context",
            "DatasetArtifact",
            "EndpointContext",
            "ImageArtifact",
            "LineageTrialComponent",
            "ModelArtifact",
        ]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page to draw: in a folder of its own, since scripts are written to the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "graph.html"


def drawn(page: Path, what: str) -> list[dict[str, Any]]:
    """The nodes or edges that a page draws."""
    (found,) = re.findall(rf"{what} = new vis.DataSet\((\[.*?\])\);", page.read_text(), re.DOTALL)
    items: list[dict[str, Any]] = json.loads(found)
    return items


def test_a_graph_is_drawn_with_all_that_is_linked(graph: Graph, page: Path) -> None:
    model, image, data = (graph.artifact(type_) for type_ in ("Model", "Image", "DataSet"))
    deployment, endpoint = graph.action("ModelDeploy"), graph.context("Endpoint")
    graph.link(image.artifact_arn, model.artifact_arn, "ContributedTo")
    graph.link(data.artifact_arn, model.artifact_arn, "AssociatedWith")
    graph.link(model.artifact_arn, deployment.action_arn, "ContributedTo")
    graph.link(deployment.action_arn, endpoint.context_arn, "AssociatedWith")

    query.LineageQuery(graph.session).query([model.artifact_arn]).visualize(path=str(page))

    nodes = {node["id"]: (node["label"], node["shape"], node["color"]) for node in drawn(page, "nodes")}
    assert nodes == {
        model.artifact_arn: ("Model", "star", "#146eb4"),
        image.artifact_arn: ("Image", "dot", "#146eb4"),
        data.artifact_arn: ("Data Set", "dot", "#146eb4"),
        deployment.action_arn: ("Model Deploy", "dot", "#88c396"),
        endpoint.context_arn: ("Endpoint", "dot", "#ff9900"),
    }
    edges = {(edge["from"], edge["to"]): edge["title"] for edge in drawn(page, "edges")}
    assert edges == {
        (image.artifact_arn, model.artifact_arn): "ContributedTo",
        (data.artifact_arn, model.artifact_arn): "AssociatedWith",
        (model.artifact_arn, deployment.action_arn): "ContributedTo",
        (deployment.action_arn, endpoint.context_arn): "AssociatedWith",
    }


def test_the_whole_run_is_drawn(abalone: Any, page: Path) -> None:
    package = only("arn:aws:sagemaker:us-west-2:000000000000:model-package/abalonemodelpackagegroupname/1", abalone)

    query.LineageQuery(abalone).query([package.artifact_arn]).visualize(path=str(page))

    labels = sorted(node["label"] for node in drawn(page, "nodes"))
    counted = {label: labels.count(label) for label in labels}
    assert counted == {
        "Approval": 1,
        "Data Set": 9,
        "Image": 2,
        "Model": 2,
        "Model Group": 1,
        "Processing Job": 2,
        "Training Job": 1,
        "Transform Job": 1,
    }
    assert len(drawn(page, "edges")) == 23
