"""Commands for dead letters: messages that were put aside, each with its reason."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from consumers.cli.options import AsJson, Database, Failed, Misused, opened, print_json
from store.database import DEFAULT_URL, Store
from store.ledger.events import DeadLetter

app = App(name="dead-letters", help="Messages that could not be handled: look at them, and handle them again.")

Numbers = Annotated[list[int] | None, Parameter(help="Their numbers.", consume_multiple=True)]
All = Annotated[bool, Parameter(name="--all", negative="", help="All of them.")]


@app.command(name="list")
def list_command(*, database_url: Database = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Every dead letter: its number, when it came, from where, and the reason."""
    from consumers.cli import output
    from store.ledger.events import dead_letters

    with opened(database_url) as store:
        found = dead_letters(store)
    if as_json:
        print_json([_json(letter) for letter in found])
    else:
        output.dead_letters(Console(highlight=False), found)


@app.command(name="show")
def show_command(number: int, /, *, database_url: Database = DEFAULT_URL) -> None:
    """One dead letter, its message as it came."""
    from store.ledger.events import dead_letters

    with opened(database_url) as store:
        found = dead_letters(store, [number])
    for letter in found:
        print(f"{letter.reason}\n", file=sys.stderr)
        sys.stdout.buffer.write(letter.body + b"\n")
        return
    raise Failed(f"there is no dead letter {number}: dead-letters list shows all")


@app.command(name="redrive")
def redrive_command(*numbers: int, every: All = False, database_url: Database = DEFAULT_URL) -> int:
    """Handle dead letters again; those that succeed are dead letters no longer, the others get their new reason."""
    from consumers.catch_up import redrive

    with opened(database_url) as store:
        done, dead = redrive(store, _chosen(store, numbers, every=every))
    print(f"{done:,} handled, {dead:,} still dead")
    return 1 if dead else 0


@app.command(name="discard")
def discard_command(*numbers: int, every: All = False, database_url: Database = DEFAULT_URL) -> None:
    """Delete dead letters for good."""
    from store.ledger.events import discard

    with opened(database_url) as store:
        chosen = _chosen(store, numbers, every=every)
        store.write(lambda tx: discard(tx, chosen))
    print(f"{len(chosen):,} discarded")


def _chosen(store: Store, numbers: tuple[int, ...], *, every: bool) -> list[int]:
    from store.ledger.events import dead_letters

    if every == bool(numbers):
        raise Misused("say which: numbers from dead-letters list, or --all")
    existing = [letter.id for letter in dead_letters(store, None if every else numbers)]
    missing = sorted(set(numbers) - set(existing))
    if missing:
        raise Failed(f"there is no dead letter {missing[0]}: dead-letters list shows all")
    return existing


def _json(letter: DeadLetter) -> dict[str, object]:
    return {**letter._asdict(), "body": letter.body.decode("utf-8", "replace")}
