"""A plan and its outcomes as text: no action without a cause, nothing that moves the cursor, nothing endless."""

from dataclasses import replace

import pytest

from reconciler.core.address import Address
from reconciler.core.call import Call
from reconciler.core.change import Action, FieldChange
from reconciler.core.diagnostics import Span
from reconciler.core.plan import SYMBOLS, Outcome, Plan, Stay, Step
from reconciler.report.lines import LONGEST, plain, shown
from reconciler.report.text import cause, outcome_lines, plan_lines, step_line

FRAUD, RUN = Address("experiments", "fraud"), Address("runs", "r")
AT, PLACE = Span("fraud.yaml", 2, 3), Span("fraud.yaml", 4, 9)


def change(before, after, effect=Action.update, reason="manifest", *, path=("tags", "team"), at=PLACE):
    return FieldChange(path, before, after, effect, reason, at)


def text(*steps, noop=0, left_out=0, **options):
    return plain(plan_lines(Plan("ml", "prod", "mlflow", steps, noop, left_out), **options))


def field(one, action=Action.update):
    """The line of one change in a step with `action`."""
    lines = text(Step(FRAUD, action, changes=(one,))).splitlines()
    (line,) = [line for line in lines if line.startswith("      ")]
    return line.strip()


def test_nothing_to_do():
    assert text(noop=3) == "No changes: the server holds what the manifests say.\nPlan: 3 unchanged.\n"


def test_a_selection_that_takes_nothing_is_not_the_same_as_nothing_to_do():
    assert "the server holds what the manifests say" not in text(left_out=2)
    assert "Left out by the selection: 2." in text(left_out=2)


def test_a_plan_has_the_addresses_first_then_the_fields_then_the_counts():
    update = Step(FRAUD, Action.update, changes=(change("risk", "ml"),), calls=(Call("POST", "/x"),), at=AT)
    delete = Step(RUN, Action.delete, "no longer declared", calls=(Call("POST", "/y"), Call("POST", "/z")))
    assert text(update, delete, noop=41, left_out=2) == (
        "Stack ml on target prod (mlflow):\n"
        "\n"
        "    ~ experiments.fraud\n"
        "    - runs.r  no longer declared\n"
        "\n"
        "  ~ experiments.fraud   fraud.yaml:2:3\n"
        '      tags.team: "risk" -> "ml"   fraud.yaml:4:9   manifest changed\n'
        "\n"
        "Plan: 1 to update, 1 to delete, 41 unchanged. Left out by the selection: 2. Requests: 3.\n"
    )


def test_what_cannot_be_removed_is_shown_with_its_place_whatever_else_there_is_to_do():
    stays = (Stay(FRAUD, ("tags", "old"), "no request does", PLACE), Stay(RUN, (), "nor this"))
    shown = (
        "    ! experiments.fraud  tags.old  cannot remove: no request does   m/fraud.yaml:4:9\n"
        "    ! runs.r  cannot remove: nor this\n"
        "\n"
    )
    alone = Plan("ml", "prod", "mlflow", (), 2, stays=stays)
    assert plain(plan_lines(alone, folder="m/")) == (
        "No changes: but for what cannot be removed, the server holds what the manifests say.\n"
        + shown
        + "Plan: 2 unchanged. Cannot be removed: 2.\n"
    )
    beside = replace(alone, steps=(Step(RUN, Action.create),))
    assert plain(plan_lines(beside, folder="m/")).endswith(
        "    + runs.r\n\n" + shown + "Plan: 1 to create, 2 unchanged. Cannot be removed: 2.\n"
    )


def test_it_says_on_which_server():
    plan = Plan("ml", "prod", "mlflow", (Step(RUN, Action.create),), server="http://h:5000")
    assert plain(plan_lines(plan)).startswith("Stack ml on target prod (mlflow, http://h:5000):\n")


def test_places_have_the_folder_before_them():
    step = Step(FRAUD, Action.update, changes=(change("a", "b"),), at=AT)
    lines = text(step, folder="manifests/")
    assert "manifests/fraud.yaml:2:3" in lines
    assert "manifests/fraud.yaml:4:9" in lines


def test_requests_are_shown_where_they_are_asked_for():
    step = Step(RUN, Action.delete, calls=(Call("DELETE", "/logged-models/{id}"),))
    assert "DELETE" not in text(step)
    assert "      DELETE /logged-models/{id}\n" in text(step, requests=True)
    step = Step(RUN, Action.update, calls=(Call("POST", "/x", {"key": "\x1b[2J"}),))
    assert r'      POST /x {"key": "\u001b[2J"}' in text(step, requests=True)


@pytest.mark.parametrize("action", list(Action))
def test_every_action_has_a_symbol_and_a_count(action):
    line = text(Step(FRAUD, action, "why")) if action is not Action.noop else ""
    assert action is Action.noop or f"{SYMBOLS[action]} experiments.fraud  why\n" in line
    assert action is Action.noop or f"Plan: 1 to {action}, 0 unchanged." in line
    assert len({*SYMBOLS.values()}) == len(Action)


@pytest.mark.parametrize(
    ("one", "values"),
    [
        (change("a", "b"), '"a" -> "b"'),
        (change("a", "b", reason="drift"), '"a" -> "b"'),
        (change("a", "b", reason="conflict"), '"a" -> "b"'),
        (change("a", "a", Action.adopt, "adopt"), '"a"'),
        (change(None, "b"), '"b"'),
        (change(None, ""), '""'),
        (change("a", None), '"a" -> (removed)'),
        (change("a", None, reason="conflict"), '"a" -> (removed)'),
        (change("a", None, Action.adopt), '"a" -> (not managed any more)'),
        (change(False, True, Action.adopt), "false -> true"),
        (change(0.5, [{"step": 0, "value": "NaN"}]), '0.5 -> [{"step": 0, "value": "NaN"}]'),
        (change({"$sensitive": ""}, {"$sensitive": "${env.X}"}), "(sensitive) -> (sensitive)"),
    ],
)
def test_every_change_has_its_values_its_place_and_its_cause(one, values):
    assert field(one) == f"tags.team: {values}   fraud.yaml:4:9   {cause(one)}"


def test_a_change_may_have_no_place():
    assert field(change("a", "b", at=None)) == 'tags.team: "a" -> "b"   manifest changed'


def test_what_is_made_anew_and_stays_as_it_was_says_so():
    line = field(change("a", "a", Action.replace, "adopt"), Action.replace)
    assert line == 'tags.team: "a"   fraud.yaml:4:9   as it was'


def test_what_is_made_needs_no_cause_for_each_field():
    assert field(change(None, "b", Action.create), Action.create) == 'tags.team: "b"   fraud.yaml:4:9'


def test_a_key_with_odd_characters_is_quoted():
    assert field(change("a", "b", path=("tags", "a.b"))).startswith("tags.'a.b': ")
    assert field(change("a", "b", path=("tags", "\x1b[2J"))).startswith(r"tags.'\x1b[2J': ")


def test_what_the_mark_forgets_and_is_not_there_has_no_value():
    assert "null" not in field(change(None, None, Action.adopt))


def test_every_reason_has_words():
    words = [cause(change("a", "b", reason=reason)) for reason in ("manifest", "drift", "conflict", "adopt")]
    assert len(set(words)) == 4
    assert words[0] == "manifest changed"
    assert all("server" in one for one in words[1:])
    assert cause(change("a", None)) == "removed from the manifest"


# values


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "true"),
        (0.1, "0.1"),
        ("é🦊", '"é🦊"'),
        ("a b", '"a b"'),
        ('a"b\\', r'"a\"b\\"'),
        ("a\nb\tc\r", r'"a\nb\tc\r"'),
        ("\x1b[31mred\x07", r'"\u001b[31mred\u0007"'),
        ("\x7f\x80\x9b31m", r'"\u007f\u0080\u009b31m"'),
        ("\u202etxt\u200b\ufeff", r'"\u202etxt\u200b\ufeff"'),
        ("a\u2028b", r'"a\u2028b"'),
        ("\ud800", r'"\ud800"'),
        ("\U000e0001", r'"\udb40\udc01"'),
        ({"k\x1b": ["\x1b"]}, r'{"k\u001b": ["\u001b"]}'),
        ({"$sensitive": "${env.X}"}, "(sensitive)"),
        ({"$sensitive": "a", "b": "c"}, '{"$sensitive": "a", "b": "c"}'),
    ],
)
def test_a_value_is_shown_without_what_would_move_the_cursor(value, words):
    assert shown(value) == words
    assert shown(value).isprintable()


def test_a_long_value_is_cut_and_says_how_long_it_is():
    assert shown("x" * (LONGEST - 2)) == f'"{"x" * (LONGEST - 2)}"'
    assert shown("x" * 20_000) == f'"{"x" * (LONGEST - 1)}… (20,002 characters)'
    assert "\x1b" not in shown("\x1b" * 1000)


@pytest.mark.parametrize("where", ["address", "reason", "detail"])
def test_what_comes_from_the_server_moves_no_cursor(where):
    """The address of what is not declared is that of its mark, a tag that anybody can write."""
    odd = "\x1b[2J"
    step = Step(Address("runs", odd if where == "address" else "r"), Action.delete, odd if where == "reason" else "")
    outcome = Outcome(step, "failed", odd if where == "detail" else "")
    assert odd not in plain([step_line(outcome)]) + text(step)


# outcomes


@pytest.mark.parametrize(
    ("action", "outcome", "line"),
    [
        (Action.create, {"status": "done", "id": "7"}, "  + runs.r  done  id 7"),
        (Action.update, {"status": "done", "id": "7"}, "  ~ runs.r  done"),
        (Action.replace, {"status": "failed", "detail": "no such run"}, "-/+ runs.r  failed  no such run"),
        (Action.delete, {"status": "skipped", "detail": "needs runs.a, which failed"},
         "  - runs.r  not attempted  needs runs.a, which failed"),
    ],
)  # fmt: skip
def test_how_a_step_ended(action, outcome, line):
    assert plain([step_line(Outcome(Step(RUN, action), **outcome))]) == f"{line}\n"


def test_all_done():
    outcomes = [Outcome(Step(RUN, Action.update), "done")] * 2
    assert plain(outcome_lines(outcomes)) == "Apply complete: 2 done.\n"
    assert plain(outcome_lines([])) == "Apply complete: 0 done.\n"


def test_a_destroy_is_gone_on_with_by_another_one():
    """A plan would restore what is deleted."""
    done, failed = (Outcome(Step(RUN, Action.delete), status) for status in ("done", "failed"))
    assert plain(outcome_lines([done], command="Destroy")) == "Destroy complete: 1 done.\n"
    last = plain(outcome_lines([done, failed], command="Destroy")).splitlines()[-1]
    assert last == "Destroy: 1 done, 1 failed, 0 not attempted. Destroy again: it goes on from here."


def test_what_failed_stands_once_more_at_the_end():
    outcomes = [
        Outcome(Step(FRAUD, Action.create), "done", id="1"),
        Outcome(Step(RUN, Action.update, at=AT), "failed", "no"),
        Outcome(Step(Address("runs", "s"), Action.update), "skipped", "needs runs.r, which failed"),
    ]
    assert plain(outcome_lines(outcomes)) == (
        "  ~ runs.r  failed  no  fraud.yaml:2:3\n"
        "  ~ runs.s  not attempted  needs runs.r, which failed\n"
        "\n"
        "Apply: 1 done, 1 failed, 1 not attempted. Plan again: it goes on from here.\n"
    )
    assert "manifests/fraud.yaml:2:3" in plain(outcome_lines(outcomes, "manifests/"))
