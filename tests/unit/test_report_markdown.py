"""A plan as Markdown: what matters first, the rest folded, every value as it is, never too long for a comment."""

import re
from dataclasses import replace
from html import unescape

import pytest
from markdown_it import MarkdownIt

from reconciler.core.address import Address
from reconciler.core.call import Call
from reconciler.core.change import Action, FieldChange
from reconciler.core.diagnostics import Span
from reconciler.core.plan import SYMBOLS, Plan, Stay, Step
from reconciler.report.markdown.page import LONGEST, MOST, code, size
from reconciler.report.markdown.plan import NAMED, markdown

FRAUD, RUN = Address("experiments", "fraud"), Address("runs", "r")
AT, PLACE = Span("fraud.yaml", 2, 3), Span("fraud.yaml", 4, 9)
HOSTILE = [
    "@everyone #1 GH-1 https://evil.example",
    "</details><script>alert(1)</script>",
    "```\n</details>\n# heading\n> quote",
    "`a` ``b`` ```c``` ````d````",
    "| pipe | [link](javascript:alert(1)) ![i](x) *b* _i_ ~~s~~ <!-- c -->",
    "\u202egnirts\u202c\u200b\u2028\u2029\x1b[2J\x00\x85",
    "&lt;b&gt; &amp; \\` \\",
    "`",
    "",
    "\t",
]


def change(before, after, effect=Action.update, reason="manifest", *, path=("tags", "team"), at=PLACE):
    return FieldChange(path, before, after, effect, reason, at)


def text(*steps, requests=False, folder="", **given):
    return markdown(Plan("ml", "prod", "mlflow", steps, **given), requests=requests, folder=folder)


def test_what_matters_comes_first_and_the_rest_is_folded():
    update = Step(FRAUD, Action.update, changes=(change("risk", "ml"),), calls=(Call("POST", "/x"),), at=AT)
    delete = Step(RUN, Action.delete, "no longer declared")
    found = text(update, delete, noop=41, left_out=2, server="http://h:5000", no_lock="there is none", folder="m/")
    assert found == (
        "### Plan: 1 to update, 1 to delete, 41 unchanged\n\n"
        "Stack `ml` on target `prod`, `mlflow` at `http://h:5000`. Requests: 1. Left out by the selection: 2.\n\n"
        "> [!CAUTION]\n> **Deletes 1:** `runs.r`\n\n"
        "> [!WARNING]\n> **No lock:** `there is none`\n\n"
        "<details>\n<summary>- 1 to delete</summary>\n\n```diff\n"
        "@@ - runs.r @@   no longer declared\n"
        "```\n\n</details>\n\n"
        "<details>\n<summary>~ 1 to update</summary>\n\n```diff\n"
        "@@ ~ experiments.fraud @@   m/fraud.yaml:2:3\n"
        '- tags.team: "risk"\n'
        '+ tags.team: "ml"   m/fraud.yaml:4:9   manifest changed\n'
        "```\n\n</details>\n"
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [({}, "there is nothing to do"), ({"noop": 2}, "holds what the manifests say"), ({"left_out": 1}, "selection")],
)
def test_a_plan_without_a_step_says_so(given, words):
    assert "No changes" in text(**given)
    assert words in text(**given)
    assert "<details>" not in text(**given)


def test_what_cannot_be_removed_is_counted_at_the_top_and_listed_below():
    stays = (Stay(FRAUD, ("tags", "old"), "no request does", PLACE), Stay(RUN, (), "nor this"))
    found = text(noop=2, stays=stays, folder="m/")
    assert "**Cannot be removed: 2.**" in found
    assert "! experiments.fraud  tags.old   cannot remove: no request does   m/fraud.yaml:4:9\n" in found
    assert "! runs.r   cannot remove: nor this\n" in found


def test_more_that_cannot_be_removed_than_a_comment_holds_is_counted():
    stays = tuple(Stay(Address("runs", f"r{number}"), (), "w" * 300) for number in range(1000))
    found = text(Step(FRAUD, Action.create), stays=stays)
    told = found.count("cannot remove: ")
    assert 0 < told < 1000
    assert f"**Cannot be removed, and not shown: {1000 - told}.**" in found
    assert "+ experiments.fraud" in found


def test_only_so_many_of_those_that_go_are_named_at_the_top():
    steps = [Step(Address("runs", f"r{number}"), Action.delete) for number in range(NAMED + 3)]
    (line,) = [line for line in text(*steps).splitlines() if "Deletes" in line]
    assert line.count("`runs.") == NAMED
    assert line.endswith(" and 3 more")


@pytest.mark.parametrize(
    ("one", "lines"),
    [
        (change("a", "b"), ['- tags.team: "a"', '+ tags.team: "b"   fraud.yaml:4:9   manifest changed']),
        (change(None, "b", at=None), ['+ tags.team: "b"   manifest changed']),
        (change("a", None), ['- tags.team: "a"   (removed)   fraud.yaml:4:9   removed from the manifest']),
        (change("a", "a", Action.adopt, "adopt"), ['  tags.team: "a"   fraud.yaml:4:9   already so on the server']),
        (change(None, None, Action.adopt, at=None),
         ["  tags.team   (not there, not managed any more)   removed from the manifest"]),
        (change({"$sensitive": ""}, {"$sensitive": "${env.X}"}, at=None),
         ["- tags.team: (sensitive)", "+ tags.team: (sensitive)   manifest changed"]),
    ],
)  # fmt: skip
def test_a_field_is_a_line_of_a_diff_with_its_place_and_its_cause(one, lines):
    found = text(Step(FRAUD, Action.update, changes=(one,)))
    assert found.partition("@@ ~ experiments.fraud @@\n")[2].startswith("\n".join(lines) + "\n```")


def test_what_is_made_needs_no_cause_for_each_field():
    found = text(Step(FRAUD, Action.create, changes=(change(None, "b", Action.create),)))
    assert '\n+ tags.team: "b"   fraud.yaml:4:9\n' in found


def test_requests_are_shown_where_they_are_asked_for():
    step = Step(RUN, Action.update, calls=(Call("POST", "/x", {"key": "\x1b[2J"}),))
    assert "POST" not in text(step)
    assert r'  # POST /x {"key": "\u001b[2J"}' in text(step, requests=True)


@pytest.mark.parametrize("action", [action for action in Action if action])
def test_every_action_has_its_section(action):
    assert f"<summary>{SYMBOLS[action]} 1 to {action}</summary>" in text(Step(FRAUD, action))


def tokens(found):
    """All pieces of the rendered page, as the parser of CommonMark sees them."""
    for token in MarkdownIt("commonmark").parse(found):
        yield token
        yield from token.children or ()


def check_inert(found):
    """Only our own words are markup; all that is quoted is code."""
    html = "".join(token.content for token in tokens(found) if token.type.startswith("html"))
    assert not re.sub(r"</?details>\n*|<summary>[^<>@#]*</summary>\n*", "", html)
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens(found)}
    assert kinds <= {
        *("heading", "paragraph", "inline", "text", "softbreak", "strong", "blockquote"),
        *("code_inline", "fence", "html_block"),
    }
    for token in tokens(found):
        if token.type == "text":
            assert not re.search(r"[@<>`|]|https?:", unescape(token.content)), token.content
        if token.type == "fence":
            assert token.info in {"diff", "text"}
    assert all(char.isprintable() or char == "\n" for char in found)


@pytest.mark.parametrize("odd", HOSTILE)
def test_nothing_that_is_quoted_is_markup(odd):
    address = Address("runs", odd or "r")
    step = Step(address, Action.update, odd, (change(odd, odd + "x", path=("tags", odd)),), at=Span(odd, 1, 1))
    step = replace(step, calls=(Call("POST", "/x", {odd: odd}),))
    plan = Plan(odd, odd, odd, (step, replace(step, action=Action.delete)), server=odd, no_lock=odd, noop=1)
    plan = replace(plan, stays=(Stay(address, (odd,), odd, Span(odd, 1, 1)),))
    found = markdown(plan, requests=True)
    check_inert(found)
    assert found.count("<details>") == found.count("\n</details>\n") == 3


@pytest.mark.parametrize("odd", HOSTILE)
def test_code_is_one_code_span_with_just_that_text(odd):
    (inline,) = [token for token in tokens(f"a {code(odd)} b") if token.type == "code_inline"]
    assert inline.content.strip() == code(odd).strip("`").strip()


def test_a_comment_has_room_for_it_and_what_is_left_out_is_counted():
    value = change("x" * 500, "y" * 500)
    steps = [Step(Address("runs", f"r{number}"), Action.update, changes=(value,) * 4) for number in range(200)]
    steps += [Step(FRAUD, Action.create), Step(RUN, Action.delete)]
    found = text(*steps)
    shown = found.count("@@ ~ runs.r")
    assert 0 < shown < 200
    assert "@@ - runs.r @@" in found
    assert f"**Not shown, for want of room: {200 - shown} to update, 1 to create.**" in found
    assert MOST - 10_000 < size(found) <= MOST
    check_inert(found)


def test_characters_are_counted_as_the_strictest_does():
    steps = [Step(Address("runs", f"{number}{'🦊' * 300}"), Action.update, "🦊" * 300) for number in range(200)]
    found = text(*steps)
    assert size("🦊") == 2
    assert "Not shown" in found
    assert size(found) <= MOST


def test_one_large_resource_leaves_room_for_the_others():
    many = tuple(change("x" * 100, "y" * 100, path=("tags", f"t{number}")) for number in range(1000))
    found = text(Step(FRAUD, Action.update, changes=many), Step(RUN, Action.update))
    assert re.search(r"^  … \d{4} more lines$", found, re.MULTILINE)
    assert "@@ ~ runs.r @@" in found


def test_a_name_without_end_is_cut():
    found = text(Step(Address("runs", "n" * 100_000), Action.delete, "w" * 100_000), server="s" * 100_000)
    assert f"{'n' * (LONGEST - 5)}… (100,005 characters)" in found
    assert size(found) < 4000
