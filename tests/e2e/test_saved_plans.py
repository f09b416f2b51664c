"""A saved plan is applied as it is, or refused: where it is damaged, another stack's, or out of date."""

from __future__ import annotations

import json

import pytest

from tests.e2e.findings import check
from tests.e2e.tools import sending, writes
from tests.fakes.mlflow import FakeMlflow

MANIFEST = """\
experiments:
  fraud: {description: cards, tags: {team: risk, tier: gold}}
runs:
  base: {experiment: fraud, params: {depth: 6}}
"""


@pytest.fixture
def saved(shell):
    """The file of a plan that makes all of MANIFEST."""
    shell.manifest(MANIFEST)
    shell("plan", "--out", "plan.json")
    return shell.folder / "plan.json"


def edited(file, **changes):
    plan = json.loads(file.read_text())
    file.write_text(json.dumps(plan | changes))


DAMAGES = {
    "empty": (lambda text: "", "it is not JSON", ""),
    "cut short": (lambda text: text[: text.index('"ids"')], "it is not JSON", '"ids"'),
    "not JSON": (lambda text: "stack: ml", "it is not JSON", ""),
    "a list": (lambda text: "[]", "it has no 'format'", ""),
    "another JSON document": (lambda text: '{"name": "x"}', "it has no 'format'", ""),
    "format 2": (lambda text: text.replace('"format": 1', '"format": 2'), "this reconciler reads format 1", '"format"'),
    "an unknown key": (lambda text: text.replace("{", '{"comment": "hi",', 1), "comment", '"comment"'),
    "an unknown key in a step": (lambda text: text.replace('"needs"', '"wants": 1, "needs"', 1), "wants", '"wants"'),
    "an unknown action": (lambda text: text.replace('"create"', '"destroy"'), "is not one of", '"action"'),
    "no seen": (lambda text: text.replace('"seen"', '"saw"'), "seen", ""),
    "a summary that does not add up": (
        lambda text: text.replace('"create": 2', '"create": 3'),
        "summary",
        '"summary"',
    ),
    "a damaged basis": (lambda text: text.replace('"basis": {}', '"basis": {"x": {}}'), "'x' is not an address", '"x"'),
    "NaN": (lambda text: text.replace('"format": 1', '"format": NaN'), "NaN is not JSON", ""),
    "nested without end": (lambda text: "[" * 100_000, "", ""),
}
"""What is done to the text, a part of the words, and what then stands at the place."""


def place(part, text):
    """Where `part` stands for the first time in `text`, or where the text ends if it is not there."""
    before = text[: text.index(part)] if part in text else text
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("command", [("apply", "--yes"), ("show",)], ids=lambda one: one[0])
def test_what_is_no_plan_is_refused(damage, command, shell, saved, fake):
    change, words, part = DAMAGES[damage]
    text = saved.read_text()
    saved.write_text(change(text))
    assert saved.read_text() != text
    before = len(fake.requests)
    result = shell(*command, "plan.json", code=1)
    where = f"plan.json:{place(part, saved.read_text())}: "
    check(result, "bad-plan-file", words, where, hint="reconciler plan --out")
    assert len(fake.requests) == before


@pytest.mark.parametrize("number", ["true", "1.0"])
def test_the_format_is_a_whole_number(number, shell, saved):
    saved.write_text(saved.read_text().replace('"format": 1', f'"format": {number}'))
    check(shell("show", "plan.json", code=1), "bad-plan-file", "format")


def test_an_unknown_action_is_told_by_its_name(shell, saved):
    saved.write_text(saved.read_text().replace('"action": "create"', '"action": "destroy"', 1))
    check(shell("show", "plan.json", code=1), "bad-plan-file", "destroy")


def test_a_plan_that_is_not_there(shell, fake):
    for command in (("apply", "--yes"), ("show",)):
        result = shell(*command, "nowhere.json", code=1)
        assert "'nowhere.json' cannot be read: No such file or directory [bad-plan-file]" in result.err
    assert fake.requests == []


def test_a_plan_that_is_not_utf8(shell, saved):
    saved.write_bytes(b"\xff\xfe")
    assert "it is not UTF-8" in shell("show", "plan.json", code=1).err


def test_a_plan_of_another_stack_is_refused(shell, saved, fake, url):
    shell.configure(url, "ops")
    result = shell("apply", "plan.json", "--yes", code=5)
    check(result, "foreign-plan", "the plan is for the stack 'ml'; this is 'ops'", hint="--manifests")
    assert writes(fake) == []


def test_a_plan_for_another_target_is_refused(shell, saved, fake, url):
    shell.configure(url, more=f"  prod: {{url: '{url}'}}\n")
    result = shell("apply", "plan.json", "--yes", "--target", "prod", code=5)
    check(result, "foreign-plan", "the plan is for the target 'local'; this is 'prod'", hint="--target")
    assert writes(fake) == []


@pytest.mark.parametrize("options", [("--yes",), ()], ids=["yes", "asking"])
def test_a_plan_for_another_server_is_refused_before_anything_is_read_there(shell, saved, fake, url, options):
    """An empty server looks just like the one that the plan was made on."""
    other = FakeMlflow()
    with other.serve() as elsewhere:
        shell.configure(elsewhere)
        result = shell("apply", "plan.json", *options, code=5)
    words = f"the plan is for the server {url}; the target 'local' is {elsewhere} now"
    check(result, "foreign-plan", words, hint="make the plan again")
    assert (other.requests, writes(fake)) == ([], [])
    document = json.loads(saved.read_text())
    assert document.pop("server") == url
    saved.write_text(json.dumps(document))  # as earlier versions wrote it
    shell.configure(url)
    assert "2 done" in shell("apply", "plan.json", "--yes").out


def test_a_plan_is_applied_once(shell, saved, fake):
    """The second time, what it would create is there."""
    assert "2 done" in shell("apply", "plan.json", "--yes").out
    with sending(fake) as sent:
        result = shell("apply", "plan.json", "--yes", code=5)
    check(result, "stale-plan", "experiments.fraud is on the server now", hint="make the plan again")
    assert sent.paths == []


def test_a_saved_plan_does_not_read_the_manifests(shell, saved, server):
    shell.manifest("experiments: [broken\n")
    shell("apply", "plan.json", "--yes")
    assert server.experiment("fraud")["tags"]["team"] == "risk"


def test_a_saved_plan_with_nothing_to_do(shell, fake):
    shell.apply(MANIFEST)
    shell("plan", "--out", "plan.json")
    with sending(fake) as sent:
        assert "No changes" in shell("apply", "plan.json", "--yes").out
    assert sent.paths == []


REFUSED = {
    "too many deletions": ("experiments:\n  a:\n  b:\n", "experiments: {}\n", (), 5),
    "a protected deletion": ("experiments:\n  a: {prevent_destroy: true}\n  b:\n", "experiments:\n  b:\n", (), 1),
    "a conflict": (
        "experiments:\n  a: {tags: {t: x}}\n",
        "experiments:\n  a: {tags: {t: y}}\n",
        ("--on-conflict", "fail"),
        5,
    ),
    "a changed param": (
        "experiments: {a: }\nruns:\n  r: {experiment: a, params: {p: '1'}}\n",
        "experiments: {a: {tags: {t: x}}}\nruns:\n  r: {experiment: a, params: {p: '2'}}\n",
        (),
        1,
    ),
}


def refuse(shell, server, why, *options):
    """Bring the stack to where a plan is refused, and plan."""
    before, after, own, code = REFUSED[why]
    shell.apply(before)
    if why == "a conflict":
        server.tag("a", t="theirs")
    shell.manifest(after)
    return shell("plan", *own, *options, code=code)


@pytest.mark.parametrize("why", REFUSED)
def test_a_refused_plan_is_not_saved(why, shell, server):
    refuse(shell, server, why, "--out", "plan.json")
    assert not (shell.folder / "plan.json").exists()


@pytest.mark.parametrize("why", [why for why in REFUSED if why != "a changed param"])
def test_a_refused_plan_in_a_file_of_a_format_cannot_be_applied(why, shell, server, fake):
    """What a plan refuses, a detour over a file must not allow."""
    refuse(shell, server, why, "--format", "json=plan.json")
    with sending(fake) as sent:
        shell("apply", "plan.json", "--yes", code=None)
    assert sent.paths == []


@pytest.mark.parametrize("why", [why for why in REFUSED if why != "a changed param"])
def test_a_refused_plan_on_stdout_cannot_be_applied(why, shell, server, fake):
    shell.write("plan.json", refuse(shell, server, why, "--format", "json").out)
    with sending(fake) as sent:
        shell("apply", "plan.json", "--yes", code=None)
    assert sent.paths == []


def test_a_plan_that_cannot_be_right_is_not_printed(shell, server):
    """Its steps would be those that are left over."""
    assert refuse(shell, server, "a changed param", "--format", "json").out == ""
    assert refuse(shell, server, "a changed param").out == ""
