"""Texts survive YAML byte for byte, and no text whatever raises: it is read, or it has findings with places in it."""

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler import registry
from reconciler.config import load
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.interpolate import Scope, interpolate
from reconciler.core.resolve import resolve
from reconciler.core.sensitive import Sensitive
from reconciler.core.source import Document, parse

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
YAML = st.text(
    st.sampled_from(list(" \n\t:-?[]{},&*!|>'\"%@`#<~a1é🦊\x00\x07\x85\u2028\ufeff\r$.\\\ud800")), max_size=60
)
BITS = st.sampled_from(
    [
        "experiments",
        "runs",
        "logged_models",
        "fraud",
        "tags",
        "for_each",
        "name",
        "existing",
        "true",
        "metrics",
        "experiment",
        "status",
        "params",
        "datasets",
        "start_time",
        "2026-01-31",
        "0.5",
        "[eu]",
        "~",
        "${each.key}",
        "${var.x}",
        "${env.X}",
        "$${",
        "${",
        "stack",
        "targets",
        "variables",
        "url",
        "backend",
        "defaults",
        "safety",
        "sensitive",
    ]
)
VALUES = st.recursive(
    st.one_of(BITS, st.none(), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(BITS, inner, max_size=4)),
    max_leaves=20,
)
MANIFESTS = st.dictionaries(
    st.sampled_from(["experiments", "runs", "logged_models", "x"]),
    st.dictionaries(BITS, st.dictionaries(BITS, VALUES, max_size=5), max_size=4),
    max_size=4,
)
SCOPE = Scope({"x": "y", "none": None}, {"X": "secret"}, "local", "ml")


def placed(found: list[Diagnostic], text: str) -> None:
    """Every finding has a code, words, and a place that lies within the text."""
    rows = text.removeprefix("\ufeff").splitlines()
    for one in found:
        assert one.code
        assert one.summary
        assert "\n" not in one.summary + one.hint
        if one.at:
            assert 1 <= one.at.line <= len(rows) + 1
            assert one.at.width >= 1
            row = rows[one.at.line - 1] if one.at.line <= len(rows) else ""
            assert 1 <= one.at.col <= len(row) + 1


def everything(text: str) -> None:
    document, problems = parse(text, "f.yaml")
    placed(problems, text)
    assert document is not None or problems
    if document is None:
        return
    _, problems = interpolate(document, SCOPE, Sensitive(("*",)))
    placed(problems, text)
    _, problems = resolve([document], registry.kinds(), SCOPE, document, ("tags.*", "metrics"))
    placed(problems, text)
    config, problems = load(document, registry.backends(), {})
    placed(problems, text)
    if config:
        placed(config.select(None, {}, {"X": "u"})[1], text)


@given(st.dictionaries(WORDS, WORDS, max_size=5))
@example({"": "", "~": "null", "<<": "<<", "a: b": "- c", "\ufeff": "\ufeff", "\x85": "\u2028", "🦊": "é\tx\n"})
def test_any_text_survives_double_quotes(tags):
    text = yaml.safe_dump({"tags": tags}, default_style='"', allow_unicode=False)
    document, problems = parse(text, "f.yaml")
    assert problems == []
    assert document is not None
    assert document.value == {"tags": tags}


@given(st.dictionaries(st.text("abc_-./", min_size=1, max_size=5), WORDS, min_size=1, max_size=5))
def test_any_text_without_an_expression_reaches_the_tags(tags):
    tags = {key: value.replace("$", "") for key, value in tags.items()}
    text = yaml.safe_dump({"experiments": {"a": {"tags": tags}}}, default_style='"')
    document, _ = parse(text, "f.yaml")
    assert document is not None
    found, problems = resolve([document], registry.kinds(), Scope())
    assert problems == []
    (entry,) = found.values()
    assert entry.fields == {("name",): "a"} | {("tags", key): value for key, value in tags.items()}


@given(YAML)
@example("&a [*a]")
@example("? *a\n")
@example("a: \ud800")
def test_no_text_raises(text):
    everything(text)


@given(WORDS)
def test_no_text_in_any_script_raises(text):
    everything(text)


@given(VALUES)
def test_no_value_raises(value):
    everything(yaml.safe_dump(value, allow_unicode=True))


@given(MANIFESTS)
def test_no_manifest_raises(manifest):
    everything(yaml.safe_dump(manifest, allow_unicode=True))


@given(
    st.fixed_dictionaries(
        {"stack": st.just("a")},
        optional={"targets": st.dictionaries(BITS, VALUES, max_size=3), "variables": VALUES, "defaults": VALUES},
    )
)
def test_no_configuration_raises(value):
    everything(yaml.safe_dump(value, allow_unicode=True))


@given(VALUES)
def test_every_part_has_the_place_where_it_is_written(value):
    text = yaml.safe_dump({"top": value}, allow_unicode=False, width=10**6)
    document, problems = parse(text, "f.yaml")
    assert problems == []
    assert document is not None
    assert_places(document, document.value, (), text.splitlines())


def assert_places(document: Document, value: object, path: tuple[str | int, ...], rows: list[str]) -> None:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in entries:
        here = (*path, part)
        assert document.has(here)
        if isinstance(part, str) and part.isalpha():
            assert rows[document.at(here).line - 1][document.at(here).col - 1 :].lstrip("'\"? ").startswith(part)
        if isinstance(inner, str) and inner.isalnum():
            written = rows[document.value_at(here).line - 1][document.value_at(here).col - 1 :]
            assert written.lstrip("'\"").startswith(inner.encode("unicode_escape").decode()[:1])
        assert_places(document, inner, here, rows)


@given(
    WORDS,
    st.dictionaries(st.sampled_from(["X", "Y"]), WORDS, min_size=2),
    st.lists(BITS | st.just("${env.Y}"), max_size=6),
)
def test_a_secrets_template_gives_its_text_again(word, env, parts):
    scope = Scope({"x": word}, env)
    document, problems = interpolate(Document({"tags": {"t": "".join(parts)}}), scope, Sensitive(("tags.*",)))
    found = document.value["tags"]["t"]
    if not problems and hasattr(found, "template"):
        assert scope.secret(found.template) == found
