"""A plugin of pytest in place of tests/conftest.py: examples take as long as they take."""

from tests.support.laws import load_profile

load_profile()
