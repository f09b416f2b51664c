"""How what was measured grows with the size: the exponent, 1 where it is linear."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import linear_regression


def exponent(values: Mapping[int, float], base: float = 0.0) -> float:
    """That of `values`, by size, less `base`: what is there whatever the size."""
    points = [(math.log(size), math.log(value - base)) for size, value in values.items()]
    return linear_regression([x for x, _ in points], [y for _, y in points]).slope
