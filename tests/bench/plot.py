"""A picture of how one figure grows with another: both axes logarithmic, with the line of linear growth."""

from __future__ import annotations

import math
from collections.abc import Mapping

WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM, TOP = 640, 400, 70, 40, 50, 20


def loglog(points: Mapping[int, float], across: str, up: str) -> str:
    """An SVG that is readable in light and dark."""
    xs, ys = list(points), list(points.values())
    decades = (math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys))))

    def at(x: float, y: float) -> tuple[float, float]:
        width = (math.log10(x) - math.log10(min(xs))) / (math.log10(max(xs)) - math.log10(min(xs)))
        height = (math.log10(y) - decades[0]) / (decades[1] - decades[0])
        return LEFT + width * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - height * (HEIGHT - BOTTOM - TOP)

    marks = [_text(at(x, 10 ** decades[0])[0], HEIGHT - BOTTOM + 20, f"{x:,}", "middle") for x in xs]
    for exponent in range(decades[0], decades[1] + 1):
        _, y = at(xs[0], 10**exponent)
        marks.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        marks.append(_text(LEFT - 8, y + 4, f"{10.0**exponent:g}", "end"))
    last = (xs[-1], ys[-1])
    start = last[1] * xs[0] / last[0]
    first = (xs[0], start) if start >= 10 ** decades[0] else (last[0] * 10 ** decades[0] / last[1], 10 ** decades[0])
    ends = [at(*first), at(*last)]
    marks.append(f'<polyline class="linear" points="{_points(ends)}"/>')
    marks.append(f'<polyline class="found" points="{_points(at(x, y) for x, y in points.items())}"/>')
    dots = [at(x, y) for x, y in points.items()]
    marks += [f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in dots]
    marks.append(_text(WIDTH / 2, HEIGHT - 10, f"{across} (dashed: linear growth)", "middle"))
    marks.append(_text(LEFT - 8, 12, up, "end"))
    body = "\n".join(marks)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    return f"{head}\n{_STYLE}\n{body}\n</svg>\n"


_STYLE = """<style>
text { font: 12px sans-serif; fill: #57606a; }
.grid { stroke: #d0d7de; stroke-width: 1; }
.found { fill: none; stroke: #0969da; stroke-width: 2; }
.dot { fill: #0969da; }
.linear { fill: none; stroke: #8c959f; stroke-dasharray: 6 4; }
@media (prefers-color-scheme: dark) { text { fill: #adbac7; } .grid { stroke: #444c56; } .found { stroke: #539bf5; } }
</style>"""


def _points(points) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'
