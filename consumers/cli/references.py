"""What a person names on the command line: one entity, or a sentence about why it is not one."""

from __future__ import annotations

from consumers.cli.options import Failed, Misused
from store.database import Store
from store.graph import resolve
from store.graph.resolve import Match

LONGEST_REF = 4096
"""Characters in a reference, at most: no ARN, URI or name is longer."""


def checked(ref: str) -> str:
    """A reference, condition or name as it was given.

    Raises:
        Misused: It is too long, or not UTF-8.
    """
    if len(ref) > LONGEST_REF or ref != ref.encode("utf-8", "replace").decode():
        raise Misused(f"an argument must be UTF-8 text of at most {LONGEST_REF:,} characters")
    return ref


def one_match(store: Store, ref: str) -> Match:
    """The one entity that a person means by an ARN, a URI or a name.

    Raises:
        Failed: There is none, or there are several.
    """
    found = resolve.find(store, ref)
    if len(found) == 1:
        return found[0]
    if found:
        lines = "\n".join(f"  {match.vertex.arn}" for match in found)
        raise Failed(f"{ref!r} means several things; give one of their ARNs:\n{lines}")
    near = resolve.nearest(store, ref)
    if near is None:
        raise Failed(f"the store has no {ref!r}: the store is empty, feed it with replay or run")
    hint = f"did you mean {' or '.join(near)}?" if near else "give an ARN, an S3 URI or a name that events contain"
    raise Failed(f"the store has no {ref!r}; {hint}")
