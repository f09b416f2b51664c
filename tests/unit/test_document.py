"""The plan document: what is wrong with a damaged one, and at which line and column."""

import json
from dataclasses import fields, replace

import pytest

from reconciler.core.call import Call
from reconciler.core.change import Action, FieldChange
from reconciler.core.diagnostics import Span
from reconciler.core.document import dump, load
from reconciler.core.document_model import FLAGS
from reconciler.core.mark import Mark
from reconciler.core.plan import Basis, Plan, Stay, Step
from tests.lives import address, path

FRAUD = address("experiments.fraud")
MARK = Mark(FRAUD, {path("name"): "0" * 8, path("tags.a/b"): "1" * 8}, keep=True)
PLAN = Plan(
    stack="ml",
    target="local",
    backend="mlflow",
    steps=(Step(FRAUD, Action.delete),),
    ids={FRAUD: "5"},
    seen={FRAUD: "sha256:0", address("experiments.new"): "absent"},
    basis={FRAUD: Basis(True, MARK, {path("name"): "2" * 8, path("tags.c"): None}, (path("tags.c"),))},
)
TEXT = dump(PLAN, "0.1.0")
ACTIONS = [name for name in Action.__members__ if name != "noop"]
"""Those of a step: what stays as it is has none."""


def refused(text):
    """The words and the place of each finding, without what they all have."""
    plan, found = load(text, "plan.json")
    assert plan is None
    assert {(one.code, one.hint) for one in found} == {("bad-plan-file", "make it with: reconciler plan --out FILE")}
    return [(one.summary.removeprefix("this is not a saved plan: "), str(one.at)) for one in found]


def place(part, text=TEXT):
    """Where `part` stands for the first time in `text`."""
    before = text[: text.index(part)]
    return f"plan.json:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def test_what_stays_as_json_and_back():
    stays = (Stay(FRAUD, path("tags.old"), "no request does", Span("a.yaml", 1, 2)), Stay(FRAUD, (), "nor this"))
    text = dump(replace(PLAN, stays=stays), "0.1.0")
    assert json.loads(text)["cannot_remove"] == [
        {"address": "experiments.fraud", "path": ["tags", "old"], "why": "no request does", "at": "a.yaml:1:2"},
        {"address": "experiments.fraud", "path": [], "why": "nor this", "at": None},
    ]
    assert load(text, "plan.json") == (replace(PLAN, stays=stays), [])
    older = json.loads(TEXT)
    del older["cannot_remove"]
    assert load(json.dumps(older), "plan.json") == (PLAN, [])


def test_a_basis_as_json():
    assert json.loads(TEXT)["basis"] == {
        "experiments.fraud": {
            "deleted": True,
            "fields": {"name": "22222222", "tags/c": None},
            "mark": {
                "address": "experiments.fraud",
                "flags": ["keep"],
                "keys": {"name": "00000000", "tags/a/b": "11111111"},
            },
            "sensitive": ["tags/c"],
        }
    }
    assert load(TEXT, "plan.json") == (PLAN, [])


def test_a_basis_without_a_mark():
    plan = replace(PLAN, basis={FRAUD: Basis()})
    assert load(dump(plan, "0"), "plan.json") == (plan, [])


def test_all_that_a_mark_says_is_saved():
    assert set(FLAGS) == {one.name for one in fields(Mark)} - {"address", "keys"}
    plan = replace(PLAN, basis={FRAUD: Basis(mark=Mark(FRAUD, **dict.fromkeys(FLAGS, True)))})
    assert load(dump(plan, "0"), "plan.json") == (plan, [])


def test_a_plan_of_an_earlier_version_has_no_basis():
    data = json.loads(TEXT)
    del data["basis"]
    assert load(json.dumps(data), "plan.json") == (replace(PLAN, basis={}), [])


DAMAGES = {
    "no key": (
        '"left_out": 0',
        '"left": 0',
        [("left_out: field required", "{"), ("left: extra inputs are not permitted", '"left"')],
    ),
    "a step's key": (
        '"reason": ""',
        '"why": ""',
        [
            ("steps.0.reason: field required", '{\n      "action"'),
            ("steps.0.why: extra inputs are not permitted", '"why"'),
        ],
    ),
    "an action": (
        '"action": "delete"',
        '"action": "Destroy"',
        [(f'steps.0.action: "Destroy" is not one of {", ".join(ACTIONS)}', '"action"')],
    ),
    "a place": (
        '"at": null',
        '"at": "fraud.yaml"',
        [('steps.0.at: "fraud.yaml" is not a place such as fraud.yaml:4:9', '"at"')],
    ),
    "a place that is no text": (
        '"at": null',
        '"at": 4',
        [("steps.0.at: 4 is not a place such as fraud.yaml:4:9", '"at"')],
    ),
    "an address": (
        '"experiments.new"',
        '"New"',
        [("seen.New: 'New' is not an address such as experiments.fraud", '"New"')],
    ),
    "an address that is no text": (
        '"address": "experiments.fraud",\n      "at"',
        '"address": 5,\n      "at"',
        [("steps.0.address: is not a text", '"address": 5')],
    ),
    "the summary": ('"create": 0', '"create": 1', [("its summary does not count its steps", '"summary"')]),
    "the format": ('"format": 1', '"format": 2', [("it has format 2; this reconciler reads format 1", '"format"')]),
    "a digest": (
        '"tags/a/b": "11111111"',
        '"tags/a/b": "risk"',
        [
            (
                "basis.experiments.fraud.mark.keys.tags/a/b: string should match pattern '^[0-9a-f]{8}$'",
                '"tags/a/b"',
            )
        ],
    ),
    "a digest of a field": (
        '"name": "22222222"',
        '"name": 2',
        [("basis.experiments.fraud.fields.name: input should be a valid string", '"name": 2')],
    ),
    "a flag": (
        '"keep"',
        '"kept"',
        [(f'basis.experiments.fraud.mark.flags.0: "kept" is not one of {", ".join(FLAGS)}', '"kept"')],
    ),
    "a flag that is no text": (
        '"keep"',
        "[1]",
        [(f"basis.experiments.fraud.mark.flags.0: [1] is not one of {', '.join(FLAGS)}", "[1]")],
    ),
    "a basis of what was not there": (
        '"experiments.fraud": "sha256:0"',
        '"experiments.fraud": "absent"',
        [("its basis names experiments.fraud, of which its seen says nothing", '"experiments.fraud": {')],
    ),
}
"""What is replaced, by what, and for each finding its words and what stands at its place."""


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_wrong_is_told_with_its_place(damage):
    part, wrong, expected = DAMAGES[damage]
    text = TEXT.replace(part, wrong)
    assert text != TEXT
    assert refused(text) == [(words, place(where, text)) for words, where in expected]


def test_of_many_faults_the_first_are_told():
    data = json.loads(TEXT)
    data |= dict.fromkeys(("stack", "target", "backend", "tool", "steps"), 1)
    words = [words for words, _ in refused(json.dumps(data))]
    assert len(words) == 3
    assert words[-1].endswith(" (and 2 more)")


def test_steps_that_need_each_other():
    steps = (Step(FRAUD, Action.delete, needs=(FRAUD,)),)
    text = dump(replace(PLAN, steps=steps), "0")
    assert refused(text) == [("its steps need each other", place('"steps"', text))]


def test_a_resource_with_two_steps():
    text = dump(replace(PLAN, steps=(Step(FRAUD, Action.delete), Step(FRAUD, Action.delete))), "0")
    assert refused(text) == [("experiments.fraud has two steps", place('"steps"', text))]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (Call("POST", "//evil.example/x"), "steps.0.calls.0.path: is not a path such as /api/2.0/mlflow, "),
        (Call("POST", "/x", {"a": [{"$id": "fraud"}]}), "steps.0.calls.0.body: 'fraud' is not an address such as "),
        (Call("POST", "/x", {"a": {"$id": "experiments.b"}}), "its ids have none for experiments.b, and no step makes"),
    ],
)
def test_a_call_that_could_not_be_sent(call, words):
    text = dump(replace(PLAN, steps=(Step(FRAUD, Action.delete, calls=(call,)),)), "0")
    ((found, _),) = refused(text)
    assert found.startswith(words)


def test_what_is_no_json():
    text = TEXT.replace('"format": 1', '"format"\n1')
    assert refused(text) == [("it is not JSON: Expecting ':' delimiter", place('1,\n  "ids"', text))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "it has no 'format'"),
        (TEXT.replace('"left_out": 0', '"left_out": NaN'), "NaN is not JSON"),
        (TEXT.replace('"left_out": 0', '"left_out": 1e999'), "1e999 is too large for a number"),
    ],
)
def test_what_has_no_place(text, words):
    assert refused(text) == [(words, "plan.json:1:1")]


def test_no_character_moves_the_cursor():
    ((words, _),) = refused(TEXT.replace('"left_out": 0', '"left_out": 0, "\\u001b[2J\\n": 0'))
    assert words.isprintable()


def test_a_change_and_a_call_are_read_back():
    change = FieldChange(path("tags.t"), 0.5, None, Action.update, "drift", Span("a.yaml", 1, 2))
    call = Call("POST", "/x", {"a": 1}, {"q": "1"}, (path("tags.t"),), ("id",), ("GONE",), repeatable=True)
    plan = replace(PLAN, steps=(Step(FRAUD, Action.update, "why", (change,), (call,), (), Span("a.yaml", 1, 1)),))
    assert load(dump(plan, "0"), "plan.json") == (plan, [])
