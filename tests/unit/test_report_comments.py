"""Drift, findings and the end of an apply as Markdown: the words, what is folded, what no room was left for."""

import re

import pytest

from reconciler.core.address import Address
from reconciler.core.call import Call
from reconciler.core.change import Action
from reconciler.core.diagnostics import Diagnostic, Span, error
from reconciler.core.drift import Drift, Drifts
from reconciler.core.plan import Outcome, Plan, Step
from reconciler.report.markdown.drift import markdown
from reconciler.report.markdown.findings import OPEN, add_findings, heading
from reconciler.report.markdown.outcome import add_outcomes
from reconciler.report.markdown.page import MOST, Page, size
from reconciler.report.markdown.plan import add_plan
from tests.lives import address
from tests.unit.test_report_markdown import HOSTILE, check_inert

FRAUD, RUN = address("experiments.fraud"), address("runs.r")
TEAM = ("tags", "team")


def drifted(*found, **more):
    return markdown(Drifts("ml", "prod", "mlflow", found, **more))


@pytest.mark.parametrize(
    ("one", "lines"),
    [
        (Drift(FRAUD, TEAM, "changed", "ops"), ['+ tags.team: "ops"   changed on the server']),
        (Drift(FRAUD, TEAM, "changed", "ops", "ml"),
         ['- tags.team: "ml"', '+ tags.team: "ops"   changed on the server']),
        (Drift(FRAUD, TEAM, "missing"), ["- tags.team   missing on the server"]),
        (Drift(FRAUD, TEAM, "missing", None, "ml"), ['- tags.team: "ml"   missing on the server']),
        (Drift(FRAUD, TEAM, "changed", {"$sensitive": ""}), ["+ tags.team: (sensitive)   changed on the server"]),
    ],
)  # fmt: skip
def test_a_field_that_drifted_is_a_line_of_a_diff(one, lines):
    assert "\n".join(["```diff", "@@ ~ experiments.fraud @@", *lines, "```"]) in drifted(one)


def test_drift_has_the_counts_first_and_a_block_for_each_resource():
    found = (Drift(FRAUD, ("name",), "changed", "x"), Drift(FRAUD, TEAM, "missing"), Drift(RUN, (), "deleted"))
    assert drifted(*found, ignored=2, server="http://h") == (
        "### Drift: 1 changed, 1 missing, 1 deleted\n\n"
        "Stack `ml` on target `prod`, `mlflow` at `http://h`. Ignored: 2.\n\n"
        "```diff\n"
        "@@ ~ experiments.fraud @@\n"
        '+ name: "x"   changed on the server\n'
        "- tags.team   missing on the server\n"
        "\n"
        "@@ - runs.r @@   deleted on the server\n"
        "```\n"
    )


def test_no_drift_says_so():
    assert drifted() == "### No drift\n\nStack `ml` on target `prod`, `mlflow`.\n"


def test_more_drift_than_a_comment_holds_is_counted():
    found = drifted(*(Drift(Address("runs", f"r{number}"), TEAM, "changed", "x" * 150) for number in range(1000)))
    shown = found.count("@@ ~ runs.r")
    assert 0 < shown < 1000
    assert f"**Not shown, for want of room: {1000 - shown} resources.**" in found
    assert MOST - 2_000 < size(found) <= MOST


def findings(*found, sources=None, folder=""):
    page = Page()
    add_findings(page, found, sources or {}, folder)
    return page.text()


@pytest.mark.parametrize(
    ("found", "refused", "words"),
    [
        ([error("x", "y")], False, "### Plan failed: 1 error\n\n"),
        ([error("x", "y"), error("x", "z"), Diagnostic("warning", "w", "w")], True, "### Plan refused: 2 errors\n\n"),
        ([Diagnostic("warning", "w", "w")], False, "### Plan: 1 warning\n\n"),
    ],
)
def test_the_heading_says_how_it_ended(found, refused, words):
    assert heading("Plan", found, refused=refused) == words


def test_a_finding_has_its_place_its_line_and_what_to_do():
    found = error("empty-value", "tags.team has no value", Span("a.yaml", 2, 3, 4), "write ''")
    assert findings(found, sources={"a.yaml": "tags:\n  team:\n"}, folder="m/") == (
        "```text\n"
        "m/a.yaml:2:3: error: tags.team has no value [empty-value]\n"
        "    2 |   team:\n"
        "      |   ^^^^\n"
        "  hint: write ''\n"
        "```\n"
    )


def test_of_many_findings_the_first_are_seen_and_the_others_folded():
    found = findings(*(error("x", f"finding {number}") for number in range(OPEN + 3)))
    seen, _, folded = found.partition("<summary>3 more</summary>")
    assert (seen.count("error: "), folded.count("error: ")) == (OPEN, 3)
    check_inert(found)


def test_more_findings_than_a_comment_holds_are_counted_and_leave_room():
    page = Page()
    add_findings(page, [error("x", "w" * 300) for _ in range(1000)], {}, "")
    add_plan(page, Plan("ml", "prod", "mlflow", (Step(FRAUD, Action.create),)))
    found = page.text()
    shown = found.count("error: ")
    assert 0 < shown < 1000
    assert f"**Findings that are not shown: {1000 - shown}.**" in found
    assert "@@ + experiments.fraud @@" in found
    assert size(found) <= MOST


def ended(*outcomes):
    page = Page()
    add_outcomes(page, outcomes, "m/")
    return page.text()


def test_a_destroy_is_called_one():
    page = Page()
    add_outcomes(page, [Outcome(Step(FRAUD, Action.delete), "failed", "no")], "m/", "Destroy")
    assert page.text().startswith("### Destroy: 0 done, 1 failed, 0 not attempted\n\n> [!CAUTION]\n> Destroy again: it")


def test_an_apply_that_did_all_has_it_folded():
    assert ended(Outcome(Step(FRAUD, Action.create), "done", id="7")) == (
        "### Apply complete: 1 done\n\n"
        "<details>\n<summary>1 done</summary>\n\n```text\n"
        "  + experiments.fraud  done  id 7\n"
        "```\n\n</details>\n"
    )


def test_what_an_apply_did_not_do_is_seen_at_once():
    step = Step(RUN, Action.update, at=Span("a.yaml", 1, 2))
    failed = Outcome(step, "failed", "no such luck", call=Call("POST", "/x"))
    found = ended(Outcome(Step(FRAUD, Action.update), "done"), failed, Outcome(step, "skipped", "needs it"))
    assert found.startswith(
        "### Apply: 1 done, 1 failed, 1 not attempted\n\n"
        "> [!CAUTION]\n> Plan again: it goes on from here.\n\n"
        "```text\n"
        "  ~ runs.r  failed  no such luck  m/a.yaml:1:2\n"
        "      POST /x\n"
        "\n"
        "  ~ runs.r  not attempted  needs it  m/a.yaml:1:2\n"
        "```\n"
    )


def test_more_outcomes_than_a_comment_holds_are_counted():
    one = Outcome(Step(FRAUD, Action.update), "failed", "w" * 300)
    found = ended(*[one] * 1000, Outcome(Step(RUN, Action.update), "done"))
    shown = found.count("w" * 300)
    assert 0 < shown < 1000
    assert f"**Not shown, for want of room: {1000 - shown} not done, 1 done.**" in found
    assert size(found) <= MOST // 2


@pytest.mark.parametrize("odd", HOSTILE)
def test_nothing_that_is_quoted_is_markup(odd):
    step = Step(Address("runs", odd or "r"), Action.update, odd, at=Span(odd, 1, 1))
    drifts = Drifts(odd, odd, odd, (Drift(step.address, ("tags", odd), "changed", odd, odd),), server=odd)
    for found in (
        markdown(drifts),
        findings(error("x", odd, Span(odd, 1, 1), odd), sources={odd: odd}, folder=odd),
        ended(Outcome(step, "failed", odd, odd, call=Call("POST", odd)), Outcome(step, "done", odd)),
    ):
        check_inert(found)
        assert not re.search(r"^###.*###", found, re.MULTILINE)
