"""What an editor shows of manifests: a real yaml-language-server is given what `init` and `schema` write."""

import json
import re

import pytest

from reconciler.session import Session
from tests.editor import opened
from tests.test_examples import ROOT

FIRST = "# yaml-language-server: $schema=.schema/{}.schema.json\n"
MANIFEST, CONFIG = FIRST.format("manifest"), FIRST.format("config")


@pytest.fixture(scope="module")
def editor(tmp_path_factory):
    """A window on a folder with the schemas."""
    from click.testing import CliRunner

    from reconciler.cli import cli

    folder = tmp_path_factory.mktemp("stack")
    made = CliRunner().invoke(cli, ["schema", "--out", str(folder / ".schema")], standalone_mode=False)
    assert made.exit_code == 0
    with opened(folder) as found:
        yield found


def test_init_writes_what_an_editor_needs_and_it_finds_nothing_wrong(shell):
    shell("init", "--manifests", "fresh")
    folder = shell.folder / "fresh"
    with opened(folder) as editor:
        assert editor.problems("reconciler.yaml", (folder / "reconciler.yaml").read_text()) == [[]]
        right = (folder / "experiments.yaml").read_text()
        wrong = right.replace("tags:", "tag:")
        found, ((line, words),) = editor.problems("experiments.yaml", right, wrong)
        assert found == []
        assert wrong.splitlines()[line - 1].startswith("    tag:")
        assert "tag is not allowed" in words


def test_init_writes_over_no_schema(shell):
    shell.write("fresh/.schema/config.schema.json", "{}")
    result = shell("init", "--manifests", "fresh")
    assert "wrote fresh/.schema/manifest.schema.json\n" in result.err
    assert (shell.folder / "fresh/.schema/config.schema.json").read_text() == "{}"
    shell("schema", "--out", "fresh/.schema")
    published = ROOT.parent / "schema"
    for file in published.iterdir():
        assert (shell.folder / "fresh/.schema" / file.name).read_text() == file.read_text()


def test_a_folder_that_cannot_be_written_to_is_an_error(shell):
    shell.write("file", "")
    assert "'file' cannot be written" in shell("schema", "--out", "file", code=1).err


def test_there_is_nothing_wrong_with_the_examples(editor):
    texts = {}
    for config in ROOT.rglob("reconciler.yaml"):
        for file in config.parent.rglob("*.yaml"):
            if not any(part.startswith((".", "_")) for part in file.relative_to(ROOT).parts):
                texts[file] = (CONFIG if file.name == "reconciler.yaml" else MANIFEST) + file.read_text()
    assert len(texts) > 15
    found = dict(zip(texts, editor.problems("a.yaml", *texts.values()), strict=True))
    assert {file: problems for file, problems in found.items() if problems} == {}


WRONG = {
    "experiment: {fraud: {}}": (2, "Property experiment is not allowed."),
    "experiments:\n  fraud: {tag: {a: b}}": (3, "Property tag is not allowed."),
    "experiments:\n  fraud: {tags: [a]}": (3, 'Incorrect type. Expected "object".'),
    "experiments:\n  fraud: {tags: {a: }}": (3, "Incorrect type. Expected one of string, number, boolean."),
    "experiments:\n  fraud: {prevent_destroy: maybe}": (3, 'Incorrect type. Expected "boolean".'),
    "experiments:\n  fraud: {on_remove: forget}": (3, 'Value is not accepted. Valid values: "delete", "keep".'),
    "experiments:\n  fraud: {for_each: eu}": (3, "A list or a map belongs here."),
    "experiments:\n  fraud: {permissions: {bob: READ}}": (3, "A key here is user:, group: or service_principal: with"),
    "runs:\n  r: {status: FAILED}": (3, 'Missing property "experiment".'),
    "runs:\n  r: {experiment: a, metrics: {m: high}}": (3, "This is not a number."),
    "runs:\n  r: {experiment: a, metrics: {m: [{step: 1}]}}": (3, 'Missing property "value".'),
    "runs:\n  r: {experiment: a, start_time: yesterday}": (3, "This is not a time such as"),
    "runs:\n  r: {experiment: a, datasets: [{name: x}]}": (3, 'Missing property "digest".'),
    "logged_models:\n  m: {experiment: a, status: DONE}": (
        3,
        'Value is not accepted. Valid values: "PENDING", "READY"',
    ),
}
WRONG_CONFIG = {
    "stack: ML": (2, "A stack's name has a-z, 0-9 and '-'"),
    "targets: {}": (2, 'Missing property "stack".'),
    "stack: x\ntargets:\n  a: {url: x, paralell: 4}": (4, "Property paralell is not allowed."),
    "stack: x\ntargets:\n  a: {url: x, parallel: 400}": (4, "Value is above the maximum of 64."),
    "stack: x\ntargets:\n  a: {url: x, backend: mlfow}": (4, 'Valid values: "databricks", "mlflow", "tenant".'),
    "stack: x\ntargets:\n  a: {backend: tenant, url: x}": (4, 'Missing property "tenant".'),
    "stack: x\ntargets:\n  a: {backend: databricks, url: x}": (4, "Property url is not allowed."),
    "stack: x\nvariables: {a: {defalt: x}}": (3, "Property defalt is not allowed."),
    "stack: x\nsafety: {max_delete_percent: 300}": (3, "Value is above the maximum of 100."),
}


@pytest.mark.parametrize(("head", "wrong"), [(MANIFEST, WRONG), (CONFIG, WRONG_CONFIG)], ids=["manifest", "config"])
def test_what_is_wrong_is_told_at_its_line(editor, head, wrong):
    every = editor.problems("a.yaml", *(f"{head}{text}\n" for text in wrong))
    for (text, (line, words)), found in zip(wrong.items(), every, strict=True):
        assert [where for where, said in found if words in said] == [line], (text, found)


RIGHT = """\
experiments:
  empty:
  fraud:
    name: 5
    tags: {threshold: 0.10, on: on, date: 2026-01-31, var: "${var.x}"}
    prevent_destroy: ${var.x}
    on_remove: "${var.y}"
  churn: {for_each: [eu, 1], existing: true}
  more: {for_each: {eu: {owner: ada}}, permissions: {"user:ada": READ}}
  computed: {for_each: "${var.items}"}
runs:
  r:
    experiment: fraud
    status: ${var.status}
    start_time: 2026-01-31T09:00:00Z
    end_time: 1769850000000
    params: {depth: 6}
    metrics: {a: 1, b: 1e-3, c: .nan, d: -.inf, e: 1_000, f: "${var.x}", g: [{value: .5, step: "${var.s}"}]}
    datasets: [{name: a, digest: 1, source_type: s3, source: s3://b, schema: "[]"}]
"""
RIGHT_CONFIG = """\
stack: ml-1
targets:
  a: {url: sqlite:///mlflow.db, variables: {a: 1}, headers: {X: 1}, parallel: "${var.n}", default: true}
  b: {backend: databricks, profile: PROD, sensitive: [tags.token]}
  c: {backend: tenant, url: "https://x", tenant: 5}
variables: {short: x, long: {default: 1, description: y}, none: }
defaults: {tags: {a: 1}}
safety: {max_delete_percent: 30}
"""


def test_what_is_right_is_let_be(editor, tmp_path):
    assert editor.problems("a.yaml", MANIFEST + RIGHT) == [[]]
    assert editor.problems("reconciler.yaml", CONFIG + RIGHT_CONFIG) == [[]]
    values = {"x": "true", "y": "keep", "status": "FAILED", "s": "1", "n": "4"}
    variables = "".join(f"  {name}: '{value}'\n" for name, value in values.items())
    text = RIGHT_CONFIG.replace("variables: {short", "others: {short").replace("others: ", "variables: ")
    text = re.sub(r"^variables: .*\n", f"variables:\n{variables}", text, flags=re.MULTILINE)
    (tmp_path / "reconciler.yaml").write_text(text.replace("variables: {a: 1}, ", ""))
    manifest = RIGHT.replace('  computed: {for_each: "${var.items}"}\n', "").replace('f: "${var.x}"', "f: 1")
    (tmp_path / "a.yaml").write_text(manifest)
    assert len(Session(tmp_path, environ={}).desired) == 6


def test_an_editor_can_be_told_once_for_all_files(shell):
    """The settings of docs/editors.md."""
    shell("schema", "--out", "manifests/.schema")
    page = (ROOT.parent / "docs/editors.md").read_text()
    settings = json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL)[1])
    with opened(shell.folder, schemas=settings["yaml.schemas"]) as editor:
        assert editor.problems("manifests/reconciler.yaml", "stack: x\n") == [[]]
        assert editor.problems("manifests/a.yaml", "experiments: {a: }\n") == [[]]
        ((_, words),) = editor.problems("manifests/deep/a.yaml", "stack: x\n")[0]
        assert words == "Property stack is not allowed."


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("|", {"experiments", "runs", "logged_models"}),
        ("experiments:\n  fraud:\n    |", {"name", "tags", "for_each", "existing", "prevent_destroy", "permissions"}),
        ("runs:\n  r:\n    status: |", {"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"}),
        ("runs:\n  r:\n    datasets:\n      - |", {"name", "digest", "source", "schema"}),
        ("experiments:\n  fraud:\n    on_remove: |", {"delete", "keep"}),
        ("experiments:\n  fraud:\n    existing: |", {"true", "false"}),
    ],
)
def test_fields_and_values_of_manifests_are_offered(editor, text, labels):
    found = editor.completions("a.yaml", MANIFEST + text)
    assert labels <= found.keys()
    inserted = [item.get("insertText", "") for item in found.values()]
    assert not [one for one in inserted if "null" in one]


@pytest.mark.parametrize(
    ("backend", "own", "others"),
    [("", "workspace", "host"), ("backend: databricks", "host", "url"), ("backend: tenant", "tenant", "host")],
)
def test_only_the_options_of_a_target_s_backend_are_offered(editor, backend, own, others):
    text = f"stack: x\ntargets:\n  a:\n    {backend or 'default: true'}\n    |\n"
    found = editor.completions("reconciler.yaml", CONFIG + text)
    assert {own, "parallel"} <= found.keys()
    assert others not in found
    offered = editor.completions("reconciler.yaml", f"{CONFIG}stack: x\ntargets:\n  a:\n    backend: |")
    assert offered.keys() == {"mlflow", "databricks", "tenant"}


def test_every_field_has_its_words_under_the_cursor(editor):
    schema = json.loads((editor.folder / ".schema/manifest.schema.json").read_text())
    for kind, section in schema["properties"].items():
        assert editor.hover("a.yaml", f"{MANIFEST}{kind[:2]}|{kind[2:]}:\n  a: {{}}\n") == section["description"]
        for field, part in section["additionalProperties"]["properties"].items():
            text = f"{MANIFEST}{kind}:\n  a:\n    {field[:1]}|{field[1:]}: x\n"
            shown = re.sub(r"\\([{}_*`])", r"\1", editor.hover("a.yaml", text))
            assert shown.startswith(part["description"]), (kind, field)
            assert shown.count(part["description"]) == 1
    assert "#" not in editor.hover("a.yaml", f"{MANIFEST}runs:\n  a:\n    sta|tus: FAILED\n")
