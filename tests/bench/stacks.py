"""Writes stacks of any size: manifests with as many experiments, runs and logged models as asked."""

from __future__ import annotations

from pathlib import Path

TAGS = {"team": "risk", "cost-center": "4711", "owner": "ada", "tier": "gold", "region": "eu"}


def write(
    folder: Path,
    url: str,
    *,
    experiments: int,
    children: int = 0,
    files: int = 1,
    stack: str = "bench",
    distinct: bool = False,
) -> Path:
    """A stack with `experiments`, and with `children` runs and as many logged models.

    `files`: spread over so many. `distinct`: no two tags have one value, where else each experiment has the same.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reconciler.yaml").write_text(f"stack: {stack}\ntargets:\n  it:\n    backend: mlflow\n    url: {url}\n")
    for number in range(files):
        (folder / f"{number:04}.yaml").write_text(
            _manifest(stack, range(number, experiments, files), distinct=distinct)
        )
    if children:
        (folder / "children.yaml").write_text(_children(children))
    return folder


def retag(folder: Path, value: str) -> None:
    """Give one tag of every experiment another value."""
    for path in folder.glob("0*.yaml"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(f"      team: {value}\n" if "      team:" in line else line for line in lines))


def _manifest(stack: str, numbers: range, *, distinct: bool) -> str:
    return "experiments:\n" + "".join(
        f"  e{number}:\n    name: /{stack}/team-{number % 7}/experiment-{number}\n"
        f"    tags:\n{_tags(str(number) if distinct else '')}"
        for number in numbers
    )


def _tags(end: str) -> str:
    return "".join(f'      {key}: "{value}{end}"\n' for key, value in TAGS.items())


def _children(count: int) -> str:
    runs = "".join(
        f'  r{number}:\n    experiment: e{number}\n    params: {{alpha: "1", beta: "2"}}\n'
        f"    metrics: {{auc: 0.9}}\n    tags: {{team: risk}}\n"
        for number in range(count)
    )
    models = "".join(
        f'  m{number}:\n    experiment: e{number}\n    type: LLM\n    params: {{alpha: "1"}}\n'
        f"    tags: {{team: risk}}\n"
        for number in range(count)
    )
    return f"runs:\n{runs}logged_models:\n{models}"
