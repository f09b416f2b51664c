"""What people write wrong in manifests gets its place, its line, what was found and a way out; nothing is sent."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.e2e.findings import check, check_place
from tests.marked import cut


@dataclass(frozen=True)
class Mistake:
    """A manifest with ▶ and ◀ around what is wrong, and what the finding must say."""

    name: str
    text: str
    code: str
    words: tuple[str, ...]
    hint: str


RUN = "experiments: {a: }\nruns:\n  r:\n    experiment: a\n"
MISTAKES = [
    Mistake(
        "a key with a typo",
        "experiments:\n  fraud:\n    ▶descripton◀: cards\n",
        "unknown-key",
        ("descripton",),
        "did you mean 'description'?",
    ),
    Mistake(
        "a kind with a typo",
        "▶experiment◀:\n  fraud:\n",
        "unknown-kind",
        ("'experiment'",),
        "did you mean 'experiments'?",
    ),
    Mistake(
        "a tab as indent",
        "experiments:\n  fraud:\n▶\t◀tags: {a: b}\n",
        "yaml-syntax",
        ("a tab is used for indentation",),
        "write spaces",
    ),
    Mistake(
        "an indent that fits nowhere",
        "experiments:\n  fraud:\n    tags: {a: b}\n   ▶d◀escription: cards\n",
        "yaml-syntax",
        ("indentation fits no line above",),
        "indent the entries of one map alike",
    ),
    Mistake(
        "an entry indented too deep",
        "experiments:\n  fraud:\n    name: cards\n      tags▶:◀ {a: b}\n",
        "yaml-syntax",
        ("':' is not expected here",),
        "check the indentation",
    ),
    Mistake(
        "a number where a map belongs",
        "experiments:\n  fraud:\n    tags: ▶7◀\n",
        "wrong-type",
        ("tags", "a text"),
        "a map belongs there",
    ),
    Mistake(
        "a list where a map belongs",
        "experiments:\n  fraud:\n    ▶tags◀: [a, b]\n",
        "wrong-type",
        ("tags is a list",),
        "a map belongs there",
    ),
    Mistake(
        "a list of experiments",
        "▶experiments◀:\n  - name: fraud\n",
        "wrong-type",
        ("experiments is a list",),
        "a map of entries belongs there",
    ),
    Mistake(
        "a manifest that is a list", "▶-◀ experiments\n", "wrong-type", ("a list",), "a map of kinds belongs there"
    ),
    Mistake(
        "a map as a tag's value",
        "experiments:\n  fraud:\n    tags:\n      ▶team◀: {name: risk}\n",
        "wrong-type",
        ("tags.team is a map",),
        "a text belongs there",
    ),
    Mistake(
        "a tag without a value",
        "experiments:\n  fraud:\n    tags:\n      ▶team◀:\n",
        "empty-value",
        ("tags.team has no value",),
        "write '' for an empty string",
    ),
    Mistake(
        "a key twice in one file",
        "experiments:\n  fraud:\n    tags: {a: b}\n  ▶fraud◀:\n    tags: {a: c}\n",
        "duplicate-key",
        ("'fraud' is written twice",),
        "main.yaml:2:3",
    ),
    Mistake(
        "a tag twice",
        "experiments:\n  fraud:\n    tags: {team: a, ▶team◀: b}\n",
        "duplicate-key",
        ("'team' is written twice",),
        "main.yaml:3:12",
    ),
    Mistake(
        "an unknown variable",
        "experiments:\n  fraud:\n    tags: {team: 'the ▶${var.teem}◀'}\n",
        "unknown-name",
        ("'var.teem' is not known",),
        "did you mean 'var.team'?",
    ),
    Mistake(
        "a variable without a value",
        "experiments:\n  fraud:\n    tags: {team: '▶${var.region}◀'}\n",
        "unset-variable",
        ("'region' has no value",),
        "--var region=",
    ),
    Mistake(
        "an environment variable that is not set",
        "experiments:\n  fraud:\n    tags: {team: '▶${env.RECONCILER_TEST_UNSET}◀'}\n",
        "unset-env",
        ("'RECONCILER_TEST_UNSET' is not set",),
        "set RECONCILER_TEST_UNSET",
    ),
    Mistake(
        "an expression that never ends",
        "experiments:\n  fraud:\n    tags: {team: '▶${◀var.team'}\n",
        "bad-interpolation",
        ("never closed",),
        "$${",
    ),
    Mistake(
        "a reference to nothing",
        "experiments: {fraud: }\nruns:\n  r:\n    experiment: ▶frand◀\n",
        "unknown-reference",
        ("experiment names 'frand'",),
        "did you mean 'fraud'?",
    ),
    Mistake(
        "a reference to a for_each without its item",
        "experiments:\n  churn:\n    for_each: [eu, us]\nruns:\n  r:\n    experiment: ▶churn◀\n",
        "unknown-reference",
        ("'churn'",),
        "churn[eu], churn[us]",
    ),
    Mistake(
        "an item outside of a for_each",
        "experiments:\n  fraud:\n    tags: {a: '▶${each.key}◀'}\n",
        "each-outside",
        ("'each.key'",),
        "for_each",
    ),
    Mistake(
        "a run without an experiment", "runs:\n  ▶r◀: {}\n", "missing-field", ("experiment is missing",), "experiment"
    ),
    Mistake(
        "an unknown status",
        f"{RUN}    status: ▶DONE◀\n",
        "bad-value",
        ("status cannot be 'DONE'",),
        "FINISHED",
    ),
    Mistake(
        "a metric that is no number", f"{RUN}    metrics: {{auc: ▶high◀}}\n", "bad-value", ("metrics.auc",), "'high'"
    ),
    Mistake("a time that is none", f"{RUN}    start_time: ▶yesterday◀\n", "bad-value", ("start_time",), "'yesterday'"),
    Mistake(
        "a tag value that is too long",
        f"experiments:\n  fraud:\n    tags:\n      ▶a◀: {'x' * 20_001}\n",
        "limit",
        ("experiments.fraud: tags.a", "20001", "20000"),
        "shorten it",
    ),
    Mistake(
        "a run's param that would be cut",
        f"{RUN}    params:\n      ▶p◀: {'x' * 6_001}\n",
        "limit",
        ("runs.r: params.p", "6001", "silently cuts"),
        "shorten it",
    ),
    Mistake(
        "a run's tag that would be cut",
        f"{RUN}    tags:\n      ▶t◀: {'x' * 8_001}\n",
        "limit",
        ("runs.r: tags.t", "8001", "silently cuts"),
        "shorten it",
    ),
    Mistake(
        "an experiment's name that is too long",
        f"experiments:\n  fraud:\n    ▶name◀: {'x' * 501}\n",
        "limit",
        ("experiments.fraud: name", "501", "500"),
        "shorten it",
    ),
    Mistake(
        "a tag key with forbidden characters",
        "experiments:\n  fraud:\n    tags: {▶'a=b'◀: c}\n",
        "limit",
        ("'a=b'", "refuses"),
        "letters, digits",
    ),
    Mistake(
        "a tag key that climbs",
        "experiments:\n  fraud:\n    tags: {▶../a◀: c}\n",
        "limit",
        ("'../a'", "refuses"),
        "'..'",
    ),
    Mistake(
        "a tag key of the server",
        "experiments:\n  fraud:\n    tags: {▶mlflow.user◀: me}\n",
        "reserved-key",
        ("mlflow.user", "cannot be declared"),
        "description",
    ),
    Mistake(
        "a tag key of the marks",
        "experiments:\n  fraud:\n    tags: {▶reconciler.ml◀: me}\n",
        "reserved-key",
        ("reconciler.ml", "cannot be declared"),
        "marks",
    ),
    Mistake(
        "a model's name with forbidden characters",
        "experiments: {a: }\nlogged_models:\n  m:\n    experiment: a\n    ▶name◀: team/model\n",
        "limit",
        ("logged_models.m: name", "'/'"),
        "use none of",
    ),
    Mistake(
        "two entries with one name",
        "experiments:\n  a: {name: same}\n  b: {▶name◀: same}\n",
        "name-taken",
        ("experiments.b has the name 'same'", "experiments.a"),
        "main.yaml:2:7",
    ),
    Mistake(
        "a name that is another entry's key",
        "experiments:\n  a:\n  b: {▶name◀: a}\n",
        "name-taken",
        ("experiments.b has the name 'a'", "experiments.a"),
        "main.yaml:2:3",
    ),
    Mistake(
        "a quote within quotes",
        "experiments:\n  fraud:\n    description: 'it'▶s◀ cards'\n",
        "yaml-syntax",
        ("text after the end of a value",),
        "put the text in quotes",
    ),
    Mistake(
        "a quote that is never closed",
        "experiments:\n  fraud:\n    description: ▶'◀cards\n",
        "yaml-syntax",
        ("never closed",),
        "write ' where it ends",
    ),
    Mistake(
        "a colon in a plain text",
        "experiments:\n  fraud:\n    description: note▶:◀ cards\n",
        "yaml-syntax",
        ("':' is not expected here",),
        "quotes",
    ),
    Mistake(
        "an alias of nothing",
        "experiments:\n  fraud: ▶*base◀\n",
        "unknown-anchor",
        ("'base'",),
        "&name",
    ),
]


def _configured(shell, url):
    shell.configure(url, more="variables:\n  team: {default: risk}\n  region: {description: where}\n")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one.name)
@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("validate",)], ids=lambda one: one[0])
def test_a_mistake_in_a_manifest_is_shown_where_it_stands(mistake, command, shell, fake, url):
    _configured(shell, url)
    shell.manifest(cut(mistake.text)[0])
    result = shell(*command, code=1)
    check(result, mistake.code, *mistake.words, hint=mistake.hint)
    if "x" * 500 not in mistake.text:
        check_place(result, mistake.text)
    assert result.out == ""
    assert fake.requests == []


def test_a_place_far_to_the_right_is_cut_out_of_its_line(shell):
    """A line of 20,000 characters is not printed whole."""
    shell.manifest(f"experiments: {{a: {{tags: {{a: {'x' * 20_001}}}}}}}\n")
    result = shell("plan", code=1)
    check(result, "limit", "tags.a")
    assert len(result.err) < 1000


def test_a_key_in_two_files_names_both_places(shell, fake):
    shell.write("manifests/a.yaml", "experiments:\n  fraud: {tags: {a: b}}\n")
    text = "experiments:\n  ▶fraud◀: {tags: {a: c}}\n"
    shell.write("manifests/sub/b.yaml", cut(text)[0])
    result = shell("plan", code=1)
    check(result, "duplicate-key", "experiments.fraud is written twice", hint="a.yaml:2:3")
    check_place(result, text, "manifests/sub/b.yaml")
    assert fake.requests == []


def test_all_mistakes_are_told_at_once(shell, fake, url):
    """Of several files, sorted by place; nobody has to mend one to see the next."""
    _configured(shell, url)
    shell.write("manifests/a.yaml", "experiments:\n  a: {tag: {}}\n  b: {tags: {c: '${var.x}'}}\n")
    shell.write("manifests/b.yaml", "runs:\n  r: {experiment: c}\n  s: {experiment: a, status: DONE}\n")
    shell.write("manifests/c.yaml", "experiments:\n  d: [a, b\n  e: {}\n")
    result = shell("plan", code=1)
    places = [line.split(": error: ")[0] for line in result.err.splitlines() if ": error: " in line]
    assert [place for place in places if "c.yaml" not in place] == [
        "manifests/a.yaml:2:7",
        "manifests/a.yaml:3:18",
        "manifests/b.yaml:3:30",
    ]
    assert "which is not declared" not in result.err  # c.yaml, which cannot be read, may declare it
    assert any(place == "manifests/c.yaml:2:6" for place in places)
    assert fake.requests == []


def test_an_alias_loop_is_an_error(shell):
    shell.manifest("experiments: &a\n  fraud: *a\n")
    check(shell("plan", code=1), "alias-loop", "stands inside of what it names")


def test_a_file_with_two_documents_is_an_error(shell):
    shell.manifest("experiments: {a: }\n---\nexperiments: {b: }\n")
    check(shell("plan", code=1), "second-document", "second document")


def test_a_bracket_that_the_file_ends_in_is_named(shell):
    text = "experiments:\n  fraud: {tags: ▶{◀"
    shell.manifest(cut(text)[0])
    result = shell("plan", code=1)
    check(result, "yaml-syntax", "'{' is never closed")
    check_place(result, text)


def test_a_place_in_a_hint_starts_with_the_folder_too(shell):
    shell.write("manifests/a.yaml", "experiments: {fraud: }\n")
    shell.write("manifests/b.yaml", "experiments: {fraud: }\n")
    check(shell("plan", code=1), "duplicate-key", "manifests/b.yaml:1:15", hint="manifests/a.yaml:1:15")
