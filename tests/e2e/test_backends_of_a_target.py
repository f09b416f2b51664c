"""`backends --target`: what the server of a target can do."""

import pytest

from tests.fakes.mlflow import FakeMlflow
from tests.fakes.mlflow.ages import V1_30, V2_9, Age


def configure(shell, url, more=""):
    shell.write("manifests/reconciler.yaml", f"stack: ml\ntargets:\n  it: {{url: '{url}'{more}}}\n")


def test_the_newest_lacks_nothing(shell, fake, url):
    configure(shell, url)
    lines = shell("backends", "--target", "it").out.splitlines()
    assert lines[0] == f"it  mlflow, 3.17.2, {url}"
    assert [line.split()[0] for line in lines[1:]] == ["experiments", "logged_models", "runs"]
    assert {request.method for request in fake.requests if not request.path.endswith("/search")} == {"GET"}


def test_an_older_one_lacks_some_and_holds_less(shell):
    with FakeMlflow(age=V2_9).serve() as url:
        configure(shell, url)
        out = shell("backends", "--target", "it").out
    assert out.startswith(f"it  mlflow, 2.9.2, {url}\n")
    assert "\n  logged_models   none: MLflow 2.9.2 has no logged models (in MLflow since 3.0)\n" in out
    assert "\n  experiments.remove_tag  MLflow 2.9.2 has no request that removes a tag" in out
    assert "\n  runs.tags                at most 5,000 characters\n" in out


def test_one_that_tells_no_version(shell):
    with FakeMlflow(age=V1_30).serve() as url:
        configure(shell, url)
        out = shell("backends", "--target", "it").out
    assert out.startswith(f"it  mlflow, no version, {url}\n")
    assert "  runs.params              at most 500 characters\n" in out


def test_a_search_without_like_is_done_without_it(shell):
    fake = FakeMlflow(age=Age("", like=False))
    with fake.serve() as url:
        configure(shell, url)
        assert "  tags.like  the server's searches take no LIKE\n" in shell("backends", "--target", "it").out
        stack = "experiments: {fraud: {tags: {team: ml}}}\nruns: {r: {experiment: fraud}}\n"
        assert "2 done" in shell.apply(stack).out
        assert "No changes" in shell("plan").out
        assert "2 done" in shell("destroy", "--yes").out


def test_what_only_reads_writes_nothing(shell, fake, url):
    configure(shell, url)
    shell("backends", "--target", "it", "--journal", "requests")
    assert '"write"' not in (shell.folder / "requests").read_text()


@pytest.mark.parametrize(("password", "code"), [("pa55", 0), ("wrong", 6)])
def test_credentials(shell, password, code):
    with FakeMlflow(auth=("ada", "pa55")).serve() as url:
        configure(shell, url, f", username: ada, password: {password}")
        assert ("[credentials]" in shell("backends", "--target", "it", code=code).err) == bool(code)


def test_no_server(shell):
    configure(shell, "http://127.0.0.1:1")
    assert "[unreachable]" in shell("backends", "--target", "it", "--timeout", "1", code=1).err


def test_an_unknown_target(shell, url):
    configure(shell, url)
    assert "[unknown-target]" in shell("backends", "--target", "other", code=1).err


def test_a_backend_whose_servers_are_all_alike(shell):
    from tests.fakes.tenant import FakeTenant

    with FakeTenant().serve() as url:
        configure(shell, url, ", backend: tenant, tenant: acme-corp, token: t")
        out = shell("backends", "--target", "it").out
    assert out.startswith("it  tenant, not asked for a version, ")
