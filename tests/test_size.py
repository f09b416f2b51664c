"""Small modules, short functions."""

import ast
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent / "reconciler"


def test_no_file_is_over_300_lines_and_no_function_over_50():
    lengths = []
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text()
        assert text.count("\n") <= 300, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                lengths.append(node.end_lineno - node.lineno + 1)
                assert lengths[-1] <= 50, f"{path}:{node.name}"
    assert median(lengths) <= 8
