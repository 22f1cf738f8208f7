"""Addresses in S3 as texts: what is the same place, what lies in what, and what a prefix that is read covers."""

from __future__ import annotations

from collections.abc import Iterator

S3 = "s3://"
BEYOND = "\U0010ffff"
"""After a prefix, it makes a text that follows all texts with this prefix."""


def base(uri: str) -> str:
    """An address without the slash at its end."""
    return uri.removesuffix("/")


def spellings(bare: str) -> tuple[str, ...]:
    """The addresses that differ by no more than one slash at the end, by what they are without it."""
    return (f"{bare}/",) if bare.endswith("/") else (bare, f"{bare}/")


def in_s3(uri: str) -> bool:
    """True if it names a place in S3."""
    return uri.startswith(S3) and uri != S3


def is_folder(uri: str) -> bool:
    """True unless it is a bare bucket, whatever slashes follow: too much lies in one to conclude anything from it."""
    return bool(uri.removeprefix(S3).partition("/")[2].strip("/"))


def above(uri: str) -> Iterator[str]:
    """The folders that an address lies in, each without one slash at its end, the nearest first; no bare bucket."""
    bare = base(uri)
    key = bare.find("/", len(S3)) + 1
    slash = bare.rfind("/", key + 1) if key else -1
    while slash != -1 and is_folder(bare[:slash]):
        yield bare[:slash]
        slash = bare.rfind("/", key + 1, slash)


def prefixes(uri: str) -> Iterator[str]:
    """The texts that an address begins with and is longer than; none that ends before the key does begin."""
    bare = base(uri)
    key = bare.find("/", len(S3)) + 1
    return (bare[:end] for end in range(key + 1, len(bare))) if key else iter(())


def is_prefix(uri: str) -> bool:
    """True if a job that reads this address reads all keys that begin so: not of a folder, nor of a file's name.

    Source: evidence.md#s3-prefix, documented; that a name with a dot in it is a file's, ours.
    """
    return not uri.endswith("/") and "." not in uri.rpartition("/")[2]


def covers(read: str, uri: str, *, by_prefix: bool) -> bool:
    """True if what reads one address reads another: it lies inside or, by prefix, begins with it."""
    bare = base(read)
    return base(uri) != bare and (
        uri.startswith(f"{bare}/") or (by_prefix and is_prefix(read) and uri.startswith(read))
    )
