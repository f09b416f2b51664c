"""What comes from the environment into a sensitive field is sent and shown nowhere, in no plan and no finding."""

import pytest

from reconciler import registry
from reconciler.core import planner
from reconciler.core.change import Action, FieldChange, Secret
from reconciler.core.document import dump, load
from reconciler.core.explanation import Explainer
from reconciler.core.interpolate import Scope
from reconciler.core.match import match
from reconciler.core.origin import Origins
from reconciler.core.plan import Step
from reconciler.core.resolve import resolve
from reconciler.core.sensitive import Sensitive, hidden, secrets_in
from reconciler.core.source import parse
from reconciler.core.stack import Stack
from reconciler.report.diagnostics import diagnostic_lines
from reconciler.report.explain import NOWHERE, explain_lines
from reconciler.report.explain import dump as dump_explanation
from reconciler.report.lines import plain
from reconciler.report.text import plan_lines
from reconciler.runtime.execute import execute
from tests.fakes.mlflow import FakeMlflow
from tests.lives import address
from tests.world import World

OLD, NEW = "hunter2-old-canary", "hunter2-new-canary"
DATASET = "{name: d, digest: '1', source_type: s3, source: '${env.X}'}"
STACK = {
    "tag": ("experiments: {a: {tags: {token: 'x ${env.X}', open: y}}}", "tags.token"),
    "description": ("experiments: {a: {description: '${env.X}'}}", "description"),
    "run tag": ("experiments: {a: }\nruns: {r: {experiment: a, tags: {token: '${env.X}'}}}", "tags.*"),
    "param": ("experiments: {a: }\nruns: {r: {experiment: a, params: {token: '${env.X}'}}}", "params.t*"),
    "dataset": (f"experiments: {{a: }}\nruns: {{r: {{experiment: a, datasets: [{DATASET}]}}}}", "datasets"),
    "dataset.source": (
        f"experiments: {{a: }}\nruns: {{r: {{experiment: a, datasets: [{DATASET}]}}}}",
        "datasets.source",
    ),
    "model tag": ("experiments: {a: }\nlogged_models: {m: {experiment: a, tags: {token: '${env.X}'}}}", "*"),
    "model param": ("experiments: {a: }\nlogged_models: {m: {experiment: a, params: {t: '${env.X}'}}}", "params.*"),
    "name": ("experiments: {a: {name: '${env.X}'}}", "name"),
}
TOKEN = ("tags", "token")
FIXED = {"param", "dataset", "dataset.source", "model param"}


class Secretive:
    """A stack with one sensitive field on a fake server."""

    def __init__(self, case):
        self.text, glob = STACK[case]
        self.globs = (glob,)
        self.fake = FakeMlflow()
        self.world = World(self.fake.transport())
        self.stack = Stack("ml", "local", "mlflow", registry.kinds(), self.world.stack.wires, Sensitive(self.globs))

    def desired(self, secret, text=None):
        document, _ = parse(text or self.text, "a.yaml")
        found, problems = resolve([document], registry.kinds(), Scope(env={"X": secret}), None, self.globs)
        assert problems == []
        return found

    def plan(self, secret, text=None, **options):
        desired = self.desired(secret, text)
        lives = self.world.observe(planner.sought(desired))
        return planner.make(self.stack, desired, lives, planner.Options(**options))

    def apply(self, secret):
        plan, problems = self.plan(secret)
        assert problems == []
        outcomes = execute(plan, self.world.client.send, resolve_secret=Scope(env={"X": secret}).secret)
        assert {one.status for one in outcomes} == {"done"}
        return plan

    def sent(self):
        return str([one.body for one in self.fake.requests])


def told(plan, problems=()):
    """All that anybody is shown of a plan."""
    lines = plan_lines(plan, requests=True)
    return dump(plan, "0") + plain(lines) + "".join(plain(diagnostic_lines(one, {})) for one in problems)


@pytest.fixture(params=STACK)
def stack(request):
    return Secretive(request.param)


def test_what_is_made_has_the_secret_and_the_plan_does_not(stack):
    plan = stack.apply(OLD)
    assert OLD in stack.sent()
    assert OLD not in told(plan)
    assert '"$sensitive"' in dump(plan, "0")
    assert "sensitive" in plain(plan_lines(plan))


@pytest.mark.parametrize("case", sorted(STACK.keys() - FIXED))
def test_a_new_secret_is_sent_and_neither_the_new_nor_the_old_one_is_shown(case):
    stack = Secretive(case)
    stack.apply(OLD)
    plan = stack.apply(NEW)
    assert [step.action for step in plan.steps] == [Action.update]
    assert NEW in stack.sent()
    assert OLD not in told(plan)
    assert NEW not in told(plan)


def test_a_second_plan_is_empty(stack):
    stack.apply(OLD)
    assert stack.plan(OLD)[0].steps == ()


@pytest.mark.parametrize("case", sorted(STACK.keys() - FIXED - {"name"}))
def test_a_secret_that_is_taken_away_is_not_shown(case):
    stack = Secretive(case)
    stack.apply(OLD)
    text = "experiments: {a: }"
    if "run" in case:
        text += "\nruns: {r: {experiment: a}}"
    if "model" in case:
        text += "\nlogged_models: {m: {experiment: a}}"
    plan, _ = stack.plan(OLD, text)
    assert OLD not in told(plan)
    assert '"$sensitive": ""' in dump(plan, "0")


@pytest.mark.parametrize("case", sorted(FIXED))
def test_the_refusal_of_a_fixed_field_does_not_show_it(case):
    stack = Secretive(case)
    stack.apply(OLD)
    plan, problems = stack.plan(NEW)
    assert [one.code for one in problems] == ["fixed-field"]
    assert OLD not in told(plan, problems)
    assert NEW not in told(plan, problems)


def test_a_conflict_does_not_show_the_secret_that_is_there():
    stack = Secretive("tag")
    stack.world.post("experiments/create", name="a", tags=[{"key": "token", "value": OLD}])
    plan, problems = stack.plan(NEW, on_conflict="fail")
    assert [one.code for one in problems] == ["conflict"]
    assert OLD not in told(plan, problems)


def test_a_taken_name_that_is_secret_is_not_shown():
    stack = Secretive("name")
    mark = '{"v":1,"address":"experiments.x","keys":{}}'
    stack.world.post("experiments/create", name=NEW, tags=[{"key": "reconciler.ops", "value": mark}])
    plan, problems = stack.plan(NEW)
    assert [one.code for one in problems] == ["owned-by-another-stack"]
    assert NEW not in told(plan, problems)


@pytest.mark.parametrize("state", ["new", "changed", "same", "dropped"])
def test_explain_does_not_show_it(state):
    stack = Secretive("tag")
    if state != "new":
        stack.apply(OLD)
    secret = OLD if state == "same" else NEW
    text = "experiments: {a: }" if state == "dropped" else None
    plan, _ = stack.plan(secret, text)
    desired = stack.desired(secret, text)
    pairs, _ = match(desired, stack.world.observe(planner.sought(desired)), registry.kinds())
    step = next(iter(plan.steps), None)
    pair = pairs[address("experiments.a")]
    origins = Origins(pair.desired, Scope(env={"X": secret}))
    found = Explainer(pair, step, registry.kinds()["experiments"], origins, stack.stack.sensitive).explain(TOKEN)
    for words in (plain(explain_lines(found, whole=False)), dump_explanation(found, NOWHERE, "0")):
        assert OLD not in words
        assert NEW not in words


def test_what_is_saved_is_filled_in_from_the_environment_when_it_is_sent(stack):
    plan, _ = load(dump(stack.plan(OLD)[0], "0"), "plan.json")
    execute(plan, stack.world.client.send, resolve_secret=Scope(env={"X": NEW}).secret)
    assert NEW in stack.sent()
    assert OLD not in stack.sent()


def test_a_secret_name_that_was_taken_meanwhile_makes_a_plan_stale():
    stack = Secretive("name")
    plan, _ = stack.plan(OLD)
    stack.world.post("experiments/create", name=OLD)
    assert [one.code for one in stack.world.stale(plan, Scope(env={"X": OLD}).secret)] == ["stale-plan"]


# the parts


def test_globs_are_on_dotted_fields():
    sensitive = Sensitive(("tags.to*", "description"))
    assert sensitive.covers(("tags", "token"))
    assert sensitive.covers(("description",))
    assert not sensitive.covers(("tags", "TOKEN"))
    assert not sensitive.covers(("params", "token"))
    assert not Sensitive().covers(("tags",))


def test_secrets_are_hidden_wherever_they_stand():
    secret = Secret("hunter2", "${env.X}")
    stands = {"$sensitive": "${env.X}"}
    assert hidden({"a": [secret, ("b", {"c": secret})], "d": 1, "e": None}) == {
        "a": [stands, ["b", {"c": stands}]],
        "d": 1,
        "e": None,
    }
    assert hidden(secret) == stands
    assert hidden("hunter2") == "hunter2"


def test_secrets_are_found_wherever_they_stand():
    first, second = Secret(OLD, "${env.X}"), Secret(NEW, "${env.Y}")
    assert secrets_in({"a": [first, {"b": second}], "c": (first, 1, None), "d": OLD + "x"}) == [OLD, NEW, OLD]
    assert secrets_in(first) == [OLD]
    assert secrets_in({"a": OLD}) == []


def test_a_secret_equals_its_text_and_is_represented_by_what_stands_for_it():
    secret = Secret(OLD, "${env.X}")
    assert secret == OLD
    assert repr([secret]) == "[Secret('${env.X}')]"


def test_what_is_written_in_the_manifest_itself_is_no_secret():
    """Only what comes from the environment is; yet what was there before may be one."""
    change = FieldChange(("tags", "token"), "before", "written", Action.update, "manifest")
    step = Sensitive(("tags.*",)).hide(Step(address("experiments.a"), Action.update, changes=(change,)))
    assert [(one.before, one.after) for one in step.changes] == [({"$sensitive": ""}, "written")]
    made = FieldChange(("tags", "token"), None, "written", Action.create, "manifest")
    assert Sensitive(("tags.*",)).hide(Step(address("experiments.a"), Action.create, changes=(made,))).changes == (
        made,
    )


def test_without_sensitive_fields_a_step_stays_as_it_is():
    step = Step(address("experiments.a"), Action.update)
    assert Sensitive().hide(step) is step
