"""How something is left alone: what to write, or what to run."""

import pytest

from reconciler.core.advice import about_field, about_resource
from reconciler.core.change import Action, FieldChange
from reconciler.core.explanation import Explainer
from reconciler.core.intents import Intents
from reconciler.core.match import Pair
from reconciler.core.origin import Origins
from reconciler.core.sensitive import KEY, Sensitive
from reconciler.core.steps import Stepper
from tests.lives import KINDS, WIRES, address, entry, found, held, owned, path

FRAUD = "experiments.fraud"
RUN = "runs.r"
LEFT = "leave it out of the manifest: then it is not managed"
STAYS = "leave it out of the manifest: then it is not managed, and stays as it is on the server"
AS_IT_IS = "declare it as it is on the server"
NO_DRIFT = "what others do to it is no drift with"


def advised(desired, live, field, sensitive=()):
    """The advice on one field, whatever the plan would do to it."""
    at = desired.address if desired else live.address
    pair = Pair(at, desired, live)
    step, *_ = Stepper("ml", KINDS, WIRES, Intents("ml")).step(pair)
    step = Sensitive(sensitive).hide(step) if step else None
    origins = Origins(desired) if desired else None
    (one,) = Explainer(pair, step, KINDS[at.kind], origins, Sensitive(sensitive)).explain(path(field)).fields
    return one.advice


def run(**body):
    return entry(RUN, experiment="fraud", **body)


@pytest.mark.parametrize(
    ("desired", "live", "field", "words", "body"),
    [
        (entry(FRAUD, tags={"a": "1"}), held(entry(FRAUD, tags={"a": "2"})), "tags.a", AS_IT_IS, {"tags": {"a": "2"}}),
        (entry(FRAUD, tags={"a": "1"}), held(entry(FRAUD)), "tags.a", LEFT, {}),
        (entry(FRAUD, tags={"a": "1"}), None, "tags.a", LEFT, {}),
        (entry(FRAUD, name="x"), held(entry(FRAUD)), "name", AS_IT_IS, {"name": "fraud"}),
        (entry(FRAUD), held(entry(FRAUD, tags={"a.b": "2"})), "tags.a.b", AS_IT_IS, {"tags": {"a.b": "2"}}),
        (run(status="FINISHED"), held(run(status="FAILED"), parent="1"), "status", STAYS, {}),
        (run(status="FINISHED"), held(run(status="FINISHED"), parent="1"), "status", STAYS, {}),
        (run(metrics={"m": 1}), held(run(), parent="1"), "metrics.m", STAYS, {}),
        (run(params={"p": 1}), held(run(), parent="1"), "params.p", LEFT, {}),
    ],
)
def test_of_a_field(desired, live, field, words, body):
    found = advised(desired, live, field)
    assert (found.words, found.body) == (words, body)


@pytest.mark.parametrize(
    ("desired", "live", "field"),
    [
        (run(), None, "experiment"),
        (entry(FRAUD), None, "name"),
        (run(), held(run(), parent="1"), "experiment"),
        (run(params={"p": 1}), held(run(params={"p": 1}), parent="1"), "params.p"),
        (None, owned(RUN, {"name": "r", "tags.a": "1"}, {"tags.a": "1"}, parent="1"), "tags.a"),
        (entry(FRAUD, prevent_destroy=True), held(entry(FRAUD)), "prevent_destroy"),
        (
            entry(FRAUD),
            owned(FRAUD, {"name": "fraud"}, {"name": "fraud", "of_a_later_version": "1"}),
            "of_a_later_version",
        ),
        (entry(FRAUD), owned(FRAUD, {"name": "fraud"}, {"name": "fraud", "tags.gone": "1"}), "tags.gone"),
        (entry(FRAUD, tags={"a": "1"}), found(FRAUD, {"name": "fraud", "tags.a": "1"}), "tags.a"),
    ],
)
def test_there_is_none_for_what_must_be_or_what_nobody_changes(desired, live, field):
    assert advised(desired, live, field) is None


def test_of_a_field_with_nothing_to_do_only_drift_tells():
    found = advised(entry(FRAUD, tags={"a b": "1"}), held(entry(FRAUD, tags={"a b": "1"})), "tags.a b")
    assert (found.words, found.command) == (NO_DRIFT, "reconciler drift --ignore 'experiments.fraud.tags.a b'")


def test_a_default_tag_is_taken_out_of_the_defaults():
    change = FieldChange(("tags", "a"), None, "1", Action.update, "manifest")
    pair = Pair(address(FRAUD), entry(FRAUD), held(entry(FRAUD)))
    assert "`defaults`" in about_field(pair, change, KINDS["experiments"], "defaults").words


def test_a_reference_is_written_as_a_key():
    desired = entry("logged_models.m", experiment="fraud", source_run="base")
    fields = {"name": "m", "experiment": FRAUD, "source_run": "runs.other"}
    change = FieldChange(("source_run",), "runs.other", "runs.base", Action.update, "manifest")
    pair = Pair(desired.address, desired, owned("logged_models.m", fields, fields, parent="1"))
    assert about_field(pair, change, KINDS["logged_models"], "resource").body == {"source_run": "other"}


def test_a_sensitive_value_is_not_told():
    found = advised(entry(FRAUD, tags={"a": "1"}), held(entry(FRAUD, tags={"a": "2"})), "tags.a", ("tags.a",))
    assert found.body == {}
    assert "sensitive" in found.words
    change = FieldChange(("tags", "a"), {KEY: ""}, "1", Action.update, "manifest")
    assert KEY not in str(about_field(Pair(address(FRAUD), None, None), change, KINDS["experiments"], "resource"))


def test_an_item_of_a_for_each_speaks_of_all():
    change = FieldChange(("tags", "a"), "2", "1", Action.update, "manifest")
    pair = Pair(address("experiments.churn[eu]"), None, None)
    assert about_field(pair, change, KINDS["experiments"], "resource").words == f"{AS_IT_IS}, for every item"


@pytest.mark.parametrize(
    ("desired", "live", "action", "bodies"),
    [
        (entry(FRAUD), held(entry(FRAUD)), Action.noop, []),
        (entry(FRAUD), None, Action.create, [{}]),
        (entry(FRAUD), found(FRAUD, {"name": "fraud"}), Action.adopt, [{}, {"existing": "true"}]),
        (entry(FRAUD, existing=True), found(FRAUD, {"name": "fraud"}), Action.adopt, [{}]),
        (run(), found(RUN, {"name": "r"}, parent="1"), Action.adopt, [{}]),
        (run(), held(run(), parent="1"), Action.replace, [{}, {"prevent_destroy": "true"}]),
        (
            None,
            held(run(), parent="1"),
            Action.delete,
            [{}, {"name": "r", "experiment": "fraud", "on_remove": "keep"}],
        ),
    ],
)
def test_of_a_resource(desired, live, action, bodies):
    at = desired.address if desired else live.address
    advice = about_resource(Pair(at, desired, live), action, KINDS[at.kind])
    assert [one.body for one in advice] == bodies
    assert [one.command for one in advice][:1] == ([f"reconciler plan --exclude {at}"] if bodies else [])


def test_what_is_gone_has_no_name_to_write():
    (_, keep) = about_resource(Pair(address(FRAUD), None, None), Action.delete, KINDS["experiments"])
    assert keep.body == {"on_remove": "keep"}
