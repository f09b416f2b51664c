"""One resource, or one field of it: where it was written, the three values, the reason, the request."""

import pytest

from reconciler.core.call import Call
from reconciler.core.mark import Mark
from reconciler.core.match import Pair
from reconciler.core.plan import Stay
from reconciler.core.steps import Stepper
from reconciler.report.explain import explain_lines, paths
from reconciler.report.lines import plain
from tests.lives import KINDS, WIRES, address, entry, found, held, owned, path

FRAUD = "experiments.fraud"
TEAM = ("tags", "team")
FLAGS = {"name": "fraud"}


def explained(desired, live, field=None, folder=""):
    at = desired.address if desired else live.address
    pair = Pair(at, desired, live)
    step, *_ = Stepper("ml", KINDS, WIRES).step(pair)
    return plain(explain_lines(pair, step, field, folder)).splitlines()


def about(desired, live):
    """What is said of the tag `team`, by the name of the line."""
    rows = [row.strip().partition(":") for row in explained(desired, live, TEAM)]
    return {name: words.strip() for name, _, words in rows if name}


def test_the_head_of_what_is_to_be_made():
    desired = entry(FRAUD, tags={"team": "ml"})
    lines = explained(desired, None, folder="manifests/")
    assert lines[0] == f"experiments.fraud   manifests/{desired.at()}"
    assert lines[1:3] == ["  server: not there", "  action: create"]
    assert [line.strip() for line in lines if line.startswith("  ") and line[2] != " "][2:] == ["name", "tags.team"]


@pytest.mark.parametrize(
    ("live", "words"),
    [
        (held(entry(FRAUD), "5"), "id 5, active, owned by this stack"),
        (held(entry(FRAUD), "5", deleted=True), "id 5, deleted, owned by this stack"),
        (found(FRAUD, FLAGS, "5"), "id 5, active, not owned by this stack"),
        (
            held(entry(FRAUD), "5", others={"ops": Mark(address(FRAUD)), "a": Mark(address(FRAUD))}),
            "id 5, active, owned by this stack, also marked by the stack a, also marked by the stack ops",
        ),
    ],
)
def test_the_state_of_what_is_there(live, words):
    assert explained(entry(FRAUD), live)[1] == f"  server: {words}"


def test_what_is_not_declared_any_more():
    lines = explained(None, owned("runs.r", {"tags.team": "ml"}, {"tags.team": "ml"}, parent="1"))
    assert lines[0] == "runs.r  not declared"
    assert lines[2] == "  action: delete  no longer declared"
    assert "    manifest:     (not set)" in lines


def test_nothing_to_do():
    desired = entry(FRAUD, tags={"team": "ml"})
    assert explained(desired, held(desired))[2] == "  action: noop"
    assert about(desired, held(desired))["reason"] == "nothing to do"


def test_the_three_values_of_a_changed_field():
    desired = entry(FRAUD, tags={"team": "ml"})
    rows = about(desired, held(entry(FRAUD, tags={"team": "risk"})))
    assert rows["manifest"] == f'"ml"   {desired.at(TEAM)}'
    assert rows["server"] == '"risk"' or rows["server"].startswith("id")
    assert rows["last applied"].startswith("what the server holds (digest ")
    assert rows["reason"] == "manifest changed"
    assert rows["request"].startswith("POST /api/2.0/mlflow/experiments/set-experiment-tag {")


@pytest.mark.parametrize(
    ("there", "applied", "words"),
    [
        ("ml", None, "never by this stack"),
        ("x", "ml", "what the manifest says (digest "),
        ("x", "x", "what the server holds (digest "),
        ("x", "y", "something else (digest "),
        (None, "y", "something else (digest "),
    ],
)
def test_what_was_last_applied(there, applied, words):
    live = {**FLAGS, **({"tags.team": there} if there else {})}
    last = {**FLAGS, **({"tags.team": applied} if applied else {})}
    assert about(entry(FRAUD, tags={"team": "ml"}), owned(FRAUD, live, last))["last applied"].startswith(words)


def test_what_was_last_applied_is_not_known_where_there_is_no_mark():
    assert about(entry(FRAUD, tags={"team": "ml"}), None)["last applied"] == "never by this stack"
    assert about(entry(FRAUD, tags={"team": "ml"}), found(FRAUD, FLAGS))["last applied"] == "never by this stack"


def test_the_fields_are_those_that_the_stack_manages_or_managed():
    live = owned(FRAUD, {**FLAGS, "tags.theirs": "x"}, {**FLAGS, "tags.old": "y"})
    assert paths(Pair(address(FRAUD), entry(FRAUD, tags={"team": "ml"}), live)) == [("name",), ("tags", "old"), TEAM]
    assert paths(Pair(address(FRAUD), None, found(FRAUD, FLAGS))) == []


def test_a_request_without_a_body_is_its_path():
    desired = entry("logged_models.m", experiment="fraud")
    fields = {"name": "m", "experiment": FRAUD, "tags.team": "x"}
    rows = about(desired, owned("logged_models.m", fields, fields, parent="1"))
    assert rows["request"] == "DELETE /api/2.0/mlflow/logged-models/{id}/tags/team"
    assert rows["manifest"] == "(not set)"


def test_a_step_that_does_not_touch_the_field():
    desired = entry(FRAUD, tags={"team": "ml"}, description="d")
    rows = about(desired, held(entry(FRAUD, tags={"team": "ml"})))
    assert "request" not in rows
    assert isinstance(Call("GET", "/").fields, tuple)


def test_what_cannot_be_removed_is_no_nothing_to_do():
    before = held(entry("experiments.fraud", tags={"old": "1"}))
    pair = Pair(address("experiments.fraud"), entry("experiments.fraud"), before)
    stays = [Stay(pair.address, path("tags.old"), "no request does"), Stay(address("runs.r"), path("name"), "not this")]
    text = plain(explain_lines(pair, None, None, stays=stays))
    assert text.count("cannot remove") == 1
    assert "    reason:       cannot remove: no request does\n" in text.partition("  tags.old\n")[2]
    whole = plain(explain_lines(pair, None, None, stays=[Stay(pair.address, (), "no request does")]))
    assert "  stays:  cannot remove: no request does\n" in whole
