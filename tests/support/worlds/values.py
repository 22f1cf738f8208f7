"""Few names and few times, and how events and calls are made with them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.events import NOON, PARTITION, call, event

# Few names and few times, so that incarnations, ties, references and repetitions meet.
times = st.sampled_from([NOON + offset for offset in (0, 1, 999, 1000, 60_000, 3_600_000, 7_200_000)])
maybe_times = st.none() | times
model_names = st.sampled_from(["m-1", "M-2"])
config_names = st.sampled_from(["blue", "Green"])
uris = st.sampled_from([f"s3://bucket/{name}" for name in ("raw", "train", "model.tar.gz", "checkpoints")])
image_uris = st.sampled_from(["registry/image:1", "registry/image:2"])
feature_group_arns = st.sampled_from([f"{PARTITION}feature-group/{name}" for name in ("prices", "Prices")])
queries = st.sampled_from([{"Database": "crm", "QueryString": f"SELECT {number}"} for number in (1, 2)])
job_names = st.sampled_from(["Job-1", "job-2"])
package_arns = st.sampled_from([f"{PARTITION}model-package/group/{version}" for version in (1, 2)])
execution_arns = st.sampled_from([f"{PARTITION}pipeline/flow/execution/{number}" for number in ("aaa", "bbb")])
callers = st.sampled_from(["arn:aws:iam::111122223333:user/ada", "arn:aws:iam::111122223333:user/lin"])
tags = st.none() | st.fixed_dictionaries({"sagemaker:pipeline-execution-arn": execution_arns}) | st.just({"team": "a"})


def events_with(kind: str, **details: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Events of a kind, with these fields in their details."""
    return st.builds(lambda detail, time: event(kind, detail, time=time), st.fixed_dictionaries(details), times)


def named(part: str, prefix: str, names: st.SearchStrategy[str], **more: st.SearchStrategy[Any]) -> Any:
    """Details of a resource with a name, and an ARN in lower case or in the name's case."""

    def arn(name: str, low: bool) -> str:
        return f"{PARTITION}{part}/{name.lower() if low else name}"

    identity = st.tuples(names, st.booleans()).map(
        lambda both: {f"{prefix}Name": both[0], f"{prefix}Arn": arn(both[0], both[1])}
    )
    return st.tuples(identity, st.fixed_dictionaries(more)).map(lambda both: both[0] | both[1])


def calls_of(name: str, answered: dict[str, Any] | None = None, **asked: st.SearchStrategy[Any]) -> Any:
    """Calls of one name, some of them refused; a parameter that is None is left out."""

    def make(asked: dict[str, Any], time: int, who: str, refused: bool) -> bytes:
        parameters = {name: value for name, value in asked.items() if value is not None}
        return call(
            name, parameters, answered, time=time, who=who, **({"errorCode": "AccessDenied"} if refused else {})
        )

    return st.builds(make, st.fixed_dictionaries(asked), times, callers, st.sampled_from([False, False, True]))


def events_of(kind: str, details: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[bytes]:
    """Events of a kind, with these details."""
    return st.builds(lambda detail, time: event(kind, detail, time=time), details, times)


container = st.one_of(
    st.fixed_dictionaries({"Image": image_uris, "ModelDataUrl": uris}),
    st.fixed_dictionaries({"ModelPackageName": package_arns}),
)
