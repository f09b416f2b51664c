"""The mark survives being written to tags and read back, however long it is and whatever stands beside it."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.mark import Mark, NewerMark

ADDRESS = Address("experiments", "fraud")
KEYS = st.dictionaries(
    st.tuples(st.sampled_from(["tags", "params"]), st.text(min_size=1, max_size=40)) | st.just(("name",)),
    st.from_regex(r"[0-9a-f]{8}", fullmatch=True),
    max_size=200,
)


@given(keys=KEYS, flags=st.tuples(*[st.booleans()] * 5))
def test_a_mark_is_read_back_as_it_was_written(keys, flags):
    mark = Mark(ADDRESS, keys, *flags)
    tags = marks.write(mark, "ml")
    assert marks.read(tags | {"other": "x", "reconciler.ml2": "{}"}, "ml") == mark


ROOM = st.integers(0, 4700).map(lambda length: Address("experiments", "x" * (length + 1)))


@given(keys=KEYS, address=st.just(ADDRESS) | ROOM, digest=st.just("0" * 8) | st.text(max_size=400))
def test_no_part_is_longer_than_every_backend_takes(keys, address, digest):
    """Nor where somebody else has written a digest."""
    tags = marks.write(Mark(address, keys | {("tags", "odd"): digest}), "ml")
    assert all(len(value.encode()) <= marks.PART_BYTES for value in tags.values())
    assert list(tags) == [marks.tag_key("ml", number) for number in range(len(tags))]


def test_a_short_mark_is_the_json_of_the_contract():
    tags = marks.write(Mark(ADDRESS, {("tags", "team"): "9f2c01ab"}), "ml")
    assert tags == {"reconciler.ml": '{"v":1,"address":"experiments.fraud","keys":{"tags/team":"9f2c01ab"}}'}


def test_what_the_stack_deletes_carries_a_mark_that_says_so():
    tags = marks.write(Mark(ADDRESS, deleted=True), "ml")
    assert tags == {"reconciler.ml": '{"v":1,"address":"experiments.fraud","deleted":true,"keys":{}}'}


@pytest.mark.parametrize("flag", ["prevent_destroy", "keep", "existing", "replaced", "deleted"])
def test_each_flag_is_told_from_the_others(flag):
    mark = Mark(ADDRESS, {("name",): "0" * 8, ("tags", "a/b"): "1" * 8}, **{flag: True})
    assert marks.read(marks.write(mark, "ml"), "ml") == mark


@pytest.mark.parametrize(("flag", "goes"), [("replaced", True), ("deleted", True), ("existing", False)])
def test_what_is_replaced_or_deleted_is_condemned(flag, goes):
    assert Mark(ADDRESS, **{flag: True}).condemned is goes


def test_a_digest_is_eight_digits_of_the_sha256_of_the_canonical_json():
    assert marks.digest("ml") == hashlib.sha256(b'"ml"').hexdigest()[:8]
    assert marks.digest({"b": 1, "a": 2}) == marks.digest({"a": 2, "b": 1})


def test_a_long_mark_goes_on_in_numbered_tags_each_readable_by_itself():
    tags = marks.write(Mark(ADDRESS, {("tags", f"key-{n:04}"): "0" * 8 for n in range(500)}), "ml")
    assert list(tags)[:3] == ["reconciler.ml", "reconciler.ml.1", "reconciler.ml.2"]
    assert all(json.loads(value)["v"] == 1 for value in tags.values())
    assert marks.read(tags, "ml") == Mark(ADDRESS, {("tags", f"key-{n:04}"): "0" * 8 for n in range(500)})
    few = {key: value for key, value in tags.items() if key != "reconciler.ml.1"}
    assert len(marks.read(few, "ml").keys) == len(json.loads(tags["reconciler.ml"])["keys"])


def test_parts_are_filled():
    """As few tags as can be: each but the last has no room for the first key of the next."""
    tags = marks.write(Mark(ADDRESS, {("tags", f"key-{n:04}"): "0" * 8 for n in range(500)}), "ml")
    key = len('"tags/key-0000":"00000000",')
    assert all(marks.PART_BYTES - key < len(value) <= marks.PART_BYTES for value in list(tags.values())[:-1])


def test_canonical_json_is_what_the_digests_on_servers_were_made_of():
    assert marks.canonical({"b": [1, "é", None], "a": 0.5}) == '{"a":0.5,"b":[1,"\\u00e9",null]}'


def test_parts_of_another_stack_are_not_ours():
    tags = {"reconciler.ml": "a", "reconciler.ml.1": "b", "reconciler.ml.x": "c", "reconciler.mlops": "d"}
    assert marks.parts_of(tags, "ml") == {"reconciler.ml": "a", "reconciler.ml.1": "b"}
    assert marks.stacks_of(tags) == ["ml", "mlops"]


def test_no_mark_is_none():
    assert marks.read({"team": "ml"}, "ml") is None


def test_an_empty_tag_is_no_mark():
    """What is left of one where tags cannot be removed."""
    tags = {"reconciler.ml": "", "reconciler.ml.1": "", "reconciler.ops": "{}"}
    assert marks.read(tags, "ml") is None
    assert marks.parts_of(tags, "ml") == {}
    assert marks.stacks_of(tags) == ["ops"]
    long = marks.write(Mark(ADDRESS, {("tags", f"key-{n:04}"): "0" * 8 for n in range(500)}), "ml")
    short = marks.write(Mark(ADDRESS), "ml")
    assert marks.read(dict.fromkeys(long, "") | short, "ml") == Mark(ADDRESS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x", "is not JSON"),
        ("[]", "has not the form of a mark"),
        ("{}", "has not the form of a mark"),
        ('{"v":"1"}', "has not the form of a mark"),
        ('{"v":1,"keys":[]}', "has not the form of a mark"),
        ('{"v":1}', "'' is not an address"),
        ('{"v":1,"address":"x"}', "'x' is not an address"),
    ],
)
def test_a_damaged_mark_is_not_guessed(text, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        marks.read({"reconciler.ml": text}, "ml")


def test_a_tag_that_nests_without_end_is_a_damaged_mark():
    """Anybody can write such a tag, also as the mark of another stack: it must not end every plan on that server."""
    with pytest.raises(ValueError):
        marks.read({"reconciler.ml": "[" * 5000}, "ml")


def test_a_damaged_part_damages_the_whole_mark():
    tags = marks.write(Mark(ADDRESS, {("tags", f"key-{n:04}"): "0" * 8 for n in range(500)}), "ml")
    with pytest.raises(ValueError, match="is not JSON"):
        marks.read(tags | {"reconciler.ml.1": "x"}, "ml")


def test_a_field_that_just_fits_stays_in_its_part():
    """One character more in the last key goes on in the next part; none is ever too long."""

    def parts(length):
        return marks.write(Mark(ADDRESS, {("tags", "k" * length): "0" * 8}), "ml")

    longest = next(length for length in range(5000, 0, -1) if len(parts(length)) == 1)
    assert marks.PART_BYTES - 1 <= len(parts(longest)["reconciler.ml"]) <= marks.PART_BYTES
    assert len(parts(longest + 1)) == 2


@pytest.mark.parametrize(("char", "most"), [("k", 4793), ("é", 798), ("🦊", 399)])
def test_how_long_a_name_a_part_has_room_for(char, most):
    """Names are written as JSON in ASCII."""
    longest = ("tags", char * most)
    assert marks.fits(longest)
    assert marks.fits(Address("tags", longest[1]))
    for name in [("tags", longest[1] + char), Address("tags", longest[1] + char)]:
        assert not marks.fits(name)


def test_a_part_without_keys_adds_none():
    """Anybody can write such a tag; it is no reason to end a plan."""
    tags = marks.write(Mark(ADDRESS, {("name",): "0" * 8}), "ml")
    assert marks.read(tags | {"reconciler.ml.1": '{"v":1}'}, "ml") == marks.read(tags, "ml")


def test_a_mark_of_a_later_version_is_refused():
    with pytest.raises(NewerMark, match="version 2"):
        marks.read({"reconciler.ml": '{"v":2,"address":"experiments.fraud","keys":{}}'}, "ml")


def test_without_a_field_the_rest_stays():
    mark = Mark(ADDRESS, {("metrics", "auc"): "1" * 8, ("name",): "2" * 8})
    assert mark.without("metrics").keys == {("name",): "2" * 8}
