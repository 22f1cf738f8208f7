"""Lineage of the resources whose state has changed, and of all resources that read them."""

from __future__ import annotations

import time
from collections.abc import Collection

import structlog

from consumers.kind import ResourceKind
from consumers.resource_session import ResourceSession, with_referrers
from consumers.resources import RESOURCE_TYPES
from consumers.resources.types import DescribeRequest
from store import describe_requests, resources
from store.database import RefusedData, Store, Transaction
from store.failures import DATABASE_ERRORS
from store.lineage import Lineage
from store.resources import ResourceRow
from store.save import save

log = structlog.get_logger()

GRACE = 60_000
"""Milliseconds that a missing event has to arrive by itself before SageMaker is asked for a description instead."""


def derive(session: ResourceSession, touched: Collection[str]) -> tuple[int, int]:
    """Derive the lineage of changed resources, and of all resources that read them.

    Args:
        session: In a transaction that sees the changed states: committed, or to be committed together with the lineage.
        touched: The keys of the changed resources.

    Returns:
        How many resources were derived, and how many rules failed.
    """
    tx = session.tx
    keys = with_referrers(tx, touched)
    session.lock(keys)
    session.fetch_references(keys)
    derived: dict[int, Lineage] = {}
    missing: dict[int, set[DescribeRequest]] = {}
    marked: list[ResourceRow] = []
    references: dict[int, set[str]] = {}
    failed = 0
    for key in sorted(keys):
        row = session.rows[key]
        rule = RESOURCE_TYPES[ResourceKind(row.kind)]
        problem = None
        if row.rule and row.rule != rule.signature:  # a new version of a rule may read what the old one did not
            references[row.id] = session.references(key)
        try:
            lineage = Lineage()
            for incarnation in session.incarnations(key):
                lineage |= rule.lineage_of(incarnation, session.lookup)
            if rule.missing:
                missing[row.id] = session.missing(key)
            derived[row.id] = lineage
        except (MemoryError, *DATABASE_ERRORS):  # no fault of the rule
            raise
        except Exception as why:  # a rule that fails on one resource must not hold up all others
            # No lineage, rather than the lineage of an earlier state: which one that was depends on the events' order.
            derived[row.id] = Lineage()
            problem = f"{type(why).__name__}: {why}"
            failed += 1
            log.exception("rule failed", rule=rule.name, resource=key)
        now = row._replace(derived=row.version, rule=rule.signature, problem=problem)
        if now != row:
            marked.append(now)
    new = session.new if session.derives else {row.id for row in marked if not session.rows[row.key].derived}
    save(tx, derived, new)
    describe_requests.update_requests(tx, missing, new, time.time_ns() // 1_000_000 + GRACE)
    resources.update_references(tx, references, ())
    resources.mark_derived(tx, marked)
    return len(derived) - failed, failed


def derive_committed(keys: Collection[str], store: Store) -> tuple[int, int]:
    """Derive in a transaction of its own; a resource whose lineage the store refuses does not hold up the others.

    Args:
        keys: Of resources whose changed state is committed.
        store: Where.

    Returns:
        How many resources were derived, and how many could not be.

    Raises:
        Unavailable, Unusable: The store does not answer, or cannot be used.
    """
    try:
        return store.write(lambda tx: derive(ResourceSession(tx), keys))
    except RefusedData as why:
        if len(keys) > 1:
            results = [derive_committed([key], store) for key in sorted(keys)]
            return sum(derived for derived, _ in results), sum(failed for _, failed in results)
        reason = f"the store refuses its lineage: {first_line(why)}"
        log.warning("refused by the store", resources=list(keys), reason=reason)

        def mark(tx: Transaction) -> None:
            rows = resources.lock(tx, keys).values()
            save(tx, {row.id: Lineage() for row in rows})
            rules = {row.id: RESOURCE_TYPES[ResourceKind(row.kind)].signature for row in rows}
            resources.mark_derived(
                tx, [row._replace(derived=row.version, rule=rules[row.id], problem=reason) for row in rows]
            )

        store.write(mark)
        return 0, 1


def first_line(why: Exception) -> str:
    """The first line of a failure's message, or the name of its type."""
    return next(iter(str(why).splitlines()), type(why).__name__)
