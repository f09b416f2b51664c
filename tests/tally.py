"""Counts of what the long tests tried and what came of it, printed at the end for whoever wants to quote them."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest

TALLY = pytest.StashKey[Counter[str]]()
ALL = bool(os.environ.get("RECONCILER_TEST_ALL"))


def pytest_configure(config: pytest.Config) -> None:
    config.stash.setdefault(TALLY, Counter())


@pytest.fixture(scope="session")
def tally(request: pytest.FixtureRequest) -> Counter[str]:
    return request.config.stash[TALLY]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes hands its counts over."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["tally"] = dict(session.config.stash[TALLY])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[TALLY].update(getattr(node, "workeroutput", {}).get("tally", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    tally = config.stash[TALLY]
    if tally:
        terminalreporter.section("what was tried" if ALL else "what was tried, a sample")
        for what, count in sorted(tally.items()):
            terminalreporter.line(f"{count:9,}  {what}")
