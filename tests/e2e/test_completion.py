"""Completion of command lines: what is offered, and that real shells write it into the line."""

import os
import subprocess
import sys

import pytest

from reconciler.cli import COMMANDS, cli
from reconciler.cli.shells import ASKED, SHELLS, Bash, Zsh, divided, escaped
from tests.e2e.tools import outside
from tests.terminal import environment, offered_by_fish, tabbed

CONFIG = """\
stack: ml
targets:
  local: {url: "http://localhost:1", variables: {region: eu}}
  prod: {backend: tenant, url: "http://localhost:1", default: true}
variables:
  region: {default: us, description: where it runs}
  tier: gold
defaults: {tags: {team: ml}}
"""
MANIFEST = """\
experiments:
  fraud: {tags: {tier: gold}, description: x, prevent_destroy: true}
  churn: {for_each: ["${var.region}", "a b"], tags: {owner: "${each.key}"}}
runs:
  base: {experiment: fraud}
"""


@pytest.fixture
def stack(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/reconciler.yaml").write_text(CONFIG)
    (tmp_path / "manifests/main.yaml").write_text(MANIFEST)
    return tmp_path


def offered(line, shell=Zsh):
    """What can stand at the end of `line`."""
    return [item.value for item in shell(cli, {}, "reconciler", ASKED).get_completions(*divided(line))]


def test_the_commands_each_with_its_words():
    items = Zsh(cli, {}, "reconciler", ASKED).get_completions([], "")
    assert {item.value: item.help for item in items} == COMMANDS
    assert offered("reconciler pl") == ["plan"]
    assert "--version" in offered("reconciler --")


ADDRESSES = ["experiments.churn[a b]", "experiments.churn[us]", "experiments.fraud", "runs.base"]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("explain ", ADDRESSES),
        ("explain experiments.f", ["experiments.fraud"]),
        ("explain --target local ", ["experiments.churn[a b]", "experiments.churn[eu]", *ADDRESSES[2:]]),
        ("explain --var region=asia experiments.churn[as", ["experiments.churn[asia]"]),
        ("plan --only r", ["runs.base"]),
        ("apply --exclude=r", ["--exclude=runs.base"]),
        ("plan --replace ", ADDRESSES),
        ("destroy --only runs", ["runs.base"]),
        ("drift --ignore runs", ["runs.base"]),
        ("explain experiments.fraud ", ["description", "name", "tags.team", "tags.tier"]),
        ("explain runs.base n", ["name"]),
        ("explain 'experiments.churn[us]' tags.", ["tags.owner", "tags.team"]),
        ("explain runs.nothing ", []),
        ("explain runs.base name ", []),
        ("plan --target ", ["local", "prod"]),
        ("plan --target=p", ["--target=prod"]),
        ("plan --var ", ["region=", "tier="]),
        ("plan --var region=", []),
        ("plan --format ", ["text", "json", "markdown", "html"]),
        ("plan --format=m", ["--format=markdown"]),
        ("plan --on-c", ["--on-conflict"]),
        ("plan --on-conflict ", ["apply", "fail"]),
        ("plan --color a", ["auto", "always"]),
        ("schema ", ["manifest", "config"]),
        ("completion ", ["bash", "zsh", "fish"]),
        ("nothing --target ", []),
    ],
)
def test_what_is_offered(stack, line, values):
    assert offered(f"reconciler {line}") == values


def test_words_stand_beside_targets_and_variables(stack):
    items = Zsh(cli, {}, "reconciler", ASKED).get_completions(["plan", "--var"], "")
    assert [(item.value, item.help, item.type) for item in items] == [
        ("region=", "where it runs", "part"),
        ("tier=", "", "part"),
    ]
    items = Zsh(cli, {}, "reconciler", ASKED).get_completions(["plan", "--target"], "")
    assert [item.help for item in items] == ["mlflow", "tenant"]


@pytest.mark.parametrize(
    ("line", "kind"), [("--manifests ", "dir"), ("--format json=", "file"), ("--out ", "file"), ("--journal x", "file")]
)
def test_the_shell_knows_files_and_folders(stack, line, kind):
    (item,) = Zsh(cli, {}, "reconciler", ASKED).get_completions(*divided(f"reconciler plan {line}"))
    assert item.type == kind


def test_another_folder_is_looked_into_where_the_line_names_it(stack):
    (stack / "other").mkdir()
    (stack / "other/reconciler.yaml").write_text("stack: other\n")
    (stack / "other/a.yaml").write_text("experiments: {elsewhere: }\n")
    assert offered("reconciler explain --manifests other ") == ["experiments.elsewhere"]
    assert offered("reconciler explain --manifests=other ") == ["experiments.elsewhere"]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("explain experiments.churn[a", [r"experiments.churn\[a\ b\]"]),
        ("explain 'experiments.churn[a", ["experiments.churn[a b]"]),
        ("plan --target=p", ["prod"]),
        ("plan --var=t", ["tier="]),
    ],
)
def test_bash_gets_what_is_behind_its_word_breaks_and_quoted(stack, monkeypatch, line, values):
    monkeypatch.setenv("COMP_LINE", f"reconciler {line}")
    monkeypatch.setenv("COMP_WORDBREAKS", " \t\n\"'><=;|&(:")
    assert offered(f"reconciler {line}", Bash) == values


@pytest.mark.parametrize(
    ("line", "args", "incomplete"),
    [
        ("reconciler", [], ""),
        ("reconciler ", [], ""),
        ("X=1 Y=2 reconciler plan --o", ["plan"], "--o"),
        ("reconciler explain 'a b' c\\ ", ["explain", "a b"], "c "),
        ("", [], ""),
    ],
)
def test_a_line_is_divided_as_a_shell_does_it(line, args, incomplete):
    assert divided(line) == (args, incomplete)


def test_a_word_of_bash_is_escaped():
    assert escaped("a[b] c$d") == r"a\[b\]\ c\$d"
    assert escaped("tags.team=x/y-z_ü") == "tags.team=x/y-z_ü"
    assert escaped('a[b] c$d`e"\\', '"') == r"a[b] c\$d\`e\"\\"
    assert escaped("a'; b", "'") == r"a'\''; b"


def test_no_name_becomes_a_row_of_its_own_or_moves_the_cursor(stack):
    names = ('"a\\nplain\\tb"', '"c\\e[1m"', '"d\\u202Ee"', "f")
    (stack / "manifests/main.yaml").write_text("experiments:\n" + "".join(f"  {name}:\n" for name in names))
    assert offered("reconciler explain ") == ["experiments.f"]
    config = CONFIG.replace("where it runs", '"a\\tb \\e[1m"')
    (stack / "manifests/reconciler.yaml").write_text(config)
    zsh = Zsh(cli, {}, "reconciler", ASKED)
    rows = [zsh.format_completion(item) for item in zsh.get_completions(["plan", "--var"], "r")]
    assert rows == ["part\tregion=\ta b [1m"]


def asked(folder, line, shell="zsh", code="from reconciler.cli import main; main()"):
    """What the program answers a shell, as a process of its own."""
    env = outside() | {ASKED: shell, "COMP_LINE": line}
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, check=True)


BROKEN = {
    "no configuration": {"reconciler.yaml": None},
    "two configurations": {"reconciler.yml": CONFIG},
    "syntax": {"main.yaml": "experiments: {fraud: [}\n", "reconciler.yaml": "stack: [}\n"},
    "other shapes": {
        "main.yaml": "experiments: [a]\nruns: {a: {for_each: x, datasets: [1, {name: a}], tags: []}}\nx:\n",
        "reconciler.yaml": "stack: {}\ntargets: [a]\nvariables: {a: [], b: }\ndefaults: {tags: x}\n",
    },
    "no map": {"main.yaml": "- a\n", "reconciler.yaml": "- a\n"},
    "unknown names": {"main.yaml": 'experiments: {"${var.no}": {for_each: ["${env.NO}"], tags: "${x}"}}\n'},
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_manifests_are_no_words_on_the_line_of_somebody_who_types(stack, case):
    for name, text in BROKEN[case].items():
        file = stack / "manifests" / name
        file.unlink() if text is None else file.write_text(text)
    for line in ("explain ", "explain runs.a ", "plan --target ", "plan --var ", "plan --only "):
        done = asked(stack, f"reconciler {line}")
        assert done.stderr == ""
        assert all(row.startswith(("plain\t", "part\t")) for row in done.stdout.splitlines())


def test_what_is_wrong_elsewhere_leaves_the_rest(stack):
    (stack / "manifests/broken.yaml").write_text("experiments: {a: [}\n")
    (stack / "manifests/odd.yaml").write_bytes(b"\xff\xfe")
    assert offered("reconciler explain runs") == ["runs.base"]


@pytest.mark.parametrize("shell", ["ksh", ""])
def test_a_shell_that_nobody_knows_gets_nothing(stack, shell):
    done = asked(stack, "reconciler ", shell or "?")
    assert (done.stdout, done.stderr) == ("", "")


def test_it_is_printed_a_row_each(stack):
    assert asked(stack, "reconciler plan --target ").stdout == "plain\tlocal\tmlflow\nplain\tprod\ttenant\n"
    assert asked(stack, "reconciler nothing ").stdout == ""


HEAVY = {"httpx", "mlflow", "pydantic", "rich", "socket", "tenacity"}


@pytest.mark.parametrize(
    ("line", "heavy"),
    [
        ("reconciler pl", {*HEAVY, "yaml"}),
        ("reconciler plan --only e", HEAVY),
        ("reconciler apply --target ", HEAVY),
        ("reconciler explain experiments.fraud ", HEAVY),
    ],
)
def test_nothing_heavy_is_loaded_to_complete_a_line(stack, line, heavy):
    code = (
        "import sys\nfrom reconciler.cli import main\n"
        "try: main()\nfinally: print(*{one.split('.')[0] for one in sys.modules})"
    )
    done = asked(stack, line, code=code)
    rows = done.stdout.splitlines()
    assert len(rows) > 1
    assert set(rows[-1].split()) & heavy == set()


@pytest.mark.parametrize("name", SHELLS)
def test_the_script_is_printed(shell, name):
    assert "_RECONCILER_COMPLETE" in shell("completion", name).out


TYPED = [
    ("reconciler expl", "reconciler explain "),
    ("reconciler plan --target=p", "reconciler plan --target=prod "),
    ("reconciler plan --target p", "reconciler plan --target prod "),
    ("reconciler plan --var ti", "reconciler plan --var tier="),
    ("reconciler explain experiments.f", "reconciler explain experiments.fraud "),
    (r"reconciler explain experiments.churn\[u", r"reconciler explain experiments.churn\[us\] "),
    ("reconciler explain 'experiments.churn[a", "reconciler explain 'experiments.churn[a b]' "),
    ("reconciler explain experiments.fraud tags.ti", "reconciler explain experiments.fraud tags.tier "),
    ("reconciler plan --manifests=man", "reconciler plan --manifests=manifests/"),
    ("reconciler plan --format json=pla", "reconciler plan --format json=plan.json "),
    ("cd . && reconciler val", "cd . && reconciler validate "),
]
FEW = None if os.environ.get("RECONCILER_TEST_ALL") else 4


@pytest.mark.parametrize(("line", "after"), TYPED[:FEW])
@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_tab_in_a_real_shell(stack, name, line, after):
    (stack / "plan.json").write_text("{}")
    assert tabbed(name, line, stack) == after


@pytest.mark.parametrize("name", ["bash", "zsh"])
@pytest.mark.parametrize("quote", ['"', "", "'"][: 1 if FEW else 3])
def test_no_name_is_a_command(stack, name, quote):
    (stack / "manifests/main.yaml").write_text("experiments: {'a$(touch made)': }\n")
    after = tabbed(name, f"reconciler explain {quote}experiments.a", stack)
    done = subprocess.run(
        [name, "-c", after.replace("reconciler", "printf %s", 1)], cwd=stack, capture_output=True, check=False
    )
    assert done.stdout == b"explainexperiments.a$(touch made)"
    assert not (stack / "made").exists()


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_tab_with_broken_manifests_leaves_the_line_as_it_is(stack, name):
    (stack / "manifests/reconciler.yaml").write_text("stack: [}\n")
    assert tabbed(name, "reconciler plan --target p", stack) == "reconciler plan --target p"


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("reconciler plan --target=p", ["--target=prod"]),
        ("reconciler explain experiments.churn[u", ["experiments.churn[us]"]),
        ("reconciler explain experiments.fraud tags.", ["tags.team", "tags.tier"]),
        ("reconciler plan --var ti", ["tier="]),
        ("reconciler plan --manifests=man", ["--manifests=manifests/"]),
        ("reconciler plan --format json=pla", ["json=plan.json"]),
    ],
)
def test_fish_offers_the_same(stack, line, values):
    (stack / "plan.json").write_text("{}")
    assert offered_by_fish(line, stack) == values


def test_the_scripts_are_right_for_their_shells(stack):
    for name in SHELLS:
        (stack / name).write_text(SHELLS[name].source_template)
        done = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, check=False)
        if done.returncode == 0:
            subprocess.run([name, "-n", stack / name], env=environment(stack), check=True)
