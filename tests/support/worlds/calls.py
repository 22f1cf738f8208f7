"""Calls of SageMaker's API that CloudTrail records: of what is registered, served, linked and tried."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.support.events import PARTITION
from tests.support.worlds.values import (
    calls_of,
    config_names,
    execution_arns,
    image_uris,
    model_names,
    package_arns,
    uris,
)

package_calls = st.one_of(
    calls_of(
        "UpdateModelPackage",
        modelPackageArn=package_arns,
        modelApprovalStatus=st.sampled_from(["Approved", None]),
        customerMetadataProperties=st.none() | st.just({"owner": "eve"}),
        customerMetadataPropertiesToRemove=st.none() | st.just(["owner"]),
    ),
    calls_of("DeleteModelPackage", modelPackageName=package_arns),
)
endpoint_calls = st.one_of(
    calls_of("CreateEndpoint", endpointName=st.just("Shop"), endpointConfigName=config_names),
    calls_of("UpdateEndpoint", endpointName=st.just("Shop"), endpointConfigName=config_names),
    calls_of("DeleteEndpoint", endpointName=st.just("Shop")),
    calls_of("DeleteModel", modelName=model_names),
    calls_of("DeleteEndpointConfig", endpointConfigName=config_names),
)
_inference_components = st.sampled_from(["Scorer", "adapter"])
_specifications = st.one_of(
    st.fixed_dictionaries({"modelName": model_names}),
    st.fixed_dictionaries({"container": st.fixed_dictionaries({"image": image_uris, "artifactUrl": uris})}),
    st.fixed_dictionaries({"baseInferenceComponentName": _inference_components}),
)
inference_component_calls = st.one_of(
    calls_of(
        "CreateInferenceComponent",
        inferenceComponentName=_inference_components,
        endpointName=st.just("Shop"),
        specification=_specifications,
    ),
    calls_of("UpdateInferenceComponent", inferenceComponentName=_inference_components, specification=_specifications),
    calls_of("DeleteInferenceComponent", inferenceComponentName=_inference_components),
)
_hex = st.sampled_from(["a" * 32, "b" * 32])
_ends = st.sampled_from(
    [
        f"{PARTITION}artifact/{'a' * 32}",
        f"{PARTITION}artifact/{'b' * 32}",
        f"{PARTITION}context/Review",
        f"{PARTITION}action/check",
        f"{PARTITION}experiment-trial-component/job-1-aws-training-job",
        f"{PARTITION}experiment-trial-component/by-hand",
    ]
)
_properties = st.none() | st.dictionaries(st.sampled_from(["a", "B"]), st.sampled_from(["1", "2"]))
_removed = st.none() | st.lists(st.sampled_from(["a", "B"]))
_artifact_arns = _hex.map(lambda digest: f"{PARTITION}artifact/{digest}")
_components = st.sampled_from(["Job-1-aws-training-job", "By-Hand"])
_trials = st.sampled_from(["aaa", "Monday"])
artifact_calls = st.one_of(
    calls_of(
        "CreateArtifact",
        artifactArn=_artifact_arns,
        source=uris.map(lambda uri: {"sourceUri": uri}),
        artifactType=st.sampled_from(["DataSet", "Model", "Notes"]),
        properties=_properties,
    ),
    calls_of("UpdateArtifact", artifactArn=_artifact_arns, properties=_properties, propertiesToRemove=_removed),
    calls_of("DeleteArtifact", artifactArn=_artifact_arns),
)
context_calls = st.one_of(
    calls_of(
        "CreateContext",
        contextName=st.just("Review"),
        source=st.just({"sourceUri": "https://example.com"}),
        contextType=st.sampled_from(["Review", "Project"]),
        properties=_properties,
    ),
    calls_of("UpdateContext", contextName=st.just("Review"), properties=_properties, propertiesToRemove=_removed),
    calls_of("DeleteContext", contextName=st.just("Review")),
    calls_of("CreateAction", actionName=st.just("check"), actionType=st.just("Check"), status=st.just("InProgress")),
    calls_of("UpdateAction", actionName=st.just("check"), status=st.sampled_from(["Completed", "Failed"])),
)
experiment_calls = st.one_of(
    calls_of("CreateExperiment", experimentName=st.sampled_from(["Flow", "Churn"]), description=st.just("of a call")),
    calls_of("DeleteExperiment", experimentName=st.sampled_from(["Flow", "Churn"])),
    calls_of("CreateTrial", trialName=_trials, experimentName=st.sampled_from(["Flow", "Churn"])),
    calls_of("DeleteTrial", trialName=_trials),
    calls_of(
        "AddTags",
        resourceArn=st.sampled_from([f"{PARTITION}experiment/flow", f"{PARTITION}training-job/job-1"]),
        tags=st.sampled_from([[{"key": "team", "value": "b"}], [{"key": "cost", "value": "4"}]]),
    ),
    calls_of("DeleteTags", resourceArn=st.just(f"{PARTITION}training-job/job-1"), tagKeys=st.just(["team"])),
)
component_calls = st.one_of(
    calls_of(
        "CreateTrialComponent", trialComponentName=_components, parameters=st.just({"eta": {"stringValue": "0.3"}})
    ),
    calls_of(
        "UpdateTrialComponent",
        trialComponentName=_components,
        displayName=st.sampled_from([None, "good", "better"]),
        parameters=st.none() | st.just({"eta": {"numberValue": 0.2}}) | st.just({"mode": {"stringValue": "slow"}}),
        parametersToRemove=st.none() | st.just(["eta"]),
    ),
    calls_of("DeleteTrialComponent", trialComponentName=_components),
    calls_of("AssociateTrialComponent", trialComponentName=_components, trialName=_trials),
    calls_of("DisassociateTrialComponent", trialComponentName=_components, trialName=_trials),
)
pipeline_calls = st.one_of(
    calls_of("CreatePipeline", pipelineName=st.sampled_from(["flow", "Flow"]), pipelineDisplayName=st.just("The flow")),
    calls_of("UpdatePipeline", pipelineName=st.just("Flow"), pipelineDescription=st.sampled_from(["one", "two"])),
    calls_of("DeletePipeline", pipelineName=st.just("Flow")),
    calls_of(
        "StartPipelineExecution",
        pipelineExecutionArn=execution_arns,
        pipelineParameters=st.just([{"name": "epochs", "value": "3"}]),
    ),
    calls_of(
        "UpdatePipelineExecution",
        pipelineExecutionArn=execution_arns,
        pipelineExecutionDisplayName=st.sampled_from(["third", "fourth"]),
    ),
)
association_calls = st.one_of(
    calls_of(
        "AddAssociation",
        sourceArn=_ends,
        destinationArn=_ends,
        associationType=st.sampled_from([None, "Produced", "DerivedFrom"]),
    ),
    calls_of("DeleteAssociation", sourceArn=_ends, destinationArn=_ends),
)
