"""Permissions beside a wire of experiments: what is read, spelled, written, and what would lock out the caller."""

import itertools
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from reconciler.backends.permitted import Access, Permitted
from reconciler.core import mark as marks
from reconciler.core.call import Call
from reconciler.core.change import Action, FieldChange
from reconciler.core.diff import mark_of
from reconciler.core.wire import Edit, Query, Sought, Unsupported, Wire
from tests.lives import address, drive, entry, found, held, owned

FRAUD = "experiments.fraud"
ME = ("user:me", "service_principal:me", "group:us")


@dataclass(frozen=True)
class Inner(Wire):
    """A wire of experiments whose requests are words."""

    lives: tuple = ()

    def observe(self, query):
        yield []
        return list(self.lives)

    def create(self, desired, mark, stack):
        body = dict.fromkeys(map("/".join, desired.fields))
        return [Call("POST", "/made", body, fields=tuple(sorted(mark.keys)))]

    def update(self, edit):
        body = dict.fromkeys("/".join(change.path) for change in edit.changes)
        return [Call("POST", f"/updated/{edit.live.address}", body | edit.mark)]

    def restore(self, live):
        return [Call("POST", "/restored")]

    def delete(self, live):
        return [Call("POST", "/deleted")]

    def canonical(self, path, value):
        return f"canonical {value}"

    def check(self, path, value):
        return Unsupported(path, "is checked")

    def forbids(self, change):
        return Unsupported(change.path, "is forbidden")

    def refuses(self, live, changes):
        return [Unsupported(change.path, "is refused") for change in changes if change.path[0] == "tags"]

    def cannot(self, action):
        return f"{action} is impossible"

    def spares(self, live, desired):
        return Unsupported((), "is spared")


@dataclass(frozen=True)
class Rights:
    """Entries by the experiment's id; who is who, whatever the case."""

    there: dict
    managing: ClassVar[str] = "MANAGE"
    absent: ClassVar[str] = "there are none here"

    def check(self, principal, level):
        return ("is wrong", "write it right") if level == "wrong" else None

    def same(self, principal):
        return principal.lower()

    def read(self, ids):
        yield [Call("GET", f"/{number}", repeatable=True) for number in ids]
        return {number: self.there[number] for number in ids if number in self.there}

    def grant(self, at, levels):
        return [Call("POST", f"/grant/{path[1]}", {"level": level}) for path, level in levels.items()]

    def change(self, live, changes):
        return [Call("POST", f"/change/{change.path[1]}", {"level": change.after}) for change in changes]


def wire(*lives, caller=None, **there):
    return Permitted(Inner(lives), Rights(there), caller)


def permissions(**levels):
    return {f"user:{name}": level for name, level in levels.items()}


def sought(*entries):
    return tuple(Sought(one.address, str(one.fields["name",]), fields=one.fields) for one in entries)


def observed(query, permitted, *replies):
    asked, lives = drive(permitted.observe(query), [], *replies)
    return [path for _, path, _ in itertools.chain.from_iterable(asked)], lives


def entries(live):
    return {path[1]: level for path, level in live.fields.items() if path[0] == "permissions"}


def change(name, before, after):
    return FieldChange(("permissions", name), before, after, Action.update, "manifest")


def test_nothing_is_read_where_the_stack_declares_and_wrote_none():
    plain, other = held(entry(FRAUD)), found("experiments.other", {"name": "other"}, "2")
    asked, lives = observed(Query("ml", sought(entry(FRAUD))), wire(plain, other))
    assert (asked, lives) == ([], [plain, other])


@pytest.mark.parametrize("by", ["address", "name", "id", "mark"])
def test_what_is_declared_or_was_written_is_read(by):
    desired = entry(FRAUD, permissions=permissions(ada="READ"))
    live = found("experiments.?5" if by in ("name", "id") else FRAUD, {"name": "fraud" if by == "name" else "x"}, "5")
    if by == "mark":
        live = owned(FRAUD, {"name": "x"}, {"permissions.user:ada": "READ"}, id="5")
    wanted = {
        "address": sought(desired),
        "name": sought(desired),
        "id": (Sought(desired.address, "", "5", desired.fields),),
        "mark": (),
    }
    access = {"5": Access({"user:ADA": "EDIT", "group:all": "READ"}, ["user:boss"])}
    other = found("experiments.other", {"name": "other"}, "6")
    permitted = Permitted(Inner((live, other)), Rights(access))
    asked, (one, rest) = observed(Query("ml", wanted[by]), permitted, [None])
    assert asked == ["/5"]
    assert entries(one) == {"user:ada": "EDIT", "group:all": "READ"}
    assert one.facts == {("inherited",): ["user:boss"]}
    assert rest is other


def test_of_two_spellings_the_one_that_is_declared_wins_over_one_that_goes():
    live = owned(FRAUD, {"name": "fraud"}, {"permissions.user:ADA": "READ"}, id="5")
    fields = {("permissions", "user:Ada"): None, ("permissions", "user:ada"): "READ"}
    query = Query("ml", (Sought(address(FRAUD), "", "5", fields),))
    _, (one,) = observed(query, Permitted(Inner((live,)), Rights({"5": Access({"user:aDA": "READ"})})), [None])
    assert entries(one) == {"user:ada": "READ"}


def test_what_is_noted_of_an_entry_stands_beside_it():
    live = owned(FRAUD, {"name": "fraud"}, {"permissions.user:ada": "READ"}, id="5")
    access = Access({"user:ADA": "READ", "user:bob": "EDIT"}, (), {"user:ADA": 7, "user:bob": 8})
    _, (one,) = observed(Query("ml"), Permitted(Inner((live,)), Rights({"5": access})), [None])
    notes = {("permissions", "user:ada"): 7, ("permissions", "user:bob"): 8}
    assert one.facts == {("inherited",): [], **notes}


def test_where_no_entry_can_be_taken_away_nothing_else_is_refused():
    live = owned(FRAUD, {"name": "fraud"}, {"permissions.user:ada": "READ"}, id="5")
    _, (one,) = observed(Query("ml"), Permitted(Inner((live,)), Rights({"5": Access(stuck="it is stuck")})), [None])
    assert one.facts == {("inherited",): [], ("stuck",): "it is stuck"}
    permitted, gone = wire(), change("user:ada", "READ", None)
    (no,) = permitted.refuses(one, [gone, change("user:bob", None, "READ")])
    assert (no.path, no.why) == (gone.path, "cannot be taken away: it is stuck")
    assert permitted.refuses(replace(one, facts={}), [gone]) == []


def test_where_the_server_tells_nothing_nothing_is_there():
    live = held(entry(FRAUD, permissions=permissions(ada="READ")), "5")
    bare = replace(live, fields={("name",): "fraud"})
    assert observed(Query("ml"), wire(bare), [None])[1] == [bare]


def test_they_are_written_after_the_experiment_is_made_and_before_the_mark_that_has_them():
    desired = entry(FRAUD, permissions=permissions(ada="READ"), tags={"a": "b"})
    made, granted, marked = wire().create(desired, mark_of(desired), "ml")
    assert set(made.body) == {"name", "tags/a"}
    assert made.fields == (("name",), ("tags", "a"))
    assert (granted.path, granted.body) == ("/grant/user:ada", {"level": "READ"})
    assert (marked.path, marked.body) == (f"/updated/{FRAUD}", marks.write(mark_of(desired), "ml"))
    plain = entry(FRAUD)
    assert len(wire().create(plain, mark_of(plain), "ml")) == 1


def test_of_a_mark_of_many_parts_those_that_change_are_written_the_head_last():
    many = {f"{number:0150}": "READ" for number in range(40)}
    desired = entry(FRAUD, permissions=permissions(**many))
    marked = wire().create(desired, mark_of(desired), "ml")[-1]
    assert list(marked.body) == ["reconciler.ml.1", "reconciler.ml"]


def test_they_are_written_before_the_mark():
    tag = FieldChange(("tags", "a"), None, "b", Action.update, "manifest")
    live = held(entry(FRAUD))
    calls = wire().update(Edit(live, (tag, change("user:ada", "READ", "EDIT")), {}))
    assert [(call.path, call.body) for call in calls] == [
        ("/change/user:ada", {"level": "EDIT"}),
        (f"/updated/{FRAUD}", {"tags/a": None}),
    ]
    assert [call.path for call in wire().update(Edit(live, (tag,), {}))] == [f"/updated/{FRAUD}"]


def test_all_else_is_the_wires_own():
    live, own, tag = held(entry(FRAUD)), change("user:ada", "READ", "EDIT"), ("tags", "a")
    permitted = wire()
    assert [call.path for call in (*permitted.restore(live), *permitted.delete(live))] == ["/restored", "/deleted"]
    assert permitted.canonical(tag, "b") == "canonical b"
    assert permitted.canonical(own.path, "READ") == "READ"
    assert permitted.check(tag, "b").why == "is checked"
    assert permitted.check(own.path, "READ").why == "is checked"
    wrong = permitted.check(own.path, "wrong")
    assert (wrong.why, wrong.hint, wrong.code) == ("is wrong", "write it right", "bad-value")
    assert permitted.forbids(replace(own, path=tag)).why == "is forbidden"
    assert permitted.forbids(own) is None
    assert permitted.cannot(Action.delete) == "delete is impossible"
    assert permitted.spares(live, None).why == "is spared"
    assert [no.path for no in permitted.refuses(live, [own, replace(own, path=tag)])] == [tag]


def test_a_server_that_has_none_refuses_each():
    changes = [change("user:ada", None, "READ"), FieldChange(("tags", "a"), None, "b", Action.update, "manifest")]
    (no,) = wire(caller=()).refuses(None, changes)
    assert (no.path, no.code) == (("permissions", "user:ada"), "unsupported")
    assert no.why.endswith("there are none here")


def guilty(live, changes, caller=ME):
    found = wire(caller=caller).refuses(live, changes)
    assert {one.code for one in found} <= {"lock-out"}
    return [one.path[1] for one in found]


def with_levels(inherited=(), **levels):
    fields = {("permissions", f"user:{name}"): level for name, level in levels.items()}
    live = found(FRAUD, {"name": "fraud"}, "5")
    return replace(live, fields={**live.fields, **fields}, facts={("inherited",): list(inherited)})


@pytest.mark.parametrize("after", ["EDIT", None])
def test_the_caller_keeps_its_own_managing_level(after):
    live, lowered = with_levels(me="MANAGE", ada="MANAGE"), change("user:me", "MANAGE", after)
    assert guilty(live, [lowered]) == ["user:me"]
    assert guilty(live, [replace(lowered, path=("permissions", "user:ME"))]) == ["user:ME"]
    assert guilty(live, [change("user:ada", "MANAGE", after)]) == []
    assert guilty(live, [lowered, change("group:us", None, "MANAGE")]) == []
    assert guilty(with_levels(["group:US"], me="MANAGE"), [lowered]) == []
    assert guilty(replace(live, facts={}), [lowered]) == ["user:me"]
    assert guilty(live, [lowered], caller=None) == []


def test_who_does_not_manage_it_has_nothing_to_lose():
    assert guilty(with_levels(me="EDIT"), [change("user:me", "EDIT", "READ")]) == []


def test_a_group_through_which_alone_the_caller_manages_keeps_its_level():
    live = with_levels(me="READ")
    live = replace(live, fields={**live.fields, ("permissions", "group:us"): "MANAGE"})
    assert guilty(live, [change("group:us", "MANAGE", "READ")]) == ["group:us"]
    assert guilty(live, [change("user:me", "READ", None)]) == []


def test_who_makes_an_experiment_manages_it():
    made = [change("user:me", None, "READ"), change("group:us", None, "READ")]
    assert guilty(None, made) == ["user:me"]
    assert guilty(None, made[1:]) == []
    assert guilty(None, [change("user:me", None, "MANAGE")]) == []
    assert guilty(None, [change("service_principal:me", None, "READ")]) == ["service_principal:me"]
