"""Rows of resources. Their states are bytes here; `consumers.state` knows what they mean."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import and_, literal, or_, select

from store import bulk
from store.database import Transaction
from store.tables import reference, resource


class ResourceRow(NamedTuple):
    """One resource, as the table holds it.

    Attributes:
        id: Its id, in the order of appearance.
        key: Its ARN in lower case.
        kind: Its resource type.
        version: Counts the changes of its state; 0 while nothing is known of it.
        derived: The version that lineage was last derived from.
        rule: The rule that derived it.
        problem: Why its rule failed; None if it did not.
        state: All that is known of it, packed.
        name: Its name, with its case.
        status: Its status, as SageMaker's API spells it, or empty.
        created: When it was made, in epoch milliseconds; None of a row that an older Headwater wrote.
        modified: When its state was last changed, in epoch milliseconds.
        deleted: 1 if it was deleted.
    """

    id: int
    key: str
    kind: str
    version: int = 0
    derived: int = 0
    rule: str | None = None
    problem: str | None = None
    state: bytes | None = None
    name: str | None = None
    status: str | None = None
    created: int | None = None
    modified: int | None = None
    deleted: int | None = None


def load(transaction: Transaction, keys: Collection[str]) -> dict[str, ResourceRow]:
    """The rows with these keys, by key; keys without a row are left out."""
    if not keys:
        return {}
    connection = transaction.connection
    found = (ResourceRow(*row) for row in bulk.of_many(connection, resource, resource.c.key, keys))
    return {row.key: row for row in found}


def with_prefix(transaction: Transaction, prefix: str) -> list[ResourceRow]:
    """The rows with a state whose keys begin with a prefix, in the order of their keys."""
    after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    found = select(resource).where(resource.c.key >= prefix, resource.c.key < after, resource.c.version > 0)
    return [ResourceRow(*row) for row in transaction.connection.execute(found.order_by(resource.c.key))]


def claim(transaction: Transaction, kinds: Mapping[str, str]) -> dict[str, ResourceRow]:
    """The rows with these keys, made where they are missing, for this transaction alone until it ends.

    Args:
        transaction: That will write them.
        kinds: Key -> kind, for rows that have to be made.
    """
    connection = transaction.connection
    found = load(transaction, kinds) if transaction.exclusive else {}
    missing = sorted(kinds.keys() - found.keys())
    if not transaction.exclusive:
        known = set(connection.scalars(select(resource.c.key).where(bulk.among(connection, resource.c.key, missing))))
        missing = [key for key in missing if key not in known]
    new = [
        ResourceRow(number, key, kinds[key])
        for number, key in zip(bulk.new_ids(connection, resource, len(missing)), missing, strict=True)
    ]
    bulk.insert(connection, resource, new, "fail" if transaction.exclusive else "ignore")
    if transaction.exclusive:
        return found | {row.key: row for row in new}
    wanted = select(resource).where(bulk.among(connection, resource.c.key, kinds)).order_by(resource.c.id)
    return {row.key: ResourceRow(*row) for row in connection.execute(wanted.with_for_update())}


def lock(transaction: Transaction, keys: Collection[str]) -> dict[str, ResourceRow]:
    """The rows with these keys, locked: no other transaction can change them before this one ends."""
    if transaction.exclusive or not keys:
        return load(transaction, keys)
    connection = transaction.connection
    found = select(resource).where(bulk.among(connection, resource.c.key, keys)).order_by(resource.c.id)
    return {row.key: ResourceRow(*row) for row in connection.execute(found.with_for_update())}


def write(transaction: Transaction, changed: Iterable[ResourceRow]) -> None:
    """Write changed rows that `claim` returned."""
    bulk.insert(transaction.connection, resource, sorted(changed), "replace")


def mark_derived(transaction: Transaction, derived: Iterable[ResourceRow]) -> None:
    """Write `derived`, `rule` and `problem` of changed rows that `lock` returned."""
    values = [(row.id, row.derived, row.rule, row.problem) for row in sorted(derived)]
    bulk.change(transaction.connection, resource, ("derived", "rule", "problem"), values)


def underived(transaction: Transaction, limit: int) -> list[str]:
    """Keys of resources whose lineage is behind their state: a worker stopped between committing and deriving."""
    behind = select(resource.c.key).where(resource.c.derived < resource.c.version).order_by(resource.c.id).limit(limit)
    return list(transaction.connection.scalars(behind))


def outdated(transaction: Transaction, rules: Mapping[str, str], limit: int) -> list[str]:
    """Keys of resources whose lineage another version of their rule derived.

    Args:
        transaction: To read in.
        rules: Kind -> the rule's name and version today.
        limit: How many keys at most.
    """
    # Not `!=`, which uses no index; literals, since a plan for parameters of any value would expect many rows.
    stale = [
        and_(resource.c.kind == literal(kind, literal_execute=True), other)
        for kind, rule in rules.items()
        for now in [literal(rule, literal_execute=True)]
        for other in (resource.c.rule < now, resource.c.rule > now)
    ]
    wanted = select(resource.c.key).where(or_(*stale), resource.c.version > 0).limit(limit)
    return list(transaction.connection.scalars(wanted))


def unlisted(transaction: Transaction, kinds: Collection[str], limit: int) -> list[str]:
    """Keys of resources of these kinds whose name and times were not written by an older Headwater."""
    among = bulk.among(transaction.connection, resource.c.kind, kinds)  # so that an index finds them
    wanted = select(resource.c.key).where(among, resource.c.created.is_(None), resource.c.version > 0).limit(limit)
    return list(transaction.connection.scalars(wanted))


def update_references(
    transaction: Transaction, references: Mapping[int, Collection[str]], new: Collection[int]
) -> None:
    """Write the references of resources, and remove those that they no longer have.

    Args:
        transaction: That claimed the resources.
        references: Id of a resource -> the keys of all that it references.
        new: Ids among them that have never had a reference, which saves looking for them.
    """
    connection = transaction.connection
    before = [number for number in references if number not in new]
    old_rows: set[tuple[int, str]] = set()
    if before:
        old_rows = set(map(tuple, bulk.of_many(connection, reference, reference.c.resource_id, before)))
    new_rows = {(number, target) for number, targets in references.items() for target in targets}
    bulk.remove(connection, reference, sorted(old_rows - new_rows))
    bulk.insert(connection, reference, sorted(new_rows - old_rows))


def referrers(transaction: Transaction, targets: Collection[str]) -> dict[str, str]:
    """The resources that reference any of these keys: key -> kind."""
    if not targets:
        return {}
    connection = transaction.connection
    found = (
        select(resource.c.key, resource.c.kind)
        .join(reference, reference.c.resource_id == resource.c.id)
        .where(bulk.among(connection, reference.c.target, targets))
    )
    return {row.key: row.kind for row in connection.execute(found)}
