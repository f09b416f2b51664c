"""The corpus is as large as it was, and says of each of its cases what is expected."""

from __future__ import annotations

import pytest

from tests.hostile.corpus import cases, expected, plan_cases

FOUND = {
    "manifests": cases("manifests", ".yaml"),
    "configs": cases("configs", ".yaml"),
    "plans": plan_cases(),
    "replies": cases("replies", ".http"),
}
LEAST = {"manifests": 270, "configs": 145, "plans": 280, "replies": 200}
"""Of each corpus so many cases at least are refused; 200 malformed texts and 20 replies were asked for."""


@pytest.mark.parametrize("corpus", FOUND)
def test_each_case_is_there_and_expected(corpus):
    assert sorted(FOUND[corpus]) == sorted(expected(corpus))


@pytest.mark.parametrize("corpus", FOUND)
def test_the_corpus_does_not_shrink(corpus):
    refused = [case for case, outcome in expected(corpus).items() if "[" in outcome]
    assert len(refused) >= LEAST[corpus]
