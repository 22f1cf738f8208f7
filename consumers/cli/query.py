"""Commands that query a store."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console

from consumers.cli.options import (
    AsJson,
    Database,
    Failed,
    Misused,
    at_least_one,
    opened,
    print_json,
    wide_console,
)
from consumers.cli.references import checked, one_match
from store.database import DEFAULT_URL
from store.graph.traversal import LIMIT, Direction


def lineage_command(
    ref: Annotated[str, Parameter(help="An ARN of anything (entity, job, endpoint, package), an S3 URI, or a name.")],
    /,
    *,
    direction: Annotated[
        Direction, Parameter(help="Towards what it came from, what came of it, or both.")
    ] = Direction.BOTH,
    depth: Annotated[int | None, Parameter(help="How many links to follow at most; by default all.")] = None,
    limit: Annotated[int, Parameter(help="How many entities to show at most, in each direction.")] = LIMIT,
    inferred: Annotated[
        bool,
        Parameter(help="Follow links that SageMaker does not capture too: marked ~ in a tree, dashed in a picture."),
    ] = True,
    all_time: Annotated[
        bool,
        Parameter(
            negative="",
            help="Follow links whatever their time: from who read an address to all who ever wrote there, as AWS does.",
        ),
    ] = False,
    format: Annotated[Literal["tree", "json", "dot", "mermaid", "csv"], Parameter(help="What to print.")] = "tree",
    database_url: Database = DEFAULT_URL,
) -> None:
    """What something came from and what came of it.

    Who read an address that is written again and again comes from what it can have seen there: from the last writing
    that was completed before it began, and from those under way while it ran. `--all-time` follows the others too.

    Examples: `headwater lineage s3://bucket/train.csv --direction descendants`, `headwater lineage my-endpoint`,
    `headwater lineage arn:aws:sagemaker:eu-west-1:111122223333:model-package/churn/7 --format mermaid`.
    """
    from consumers.cli.lineage_formats import FORMATS
    from consumers.cli.lineage_tree import tree
    from store.graph.lineage import walk

    checked(ref)
    if depth is not None and depth < 0:
        raise Misused("--depth counts links: 0 or more")
    at_least_one("--limit", limit)
    with opened(database_url) as store:
        match = one_match(store, ref)
        if not match.starts:
            raise Failed(f"{match.vertex.name or ref!r} has no trial components yet: nothing to follow")
        found = walk(
            store, match.starts, direction, depth=depth, limit=limit, inferred=inferred, all_time=all_time
        )  # fmt: skip
    if format == "tree":
        wide_console().print(tree(found))
    else:
        sys.stdout.write(FORMATS[format](found).rstrip("\n") + "\n")


def pipeline_command(
    ref: Annotated[str, Parameter(help="An execution's ARN or id, or a pipeline's name or ARN: its newest execution.")],
    /,
    *,
    database_url: Database = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """A pipeline execution: its state, its parameters, and its steps in the order of time.

    Examples: `headwater pipeline churn-flow`, `headwater pipeline d84ewltjmxhe --json`.
    """
    from consumers.cli import pipeline_table
    from consumers.pipeline_executions import execution
    from store.graph import resolve

    with opened(database_url) as store:
        found = resolve.executions(store, checked(ref))
        chosen = execution(store, found[0]) if len(found) == 1 else None
    if len(found) > 1:
        lines = "\n".join(f"  {arn}" for arn in found)
        raise Failed(f"{ref!r} means several executions; give one of their ARNs:\n{lines}")
    if chosen is None:
        raise Failed(f"the store has no execution {ref!r}; give its ARN or id, or the name of a pipeline that has run")
    if as_json:
        print_json(chosen)
    else:
        pipeline_table.execution(wide_console(), chosen)


def runs_command(
    group: Annotated[
        str | None, Parameter(help="An experiment or a trial (name or ARN), or a family of runs; by default all runs.")
    ] = None,
    /,
    *,
    where: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="A condition: a parameter, a metric, tag:NAME, status, name or created; < <= = != >= > or "
            "contains; a value. May be given several times.",
        ),
    ] = None,
    sort_by: Annotated[
        str, Parameter(help="A metric, a parameter, or created; what has none is left out.")
    ] = "created",
    ascending: Annotated[bool, Parameter(negative="", help="The least or oldest first.")] = False,
    limit: Annotated[int, Parameter(help="How many runs to show at most.")] = 20,
    format: Annotated[Literal["table", "csv", "json"], Parameter(help="What to print.")] = "table",
    database_url: Database = DEFAULT_URL,
) -> None:
    """Which run was best, and with what?

    Examples: `headwater runs churn --sort-by validation:rmse --ascending`,
    `headwater runs --where 'eta>0.1' --where status=Completed --format csv`.
    """
    from consumers.cli import runs_table
    from store.search.runs import Unknown, names_in, runs
    from store.search.text_form import BadCondition, parse

    at_least_one("--limit", limit)
    try:
        conditions = [parse(checked(text)) for text in where or ()]
    except BadCondition as why:
        raise Misused(str(why)) from None
    with opened(database_url) as store:
        try:
            found = runs(
                store,
                None if group is None else checked(group),
                conditions,
                sort_by=checked(sort_by),
                ascending=ascending,
                limit=limit,
            )
        except (BadCondition, Unknown) as why:
            raise Failed(str(why)) from None
    if format == "json":
        print_json(found)
    elif format == "csv":
        sys.stdout.write(runs_table.as_csv(found.runs) + "\n")
    else:
        columns = [name for one in conditions for name in names_in(one)] + [sort_by]
        runs_table.table(wide_console(), found, columns)


def experiments_command(*, database_url: Database = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Experiments with their trials and runs, and the families of runs that are in no experiment."""
    from consumers.cli import runs_table
    from store.search.runs import groups

    with opened(database_url) as store:
        found = groups(store)
    if as_json:
        print_json(found)
    else:
        runs_table.groups(wide_console(), found)


def digest_command(
    *,
    verbose: Annotated[bool, Parameter(negative="", help="Print counts as well.")] = False,
    database_url: Database = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """The SHA-256 of the canonical graph: two stores of the same events print the same."""
    from store.digest import digest

    with opened(database_url) as store:
        value, counts = digest(store)
    if as_json:
        print_json({"digest": value, "counts": counts})
        return
    print(value)
    if verbose:
        for kind, number in sorted(counts.items()):
            print(f"{number:>12,} {kind}")


def compare_command(
    here: Annotated[str, Parameter(help="The URL of a store.")],
    there: Annotated[str, Parameter(help="The URL of another one.")],
    /,
    *,
    limit: Annotated[int, Parameter(help="How many differences of each kind to show.")] = 20,
    as_json: AsJson = False,
) -> int:
    """What differs between two stores: entities, links, parameters, metrics, tags; on either database.

    The exit code is 0 when they hold the same and 1 when they do not.
    """
    from consumers.cli import output
    from store.compare import compare, same_database

    at_least_one("--limit", limit)
    with opened(here) as one, opened(there) as other:
        if same_database(one, other):
            raise Misused(f"both are {one}: name two stores")
        found = compare(one, other, limit)
    if as_json:
        print_json(found)
    else:
        output.compared(Console(highlight=False), str(one), str(other), found)
    return 0 if found.same else 1


def status_command(*, database_url: Database = DEFAULT_URL, as_json: AsJson = False) -> None:
    """What the store holds, how far behind it is, and what is wrong with it."""
    from consumers.cli import output
    from store.status import status

    with opened(database_url) as store:
        found = status(store)
    if as_json:
        print_json(found)
    else:
        output.status(Console(highlight=False), str(store), found)
