"""Jobs that are known by calls and descriptions beside events: tuning, AutoML, labeling and Glue jobs."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.support.events import PARTITION, answer, call, event
from tests.support.worlds.values import calls_of, events_of, job_names, maybe_times, named, tags, times, uris

_summaries = st.lists(
    st.builds(
        lambda name, value: {
            "TrainingJobName": name,
            "TrainingJobArn": f"{PARTITION}training-job/{name.lower()}",
            "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "auc", "Value": value},
        },
        job_names,
        st.sampled_from([None, 0.5, 0.9]),
    ),
    max_size=2,
)
tuning_jobs = st.one_of(
    events_of(
        "HyperParameter Tuning Job State Change",
        named(
            "hyper-parameter-tuning-job",
            "HyperParameterTuningJob",
            st.just("Search"),
            HyperParameterTuningJobStatus=st.sampled_from(["InProgress", "Completed", "Stopped"]),
            BestTrainingJob=st.none() | job_names.map(lambda name: {"TrainingJobName": name}),
            TrainingJobStatusCounters=st.none() | st.just({"Completed": 1}),
            CreationTime=maybe_times,
            LastModifiedTime=maybe_times,
            Tags=tags,
        ),
    ),
    st.builds(
        lambda jobs, time: answer(
            "ListTrainingJobsForHyperParameterTuningJob",
            {"TrainingJobSummaries": jobs},
            arn=f"{PARTITION}hyper-parameter-tuning-job/search",
            time=time,
        ),
        _summaries,
        times,
    ),
    calls_of("StopHyperParameterTuningJob", hyperParameterTuningJobName=st.just("Search")),
    calls_of("DeleteHyperParameterTuningJob", hyperParameterTuningJobName=st.just("Search")),
    calls_of("CreateExperiment", experimentName=st.just("Search-aws-tuning-job"), description=st.just("of a call")),
)
automl_jobs = st.one_of(
    calls_of(
        "CreateAutoMLJob",
        autoMLJobName=st.just("Auto"),
        inputDataConfig=st.none() | st.just([{"targetAttributeName": "y"}]),
    ),
    st.builds(
        lambda status, step, created, time: answer(
            "DescribeAutoMLJobV2",
            {
                "AutoMLJobName": "Auto",
                "AutoMLJobStatus": status,
                "CreationTime": created,
                "BestCandidate": {
                    "CandidateName": step,
                    "CandidateSteps": [{"CandidateStepArn": f"{PARTITION}{step}", "CandidateStepName": step}],
                },
            },
            arn=f"{PARTITION}automl-job/auto",
            time=time,
        ),
        st.sampled_from(["InProgress", "Completed"]),
        st.sampled_from(["training-job/job-1", "processing-job/Job-1"]),
        maybe_times,
        times,
    ),
)
labeling_jobs = st.one_of(
    st.builds(
        lambda status, time: event(
            "Ground Truth Labeling Job State Change",
            {"LabelingJobStatus": status},
            time=time,
            resources=[f"{PARTITION}labeling-job/labels"],
        ),
        st.sampled_from(["InProgress", "Completed", "Failed"]),
        times,
    ),
    calls_of(
        "CreateLabelingJob",
        labelingJobName=st.just("Labels"),
        inputConfig=uris.map(lambda uri: {"dataSource": {"s3DataSource": {"manifestS3Uri": uri}}}),
    ),
    st.builds(
        lambda uri, output, created, time: answer(
            "DescribeLabelingJob",
            {
                "LabelingJobName": "Labels",
                "CreationTime": created,
                "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": uri}}},
                "LabelingJobOutput": {"OutputDatasetS3Uri": output},
            },
            arn=f"{PARTITION}labeling-job/labels",
            time=time,
        ),
        uris,
        st.none() | uris,
        maybe_times,
        times,
    ),
)
glue_job_runs = st.one_of(
    st.builds(
        lambda kind, run, state, time: event(
            kind, {"jobName": "Clean", "jobRunId": run, "state": state}, time=time
        ).replace(b'"SageMaker Glue', b'"Glue'),
        st.sampled_from(["Glue Job State Change", "Glue Job Run Status"]),
        st.sampled_from(["jr_1", "jr_2"]),
        st.sampled_from(["RUNNING", "SUCCEEDED", "FAILED"]),
        times,
    ),
    st.builds(
        lambda run, uri, output, time: call(
            "StartJobRun",
            {"jobName": "Clean", "arguments": {"--input": uri, "--output": output}},
            {"jobRunId": run},
            time=time,
            eventSource="glue.amazonaws.com",
        ),
        st.sampled_from(["jr_1", "jr_2"]),
        uris,
        uris,
        times,
    ),
)
