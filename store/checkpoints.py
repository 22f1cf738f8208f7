"""How far the reading of an archive or of another store has come, so that it can be resumed."""

from __future__ import annotations

import time

from sqlalchemy import select

from store import bulk
from store.database import Store, Transaction
from store.tables import checkpoint


def read_checkpoint(store: Store, name: str) -> str | None:
    """Where reading stopped, as `save_checkpoint` wrote it; None if nothing was written, or all has been read.

    Args:
        store: Where the checkpoint is.
        name: What is being read.
    """
    return store.read(lambda tx: tx.connection.scalar(select(checkpoint.c.position).where(checkpoint.c.name == name)))


def save_checkpoint(store: Store, name: str, position: str | None) -> None:
    """Write where reading stands; None removes the checkpoint, once all has been read."""

    def write(tx: Transaction) -> None:
        if position is None:
            bulk.remove(tx.connection, checkpoint, [(name,)])
        else:
            bulk.insert(tx.connection, checkpoint, [(name, position, time.time_ns() // 1_000_000)], "replace")

    store.write(write)
