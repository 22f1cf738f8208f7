"""Run the tests that need no network and no server on each Python from 3.11 to 3.14 that is found."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ENVIRONMENTS = ROOT / ".venv-pythons"
NAMES = ("python3.11", "python3.12", "python3.13", "python3.14")
TESTS = ("test_event.py", "test_archive_format.py", "test_state.py", "test_cases.py")
"""Decoding, splitting, the laws of state, and every case by way of rules and SQLite."""


def main() -> int:
    """Test on each Python but our own, which has all other tests; the exit code is 1 if one of them fails."""
    pythons = {version(path): path for path in found()}
    pythons.pop("", None)
    pythons.pop(version(Path(sys.executable)), None)
    print(f"Found beside our own Python: {', '.join(map(_label, sorted(pythons.items()))) or 'none'}", flush=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failed = [number for number, passed in pool.map(tested, sorted(pythons.items())) if not passed]
    if failed:
        print(f"Failed on Python {', '.join(failed)}")
    return 1 if failed else 0


def _label(python: tuple[str, Path]) -> str:
    return f"{python[0]} ({python[1]})"


def found() -> Iterator[Path]:
    """Interpreters on the path, where systems put them, and where pyenv and uv do."""
    folders = [*map(Path, os.get_exec_path()), Path("/usr/bin"), Path("/usr/local/bin")]
    folders += [*Path.home().glob(".pyenv/versions/*/bin"), *Path.home().glob(".local/share/uv/python/*/bin")]
    for folder in folders:
        for name in NAMES:
            if (folder / name).is_file():
                yield folder / name


def version(path: Path) -> str:
    """An interpreter's version, such as 3.11.2; empty if it does not run, as pyenv's shims do not."""
    ask = "import sys; print('.'.join(map(str, sys.version_info[:3])))"
    answer = subprocess.run([path, "-I", "-c", ask], capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else ""


def tested(python: tuple[str, Path]) -> tuple[str, bool]:
    """A Python's version, and whether the tests pass on it, in an environment of its own made from the lock file."""
    number, path = python
    lock = HERE / "requirements.txt"
    environment = ENVIRONMENTS / number
    inside = environment / "bin" / "python"
    installed = environment / f".installed-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    if not installed.exists():
        # By a pip of its own: an older one, run by another Python, may not start there.
        made = subprocess.run([path, "-m", "venv", "--clear", environment], check=False, stdout=subprocess.DEVNULL)
        if made.returncode:
            print(f"{_label(python)}: left out, since it cannot make environments (Debian: python3-venv)", flush=True)
            return number, True
        pip: list[str | Path] = [inside, "-m", "pip", "install", "--quiet", "--no-compile"]
        subprocess.run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", lock], check=True)
        installed.touch()
    tests = [ROOT / "tests" / name for name in TESTS]
    command: list[str | Path] = [inside, "-B", "-m", "pytest", "--quiet", "-c", HERE / "pytest.ini", *tests]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(f"{_label(python)}:\n{done.stdout}", flush=True)
    return number, done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
