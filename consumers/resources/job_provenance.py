"""Where a job comes from: its program and the commit of it, what made it, and the jobs that were made like it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from consumers.resources.fields import MetadataProperties
from store.lineage import LONGEST_URI


class Program(NamedTuple):
    """What a job runs.

    Attributes:
        directory: Where its source is: an S3 URI as given, or empty.
        script: The name of the file that is run, or empty.
    """

    directory: str = ""
    script: str = ""


def program(
    hyperparameters: Mapping[str, str | None],
    environment: Mapping[str, str | None],
    entrypoint: Iterable[str],
    inputs: Mapping[str, str],
) -> Program:
    """What a job runs, by any of the ways in which SageMaker's SDK passes it to containers.

    Args:
        hyperparameters: `sagemaker_submit_directory` and `sagemaker_program`, in quotes as JSON has them.
        environment: `SAGEMAKER_SUBMIT_DIRECTORY` and `SAGEMAKER_PROGRAM`.
        entrypoint: The command of the container.
        inputs: The URI of each input by its name; one that is named `code` or `entrypoint` holds the program.

    Source: the SDK's estimators and processors; observed in hyperparameters (evidence.md#sdk-code).
    """

    def setting(name: str) -> str:
        return _unquoted(hyperparameters.get(name.lower()) or environment.get(name) or "")

    files = (
        setting("SAGEMAKER_PROGRAM"),
        *(word for word in entrypoint if _FILE.search(word)),
        *(inputs[name] for name in ("entrypoint", "code") if _FILE.search(inputs.get(name, ""))),
    )
    directory = setting("SAGEMAKER_SUBMIT_DIRECTORY")
    script = next((file.rpartition("/")[2] for file in files if file), "")
    usable = directory.startswith("s3://") and len(directory.encode()) <= LONGEST_URI
    return Program(directory if usable else "", script[:_LONGEST])


_LONGEST = 256
"""Characters in a name that is put together here, at the most: a database cannot index a text without end."""


_FILE = re.compile(r"\.(py|sh|R|r|ipynb|jar|scala|js)$")


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            inner = msgspec.json.decode(value, type=str)
        except msgspec.DecodeError:
            return value
        return inner if inner.isprintable() else value
    return value


PROJECT_TAG = "sagemaker:project-id"
"""The tag that SageMaker puts on what a project of Studio makes (evidence.md#project-tag)."""


_WORDS = {
    "CommitId": (
        "commit commitid commitsha commithash gitcommit gitcommitid gitcommitsha gitcommithash gitsha githash "
        "gitrevision githubsha cicommitsha codebuildresolvedsourceversion"
    ),
    "Repository": (
        "repository repositoryurl repo repourl gitrepo gitrepourl gitrepository gitrepositoryurl gitremote giturl "
        "sourcerepository coderepository githubrepository ciprojecturl codebuildsourcerepourl"
    ),
}


_NAMED = {word: name for name, words in _WORDS.items() for word in words.split()}


@lru_cache(maxsize=4096)
def _part(name: str) -> str | None:
    """The member of MetadataProperties that a tag or a variable of this name holds, or None."""
    return _NAMED.get(re.sub(r"[^a-z0-9]", "", name.lower()))


def metadata_of(
    own: MetadataProperties,
    tags: Mapping[str, str],
    environment: Mapping[str, str | None],
    makers: Iterable[str | None],
) -> dict[str, str]:
    """Where a job comes from, with the names of MetadataProperties.

    Args:
        own: What the job says itself, before all else.
        tags: A commit or a repository under a name that says so, however it is spelled: `git:commit`, `GitCommit`.
        environment: Likewise, as services that build and test set them.
        makers: ARNs of what may have made it: the first that is there counts.

    Source: ours, except for the project's tag (evidence.md#project-tag).
    """
    found: dict[str, str] = {}
    for name, value in (*environment.items(), *tags.items()):  # of two words the tag, then the last by name
        part = _part(name)
        if part and value:
            found[part] = value
    if project := tags.get(PROJECT_TAG):
        found["ProjectId"] = project
    if maker := next(filter(None, makers), None):
        found["GeneratedBy"] = maker
    return found | own.as_map()


def family(name: str, image: str | None, script: str) -> str:
    """What a job in no experiment shares with the jobs that were made in the same way.

    The name without what makes it unique, where something does: SageMaker's SDK puts a time behind the base name that
    was given to it, and SageMaker a number behind the name of what made the job. Else the image's repository and the
    program, since the end of a name that somebody chose may or may not be what differs from run to run.

    Args:
        name: Of the job.
        image: That it runs in, with registry and tag.
        script: The file that it runs.

    Source: ours; for names such as cp-m5-20210424t041405868z (evidence.md#sdk-names).
    """
    base = name
    while match := _GENERATED.fullmatch(base):
        base = match[1]
    if base != name:
        return base
    return " ".join(part for part in (repository(image or ""), script) if part)[:_LONGEST]


_GENERATED = re.compile(
    r"(.+)-(?:"
    r"\d{4}(?:-\d{2}){5}(?:-\d{3})?"  # 2023-01-31-12-00-00-123: the SDK's
    r"|\d{6}-\d{4}"  # 230131-1200: the SDK's for tuning jobs
    r"|\d{10}(?:\d{3})?(?:-[0-9a-f]{4})?"  # 1675166400-3f2a: the SDK's unique names
    r"|\d{8}[tT-]?\d{4,9}[zZ]?"  # 20210424t041405868z
    r"|\d{12}-[0-9a-f]{24}"  # 202301311200-...: a monitoring schedule's
    r"|\d{3}-[0-9a-f]{8}"  # 012-3f2a9c01: a tuning job's
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{4,12}"  # a UUID, perhaps cut at the longest name
    r")"
)


def repository(image: str) -> str:
    """The repository of an image, without registry, tag and digest."""
    path = image.partition("@")[0]
    host, slash, rest = path.partition("/")
    if slash and ("." in host or ":" in host):
        path = rest
    head, slash, tail = path.rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}"


def tagged_makers(tags: Mapping[str, str]) -> Iterator[str]:
    """ARNs in SageMaker's own tags: of what made the thing that is tagged."""
    yield from (value for name, value in sorted(tags.items()) if name.startswith("sagemaker:") and value[:4] == "arn:")
