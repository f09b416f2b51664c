"""The plan document: any plan is read back as it was, and no text whatever raises: it is a plan, or it has findings."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.call import Call
from reconciler.core.change import Action, FieldChange
from reconciler.core.diagnostics import Span
from reconciler.core.document import FORMAT, dump, load
from reconciler.core.mark import Mark
from reconciler.core.plan import Basis, Plan, Step

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "null", "\u2028", "\x00", "\x1b[31m", "é🦊", "a.b", "${env.X}", '"', "\\", "\ufeff"]
)
SECRETS = st.builds(lambda text: {"$sensitive": text}, WORDS)
NUMBERS = st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | NUMBERS | WORDS | SECRETS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
ACTIONS = [one for one in Action if one is not Action.noop]
SPANS = st.none() | st.builds(Span, WORDS, st.integers(1, 10**9), st.integers(1, 10**9))
ADDRESSES = st.builds(Address, st.sampled_from(["experiments", "runs", "x"]), WORDS.filter(bool))
PATHS = st.lists(WORDS, min_size=1, max_size=3).map(tuple)
CALLS = st.builds(
    Call,
    method=st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE"]),
    path=st.sampled_from(["/x", "/api/2.0/mlflow/x", "/a%20b/c"]),
    body=st.none() | st.dictionaries(WORDS, VALUES, max_size=3),
    query=st.dictionaries(WORDS, WORDS, max_size=2),
    fields=st.lists(PATHS, max_size=2).map(tuple),
    returns=st.lists(WORDS, max_size=2).map(tuple),
    absorbs=st.lists(WORDS, max_size=2).map(tuple),
    repeatable=st.booleans(),
)
CHANGES = st.builds(
    FieldChange,
    path=PATHS,
    before=VALUES,
    after=VALUES,
    effect=st.sampled_from(ACTIONS),
    reason=st.sampled_from(["manifest", "drift", "conflict", "adopt"]),
    at=SPANS,
)
STEPS = st.builds(
    Step,
    address=ADDRESSES,
    action=st.sampled_from(ACTIONS),
    reason=WORDS,
    changes=st.lists(CHANGES, max_size=3).map(tuple),
    calls=st.lists(CALLS, max_size=3).map(tuple),
    needs=st.lists(ADDRESSES, max_size=2).map(tuple),
    at=SPANS,
)


FIELDS = st.one_of(st.tuples(st.sampled_from(["name", "tags"])), st.tuples(st.just("tags"), WORDS))
DIGESTS = st.text("0123456789abcdef", min_size=8, max_size=8)
MARKS = st.builds(
    Mark,
    address=ADDRESSES,
    keys=st.dictionaries(FIELDS, DIGESTS, max_size=3),
    prevent_destroy=st.booleans(),
    keep=st.booleans(),
    existing=st.booleans(),
    replaced=st.booleans(),
)
BASES = st.builds(
    Basis,
    deleted=st.booleans(),
    mark=st.none() | MARKS,
    fields=st.dictionaries(FIELDS, st.none() | DIGESTS, max_size=3),
    sensitive=st.lists(FIELDS, max_size=2).map(tuple),
)


def in_order(plan):
    """`plan` with no step that needs itself or a later one: those are no plans."""
    steps = []
    for number, step in enumerate(plan.steps):
        later = {one.address for one in plan.steps[number:]}
        steps.append(replace(step, needs=tuple(address for address in step.needs if address not in later)))
    return replace(plan, steps=tuple(steps))


def ordered(steps):
    """`steps` with no need of one that does not stand before it; what has no step may be needed by all."""
    places = {step.address: place for place, step in reversed(list(enumerate(steps)))}
    return tuple(
        replace(step, needs=tuple(need for need in step.needs if places.get(need, -1) < places[step.address]))
        for step in steps
    )


def founded(plan, bases):
    """`plan` with a basis of each resource that it has seen, as far as there are `bases`."""
    there = [address for address, found in plan.seen.items() if found != "absent"]
    return replace(plan, basis=dict(zip(there, bases, strict=False)))


UNFOUNDED = st.builds(
    Plan,
    stack=WORDS,
    target=WORDS,
    backend=WORDS,
    steps=st.lists(STEPS, max_size=3, unique_by=lambda step: step.address).map(ordered),
    noop=st.integers(0, 10**6),
    left_out=st.integers(0, 10**6),
    ids=st.dictionaries(ADDRESSES, WORDS, max_size=3),
    seen=st.dictionaries(ADDRESSES, WORDS | st.just("absent"), max_size=3),
).map(in_order)
PLANS = st.builds(founded, UNFOUNDED, st.lists(BASES, max_size=3))
FRAUD = Address("experiments", "fraud")
SMALL = Plan(
    "ml",
    "prod",
    "mlflow",
    (
        Step(
            FRAUD,
            Action.update,
            "é",
            (FieldChange(("tags", "t"), None, 0.5, Action.update, "manifest", Span("a.yaml", 1, 2)),),
            (Call("POST", "/x", {"experiment_id": {"$id": "experiments.fraud"}}, fields=(("tags", "t"),)),),
            (Address("runs", "r"),),
            Span("a.yaml", 1, 1),
        ),
    ),
    noop=3,
    ids={FRAUD: "2"},
    seen={FRAUD: "sha256:0"},
    basis={FRAUD: Basis(False, Mark(FRAUD, {("name",): "0" * 8}, keep=True), {("tags", "t"): None}, (("tags", "t"),))},
)
TEXT = dump(SMALL, "0.1.0")


def refused(text):
    """That `text` is no plan, and that the findings say so."""
    plan, problems = load(text, "plan.json")
    assert plan is None
    assert problems
    for one in problems:
        assert one.code == "bad-plan-file"
        assert one.summary.startswith("this is not a saved plan: ")
        assert one.at.file == "plan.json"
    return problems


@given(PLANS)
def test_a_plan_is_read_back_as_it_was(plan):
    text = dump(plan, "0.1.0")
    loaded, problems = load(text, "plan.json")
    assert problems == []
    assert loaded == plan
    assert dump(loaded, "0.1.0") == text


@given(PLANS)
def test_a_plan_is_sorted_and_ends_with_one_newline(plan):
    text = dump(plan, "0.1.0")
    assert json.dumps(json.loads(text), sort_keys=True, indent=2, ensure_ascii=False) + "\n" == text
    assert json.loads(text)["format"] == FORMAT


@given(st.text())
def test_no_text_raises(text):
    refused(text)


@given(st.recursive(st.none() | NUMBERS | WORDS, lambda one: st.lists(one) | st.dictionaries(WORDS, one)))
def test_no_json_raises(value):
    refused(json.dumps(value))
    refused(json.dumps({"format": 1, "steps": value}))


def test_a_plan_that_is_cut_anywhere_is_no_plan():
    for end in range(len(TEXT.rstrip())):
        refused(TEXT[:end])


def parts(value, path=()):
    """The paths of all parts of a JSON value."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from parts(inner, (*path, key))


def at(value, path):
    for part in path:
        value = value[part]
    return value


PARTS = [path for path in parts(json.loads(TEXT)) if path and "body" not in path[:-1]]


BY_FIELD = [("basis", str(FRAUD), "fields"), ("basis", str(FRAUD), "mark", "keys")]
MAPS = [("basis",), *BY_FIELD]
MAY_MISS = [("basis",), ("cannot_remove",), ("no_lock",), ("secrets",), ("server",)]


@pytest.mark.parametrize("path", [path for path in PARTS if isinstance(path[-1], str)], ids=str)
def test_a_key_that_is_missing_or_has_another_name(path):
    """In the maps by field a key may be missing, and an older plan has less; all others are there."""
    free = path in MAY_MISS or path[:-1] in MAPS
    for name in (None, "unknown"):
        data = json.loads(TEXT)
        holder = at(data, path[:-1])
        value = holder.pop(path[-1])
        if name:
            holder[name] = value
        if name and path[:-1] in BY_FIELD:
            load(json.dumps(data), "plan.json")  # it is another field
        elif free and name is None:
            assert load(json.dumps(data), "plan.json")[1] == []
        else:
            refused(json.dumps(data))


ANY = {"before", "after", "body", "at", "mark", "tags/t"}
"""Parts that may be several things."""


@pytest.mark.parametrize("path", PARTS, ids=str)
@pytest.mark.parametrize("wrong", [None, 5, 0.5, "x", [], [[]], {}, {"a": "b"}], ids=repr)
def test_a_part_of_the_wrong_type(path, wrong):
    data = json.loads(TEXT)
    right = at(data, path)
    at(data, path[:-1])[path[-1]] = wrong
    text = json.dumps(data)
    if path[-1] in ANY or type(right) is type(wrong):
        load(text, "plan.json")  # it may be fine; it must not raise
    else:
        refused(text)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("left_out",), "0"),
        (("left_out",), False),
        (("left_out",), 0.0),
        (("left_out",), -1),
        (("steps", 0, "calls", 0, "repeatable"), "no"),
        (("steps", 0, "calls", 0, "repeatable"), 0),
        (("steps", 0, "address"), {"kind": "experiments", "name": "fraud"}),
        (("steps", 0, "at"), {"file": "a.yaml", "line": "1", "col": 1}),
        (("steps", 0, "changes", 0, "path"), []),
    ],
    ids=str,
)
def test_nothing_is_taken_for_what_it_is_not(path, wrong):
    data = json.loads(TEXT)
    at(data, path[:-1])[path[-1]] = wrong
    refused(json.dumps(data))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have(number):
    (problem,) = refused(TEXT.replace("0.5", number))
    assert problem.summary.endswith(f"{number} is not JSON")


def test_a_number_that_is_too_large_for_a_float():
    refused(TEXT.replace("0.5", "1e999"))


@pytest.mark.parametrize("depth", [2_000, 100_000])
@pytest.mark.parametrize("pair", ["[]", '{"a":}'])
def test_a_plan_that_nests_without_end(depth, pair):
    opening, closing = pair[:-1], pair[-1]
    refused(TEXT.replace("0.5", opening * depth + "0" + closing * depth))


def test_a_value_that_nests_deeply_is_a_value():
    plan, problems = load(TEXT.replace("0.5", "[" * 50 + "]" * 50), "plan.json")
    assert problems == []
    assert load(dump(plan, "0"), "plan.json") == (plan, [])


@pytest.mark.parametrize("number", ["0", "2", "-1", '"1"', "null", "1.5", "[1]"])
def test_another_format_says_which_one_is_read(number):
    (problem,) = refused(TEXT.replace('"format": 1', f'"format": {number}'))
    assert "this reconciler reads format 1" in problem.summary


@pytest.mark.parametrize("text", ["{}", "[]", "1", "null", '"format"'])
def test_what_has_no_format(text):
    assert refused(text)[0].summary.endswith("it has no 'format'")


@pytest.mark.parametrize("change", [{"update": 0}, {"create": 1}, {"noop": -0.5}, {"more": 0}])
def test_a_summary_that_does_not_count_the_steps(change):
    data = json.loads(TEXT)
    data["summary"].update(change)
    refused(json.dumps(data))


def test_the_place_of_broken_json_is_where_it_breaks():
    (problem,) = refused(TEXT.replace('"format": 1', '"format" 1'))
    line = 1 + TEXT[: TEXT.index('"format"')].count("\n")
    assert str(problem.at) == f"plan.json:{line}:12"


def test_findings_name_the_part_and_what_may_stand_there():
    (problem,) = refused(TEXT.replace('"action": "update"', '"action": "creat"'))
    assert "steps.0.action: " in problem.summary
    assert "is not one of adopt, create," in problem.summary


def test_findings_have_no_characters_that_move_the_cursor():
    (problem,) = refused(TEXT.replace('"left_out": 0', '"left_out": 0, "\\u001b[2J\\n": 0'))
    assert problem.summary.isprintable()


def test_steps_that_need_each_other_are_no_plan():
    data = json.loads(TEXT)
    data["steps"][0]["needs"] = ["runs.r"]
    data["steps"].append(data["steps"][0] | {"address": "runs.r", "needs": ["experiments.fraud"]})
    data["summary"]["update"] = 2
    refused(json.dumps(data))


def test_an_address_in_the_ids_that_is_none():
    data = json.loads(TEXT)
    data["ids"]["fraud"] = "2"
    (problem,) = refused(json.dumps(data))
    assert "'fraud' is not an address" in problem.summary
