"""The benchmarks: each still runs, has its place on the page, and says of a size how it grows."""

import pytest

from tests.bench import page
from tests.bench.__main__ import BENCHES
from tests.bench.fit import exponent
from tests.bench.measure import Ratio, Row, Table, Taken, rates, row
from tests.tally import ALL

WITH_SERVERS = ("B3", "B4", "B4w", "B5")
SIZES = (1_000, 10_000, 100_000)
TABLE = Table("B1", "Start-up", ("ours", "reference"), [Row("`--version`", ["38 ms", "10 ms"], "≤ 5", reached=True)])


@pytest.mark.parametrize("power", [0, 1, 2])
def test_the_exponent_is_that_of_the_growth(power):
    assert exponent({size: 3.0 * size**power for size in SIZES}) == pytest.approx(power)


def test_the_exponent_leaves_out_what_is_there_whatever_the_size():
    values = {size: 40.0 + size / 1_000 for size in SIZES}
    assert exponent(values) < 0.5
    assert exponent(values, 40.0) == pytest.approx(1)


def test_a_ratio_is_the_median_of_those_of_the_rounds():
    ratio = Ratio([Taken(2), Taken(3), Taken(40)], [Taken(1), Taken(1), Taken(10)])
    assert ratio.median == 3
    assert row("it", ratio, most=3).reached
    assert not row("it", ratio, most=2.9).reached


def test_a_rate_has_to_be_at_least_what_was_set_out():
    pairs = [(Taken(2), Taken(1)), (Taken(4), Taken(2)), (Taken(1), Taken(9))]
    assert rates("it", pairs, least=0.5).reached
    assert not rates("it", pairs, least=0.6).reached


@pytest.mark.parametrize("name", BENCHES)
def test_each_has_its_place_on_the_page(name, tmp_path):
    copy = tmp_path / "performance.md"
    copy.write_text(page.PAGE.read_text())
    page.put(Table(name, "", TABLE.head, TABLE.rows), copy)
    assert copy.read_text().count("| `--version` | 38 ms | 10 ms | ≤ 5 | reached |") == 1


def test_what_stood_in_its_place_is_gone_and_the_rest_is_left(tmp_path):
    copy = tmp_path / "page.md"
    copy.write_text("a\n<!-- B1 -->\nold\n<!-- end of B1 -->\nb\n")
    page.put(TABLE, copy)
    text = copy.read_text()
    assert text.startswith("a\n<!-- B1 -->\n|")
    assert text.endswith("\n<!-- end of B1 -->\nb\n")
    assert "old" not in text


def test_a_page_without_a_place_is_refused_and_left(tmp_path):
    copy = tmp_path / "page.md"
    copy.write_text("nothing\n")
    with pytest.raises(ValueError, match="no place for B1"):
        page.put(TABLE, copy)
    assert copy.read_text() == "nothing\n"


@pytest.mark.skipif(not ALL, reason="takes minutes; RECONCILER_TEST_ALL=1 does")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.real) if name in WITH_SERVERS else name for name in BENCHES]
)
def test_each_still_runs(name, tmp_path):
    if name == "B2":
        pytest.importorskip("octodns", reason="script/bootstrap local test bench")
    table = BENCHES[name](tmp_path, quick=True)
    assert table.name == name
    assert table.rows
    assert {len(one.cells) for one in table.rows} == {len(table.head)}
