"""A plan as one self-contained HTML page: no network, no script; a browser without styles still shows all of it.

All that a plan quotes goes through `markup`, and the page's policy forbids whatever might yet be found in it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files

from reconciler.core.address import Address
from reconciler.core.call import Call
from reconciler.core.change import Action, FieldChange
from reconciler.core.diagnostics import Span
from reconciler.core.plan import SYMBOLS, Plan, Stay, Step
from reconciler.core.words import dotted
from reconciler.report.graph import Graph, of_plan
from reconciler.report.layout import direct
from reconciler.report.markup import Content, Markup, classed, element, joined
from reconciler.report.picture import MOST, picture
from reconciler.report.text import cause, counted, nothing
from reconciler.report.values import LONGEST, marked, plain, words
from reconciler.report.way import way

ORDER = (Action.delete, Action.replace, Action.restore, Action.update, Action.create, Action.adopt)
FEW = 20
"""Steps up to which also those that have no value before are unfolded."""
_HINT = classed("span", "hint", ": choose some to see only those")
LONG = 1_000
"""Characters from which on a value gets a box of its own that is scrolled."""


def html(plan: Plan, tool: str, folder: str = "") -> str:
    """The plan as a page, written by version `tool`; `folder` stands before each file name."""
    title = f"Plan for {plan.target}: {', '.join(counted(plan))}"
    kinds = sorted({step.address.kind for step in plan.steps})
    links = {step.address: f"#step-{number}" for number, step in enumerate(plan.steps, 1)}
    style = Markup(files("reconciler.report").joinpath("page.css").read_text(encoding="utf-8") + _filters(kinds))
    body = [
        element("a", {"class": "skip", "href": "#steps"}, "Skip to the steps"),
        element("header", {}, *_header(plan)),
        _filter(plan, kinds),
        element("main", {}, *_main(plan, kinds, links, folder)),
        element("footer", {}, f"Made by reconciler {tool}. This page holds all of the plan and loads nothing."),
    ]
    page = [element("head", {}, *_head(title, style)), element("body", {}, *body)]
    return "<!DOCTYPE html>\n" + element("html", {"lang": "en"}, *page) + "\n"


def _head(title: str, style: Markup) -> list[Markup]:
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return [
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "color-scheme", "content": "light dark"}),
        element("meta", {"name": "referrer", "content": "no-referrer"}),
        element("title", {}, title),
        element("style", {}, style),
    ]


def _filters(kinds: list[str]) -> str:
    """The rules that hide what is not chosen. They know kinds by number, so that nothing of a plan is in them."""
    names = [("action", str(action)) for action in ORDER] + [("kind", str(at)) for at in range(len(kinds))]
    return "".join(
        f"body:has(.by-{what}:checked):not(:has(#{what}-{name}:checked)) .is-{what}-{name}{{display:none}}\n"
        for what, name in names
    )


def _header(plan: Plan) -> list[Markup]:
    facts = {
        "Stack": plan.stack,
        "Target": plan.target,
        "Backend": plan.backend,
        "Server": plan.server,
        "Requests": f"{plan.requests:,}",
        "Unchanged": f"{plan.noop:,}",
        "Left out by the selection": f"{plan.left_out:,}" if plan.left_out else "",
    }
    rows = [
        element("div", {}, element("dt", {}, name), element("dd", {}, value)) for name, value in facts.items() if value
    ]
    heading = element("h1", {}, "Plan for ", element("code", {}, plan.target))
    return [heading, element("dl", {"class": "facts"}, *rows), *_warnings(plan)]


def _warnings(plan: Plan) -> list[Markup]:
    """What nobody should miss."""
    summary = plan.summary
    found: list[tuple[str, tuple[Content, ...]]] = []
    if summary["delete"]:
        found.append(
            ("c-delete", (element("strong", {}, f"{summary['delete']} to delete."), " They are listed first."))
        )
    if summary["replace"]:
        replaced = element("strong", {}, f"{summary['replace']} to replace:")
        found.append(("c-replace", (replaced, " each is deleted and made anew.")))
    if plan.no_lock:
        found.append(("c-warning", (element("strong", {}, "No lock:"), f" {plan.no_lock}.")))
    if plan.stays:
        stays = element("strong", {}, f"{len(plan.stays)} cannot be removed:")
        link = element("a", {"href": "#stays"}, "they stay on the server")
        found.append(("c-warning", (stays, " ", link, ".")))
    return [classed("p", f"alert {style}", classed("span", "sign", "!"), " ", *text) for style, text in found]


def _filter(plan: Plan, kinds: list[str]) -> Markup:
    """The summary, by action and by kind; what is chosen in it is all that is shown."""
    if not plan.steps:
        return Markup()
    summary, by_kind = plan.summary, Counter(step.address.kind for step in plan.steps)
    actions = [
        _choice("action", str(action), f"c-{action}", _sign(action), " ", _count(summary[str(action)], f"to {action}"))
        for action in ORDER
        if summary[str(action)]
    ]
    pills = [_choice("kind", str(at), "", _count(by_kind[kind], kind)) for at, kind in enumerate(kinds)]
    parts = [
        element("fieldset", {}, element("legend", {}, "Actions", _HINT), classed("div", "tiles", *actions)),
        element("fieldset", {}, element("legend", {}, "Kinds", _HINT), classed("div", "pills", *pills)),
        element("button", {"type": "reset"}, "Show all"),
    ]
    return element("form", {"class": "filter", "aria-label": "Summary and filter"}, *parts)


def _choice(what: str, name: str, style: str, *label: Content) -> Markup:
    box = element("input", {"type": "checkbox", "class": f"by-{what}", "id": f"{what}-{name}"})
    return classed("div", f"choice {style}".rstrip(), box, element("label", {"for": f"{what}-{name}"}, *label))


def _count(count: int, what: str) -> Markup:
    return joined([classed("span", "count", f"{count:,}"), classed("span", "what", what)], " ")


def _main(plan: Plan, kinds: list[str], links: Mapping[Address, str], folder: str) -> list[Markup]:
    if not plan.steps:
        return [classed("p", "nothing", nothing(plan)), *_stays(plan, folder)]
    steps = sorted(plan.steps, key=lambda step: ORDER.index(step.action))
    classes = {step.address: _classes(step, kinds) for step in steps}
    entries = [
        classed("li", classes[step.address], element("a", {"href": links[step.address]}, *_named(step)))
        for step in steps
    ]
    cards = [_step(step, classes[step.address], links, folder, opened=_opened(step, plan)) for step in steps]
    shown = classed("p", "shown", "Shown by the filter: ", classed("span", "number"), f" of {len(steps):,}")
    steps_title = element("h2", {"id": "steps"}, "Steps")
    contents = element("nav", {"aria-label": "Steps"}, element("ol", {}, *entries))
    return [
        classed(
            "div", "columns", contents, element("section", {"aria-labelledby": "steps"}, steps_title, *cards, shown)
        ),
        *_stays(plan, folder),
        *_graph(plan, links),
    ]


def _classes(step: Step, kinds: list[str]) -> str:
    return f"is-action-{step.action} is-kind-{kinds.index(step.address.kind)}"


def _opened(step: Step, plan: Plan) -> bool:
    return len(plan.steps) <= FEW or step.action not in (Action.create, Action.adopt)


def _named(step: Step) -> list[Content]:
    badge = classed("span", f"badge c-{step.action}", _sign(step.action), f" {step.action}")
    return [badge, " ", classed("code", "address", str(step.address))]


def _sign(action: Action) -> Markup:
    return classed("span", "sign", SYMBOLS[action])


def _step(step: Step, classes: str, links: Mapping[Address, str], folder: str, *, opened: bool) -> Markup:
    place = _place(step.at, folder)
    count = f"{len(step.changes)} field{'s' if len(step.changes) != 1 else ''}" if step.changes else ""
    side = joined([part for part in (classed("span", "fields", count) if count else Markup(), place) if part], " ")
    heading = element("summary", {}, element("h3", {}, *_named(step)), " ", classed("span", "side", side))
    body = [classed("p", "reason", step.reason)] if step.reason else []
    body += [_field(change, step.action, folder) for change in step.changes]
    needed = [element("a", {"href": links[one]}, element("code", {}, str(one))) for one in step.needs if one in links]
    body += [classed("p", "needs", "After ", joined(needed, ", "))] if needed else []
    body += [_requests(step)] if step.calls else []
    state = {"open": ""} if opened else {}
    card = {"class": f"step c-{step.action} {classes}", "id": links[step.address][1:], **state}
    return element("details", card, heading, classed("div", "body", *body))


def _field(change: FieldChange, action: Action, folder: str) -> Markup:
    why = "" if action is Action.create else cause(change)
    path = classed("code", "path", dotted(change.path))
    parts = [_place(change.at, folder), classed("span", "cause", why) if why else Markup()]
    behind = joined([part for part in parts if part], " ")
    if change.before == change.after is not None:
        same = classed("code", "same", plain(words(change.after)))
        return classed("div", "field about", path, " ", same, " ", behind)
    return classed("div", "field", classed("div", "about", path, " ", behind), *_sides(change, action))


def _sides(change: FieldChange, action: Action) -> list[Markup]:
    """The values, each with a word and a sign that say which one it is."""
    found = way(change, action)
    before, after = words(change.before), words(change.after)
    if found.before and found.after:
        old, new = marked(before, after)
        return [_value("del", "before", "−", old), _value("ins", "after", "+", new)]
    if found.after:
        return [_value("ins", "new", "+", plain(after))]
    gone = classed("p", "gone", found.words)
    return [_value("del", "before", "−", plain(before)), gone] if found.before else [gone]


def _value(name: str, word: str, sign: str, value: Markup) -> Markup:
    long = {"class": "value long", "tabindex": "0", "role": "group", "aria-label": word} if len(value) > LONG else {}
    label = classed("span", "word", classed("span", "sign", sign), f" {word}")
    return element("div", {"class": f"side-{name}"}, label, " ", element(name, long or {"class": "value"}, value))


def _requests(step: Step) -> Markup:
    count = len(step.calls)
    title = f"{count} request{'s' if count != 1 else ''}"
    items = [element("li", {}, element("pre", {"tabindex": "0"}, _request(call))) for call in step.calls]
    return classed("details", "requests", element("summary", {}, title), element("ol", {}, *items))


def _request(call: Call) -> Markup:
    query = "&".join(f"{key}={value}" for key, value in call.query.items())
    first = f"{call.method} {call.path}{'?' if query else ''}{query}"
    body = json.dumps(call.body, indent=2, ensure_ascii=False) if call.body else ""
    more = f"\n… ({len(body):,} characters)" if len(body) > LONGEST else ""
    return joined([first, *(body[:LONGEST] + more).split("\n")] if body else [first], "\n")


def _stays(plan: Plan, folder: str) -> list[Markup]:
    if not plan.stays:
        return []
    title = element("h2", {"id": "stays"}, "Cannot be removed")
    return [
        element(
            "section", {"aria-labelledby": "stays"}, title, element("ul", {}, *(_stay(s, folder) for s in plan.stays))
        )
    ]


def _stay(stay: Stay, folder: str) -> Markup:
    path = [" ", classed("code", "path", dotted(stay.path))] if stay.path else []
    return element("li", {}, element("code", {}, str(stay.address)), *path, f": {stay.why} ", _place(stay.at, folder))


def _graph(plan: Plan, links: Mapping[Address, str]) -> list[Markup]:
    whole = of_plan(plan)
    joint = {node for edge in whole.edges for node in edge}
    if not joint:
        return []
    title = element("h2", {"id": "graph"}, "What needs what")
    graph = direct(Graph({node: action for node, action in whole.nodes.items() if node in joint}, whole.needs))
    alone = len(whole.nodes) - len(joint)
    words = "An arrow leads from what is done first to what needs it; what follows from other arrows has none."
    words += f" Not drawn: {alone:,} that need nothing and that nothing needs." if alone else ""
    drawn = [_drawn(graph, links, words)]
    if len(joint) > MOST:
        drawn = [element("p", {}, f"{len(joint):,} steps are too many to draw: see reconciler graph.")]
    return [element("section", {"aria-labelledby": "graph"}, title, *drawn)]


def _drawn(graph: Graph, links: Mapping[Address, str], words: str) -> Markup:
    scene = element("div", {"class": "scene", "tabindex": "0"}, picture(graph, links, "What needs what"))
    return element("figure", {}, element("figcaption", {}, words), scene)


def _place(at: Span | None, folder: str) -> Markup:
    return classed("code", "place", f"{folder}{at}") if at else Markup()
