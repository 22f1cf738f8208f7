"""Events from archives into a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from consumers.run.fill import FillResult, Progress, Started, fill, saved_position
from ingest.archive import ArchivePosition, ArchiveSource
from store.database import Store


def replay(
    sources: Sequence[str],
    store: Store,
    *,
    resume: bool,
    batch_size: int,
    workers: int,
    region: str | None,
    endpoint_url: str | None,
    on_progress: Callable[[Started | Progress], None] = lambda progress: None,
) -> FillResult:
    """Handle all events of archives; see `headwater replay --help`.

    Args:
        sources: As `ArchiveSource` takes them.
        store: At the newest schema; the caller closes it.
        resume: Go on where the last replay of the same sources stopped.
        batch_size: Events in a transaction.
        workers: How many processes handle batches.
        region: Where the buckets are.
        endpoint_url: Another server than AWS.
        on_progress: Called when reading begins, and after each batch.

    Raises:
        Refused, Unusable, Unavailable: A source cannot be read, or the store cannot be used.
        WorkerDied: A worker process has died.
    """
    names = (source if source == "-" or "://" in source else str(Path(source).resolve()) for source in sources)
    name = " ".join(names).encode("utf-8", "backslashreplace").decode()
    start_at = saved_position(store, name, ArchivePosition) if resume else None
    on_progress(Started(start_at is not None))
    archive = ArchiveSource(
        *sources,
        batch_size=batch_size,
        start_at=start_at,
        leave_out=[f"{store.url.database}{end}" for end in ("", "-wal", "-shm")] if store.sqlite else (),
        region=region,
        endpoint_url=endpoint_url,
    )

    def so_far() -> tuple[int, int | None]:
        return archive.bytes_read, archive.total_bytes

    return fill(archive, store, name, workers, so_far, on_progress=on_progress)
