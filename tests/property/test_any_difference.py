"""Whatever is declared, there and last applied: the difference is of what is declared or was applied, once each."""

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.change import Action
from reconciler.core.diff import diff, managed, mark_of
from reconciler.core.mark import Mark, digest
from reconciler.core.resource import Desired, Live
from reconciler.core.source import Document
from tests.lives import KINDS

RUNS, EXPERIMENTS = KINDS["runs"], KINDS["experiments"]
TEXTS = st.sampled_from(["", "a", "b", "c"])
DIRECTIVES = {"on_remove", "prevent_destroy", "existing"}


def fields(**optional):
    """Some of the fields of a resource by path; what `optional` has in upper case is a map."""
    paths = {(name,): values for name, values in optional.items() if name.islower()}
    paths |= {(name.lower(), key): values for name, values in optional.items() if name.isupper() for key in "xy"}
    return st.fixed_dictionaries({}, optional=paths).map(lambda found: {("name",): "n", **found})


OF_RUNS = fields(
    experiment=st.sampled_from(["experiments.a", "experiments.b"]),
    description=TEXTS,
    status=st.sampled_from(["RUNNING", "FINISHED"]),
    end_time=st.just("2026-01-31T09:00:00Z"),
    start_time=st.sampled_from(["2026-01-31T09:00:00Z", "2026-01-31T09:00:01Z"]),
    PARAMS=TEXTS,
    METRICS=st.sampled_from([0.5, "NaN"]) | st.lists(st.fixed_dictionaries({"value": st.just(1.0)}), min_size=1),
    DATASETS=st.fixed_dictionaries({"source": TEXTS}),
    TAGS=TEXTS,
)
OF_EXPERIMENTS = fields(description=TEXTS, artifact_location=TEXTS, TAGS=TEXTS)
KIND_AND_FIELDS = st.one_of(
    st.tuples(st.just(RUNS), OF_RUNS, OF_RUNS, OF_RUNS),
    st.tuples(st.just(EXPERIMENTS), OF_EXPERIMENTS, OF_EXPERIMENTS, OF_EXPERIMENTS),
)


@st.composite
def cases(draw):
    """A kind, what is declared, and what is there with what was last applied on it, if anything was."""
    kind, declared, there, applied = draw(KIND_AND_FIELDS)
    address = Address(kind.name, "n")
    flags = st.booleans()
    desired = Desired(
        address,
        declared,
        Document({}),
        prevent_destroy=draw(flags),
        keep=draw(flags),
        existing=draw(flags) if kind.unique else False,
    )
    keys = {path: digest(value) for path, value in applied.items()}
    mark = draw(st.none() | st.builds(Mark, st.just(address), st.just(keys), flags, flags, flags))
    return kind, desired, Live(address, "1", there, mark=mark)


@given(cases())
def test_each_path_has_one_change_and_a_path_of_nobodys_has_none(case):
    kind, desired, live = case
    found = diff(desired, live, kind)
    paths = [one.path for one in (*found.changes, *(refused.change for refused in found.refused))]
    assert len(paths) == len(set(paths))
    ours = managed(desired).keys() | (live.mark.keys.keys() if live.mark else set()) | {(name,) for name in DIRECTIVES}
    assert set(paths) <= ours


@given(cases())
def test_every_change_has_the_values_that_are_there_and_declared(case):
    kind, desired, live = case
    found = diff(desired, live, kind)
    for one in (*found.changes, *(refused.change for refused in found.refused)):
        if one.path[0] in DIRECTIVES:
            assert one.before != one.after
            continue
        assert (one.before, one.after) == (live.fields.get(one.path), managed(desired).get(one.path))
        if one.effect is Action.update:
            assert one.before != one.after
        elif one.after is not None:
            assert one.before == one.after


@given(cases())
def test_what_is_as_declared_is_never_written_or_refused(case):
    kind, desired, live = case
    same = Live(live.address, "1", {**live.fields, **desired.fields}, mark=live.mark)
    found = diff(desired, same, kind)
    assert not [one for one in found.changes if one.effect is Action.update and one.after is not None]
    assert not [one for one in found.refused if one.change.after is not None]


@given(cases())
def test_after_an_apply_there_is_nothing_left(case):
    """With what was refused left as it is, writing the changes and the mark makes the difference empty."""
    kind, desired, live = case
    found = diff(desired, live, kind)
    fields = dict(live.fields)
    for one in found.changes:
        if one.effect is Action.update:
            fields[one.path] = one.after
    refused = {one.change.path for one in found.refused}
    left = Desired(
        desired.address,
        {path: value for path, value in desired.fields.items() if path not in refused},
        Document({}),
        prevent_destroy=desired.prevent_destroy,
        keep=desired.keep,
        existing=desired.existing,
    )
    there = {path: value for path, value in fields.items() if value is not None and path not in refused}
    assert diff(left, Live(live.address, "1", there, mark=mark_of(left)), kind).changes == ()


@given(cases(), st.data())
def test_what_is_not_ours_plays_no_part(case, data):
    kind, desired, live = case
    theirs = data.draw(st.dictionaries(st.tuples(st.just("tags"), st.sampled_from("pqr")), TEXTS))
    more = Live(live.address, "1", {**live.fields, **theirs}, mark=live.mark)
    assert diff(desired, more, kind) == diff(desired, live, kind)


@given(cases())
def test_the_mark_that_an_apply_leaves_is_read_back(case):
    _, desired, _ = case
    mark = mark_of(desired)
    assert marks.read(marks.write(mark, "ml"), "ml") == mark
