"""A hostile plan file is refused, or does nothing but what it says, and that to the server of its target."""

from __future__ import annotations

import copy

import pytest

from tests.e2e.tools import Shell
from tests.hostile.corpus import check, documented, places, plan_cases, plan_text, told

BEFORE = "experiments: {fraud: {tags: {team: risk}}}\n"
AFTER = """experiments:
  churn: {description: New}
  fraud: {tags: {team: ml}}
runs:
  fresh: {experiment: fraud, metrics: {auc: 0.9}}
"""
UNPLACED = {f"whole/{name}" for name in ("not-utf8", "utf16", "gzip")}
"""Files that are no text: there is no line in them."""


@pytest.fixture(scope="module")
def good(served, tmp_path_factory):
    """A plan that creates `churn`, changes `fraud` and creates the run `fresh`; and what the server holds before it."""
    fake, url = served
    with pytest.MonkeyPatch.context() as patch:
        shell = Shell(tmp_path_factory.mktemp("good"), patch)
        shell.configure(url)
        shell.apply(BEFORE)
        shell.manifest(AFTER)
        shell("plan", "--out", "good.json")
    return (shell.folder / "good.json").read_text(encoding="utf-8"), fake._state


@pytest.fixture
def stack(good, shell, fake):
    fake._state = copy.deepcopy(good[1])
    shell.manifest(AFTER)
    return shell


def test_what_is_changed_could_be_applied(good, stack):
    stack.write("good.json", good[0])
    stack("apply", "good.json", "--yes")


@pytest.mark.parametrize("case", plan_cases())
def test_a_hostile_plan(case, good, stack, fake, update):
    stack.write("plan.json", "").write_bytes(plan_text(case, good[0]))
    shown = stack("show", "plan.json", code=None)
    assert fake.requests == []
    applied = stack("apply", "plan.json", "--yes", "--timeout", "1", code=None)
    if shown.code:
        assert (applied.code, applied.err) == (shown.code, shown.err)
        assert fake.requests == []
        assert all(places(shown)) or case in UNPLACED
    assert applied.code in {0, 4, documented(applied)}
    found = f"show: {told(shown, '', placed=False)}; apply: {told(applied, '', placed=False)}"
    check("plans", case, found, update=update)
