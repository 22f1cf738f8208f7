"""What earlier workers left undone: events without a rule, outdated lineage, dead letters."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

import structlog

from consumers.derive import derive_committed
from consumers.handle import handle
from consumers.observe import handled_labels
from consumers.resource_session import ResourceSession
from consumers.resources import RESOURCE_TYPES
from ingest.delivery import Delivery
from store import resources
from store.database import Store, Transaction
from store.ledger import events as ledger

log = structlog.get_logger()

PAGE = 1000
"""How many events or resources are caught up in one transaction."""


def catch_up(store: Store) -> int:
    """Do what earlier workers left undone: call it before work begins.

    Events that no rule understood when they arrived are handled. Lineage is derived again where an older version of
    a rule derived it, or where a worker stopped between committing a state and deriving from it.

    Returns:
        How many resources' lineage was derived.
    """
    done = 0
    kinds = handled_labels()
    while late := store.read(lambda tx: ledger.kept(tx, kinds, PAGE)):
        for number, body in late.items():
            settlement = handle([Delivery(body, "the ledger")], store)
            outcome = "refused" if settlement.dead else "derived"
            store.write(partial(ledger.mark, ids=[number], outcome=outcome))
            done += settlement.derived
    rules: dict[str, str] = {kind: one.signature for kind, one in RESOURCE_TYPES.items()}
    while unlisted := store.read(lambda tx: resources.unlisted(tx, rules.keys(), PAGE)):
        store.write(partial(_list_again, keys=unlisted))
    before: list[str] = []
    while keys := store.read(lambda tx: resources.underived(tx, PAGE) or resources.outdated(tx, rules, PAGE)):
        if keys == before:
            log.error("cannot derive what was left undone", resources=len(keys), first=keys[0])
            break
        done += derive_committed(keys, store)[0]
        before = keys
    return done


def redrive(store: Store, numbers: Sequence[int]) -> tuple[int, int]:
    """Handle dead letters once more: those that succeed are dead letters no longer, the others get their new reason.

    Args:
        store: Where they are.
        numbers: Their ids.

    Returns:
        How many succeeded, and how many did not.
    """
    succeeded = 0
    for letter in (one for number in numbers for one in ledger.dead_letters(store, [number])):
        settlement = handle([Delivery(letter.body, letter.origin)], store)
        if settlement.dead:
            [(_, reason)] = settlement.dead
            store.write(partial(ledger.give_reasons, reasons={letter.id: reason}))
        else:
            store.write(partial(ledger.discard, ids=[letter.id]))
            succeeded += 1
    return succeeded, len(numbers) - succeeded


def _list_again(tx: Transaction, keys: Collection[str]) -> None:
    ResourceSession(tx).write_listing(keys)
