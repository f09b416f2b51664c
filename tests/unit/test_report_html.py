"""A plan as an HTML page: all of it is there, it loads and runs nothing, and what it quotes is text."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import pytest

from reconciler.core.address import Address
from reconciler.core.call import Call
from reconciler.core.change import Action, FieldChange
from reconciler.core.diagnostics import Span
from reconciler.core.plan import SYMBOLS, Plan, Stay, Step
from reconciler.report.graph import Graph
from reconciler.report.html import FEW, LONG, html
from reconciler.report.layout import columns, direct, rows
from reconciler.report.picture import MOST
from reconciler.report.values import COMPARED, LONGEST, marked, plain, words
from tests.unit.test_report_graph import luminance

FRAUD, RUN, MODEL = Address("experiments", "fraud"), Address("runs", "r"), Address("logged_models", "m")
AT, PLACE = Span("fraud.yaml", 2, 3), Span("fraud.yaml", 4, 9)
HOSTILE = [
    "</script><script>alert(1)</script>",
    "</style></title></textarea>--><img src=x onerror=alert(1)>",
    '" onclick="alert(1)" x=\'',
    "' onmouseover='alert(1)",
    "&lt;b&gt;&#60;&quot;",
    "javascript:alert(1)",
    "<svg/onload=alert(1)>]]>",
    "\u202egnirts\u202c\u200b\u2028\x1b[2J\x00\x85\ufeff",
    "\ud800",
    "\t",
]
VOID = {"input", "meta"}
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "nav", "section", "footer", "form"),
    *("fieldset", "legend", "input", "label", "button", "h1", "h2", "h3", "p", "div", "span", "a", "code", "pre"),
    *("ol", "ul", "li", "dl", "dt", "dd", "del", "ins", "mark", "em", "strong", "details", "summary", "figure"),
    *("figcaption", "svg", "defs", "marker", "path", "rect", "text", "tspan"),
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "id", "for", "type", "href", "open", "tabindex"),
    *("role", "aria-label", "aria-labelledby", "viewbox", "width", "height", "refx", "refy", "markerwidth"),
    *("markerheight", "orient", "d", "x", "y", "rx", "marker-end"),
}


class Page(HTMLParser):
    """A page as a browser reads it: its elements, its text, and whether each that is opened is closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.texts.append(data)

    def handle_comment(self, data):
        pytest.fail(f"a comment: {data}")

    @property
    def text(self):
        return "".join(self.texts)

    def found(self, tag, **given):
        return [one for name, one in self.elements if name == tag and given.items() <= one.items()]

    def classes(self):
        return {one for _, given in self.elements for one in (given.get("class") or "").split()}


def change(before, after, effect=Action.update, reason="manifest", *, path=("tags", "team"), at=PLACE):
    return FieldChange(path, before, after, effect, reason, at)


def plan(*steps, **given):
    return Plan("ml", "prod", "mlflow", steps, **given)


def page(*steps, folder="", **given):
    return Page(html(plan(*steps, **given), "1.2.3", folder))


UPDATE = Step(FRAUD, Action.update, "why", (change("risk", "ml"),), (Call("POST", "/x", {"key": "team"}),), at=AT)
DELETE = Step(
    RUN, Action.delete, "no longer declared", calls=(Call("DELETE", "/y/{id}", query={"a": "b"}),), needs=(FRAUD,)
)


def test_all_of_a_plan_is_on_the_page():
    found = page(UPDATE, DELETE, noop=41, left_out=2, server="http://h:5000", no_lock="there is none", folder="m/").text
    for part in (
        *("Plan for prod", "Stackml", "Backendmlflow", "Serverhttp://h:5000", "Requests2", "Unchanged41"),
        *("Left out by the selection2", "1 to delete.", "No lock: there is none.", "~ update", "- delete"),
        *("experiments.fraud", "m/fraud.yaml:2:3", "tags.team", "m/fraud.yaml:4:9", "manifest changed", "why"),
        *('− before "risk"', '+ after "ml"', 'POST /x\n{\n  "key": "team"\n}', "DELETE /y/{id}?a=b", "1 request"),
        *("no longer declared", "After experiments.fraud", "Made by reconciler 1.2.3"),
    ):
        assert part in found, part


@pytest.mark.parametrize(
    ("given", "text"),
    [({}, "there is nothing to do"), ({"noop": 2}, "holds what the manifests say"), ({"left_out": 1}, "selection")],
)
def test_a_plan_without_a_step_says_so(given, text):
    found = page(**given)
    assert "No changes" in found.text
    assert text in found.text
    assert not found.found("form")
    assert not found.found("svg")


def test_what_cannot_be_removed_is_said_at_the_top_and_listed():
    stays = (Stay(FRAUD, ("tags", "old"), "no request does", PLACE), Stay(RUN, (), "nor this"))
    for found in (page(stays=stays, folder="m/"), page(UPDATE, stays=stays, folder="m/")):
        assert "2 cannot be removed: they stay on the server" in found.text
        assert "experiments.fraud tags.old: no request does m/fraud.yaml:4:9" in found.text
        assert "runs.r: nor this" in found.text


@pytest.mark.parametrize("action", [action for action in Action if action])
def test_every_action_has_its_symbol_its_word_and_its_filter(action):
    found = page(Step(FRAUD, action))
    assert f"{SYMBOLS[action]} {action}" in found.text
    assert f"{SYMBOLS[action]} 1 to {action}" in found.text
    assert found.found("input", id=f"action-{action}")
    assert {f"is-action-{action}", f"c-{action}", "is-kind-0"} <= found.classes()


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (change("a", "b"), '− before "a"+ after "b"'),
        (change(None, "b"), '+ new "b"'),
        (change("a", None), '− before "a"removed'),
        (change("a", None, Action.adopt), '− before "a"not managed any more'),
        (change(None, None, Action.adopt), "not there, not managed any more"),
        (change("a", "a", Action.adopt, "adopt"), 'tags.team "a" fraud.yaml:4:9 already so on the server'),
        (change({"$sensitive": ""}, {"$sensitive": "${env.X}"}), "− before (sensitive)+ after (sensitive)"),
        (change("a", "b", at=None), "tags.team manifest changed"),
    ],
)
def test_every_change_has_its_values(one, text):
    assert text in page(replace(UPDATE, changes=(one,))).text


def test_what_has_no_value_before_is_folded_where_there_is_much():
    many = [Step(Address("runs", f"r{at}"), Action.create) for at in range(FEW)]
    assert all("open" in one for one in page(*many).found("details"))
    found = page(*many, UPDATE).found("details")
    assert ["open" in one for one in found if "c-create" in one["class"]] == [False] * FEW
    assert ["open" in one for one in found if "c-update" in one["class"]] == [True]


def test_a_long_value_can_be_scrolled_from_the_keyboard():
    found = page(replace(UPDATE, changes=(change("a", "b c " * LONG),)))
    assert found.found("ins", tabindex="0", role="group")
    assert not found.found("del", tabindex="0")


def test_a_request_without_end_is_cut():
    step = replace(UPDATE, calls=(Call("POST", "/x", {"key": "v" * 2 * LONGEST}),))
    assert "… (40,015 characters)" in page(step).text


@pytest.mark.parametrize("odd", HOSTILE)
def test_whatever_is_quoted_is_text(odd):
    address = Address(odd, odd)
    other = Address("runs", odd)
    step = Step(address, Action.update, odd, (change(odd, odd + "x", path=("tags", odd)),), at=Span(odd, 1, 1))
    step = replace(step, calls=(Call("POST", "/x", {odd: odd}, query={odd: odd}),), needs=(other,))
    stay = Stay(address, (odd,), odd, Span(odd, 1, 1))
    steps = (Step(other, Action.delete), step)
    made = html(Plan(odd, odd, odd, steps, server=odd, no_lock=odd, stays=(stay,)), odd, odd)
    found, plain_one = Page(made), page(UPDATE, Step(RUN, Action.delete))
    assert {tag for tag, _ in found.elements} <= TAGS
    for tag, given in found.elements:
        assert given.keys() <= ATTRIBUTES, tag
        assert re.match(r"#[a-z]+", given.get("href", "#x"))
    assert len(found.found("style")) == len(plain_one.found("style")) == 1
    assert all(char.isprintable() or char == "\n" for char in made)
    assert made.encode("utf-8")


def test_the_page_may_load_and_run_nothing():
    made = html(plan(UPDATE, DELETE), "1")
    (policy,) = Page(made).found("meta", **{"http-equiv": "Content-Security-Policy"})
    style = re.search("<style>(.*?)</style>", made, re.DOTALL)[1]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert policy["content"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in style
    assert "@import" not in style
    assert "<" not in style


def test_the_page_has_landmarks_and_names():
    found = page(UPDATE, DELETE)
    for landmark in ("header", "main", "nav", "footer", "h1"):
        assert len(found.found(landmark)) == 1, landmark
    assert found.found("html", lang="en")
    ids = [given["id"] for _, given in found.elements if "id" in given]
    assert len(ids) == len(set(ids))
    wanted = [given["href"][1:] for given in found.found("a")] + [one["for"] for one in found.found("label")]
    wanted += [one["aria-labelledby"] for one in found.found("section")]
    assert set(wanted) <= set(ids)
    assert {one["id"] for one in found.found("input")} <= {one["for"] for one in found.found("label")}


# colours


def themes():
    text = files("reconciler.report").joinpath("page.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w+);", block)) for block in re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    )
    return {"light": light, "dark": dark}


ACTIONS = [str(action) for action in Action if action]
PAIRS = [
    *((ink, paper) for ink in ("ink", "muted", "link") for paper in ("page", "card")),
    *((ink, paper) for ink in ("ink", "muted") for paper in ("old", "new")),
    *(("ink", paper) for paper in ("old-mark", "new-mark")),
    *((ink, f"{action}-tint") for action in ACTIONS for ink in ("ink", action)),
    *((action, "card") for action in ACTIONS),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), PAIRS)
def test_all_that_is_written_has_the_contrast_that_wcag_asks_for(theme, ink, paper):
    colors = themes()[theme]
    wide = {
        name: f"#{''.join(2 * char for char in color[1:])}" if len(color) == 4 else color
        for name, color in colors.items()
    }
    low, high = sorted(luminance(wide[name]) + 0.05 for name in (ink, paper))
    assert high / low >= 4.5


# the picture


def graph(needs):
    nodes = sorted({one for pair in needs.items() for one in (pair[0], *pair[1])})
    return Graph(
        {Address("runs", one): Action.create for one in nodes},
        {Address("runs", one): tuple(Address("runs", other) for other in needs.get(one, ())) for one in nodes},
    )


def names(column):
    return [node.name for node in column]


def test_a_node_stands_behind_all_that_it_needs():
    found = graph({"b": "a", "c": "ab", "d": "x"})
    placed = columns(found)
    assert [sorted(names(column)) for column in placed] == [["a", "x"], ["b", "d"], ["c"]]
    row = rows(found, placed)
    for column in placed:
        places = sorted(row[node] for node in column)
        assert all(high - low >= 1 for low, high in pairwise(places))
    assert min(row.values()) == 0


def test_neighbours_stand_side_by_side():
    found = graph({f"c{at}": [f"p{9 - at}"] for at in range(10)})
    row = rows(found, columns(found))
    assert all(row[Address("runs", f"c{at}")] == row[Address("runs", f"p{9 - at}")] for at in range(10))


def test_a_shorter_column_stands_in_the_middle_of_what_it_is_joined_with():
    found = graph({f"c{at}": "p" for at in range(5)})
    assert rows(found, columns(found))[Address("runs", "p")] == 2


def test_what_follows_from_other_arrows_is_not_drawn():
    found = direct(graph({"b": "a", "c": "ab", "d": "ac"}))
    assert [(first.name, then.name) for first, then in found.edges] == [("a", "b"), ("b", "c"), ("c", "d")]


def test_a_circle_and_nothing_are_drawn_too():
    circle = graph({"a": "b", "b": "a"})
    assert sorted(node.name for column in columns(circle) for node in column) == ["a", "b"]
    assert len(rows(circle, columns(circle))) == 2
    assert columns(graph({})) == []
    assert rows(graph({}), []) == {}


def test_the_picture_has_what_is_joined_and_says_what_it_leaves_out():
    found = page(UPDATE, DELETE, Step(MODEL, Action.create))
    assert len(found.found("rect")) == 2
    assert len(found.found("path", **{"class": "edge"})) == 1
    assert "Not drawn: 1 " in found.text
    assert "experiments.fraud (~ update)" in found.text
    assert not page(UPDATE).found("svg")


def test_a_long_name_is_shortened_in_the_middle_and_whole_in_its_title():
    long = Address("runs", "a" * 40 + "b" * 40)
    found = page(
        UPDATE, Step(long, Action.create, needs=(FRAUD,)), Step(Address("runs", "検索"), Action.create, needs=(FRAUD,))
    )
    assert f"runs.{'a' * 12}…{'b' * 17}" in found.texts[found.texts.index(f"{long} (+ create)") :][2]


def test_more_than_a_person_can_read_is_not_drawn():
    many = [Step(Address("runs", f"r{at}"), Action.create, needs=(FRAUD,)) for at in range(MOST)]
    found = page(UPDATE, *many)
    assert not found.found("svg")
    assert "301 steps are too many to draw" in found.text


# values


@pytest.mark.parametrize(
    ("before", "after", "old", "new"),
    [
        ("risk", "ml-risk", '"risk"', '"<mark>ml-</mark>risk"'),
        ("a b c", "a x c", '"a <mark>b</mark> c"', '"a <mark>x</mark> c"'),
        (0.91, 0.93, "<mark>0.91</mark>", "<mark>0.93</mark>"),
        ("a", "b", '<mark>"a"</mark>', '<mark>"b"</mark>'),
        ("a<", "a>", '"a<mark>&lt;</mark>"', '"a<mark>&gt;</mark>"'),
    ],
)
def test_what_differs_is_marked(before, after, old, new):
    assert marked(words(before), words(after)) == tuple(one.replace('"', "&quot;") for one in (old, new))


def test_of_a_long_text_what_lies_between_the_same_ends_is_marked():
    head, tail = "h " * COMPARED, " t" * COMPARED
    old, new = marked(words(f"{head}a{tail}"), words(f"{head}b c{tail}"))
    assert "<mark>a</mark>" in old
    assert "<mark>b c</mark>" in new
    assert marked(words(head), words(head + "x"))[0].count("<mark>") == 0


def test_what_is_alike_is_shown_near_a_difference_only():
    before, after = (words(f"{one}{' m' * 120} {two}") for one, two in (("a", "b"), ("c", "d")))
    old, _ = marked(before, after)
    near = " m" * 20
    assert old == (f"&quot;<mark>a</mark>{near}<em>… 161 characters alike …</em>{near[1:]} <mark>b</mark>&quot;")
    before, after = (words(f"{'h ' * 300}{one}{' t' * 300}") for one in "ab")
    far = "<em>… 561 characters alike …</em>"
    assert marked(before, after)[0] == f"{far}{'h ' * 20}<mark>a</mark>{' t' * 20}{far}"
    same = words("x " * 300)
    assert marked(same, same)[0] == plain(same)


def test_of_one_long_word_the_letters_that_differ_are_marked():
    before, after = words("x" * 50), words("x" * 20 + "y" + "x" * 29)
    assert marked(before, after)[1] == f"&quot;{'x' * 20}<mark>y</mark>{'x' * 29}&quot;"
    assert marked(words("abcdef" * 5), words("ghijkl" * 5))[0] == f"<mark>&quot;{'abcdef' * 5}&quot;</mark>"


def test_line_breaks_are_seen_and_a_backslash_is_none():
    assert plain(words("a\nb")) == "&quot;a\\n\nb&quot;"
    assert "\n" not in plain(words("a\\nb"))


def test_a_value_without_end_is_cut():
    assert plain(words("x" * 2 * LONGEST)).endswith("… (40,002 characters)")
