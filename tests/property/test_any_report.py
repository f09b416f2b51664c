"""Reports of any plan: whatever it quotes, it is text there, nothing moves a cursor, and a comment has room for it."""

import re

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.plan import Plan, Stay
from reconciler.report.graph import dot, mermaid, of_plan
from reconciler.report.html import html
from reconciler.report.markdown.page import MOST, size
from reconciler.report.markdown.plan import markdown
from tests.property.test_any_plan import ADDRESSES, PATHS, SPANS, STEPS, WORDS
from tests.unit.test_report_html import ATTRIBUTES, TAGS, Page
from tests.unit.test_report_markdown import check_inert

PLANS = st.builds(
    Plan,
    stack=WORDS,
    target=WORDS,
    backend=WORDS,
    steps=st.lists(STEPS, max_size=4, unique_by=lambda step: step.address).map(tuple),
    noop=st.integers(0, 3),
    left_out=st.integers(0, 3),
    server=WORDS,
    no_lock=WORDS,
    stays=st.lists(st.builds(Stay, address=ADDRESSES, path=PATHS, why=WORDS, at=SPANS), max_size=2).map(tuple),
)


@given(PLANS)
def test_markdown_of_any_plan_has_no_markup_but_its_own(plan):
    found = markdown(plan, requests=True)
    check_inert(found)
    assert size(found) <= MOST


@given(PLANS)
def test_html_of_any_plan_has_no_element_but_its_own(plan):
    made = html(plan, "1")
    for tag, attributes in Page(made).elements:
        assert tag in TAGS
        assert attributes.keys() <= ATTRIBUTES
        assert re.match("#[a-z]+", attributes.get("href", "#x"))
    assert all(char.isprintable() or char == "\n" for char in made)


@given(PLANS)
def test_a_graph_of_any_plan_has_as_many_lines_as_it_should(plan):
    graph = of_plan(plan)
    lines = mermaid(graph).splitlines()[1 : 1 + len(graph.nodes)]
    assert all(re.fullmatch(r'  n\d+\["([\w ._/+~,=()\[\]]|#\d+;)*"\]', line) for line in lines)
    lines = dot(graph).splitlines()[3 : 3 + len(graph.nodes)]
    assert all(re.fullmatch(r'  n\d+ \[label="([^"\\]|\\["\\])*", [^"]*("[^"]*"[^"]*)*\]', line) for line in lines)
