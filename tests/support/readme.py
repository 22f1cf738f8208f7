"""What the README has readers type, for the tests that type it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
ADDRESS = "http://127.0.0.1:8950"
"""Where the README has the API served."""


def program(importing: str) -> str:
    """The README's one block of Python that imports a package first."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    [found] = [block for block in blocks if re.match(rf"(import|from) {importing}\b", block)]
    return str(found)


def exports(server: str) -> dict[str, str]:
    """The environment that the README sets before, with another server in the place of its own."""
    lines = re.findall(r"^ *export (.*)$", README.read_text("utf-8"), re.MULTILINE)
    words = [word for line in lines for word in shlex.split(line)]
    return dict(word.replace(ADDRESS, server).split("=", 1) for word in words)
