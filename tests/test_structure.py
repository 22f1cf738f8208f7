"""How the tests themselves are built: what they share is in tests/support, and what is a law is marked as one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in ROOT.glob("tests/**/*.py")}
BENCH = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in ROOT.glob("bench/*.py")}


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_test_imports_a_test() -> None:
    found = {
        (path, name)
        for path, tree in FILES.items()
        for name in imported(tree)
        if name.startswith("tests.") and any(part.startswith(("test_", "conftest")) for part in name.split("."))
    }

    assert found == set()


def test_the_bench_imports_tests_only_for_its_servers() -> None:
    found = {path for path, tree in BENCH.items() for name in imported(tree) if name.split(".")[0] == "tests"}

    assert found == {"bench/servers.py"}


def test_what_hypothesis_tries_is_marked_as_a_law() -> None:
    unmarked = {
        (path, node.name)
        for path, tree in FILES.items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        if any(isinstance(inner, ast.Name) and inner.id == "given" for inner in ast.walk(node))
        if not any("pytest.mark.law" in ast.unparse(decorator) for decorator in node.decorator_list)
    }

    assert unmarked == set()
