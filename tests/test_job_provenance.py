"""Where jobs come from: what the SDK and others put into names, images and variables."""

from __future__ import annotations

import pytest

from consumers.resources.fields import MetadataProperties
from consumers.resources.job_provenance import Program, family, metadata_of, program, repository
from store.lineage import LONGEST_URI

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("churn-xgb-2026-03-02-10-00-00-123", "churn-xgb"),
        ("churn-xgb-2026-03-02-10-00-00", "churn-xgb"),
        ("cp-m5-20210424t041405868z", "cp-m5"),
        ("integ-test-analytics-algo-54ee3282-5899-4aa3-afc2-7ce1d02", "integ-test-analytics-algo"),
        ("tune-260302-1000-012-3f2a9c01", "tune"),
        ("remote-1772445600-3f2a", "remote"),
        ("model-monitoring-202603021100-0123456789abcdef01234567", "model-monitoring"),
    ],
)
def test_a_family_is_the_name_without_what_makes_it_unique(name: str, base: str) -> None:
    assert family(name, IMAGE, "train.py") == base


@pytest.mark.parametrize("name", ["Churn-7", "resnet-50", "2026-03-02-10-00-00-123", "Churn", ""])
def test_a_family_of_a_chosen_name_is_the_image_and_the_program(name: str) -> None:
    assert family(name, IMAGE, "train.py") == "sagemaker-xgboost train.py"


def test_a_job_with_neither_has_no_family() -> None:
    assert family("Churn-7", None, "") == ""


def test_a_family_is_never_too_long_to_be_indexed() -> None:
    found = program({"sagemaker_program": "x" * 5000}, {}, (), {})

    assert len(family("Churn-7", "i" * 2000, found.script).encode()) <= 256


@pytest.mark.parametrize(
    ("image", "path"),
    [
        (IMAGE, "sagemaker-xgboost"),
        ("111122223333.dkr.ecr.us-east-1.amazonaws.com/team/prepare@sha256:0123", "team/prepare"),
        ("localhost:5000/prepare:3", "prepare"),
        ("team/prepare", "team/prepare"),
        ("python:3.12-slim", "python"),
        ("", ""),
    ],
)
def test_a_repository_is_an_image_without_registry_tag_and_digest(image: str, path: str) -> None:
    assert repository(image) == path


def test_a_program_is_read_from_hyperparameters_before_variables_commands_and_inputs() -> None:
    hyperparameters: dict[str, str | None] = {
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": '"s3://b/code.tar.gz"',
    }
    environment: dict[str, str | None] = {
        "SAGEMAKER_PROGRAM": "other.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/input/data/code",
    }
    command = ["python3", "/opt/ml/processing/input/code/prepare.py", "--fast"]
    inputs = {"code": "s3://b/code/clean.py", "raw": "s3://b/raw.py"}

    found = [
        program(hyperparameters, environment, command, inputs),
        program({}, environment, command, inputs),
        program({}, {}, command, inputs),
        program({}, {}, [], inputs),
        program({}, {}, ["run"], {"raw": "s3://b/raw.py"}),
    ]

    assert found == [
        Program("s3://b/code.tar.gz", "train.py"),
        Program("", "other.py"),
        Program("", "prepare.py"),
        Program("", "clean.py"),
        Program(),
    ]


@pytest.mark.parametrize("odd", ['"s3://b/\\u0000"', "s3:", '"', "s3://b/" + "x" * LONGEST_URI, "[1]", None])
def test_a_directory_that_no_artifact_can_have_is_none(odd: str | None) -> None:
    assert program({"sagemaker_submit_directory": odd}, {}, (), {}).directory == ""


def test_a_commit_is_found_however_its_tag_is_spelled_and_before_variables() -> None:
    found = metadata_of(
        MetadataProperties(project_id="its own"),
        {
            "git:commit": "9f1c",
            "Git-Repository": "https://git/churn",
            "sagemaker:project-id": "p-1",
            "commit-style": "x",
        },
        {"GIT_COMMIT": "0000", "PATH": "/bin"},
        (None, "arn:maker", "arn:other"),
    )

    assert found == {
        "CommitId": "9f1c",
        "Repository": "https://git/churn",
        "ProjectId": "its own",
        "GeneratedBy": "arn:maker",
    }
