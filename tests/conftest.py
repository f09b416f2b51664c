"""The options of the tests."""

from __future__ import annotations

import signal

import pytest

pytest_plugins = ["tests.tally"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="Write the expected files of tests/golden anew.")


def pytest_configure() -> None:
    """Started in the background of a shell, this process ignores Ctrl-C, and so would the programs that tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
