"""The page of a plan in a real browser: it runs and loads nothing, fits a phone, and its filter works without a script.

It needs a Chromium: the one of `RECONCILER_TEST_CHROMIUM`, one on the PATH, or playwright's own.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from playwright import sync_api

from reconciler.core.address import Address
from reconciler.core.document import load
from reconciler.report.html import html
from tests.unit.test_report_html import HOSTILE, UPDATE, change, plan

GOLDEN = Path(__file__).parents[1] / "golden" / "large-mixed" / "plan.json"
COLORS = {"light": ["rgb(31, 35, 40)", "rgb(246, 247, 249)"], "dark": ["rgb(232, 235, 239)", "rgb(14, 17, 22)"]}
WIDTHS = {"small": 320, "phone": 390, "desktop": 1280}


@pytest.fixture(scope="module")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
    path = os.environ.get("RECONCILER_TEST_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    with sync_api.sync_playwright() as play:
        path = path or play.chromium.executable_path
        if not Path(path).exists():
            pytest.skip("there is no Chromium")
        found = play.chromium.launch(executable_path=path, args=["--disable-gpu", "--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page in a window of its own; what it tells, asks for and runs is in `said`."""
    contexts = []

    def open_(text, width=1280, *, scripts=False, scheme="light"):
        file = tmp_path / "plan.html"
        file.write_text(text, encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 800}, java_script_enabled=scripts, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        found = context.new_page()
        found.said = []
        found.on("console", lambda message: found.said.append(message.text))
        found.on("dialog", lambda dialog: (found.said.append(dialog.message), dialog.dismiss()))
        found.on("request", lambda request: found.said.append(request.url))
        found.goto(file.as_uri())
        assert found.said.pop(0) == file.as_uri()
        return found

    yield open_
    for context in contexts:
        context.close()


def large():
    return html(load(GOLDEN.read_text(encoding="utf-8"), str(GOLDEN))[0], "1", "manifests/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_it_fits_every_width_and_loads_nothing(opened, width, scheme):
    found = opened(large(), width, scripts=True, scheme=scheme)
    assert found.evaluate("document.documentElement.scrollWidth") <= width
    assert found.evaluate("document.scripts.length") == 0
    colors = found.evaluate("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    assert colors == COLORS[scheme]
    assert found.said == []


def test_the_filter_works_without_a_script(opened):
    found = opened(large())
    steps = found.locator("details.step:visible")
    assert steps.count() == 60
    found.locator("#action-delete").check()
    assert steps.count() == 6
    found.locator("#action-restore").check()
    assert steps.count() == 8
    found.locator("#kind-0").check()
    assert steps.count() == 5
    assert found.locator("nav li:visible").count() == 5
    found.get_by_role("button", name="Show all").click()
    assert steps.count() == 60


def test_it_can_be_used_from_the_keyboard(opened):
    found = opened(large(), scripts=True)
    found.keyboard.press("Tab")
    assert found.evaluate("document.activeElement.textContent") == "Skip to the steps"
    found.keyboard.press("Tab")
    found.keyboard.press("Space")
    assert found.evaluate("document.activeElement.id") == "action-delete"
    assert found.locator("details.step:visible").count() == 6


@pytest.mark.parametrize("odd", HOSTILE)
def test_nothing_that_is_quoted_runs(opened, odd):
    step = replace(
        UPDATE, address=Address("runs", odd), reason=odd, changes=(change(odd, odd + "x", path=("tags", odd)),)
    )
    found = opened(html(plan(step, replace(UPDATE, needs=(step.address,))), "1", odd), scripts=True)
    assert found.evaluate("document.scripts.length") == 0
    assert found.evaluate("document.images.length") == 0
    assert found.locator("details.step").count() == 2
    assert found.said == []


def test_the_policy_stops_what_would_get_in_all_the_same(opened):
    """As if something had been missed: neither a script nor a request nor a style comes of it."""
    bad = "<script>alert(1)</script><img src='http://localhost:9/x' onerror='alert(2)'><style>body{color:red}</style>"
    found = opened(large().replace("<footer>", f"{bad}<footer>"), scripts=True)
    assert found.evaluate("getComputedStyle(document.body).color") == "rgb(31, 35, 40)"
    assert not any(one in {"1", "2"} for one in found.said)
    assert sum("Content Security Policy" in one for one in found.said) >= 3
