"""Several processes that handle batches for one store, where reading an archive keeps more than one busy.

Each does all that `handle` does, in a store of its own. PostgreSQL lets them work side by side: it locks rows. SQLite
has one writer at a time, so they take turns there: one writes while the others observe their batches.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from typing import Any

from consumers.catch_up import catch_up
from consumers.handle import Settlement, commit_batch, observe_batch
from consumers.run.metrics import Health
from consumers.run.runtime import set_up_logs
from consumers.run.worker import Outages, Totals, batches
from ingest.delivery import Batch, Delivery, Source
from store.database import Store

_SIGNALS = {signal.SIGINT, signal.SIGTERM}
_GRACE = 10.0  # seconds that a process has to end once its pipe is closed


class WorkerDied(Exception):
    """A worker process ended while it had work; the message says what to do."""


class WorkerPool:
    """Processes that handle batches, one batch each at a time."""

    def __init__(self, store: Store, workers: int) -> None:
        """Start them.

        Args:
            store: At the newest schema; each process opens it again.
            workers: How many processes.
        """
        self.size = workers
        self.turn: AbstractContextManager[Any] = threading.Lock() if store.sqlite else nullcontext()
        """Held by the process that writes: SQLite's own lock is not fair, so that a process might never get it."""
        self._threads = ThreadPoolExecutor(workers, "worker-pool")
        self._processes = [_WorkerProcess(store, self.turn) for _ in range(workers)]
        self._idle = list(self._processes)

    async def handle(self, batch: Sequence[Delivery]) -> Settlement:
        """What `consumers.handle.handle` does, in one of the processes; at most `size` at a time.

        Raises:
            Unavailable, Unusable: As `handle`.
            WorkerDied: The process has died; the batch was not committed, or will be committed again.
        """
        process = self._idle.pop()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, process.handle, batch)
        finally:
            self._idle.append(process)

    def __enter__(self) -> WorkerPool:
        """The pool itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        for process in self._processes:
            process.close()
        for process in self._processes:
            process.join()
        self._threads.shutdown()


class _WorkerProcess:
    """One process, and the pipe to it."""

    def __init__(self, store: Store, turn: AbstractContextManager[Any]) -> None:
        self._turn = turn
        context = get_context("spawn")  # a forked one would share our connections to the database
        self._pipe, theirs = context.Pipe()
        url = store.url.render_as_string(hide_password=False)
        self._process = context.Process(target=_serve, args=(theirs, url, store.cache_mb, store.busy_seconds))
        # Signals that are blocked now stay blocked in the child: a Ctrl-C reaches all processes of a terminal, and only
        # the parent acts on it. The tracker would unblock them if it were started along with the first child.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()  # so that the pipe ends when the process does

    def handle(self, batch: Sequence[Delivery]) -> Settlement:
        """As `WorkerPool.handle`, in the caller's thread."""
        try:
            self._call(batch)
            with self._turn:
                settlement: Settlement = self._call("commit")
                return settlement
        except (EOFError, ConnectionError) as why:
            raise WorkerDied(self._cause_of_death()) from why

    def _call(self, message: object) -> Any:
        self._pipe.send(message)
        done, answer = self._pipe.recv()
        if not done:
            raise answer
        return answer

    def _cause_of_death(self) -> str:
        self._process.join(_GRACE)
        code = self._process.exitcode
        how = f"was killed by {signal.Signals(-code).name}" if code and code < 0 else f"ended with code {code}"
        return (
            f"a worker process {how}, perhaps for want of memory; nothing is lost: "
            "go on with --resume, and fewer --workers or a smaller --batch-size"
        )

    def close(self) -> None:
        self._pipe.close()

    def join(self) -> None:
        self._process.join(_GRACE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


def _serve(pipe: Connection[Any, Any], url: str, cache_mb: int, busy_seconds: float) -> None:
    """What a process of the pool does until its pipe is closed."""
    set_up_logs("auto", "error")
    gc.set_threshold(100_000, 20, 20)  # as the command line does
    # The pipe ends when the parent closes it, and when the parent was killed.
    with Store(url, cache_mb=cache_mb, busy_seconds=busy_seconds) as store, suppress(EOFError, ConnectionError):
        while True:
            batch = pipe.recv()
            try:
                observed = observe_batch(batch)
                pipe.send((True, None))
                pipe.recv()  # it is our turn
                answer: tuple[bool, Any] = True, commit_batch(observed, store)
            except (EOFError, ConnectionError):
                raise
            except Exception as why:  # noqa: BLE001  # whatever it is, our parent raises it
                why.add_note("".join(traceback.format_exception(why)))
                answer = False, why
            pipe.send(answer)


async def work_in_parallel(
    source: Source,
    store: Store,
    stop: asyncio.Event,
    pool: WorkerPool,
    *,
    totals: Totals,
    settled: Callable[[], Awaitable[None]],
) -> None:
    """What `consumers.run.worker.work` does without patience, with several batches in hand at a time.

    Args:
        source: Where deliveries come from; the caller closes it.
        store: At the newest schema.
        stop: Ends the work; the batches in hand are finished.
        pool: Its processes handle the batches.
        totals: Counts to go on with.
        settled: Called after each batch was acknowledged.

    Raises:
        Refused, Unusable, Unavailable: As `work`; the other batches in hand were finished before that.
        WorkerDied: A process of the pool has died, likewise.
    """

    async def finish(batch: Batch) -> None:
        began = time.monotonic()
        settlement = await pool.handle(batch.deliveries)
        await batch.ack()
        totals.add(settlement, time.monotonic() - began)
        await settled()

    await asyncio.to_thread(catch_up, store)
    in_hand: set[asyncio.Task[None]] = set()
    try:
        async for batch in batches(source, stop, Outages(stop, Health(), 0), None):
            in_hand.add(asyncio.create_task(finish(batch)))
            if len(in_hand) == pool.size:
                done, _ = await asyncio.wait(in_hand, return_when=asyncio.FIRST_COMPLETED)
                if any(task.exception() for task in done):
                    break
                in_hand -= done
    finally:
        results = await asyncio.gather(*in_hand, return_exceptions=True)
    for why in results:
        if why is not None:
            raise why
