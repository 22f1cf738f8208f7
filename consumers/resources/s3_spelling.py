"""Objects in S3 under other spellings of their addresses: by URL, or as Hadoop spells them."""

from __future__ import annotations

import re
from urllib.parse import unquote

from store.lineage import Artifact, Association, AssociationType, Lineage, artifact

_HOST = re.compile(
    r"https?://(?:(?P<bucket>[a-z0-9][a-z0-9.-]*)\.)?s3(?:-fips)?(?:[.-](?:dualstack\.)?[a-z]{2,4}(?:-[a-z]+)+-[0-9])?"
    r"\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
    r"/(?P<path>[^?#]+)",
    re.IGNORECASE,
)
_HADOOP = re.compile(r"s3[an]://(.+)", re.IGNORECASE)


def s3_uri(address: str) -> str | None:
    """The address of an object as SageMaker spells it; None if it is spelled so, or is no object's in S3.

    Paths that begin with the bucket and hosts that do, with a region, dual-stack or without, name the same object. An
    access point does not say which bucket it leads to.

    Source: evidence.md#s3-urls, documented.
    """
    if hadoop := _HADOOP.fullmatch(address):
        return f"s3://{hadoop[1]}"
    url = _HOST.fullmatch(address)
    if url is None:
        return None
    bucket, path = url["bucket"], unquote(url["path"])
    if bucket is None:
        bucket, _, path = path.partition("/")
    return f"s3://{bucket.lower()}/{path}" if bucket and path else None


def with_s3_uris(lineage: Lineage) -> Lineage:
    """A lineage in which each object that has another spelling is the same as the one at its S3 URI, both ways.

    Source: ours, and so inferred.
    """
    entities: dict[str, Artifact] = {}
    associations: dict[tuple[str, str], Association] = {}
    for one in lineage.entities:
        given = one.source_uri if isinstance(one, Artifact) else "s3://"
        uri = None if given.startswith("s3://") or "://" not in given[:8] else s3_uri(given)
        if uri is not None:
            same = artifact(one.arn.rpartition("artifact/")[0], one.type, uri, one.created)
            entities[same.arn] = same
            for source, destination in ((one, same), (same, one)):
                associations[source.arn, destination.arn] = Association(
                    source.arn, destination.arn, AssociationType.SAME_AS, one.created, inferred=True
                )
    if not entities:
        return lineage
    return lineage | Lineage(tuple(entities.values()), tuple(associations.values()))
