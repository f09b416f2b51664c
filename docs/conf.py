"""The documentation as a site (Sphinx, MyST, Furo): docs/ and examples/ as they are, in the order of docs/index.md."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sphinx.application import Sphinx

from reconciler.version import __version__

project = "reconciler"
release = __version__
extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"reconciler {release}"
html_copy_source = False
html_extra_path = ["redirect", "../schema"]
html_static_path = ["static"]
html_css_files = ["site.css"]
root_doc = "docs/index"
include_patterns = ["CHANGELOG.md", "docs/**.md", "examples/**.md"]
exclude_patterns = [".*", "build", "dist", "manifests", "mlartifacts", "mlruns", "reconciler", "script", "tests"]
myst_heading_anchors = 4

LISTS = {"docs/index", "examples/README"}
"""The pages that say which pages there are: a heading begins a part of the navigation, each link is a page of it."""
_HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
_PAGE = re.compile(r"\]\(([\w./-]+)\.md\)")


def navigation(text: str) -> Iterator[str]:
    """The hidden tables of contents that a list of pages stands for. So a Git host shows nothing of them."""
    first, *parts = _HEADING.split(text)
    for title, body in [("", first), *zip(parts[::2], parts[1::2], strict=True)]:
        if pages := list(dict.fromkeys(_PAGE.findall(body))):
            caption = f":caption: {title}\n" if title else ""
            yield "\n".join(["```{toctree}", f":hidden:\n{caption}", *pages, "```", ""])


def setup(app: Sphinx) -> None:
    def add(_: Sphinx, name: str, source: list[str]) -> None:
        if name in LISTS:
            source[0] = "\n\n".join([source[0], *navigation(source[0])])

    app.connect("source-read", add)
