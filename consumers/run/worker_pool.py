"""Several processes that handle batches for one store, where reading an archive keeps more than one busy.

Each does all that `handle` does, in a store of its own. PostgreSQL lets them work side by side: it locks rows. SQLite
has one writer at a time, so they take turns there: one writes while the others make out what their batches tell.
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
_GRACE = 10.0  # seconds that a process has to end once nothing is asked of it any more


class Lost(Exception):
    """A process of ours ended while it had work; the message says what to do."""


class WorkerPool:
    """Processes that handle batches, as many at a time as there are processes."""

    def __init__(self, store: Store, workers: int) -> None:
        """Start them.

        Args:
            store: At the newest schema; each process opens it anew.
            workers: How many processes.
        """
        self.size = workers
        self.turn: AbstractContextManager[Any] = threading.Lock() if store.sqlite else nullcontext()
        """Held by whoever writes: those who wait for SQLite's own lock look only now and then, and might never find
        it free."""
        self._threads = ThreadPoolExecutor(workers, "crew")
        self._members = [_Member(store, self.turn) for _ in range(workers)]
        self._idle = list(self._members)

    async def handle(self, batch: Sequence[Delivery]) -> Settlement:
        """What `consumers.handle.handle` does, in one of the processes; at most `size` at a time.

        Raises:
            Unavailable, Unusable: As `handle`.
            Lost: The process has died, and the batch is as good as not handed over.
        """
        member = self._idle.pop()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, member.handle, batch)
        finally:
            self._idle.append(member)

    def __enter__(self) -> WorkerPool:
        """The crew itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Have the processes end."""
        for member in self._members:
            member.dismiss()
        for member in self._members:
            member.join()
        self._threads.shutdown()


class _Member:
    """One process, and the pipe to it."""

    def __init__(self, store: Store, turn: AbstractContextManager[Any]) -> None:
        self._turn = turn
        context = get_context("spawn")  # a forked one would share our connections to the database
        self._pipe, theirs = context.Pipe()
        url = store.url.render_as_string(hide_password=False)
        self._process = context.Process(target=_serve, args=(theirs, url, store.cache_mb, store.busy_seconds))
        # What is blocked now stays blocked in the child: a Ctrl-C reaches all processes of a terminal, and stopping in
        # order is this one's task. The tracker would unblock it, if it were begun along with the first child.
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
            self._ask(batch)
            with self._turn:
                settlement: Settlement = self._ask("keep")
                return settlement
        except (EOFError, ConnectionError) as why:
            raise Lost(self._death()) from why

    def _ask(self, told: object) -> Any:
        self._pipe.send(told)
        done, answer = self._pipe.recv()
        if not done:
            raise answer
        return answer

    def _death(self) -> str:
        self._process.join(_GRACE)
        code = self._process.exitcode
        how = f"was killed by {signal.Signals(-code).name}" if code and code < 0 else f"ended with code {code}"
        return (
            f"a worker process {how}, perhaps for want of memory; nothing is lost: "
            "go on with --resume, and fewer --workers or a smaller --batch-size"
        )

    def dismiss(self) -> None:
        self._pipe.close()

    def join(self) -> None:
        self._process.join(_GRACE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


def _serve(pipe: Connection[Any, Any], url: str, cache_mb: int, busy_seconds: float) -> None:
    """What a process of the crew does until nobody asks any more."""
    set_up_logs("auto", "error")
    gc.set_threshold(100_000, 20, 20)  # as the command line does
    # The pipe ends when nobody asks any more, also when our parent was killed.
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


async def work_together(
    source: Source,
    store: Store,
    stop: asyncio.Event,
    crew: WorkerPool,
    *,
    totals: Totals,
    settled: Callable[[], Awaitable[None]],
) -> None:
    """What `consumers.run.worker.work` does without any patience, with several batches in hand at a time.

    Args:
        source: Where deliveries come from; the caller closes it.
        store: At the newest schema.
        stop: Ends the work; the batches in hand are finished.
        crew: Who handles the batches.
        totals: Counts to go on with.
        settled: Called after each batch was acknowledged.

    Raises:
        Refused, Unusable, Unavailable: As `work`; the other batches in hand were finished before that.
        Lost: A process of the crew has died, likewise.
    """

    async def finish(batch: Batch) -> None:
        began = time.monotonic()
        settlement = await crew.handle(batch.deliveries)
        await batch.ack()
        totals.add(settlement, time.monotonic() - began)
        await settled()

    await asyncio.to_thread(catch_up, store)
    in_hand: set[asyncio.Task[None]] = set()
    try:
        async for batch in batches(source, stop, Outages(stop, Health(), 0), None):
            in_hand.add(asyncio.create_task(finish(batch)))
            if len(in_hand) == crew.size:
                done, _ = await asyncio.wait(in_hand, return_when=asyncio.FIRST_COMPLETED)
                if any(task.exception() for task in done):
                    break
                in_hand -= done
    finally:
        told = await asyncio.gather(*in_hand, return_exceptions=True)
    for why in told:
        if why is not None:
            raise why
