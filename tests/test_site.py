"""The documentation as a site: it is built without a warning, holds every page, and loads nothing from elsewhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.tools import outside

ROOT = Path(__file__).parents[1]


def build(source: Path, to: Path) -> subprocess.CompletedProcess[str]:
    """As script/docs does it."""
    script = (ROOT / "script/docs").read_text()
    options = re.findall(r"--(?:fail|keep|nit|quiet|fresh)[\w-]*", script)
    assert len(options) == 5
    command = [sys.executable, "-m", "sphinx", *options, "--conf-dir", "docs", "--doctree-dir", to / "trees", ".", to]
    return subprocess.run(command, cwd=source, env=outside(), capture_output=True, encoding="utf-8", check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def pages() -> list[Path]:
    found = [ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    return [file.relative_to(ROOT) for file in found]


def test_the_site_holds_every_page_and_can_be_walked_from_the_first(site):
    first = (site / "docs/index.html").read_text()
    linked = {(site / "docs" / link.partition("#")[0]).resolve() for link in re.findall(r'href="([^":]+)"', first)}
    wanted = {(site / page).with_suffix(".html").resolve() for page in pages()}
    assert {page for page in wanted if not page.is_file()} == set()
    assert wanted - linked - {(site / "docs/index.html").resolve()} == set()
    assert 'url=docs/index.html"' in (site / "index.html").read_text()


def test_the_site_holds_the_schemas_for_editors(site):
    published = {file.name: file.read_bytes() for file in (ROOT / "schema").iterdir()}
    assert {name: (site / name).read_bytes() for name in published} == published


def test_the_site_loads_nothing_from_elsewhere(site):
    for file in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|img|iframe)[^>]* src="([^"]+)"|<link[^>]* href="([^"]+)"', file.read_text())
        assert [one for pair in loaded for one in pair if one.startswith(("http", "//"))] == [], file


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[x](nowhere.md)", "'nowhere.md'"),
        ("[x](index.md#nowhere)", "'nowhere'"),
        ("![x](nowhere.png)", "nowhere.png"),
    ],
)
def test_what_leads_nowhere_is_an_error(tmp_path, text, complaint):
    docs = tmp_path / "docs"
    for name in ("redirect", "static"):
        shutil.copytree(ROOT / "docs" / name, docs / name)
    shutil.copy(ROOT / "docs/conf.py", docs)
    (docs / "index.md").write_text("# Home\n\n## Part\n\n- [Page](page.md)\n")
    (docs / "page.md").write_text(f"# Page\n\n{text}\n")
    done = build(tmp_path, tmp_path / "bad")
    assert done.returncode
    assert complaint in done.stderr


def test_a_page_that_is_not_listed_is_an_error(tmp_path):
    docs = tmp_path / "docs"
    for name in ("redirect", "static"):
        shutil.copytree(ROOT / "docs" / name, docs / name)
    shutil.copy(ROOT / "docs/conf.py", docs)
    (docs / "index.md").write_text("# Home\n")
    (docs / "page.md").write_text("# Page\n")
    assert "not_included" in build(tmp_path, tmp_path / "site").stderr
