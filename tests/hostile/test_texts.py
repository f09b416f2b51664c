"""Every hostile manifest and configuration ends in findings with their places, and nothing is written."""

from __future__ import annotations

import os
import random

import pytest

from reconciler.inputs import LARGE
from tests.e2e.tools import writes
from tests.hostile.corpus import HERE, cases, check, documented, places, told

MANIFESTS, CONFIGS = cases("manifests", ".yaml"), cases("configs", ".yaml")
EVERY = [*(("manifests", case) for case in MANIFESTS), *(("configs", case) for case in CONFIGS)]
SAMPLE = 100 if os.environ.get("RECONCILER_TEST_ALL") else 10
SERVER = b"http://localhost:5000"
RUNTIME = ("[bad-connection]", "[bad-store]", "[not-tracking]", "[unreachable]")
"""Findings of a configuration that are made when a server is to be asked, and have no place."""


def put(shell, corpus, case, url):
    """Make the case part of the shell's stack; what is said of it, and the file that findings name."""
    text = (HERE / corpus / f"{case}.yaml").read_bytes().replace(SERVER, url.encode())
    name = "manifests/main.yaml" if corpus == "manifests" else "manifests/reconciler.yaml"
    if corpus == "configs":
        shell.manifest("experiments: {fraud: {}}\n")
    shell.write(name, "").write_bytes(text)
    return name


@pytest.mark.parametrize("case", MANIFESTS)
def test_a_hostile_manifest(case, shell, fake, url, update):
    name = put(shell, "manifests", case, url)
    large = len((shell.folder / name).read_text(errors="replace")) >= LARGE  # one search, while it is read
    result = shell("plan", code=None)
    assert writes(fake) == []
    if result.code:
        assert all(places(result))
        assert result.code == documented(result)
        assert len(fake.requests) <= large
    check("manifests", case, told(result, name), update=update)


@pytest.mark.parametrize("case", CONFIGS)
def test_a_hostile_configuration(case, shell, fake, url, update):
    name = put(shell, "configs", case, url)
    result = shell("plan", code=None)
    assert writes(fake) == []
    found = told(result, name)
    if result.code:
        assert all(places(result)) or any(code in found for code in RUNTIME)
        assert result.code == documented(result)
    check("configs", case, found, update=update)


@pytest.mark.parametrize(("corpus", "case"), random.Random(2).sample(EVERY, SAMPLE))
def test_a_program_of_its_own_says_the_same(corpus, case, shell, url):
    name = put(shell, corpus, case, url)
    result = shell.run("plan", code=None, TOKEN="s3cret-canary")
    assert "internal error" not in result.err
    check(corpus, case, told(result, name), update=False)
