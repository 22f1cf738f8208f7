"""Commands for messages that could not be understood."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from consumers.cli.options import AsJson, Database, Failed, Misused, opened, print_json
from store.database import DEFAULT_URL, Store
from store.ledger.events import DeadLetter

letters = App(name="dead-letters", help="Messages that could not be understood: look at them, send them round again.")

Numbers = Annotated[list[int] | None, Parameter(help="Their numbers.", consume_multiple=True)]
All = Annotated[bool, Parameter(name="--all", negative="", help="All of them.")]


@letters.command(name="list")
def list_(*, database_url: Database = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Every dead letter: its number, when it came, from where, and why it is dead."""
    from consumers.cli import output
    from store.ledger.events import dead_letters

    with opened(database_url) as store:
        found = dead_letters(store)
    if as_json:
        print_json([_shown(letter) for letter in found])
    else:
        output.dead_letters(Console(highlight=False), found)


@letters.command
def show(number: int, /, *, database_url: Database = DEFAULT_URL) -> None:
    """One dead letter, its message as it came."""
    from store.ledger.events import dead_letters

    with opened(database_url) as store:
        found = dead_letters(store, [number])
    for letter in found:
        print(f"{letter.reason}\n", file=sys.stderr)
        sys.stdout.buffer.write(letter.body + b"\n")
        return
    raise Failed(f"there is no dead letter {number}: dead-letters list shows those there are")


@letters.command
def redrive(*numbers: int, every: All = False, database_url: Database = DEFAULT_URL) -> int:
    """Send dead letters round again; those that are understood now are taken away."""
    from consumers.catch_up import redrive as again

    with opened(database_url) as store:
        understood, dead = again(store, _chosen(store, numbers, every=every))
    print(f"{understood:,} understood, {dead:,} still dead")
    return 1 if dead else 0


@letters.command
def discard(*numbers: int, every: All = False, database_url: Database = DEFAULT_URL) -> None:
    """Take dead letters away for good."""
    from store.ledger import events

    with opened(database_url) as store:
        chosen = _chosen(store, numbers, every=every)
        store.write(lambda tx: events.discard(tx, chosen))
    print(f"{len(chosen):,} discarded")


def _chosen(store: Store, numbers: tuple[int, ...], *, every: bool) -> list[int]:
    from store.ledger.events import dead_letters

    if every == bool(numbers):
        raise Misused("say which: numbers from dead-letters list, or --all")
    there = [letter.id for letter in dead_letters(store, None if every else numbers)]
    missing = sorted(set(numbers) - set(there))
    if missing:
        raise Failed(f"there is no dead letter {missing[0]}: dead-letters list shows those there are")
    return there


def _shown(letter: DeadLetter) -> dict[str, object]:
    return {**letter._asdict(), "body": letter.body.decode("utf-8", "replace")}
