"""Whatever becomes of two stacks on one server: manifests change, people are at work, applies fail; it comes right."""

from __future__ import annotations

import copy
import os
import random
import re
import types
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from reconciler.core import planner
from reconciler.core.address import Address
from reconciler.core.diagnostics import Diagnostic, Failed
from reconciler.core.document import dump, load
from reconciler.core.drift import find
from reconciler.core.guard import Safety
from reconciler.core.plan import Outcome, Plan
from reconciler.core.select import Selection
from reconciler.runtime import execute, observe
from reconciler.runtime.apply import Listener, Unproven
from reconciler.runtime.errors import RequestFailed
from tests.fakes.mlflow import FakeMlflow
from tests.fakes.mlflow import state as fake_state
from tests.property.life.held import lacking
from tests.property.life.licence import Licence
from tests.property.life.manifests import EDITS, KEYS, KINDS, MANIFESTS, Manifest, edit, entries, sound
from tests.property.life.oracle import Oracle
from tests.property.life.people import ACTS, People
from tests.property.life.sent import follows, writes
from tests.property.life.sight import Things, holders, look
from tests.property.life.swift import CALM, TROUBLES, Died, Inline, Side, Trouble
from tests.tally import ALL
from tests.world import declare

SEED = int(os.environ.get("RECONCILER_TEST_SEED", "1"))
PARTS = range(20 if ALL else 1)
SEQUENCES = 500 if ALL else 200
"""In each part: hypothesis remembers all that it has tried, and 10,000 sequences take it 10 GB."""
STEPS = 10
STACKS = st.sampled_from(["ml", "ml", "ml", "ops"])
MAYBE = st.one_of(st.just(CALM), TROUBLES, TROUBLES)
NUMBERS = st.integers(0, 11)
COUNTS: Counter[str] = Counter()
"""What the machine has done, over all sequences."""


@dataclass(frozen=True)
class Saved:
    """A plan in a file, with what it was made from."""

    text: str
    plan: Plan
    manifest: Manifest
    options: planner.Options


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeMlflow()
        self.people = People(self.fake)
        self.sides = {name: Side(self.fake, name) for name in KEYS}
        self.manifests: dict[str, Manifest] = {name: {kind: {} for kind in KINDS} for name in KEYS}
        self.saved: dict[str, Saved] = {}
        self.unfinished: set[str] = set()
        self.anew: dict[str, set[Address]] = {name: set() for name in KEYS}

    @initialize(ours=MANIFESTS["ml"], theirs=MANIFESTS["ops"])
    def begin(self, ours: Manifest, theirs: Manifest) -> None:
        self.manifests = copy.deepcopy({"ml": ours, "ops": theirs})
        self._apply("ml", CALM)

    @rule(edits=st.lists(EDITS["ml"], min_size=1, max_size=3))
    def edit_the_manifest(self, edits: list[Any]) -> None:
        for one in edits:
            edit(self.manifests["ml"], *one)

    def edit_the_other_manifest(self, edits: list[Any]) -> None:
        for one in edits:
            edit(self.manifests["ops"], *one)

    @rule(acts=st.lists(ACTS, min_size=1, max_size=4))
    def people_are_at_work(self, acts: list[Any]) -> None:
        for act in acts:
            self.people.act(*act)

    @rule(edits=st.lists(EDITS["ml"], min_size=1, max_size=3), trouble=MAYBE)
    def edit_and_apply(self, edits: list[Any], trouble: Trouble) -> None:
        self.edit_the_manifest(edits)
        self._apply("ml", trouble)

    @rule(acts=st.lists(ACTS, min_size=1, max_size=3), trouble=MAYBE)
    def people_are_at_work_and_apply(self, acts: list[Any], trouble: Trouble) -> None:
        self.people_are_at_work(acts)
        self._apply("ml", trouble)

    @rule(edits=st.lists(EDITS["ops"], min_size=1, max_size=2), trouble=MAYBE)
    def apply_the_other_stack(self, edits: list[Any], trouble: Trouble) -> None:
        self.edit_the_other_manifest(edits)
        self._apply("ops", trouble)

    @rule(how=st.sampled_from(["only", "exclude", "no_delete"]), number=NUMBERS, one=EDITS["ml"], trouble=MAYBE)
    def apply_a_part(self, how: str, number: int, one: Any, trouble: Trouble) -> None:
        self.edit_the_manifest([one])
        manifest = sound(self.manifests["ml"])
        known = Oracle("ml", manifest, self._seen("ml", manifest)).known
        names = sorted({*known, *(address.partition(".")[0] + ".*" for address in known)})
        selection = Selection(no_delete=how == "no_delete")
        if names and how != "no_delete":
            selection = replace(selection, **{how: (names[number % len(names)],)})
        self._apply("ml", trouble, planner.Options(selection=selection))

    @rule(kind=st.sampled_from(["runs", "logged_models"]), trouble=MAYBE)
    def make_anew(self, kind: str, trouble: Trouble) -> None:
        manifest = sound(self.manifests["ml"])
        anew = frozenset(Address(kind, key) for key in list(manifest[kind])[:2])
        self._apply("ml", trouble, planner.Options(replace=anew))

    @rule(name=STACKS, on_conflict=st.sampled_from(["apply", "fail"]))
    def save_a_plan(self, name: str, on_conflict: Any) -> None:
        manifest = sound(self.manifests[name])
        options = planner.Options(on_conflict=on_conflict)
        found = self._plan(name, manifest, options)
        if found and found[0].steps:
            plan, options = found
            self.saved[name] = Saved(dump(plan, "0"), plan, manifest, options)

    @rule(name=STACKS, edits=st.lists(EDITS["ml"], max_size=2), acts=st.lists(ACTS, max_size=2), trouble=MAYBE)
    def save_a_plan_and_apply_it(self, name: str, edits: list[Any], acts: list[Any], trouble: Trouble) -> None:
        self.edit_the_manifest(edits)
        self.save_a_plan(name, "apply")
        self.people_are_at_work(acts)
        self.apply_the_saved_plan(name, trouble)

    @rule(name=STACKS, trouble=MAYBE)
    def apply_the_saved_plan(self, name: str, trouble: Trouble) -> None:
        if name in self.saved:
            self._apply_saved(name, self.saved[name], trouble)

    @rule(name=STACKS, trouble=MAYBE)
    def destroy(self, name: str, trouble: Trouble) -> None:
        nothing: Manifest = {kind: {} for kind in KINDS}
        self._apply(name, trouble, planner.Options(destroy=True), nothing)

    @invariant()
    def nothing_of_peoples_is_touched(self) -> None:
        assert self.people.touched() == []

    @invariant()
    def nothing_is_there_twice_or_without_a_mark(self) -> None:
        things = look(self.fake)
        lost = {str(one.marks[name].address) for one in things.values() for name in one.marks if self._is_lost(one)}
        for name in KEYS:
            doubled = {address: group for address, group in holders(things, name).items() if len(group) > 1}
            assert not doubled.keys() - lost, doubled
        assert [str(one) for ident, one in things.items() if not one.marks and ident not in self.people.made] == []

    def teardown(self) -> None:
        """Whatever was left half done: one more apply sets it right."""
        for name in sorted(self.unfinished):
            self._apply(name, CALM)
        COUNTS["sequences"] += 1

    def _is_lost(self, one: Any) -> bool:
        return (one.kind, one.id) in self.people.lost

    def _seen(self, name: str, manifest: Manifest) -> Things:
        """What a stack can find: no deleted models, and nothing in experiments that are not its own."""
        things = look(self.fake)
        names = {entry["name"] for entry in manifest["experiments"].values()}
        homes = {one.id for one in things.values() if name in one.marks or one.name in names}
        gone = {ident for ident, one in things.items() if one.kind == "logged_models" and not one.active}
        gone |= {ident for ident, one in things.items() if one.experiment and one.experiment not in homes}
        return {ident: one for ident, one in things.items() if ident not in gone}

    def _plan(self, name: str, manifest: Manifest, options: planner.Options) -> tuple[Plan, planner.Options] | None:
        """The plan, with leave for as many deletions as it has; None where it is refused, for a reason."""
        side, things = self.sides[name], self._seen(name, manifest)
        desired, sent = declare(manifest), len(self.fake._requests)
        plan, problems, lives = side.consider(desired, options)
        if asked := [one for one in problems if one.code == "safety-threshold"]:
            allowed = int(re.search(r"--allow-delete (\d+)", asked[0].hint)[1])
            assert 0 < allowed <= plan.summary["delete"]
            options = replace(options, safety=Safety(allow_delete=allowed))
            plan, problems = planner.make(side.stack, desired, lives, options)
        assert writes(self.fake, sent) == []
        if problems:
            self._check_refusal({one.code for one in problems}, name, manifest, options, things)
            self._mend(name, problems)
            return None
        return plan, options

    def _mend(self, name: str, problems: list[Diagnostic]) -> None:
        """As a person would: what cannot be is not declared any more, what cannot change is to be made anew."""
        for one in problems:
            kind, _, key = one.summary.partition(":")[0].partition(".")
            if one.code in {"name-taken", "not-existing", "owned-by-another-stack", "key-of-another-stack"}:
                self.manifests[name][kind].pop(key, None)
            elif one.code == "fixed-field" and (found := re.search(r"--replace (\S+)", one.hint)):
                self.anew[name].add(Address.parse(found[1]))

    def _check_refusal(
        self, codes: set[str], name: str, manifest: Manifest, options: planner.Options, things: Things
    ) -> None:
        anew = frozenset(str(address) for address in options.replace)
        allowed = Oracle(name, manifest, things, anew, globs(options.selection)).refusals()
        allowed |= {"conflict"} if options.on_conflict == "fail" else set()
        doubled = [group for group in holders(things, name).values() if len(group) > 1]
        allowed |= {"duplicate-address"} if doubled else set()
        assert codes <= allowed, f"refused with {codes - allowed}; to be expected: {allowed}"
        COUNTS.update(f"refused: {code}" for code in codes)

    def _apply(
        self,
        name: str,
        trouble: Trouble,
        options: planner.Options | None = None,
        manifest: Manifest | None = None,
    ) -> None:
        manifest = sound(self.manifests[name]) if manifest is None else manifest
        declared = {Address.parse(address) for address in entries(manifest)}
        anew, self.anew[name] = self.anew[name] & declared, set()
        found = self._plan(name, manifest, options or planner.Options(replace=frozenset(anew)))
        if found and found[0].steps:
            self._carry_out(name, found[0], trouble, manifest, found[1])
        elif found:
            self._settled(name, manifest, found[1])

    def _apply_saved(self, name: str, saved: Saved, trouble: Trouble) -> None:
        """Either it is refused, since a new plan would be another one, or it does what the new one would do."""
        plan, problems = load(saved.text, "plan.json")
        assert problems == []
        assert plan == saved.plan
        side, sent = self.sides[name], len(self.fake._requests)
        now, problems, _ = side.consider(declare(saved.manifest), saved.options)
        try:
            side.place.recheck(plan)
        except Failed as failed:
            assert {one.code for one in failed.diagnostics} == {"stale-plan"}
            assert (now.steps, now.seen, now.ids) != (plan.steps, plan.seen, plan.ids) or problems, failed
            assert writes(self.fake, sent) == []
            COUNTS["saved plans refused"] += 1
            return
        COUNTS["saved plans that stand"] += 1
        again = {step.address: (step.action, step.calls) for step in now.steps}
        stood = {step.address: (step.action, step.calls) for step in plan.steps}
        assert {address: again.get(address) for address in stood} == stood
        whole = again == stood and not problems
        self._carry_out(name, plan, trouble, saved.manifest, saved.options if whole else None)

    def _carry_out(
        self, name: str, plan: Plan, trouble: Trouble, manifest: Manifest, options: planner.Options | None
    ) -> None:
        """Apply, and see that it did what it may and no more. Without `options` there may be more to do afterwards."""
        before, sent, side = look(self.fake), len(self.fake._requests), self.sides[name]
        oracle = Oracle(name, manifest, self._seen(name, manifest), frozenset(_anew(plan)))
        self.unfinished.add(name)
        side.connect(trouble)
        outcomes = self._outcomes(side, plan)
        side.connect()
        after = look(self.fake)
        assert Licence.of(oracle).broken(before, after, name) == []
        self._let_go(name, before, after)
        assert follows(plan, writes(self.fake, sent), outcomes, exactly=trouble is CALM) == ""
        assert not [one for one in outcomes or () if one.finding == "internal"]
        done = outcomes is not None and all(one.status == "done" for one in outcomes)
        COUNTS["applies that ended well" if done else "applies that were cut short or failed"] += 1
        COUNTS.update(f"{one.status}: {one.step.action}" for one in outcomes or ())
        if trouble is CALM:
            assert [one.detail for one in outcomes or () if one.status != "done"] == []
        if done and options:
            self._settled(name, manifest, options)

    def _let_go(self, name: str, before: Things, after: Things) -> None:
        """What a stack has taken its mark off is nobody's from now on: only what is to stay, or was never its own."""
        for ident, one in before.items():
            if name in one.marks and name not in after[ident].marks:
                assert one.marks[name].keep or one.marks[name].existing
                self.people.made.add(ident)

    def _outcomes(self, side: Side, plan: Plan) -> list[Outcome] | None:
        """How the steps ended; None where nobody was told."""
        try:
            side.place.recheck(plan)
            return side.place.apply(plan, Listener())
        except Unproven as unproven:
            return unproven.outcomes
        except (Died, RequestFailed) as error:
            COUNTS["applies that died" if isinstance(error, Died) else "applies that did not begin"] += 1
            return None

    def _settled(self, name: str, manifest: Manifest, options: planner.Options) -> None:
        """After an apply there is nothing left to do, nothing lacks, and nothing has drifted."""
        side, sent, desired = self.sides[name], len(self.fake._requests), declare(manifest)
        options = replace(options, replace=frozenset(), safety=Safety())
        plan, problems, lives = side.consider(desired, options)
        if {one.code for one in problems} == {"unknown-address"} and globs(options.selection):
            return  # what was selected is deleted now
        assert [one.summary for one in problems] == []
        assert [(str(step.address), str(step.action), step.reason, step.changes) for step in plan.steps] == []
        assert side.apply(plan) == []
        assert writes(self.fake, sent) == []
        if plan.left_out or globs(options.selection):  # what was left out may be what cannot be
            return
        assert lacking(Oracle(name, manifest, self._seen(name, manifest))) == []
        drifts, problems = find(side.stack, lives, desired)
        assert (drifts.found, problems) == ((), [])
        drifts, problems = find(side.stack, lives, None)
        assert [one for one in drifts.found if one.kind != "deleted" or one.address in desired] == problems == []
        self.unfinished.discard(name)


def globs(selection: Selection) -> tuple[str, ...]:
    return (*selection.only, *selection.exclude)


def _anew(plan: Plan) -> list[str]:
    return [str(step.address) for step in plan.steps if str(step.action) == "replace"]


@pytest.mark.parametrize("part", PARTS)
def test_any_life(monkeypatch, record_property, tally, part):
    """Ids are as random as a real server's, and the same for the same seed."""
    numbers = types.SimpleNamespace(uuid4=lambda: uuid.UUID(int=random.getrandbits(128)))
    monkeypatch.setattr(fake_state, "uuid", numbers)
    for module in (observe, execute):
        monkeypatch.setattr(module, "Pool", Inline)
    COUNTS.clear()
    run_state_machine_as_test(
        seed(SEED * 1000 + part)(Life),
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    tally.update({f"any life: {what}": count for what, count in COUNTS.items()})
    record_property("sequences", COUNTS["sequences"])
    assert COUNTS["sequences"] >= SEQUENCES
