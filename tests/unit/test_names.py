"""The names that completion offers are those that the manifests declare."""

from pathlib import Path

import pytest

from reconciler import registry
from reconciler.cli.names import DIRECTIVES, Names
from reconciler.core.diff import managed
from reconciler.session import Session

EXAMPLES = Path(__file__).parents[2] / "examples"
STACKS = sorted(file.parent for file in EXAMPLES.rglob("reconciler.yaml"))
EVERYTHING = """\
experiments:
  fraud: {name: x, tags: {a.b: "1"}, permissions: {user:ada: READ}, artifact_location: s3://b/c, on_remove: keep}
  theirs: {existing: true, name: theirs, description: d}
runs:
  base:
    experiment: fraud
    metrics: {auc: 0.9, loss: [{value: 1}, {step: 1, value: 2}]}
    datasets: [{name: cards, digest: a1, source_type: s3, source: s3://b}]
    id: 0123456789abcdef0123456789abcdef
logged_models:
  m: {experiment: fraud, source_run: base, prevent_destroy: true, params: {p: 1}}
"""


def agree(folder):
    session = Session(folder, environ={})
    declared = {str(address): entry for address, entry in session.desired.items()}
    names = Names(folder)
    assert names.addresses == sorted(declared, key=names.addresses.index)
    assert len(names.addresses) == len(declared)
    for address, entry in declared.items():
        assert names.fields(address) == sorted(".".join(path) for path in managed(entry)), address
    assert list(names.targets) == list(session.config.targets)
    assert list(names.variables) == list(session.config.variables)


@pytest.mark.parametrize("folder", STACKS, ids=lambda folder: str(folder.relative_to(EXAMPLES)))
def test_the_names_of_the_examples(folder):
    agree(folder)


def test_the_names_of_a_stack_with_every_kind_of_field(tmp_path):
    (tmp_path / "reconciler.yaml").write_text(
        "stack: ml\ntargets: {a: {url: 'http://x'}}\ndefaults: {tags: {team: x}}\n"
    )
    (tmp_path / "a.yaml").write_text(EVERYTHING)
    agree(tmp_path)


def test_what_is_no_field_is_what_the_kinds_say():
    kinds = registry.kinds().values()
    assert {name for kind in kinds for name, rule in kind.rules.items() if rule.directive} == DIRECTIVES
