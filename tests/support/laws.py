"""How often the laws are tried: a little in `make test`, twenty times as often and with fresh seeds in `make soak`.

A law is a test of what holds for every input; it is marked `law`. `tests/soak.py` runs those that are.
"""

from __future__ import annotations

import os

import pytest
from _pytest.mark.structures import ParameterSet
from hypothesis import HealthCheck, Phase, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "desk")
FACTOR = 20 if PROFILE == "soak" else 1
"""How many times the examples of `make test` are tried."""
FIRST_SEED = int(os.environ.get("HEADWATER_FIRST_SEED", "0"))


def load_profile() -> None:
    """Use the settings of `HYPOTHESIS_PROFILE`: desk, ci or soak.

    In CI the same examples are tried each time; at a desk there are new ones. No example has a time limit: a busy
    machine is no fault.
    """
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    patient = settings(deadline=None, suppress_health_check=checks, max_examples=scaled(100))
    settings.register_profile("desk", patient)
    settings.register_profile("ci", patient, derandomize=True)
    settings.register_profile("soak", patient, print_blob=True)
    settings.load_profile(PROFILE)


def scaled(count: int) -> int:
    """How many examples to try where `make test` tries so many."""
    return count * FACTOR


def seeds(count: int) -> list[ParameterSet]:
    """Seeds for a law that makes its examples itself: the same ones in `make test`, others in each soak."""
    return [pytest.param(FIRST_SEED + number, id=f"seed-{number}") for number in range(scaled(count))]


def examples(sqlite: int, postgresql: int, backend: str) -> settings:
    """How many examples to try on a database."""
    return settings(
        max_examples=scaled(sqlite if backend == "sqlite" else postgresql),
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )
