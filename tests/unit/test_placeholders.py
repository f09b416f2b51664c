"""Placeholders: what stands for ids, the moment and secrets, and what could not be filled in."""

from dataclasses import replace

import pytest

from reconciler.core.call import ID, NOW, Call, amended, id_of
from reconciler.core.change import Action
from reconciler.core.mark import digest
from reconciler.core.placeholders import changed_secrets, checked, placeholders, unknown_id
from reconciler.core.plan import Plan, Step
from reconciler.core.scope import Scope
from tests.lives import address

FRAUD, CHURN = address("experiments.fraud"), address("experiments.churn")


def secret(template):
    return {"$sensitive": template}


def plan(*calls, ids=()):
    return Plan("ml", "local", "mlflow", (Step(FRAUD, Action.update, calls=calls),), ids=dict.fromkeys(ids, "1"))


def post(body, path="/x", returns=()):
    return Call("POST", path, body, returns=returns)


def test_they_are_found_wherever_they_stand():
    body = {"a": id_of(FRAUD), "b": [{"c": NOW}, "$id", {"d": secret("${env.T}")}], "e": (1, None, NOW)}
    wanted = [("$id", "experiments.fraud"), ("$now", "ms"), ("$sensitive", "${env.T}"), ("$now", "ms")]
    assert list(placeholders(body)) == wanted
    assert checked(body) is body
    assert list(placeholders(None)) == []


def test_what_others_keep_is_one_too_and_may_have_secrets_with_it():
    body = {"tags": amended("tags", {"token": secret("${env.T}"), "a": "1"}, but="own.")}
    assert list(placeholders(body)) == [("$live", "tags"), ("$sensitive", "${env.T}")]
    assert checked(body) is body


@pytest.mark.parametrize(
    "wrong",
    [
        {"$id": 1},
        {"$id": "fraud"},
        {"$id": "experiments.fraud", "more": 1},
        {"$now": "s"},
        {"$sensitive": 5},
        {"$sensitive": None, "$now": "ms"},
        {"$live": "tags"},
        {"$live": 1, "but": "", "with": {}},
        {"$live": "tags", "but": "", "with": {}, "more": 1},
        amended("tags", {"token": {"$sensitive": 5}}),
    ],
)
def test_one_that_stands_for_nothing(wrong):
    with pytest.raises(ValueError, match=r"stands for nothing|is not an address"):
        checked({"a": [wrong]})


def test_an_id_that_nobody_has():
    assert unknown_id(plan(post({"a": id_of(CHURN)}))) == (("steps", 0, "calls"), CHURN)
    assert unknown_id(plan(post({}, f"/x/{ID}"), ids=[CHURN])) == (("steps", 0, "calls"), FRAUD)


def test_an_id_that_is_known_or_will_be():
    assert unknown_id(plan(post({"a": id_of(CHURN)}), post({}), ids=[CHURN])) is None
    assert unknown_id(plan(post({}, returns=("id",)), post({"a": id_of(FRAUD)}, f"/x/{ID}"))) is None


def test_a_secret_that_is_not_there_any_more_is_told_once():
    gone = post({"a": secret("${env.GONE}"), "b": [secret("x${env.HERE}")], "c": id_of(FRAUD)})
    (found,) = changed_secrets(plan(gone, gone), Scope(env={"HERE": "s3cret"}))
    assert (found.code, found.summary) == ("unset-env", "the environment variable 'GONE' is not set")
    assert changed_secrets(plan(gone), Scope(env={"HERE": "s3cret", "GONE": ""})) == []


def test_a_secret_with_another_text_than_when_the_plan_was_made_is_stale():
    made = replace(plan(post({"a": secret("${env.HERE}")})), secrets={"${env.HERE}": digest("s3cret")})
    assert changed_secrets(made, Scope(env={"HERE": "s3cret"})) == []
    (found,) = changed_secrets(made, Scope(env={"HERE": "other"}))
    assert (found.code, found.hint) == ("stale-plan", "make the plan again and look at it")
    assert found.summary == "the sensitive value '${env.HERE}' is not what it was when the plan was made"
