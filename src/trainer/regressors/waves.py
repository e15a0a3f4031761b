"""Sine and cosine of steps in a period, with the same bits on every processor.

The library's sine chooses its instructions by the processor, and so the last bit. Here the step is
brought into an eighth of a turn without any rounding (an IEEE remainder), and two Taylor
polynomials in the quarter turn follow: additions and multiplications of doubles, each rounded once.
"""

import math

# A quarter turn, as the sum of two doubles.
_QUARTER = 1.5707963267948966
_QUARTER_REST = 6.123233995736766e-17
# (-1)^n (pi/2)^m / m! for m = 3, 5, ... 17 and m = 2, 4, ... 18.
SINE = (
    -0.6459640975062463,
    0.07969262624616705,
    -0.004681754135318688,
    0.00016044118478735983,
    -3.598843235212085e-06,
    5.692172921967927e-08,
    -6.688035109811468e-10,
    6.0669357311061955e-12,
)
COSINE = (
    -1.2337005501361697,
    0.25366950790104803,
    -0.02086348076335296,
    0.0009192602748394266,
    -2.5202042373060607e-05,
    4.710874778818172e-07,
    -6.386603083791852e-09,
    6.565963114979473e-11,
    -5.294400200734623e-13,
)


def sine_and_cosine(step: int, period: float) -> tuple[float, float]:
    """Return sine and cosine of `step / period` turns, each within 2e-16 of the true value."""
    quarters = 4.0 * step
    rest = math.remainder(quarters, period)
    quadrant = round((quarters - rest) / period) % 4
    part = rest / period
    sine, cosine = _sine(part), _cosine(part)
    return ((sine, cosine), (cosine, -sine), (-sine, -cosine), (-cosine, sine))[quadrant]


def _sine(part: float) -> float:
    """Return the sine of a part of a quarter turn, -0.5 to 0.5."""
    square, sum_ = part * part, 0.0
    for factor in reversed(SINE):
        sum_ = sum_ * square + factor
    return part * _QUARTER + (part * _QUARTER_REST + part * square * sum_)


def _cosine(part: float) -> float:
    square, sum_ = part * part, 0.0
    for factor in reversed(COSINE):
        sum_ = sum_ * square + factor
    return 1.0 + square * sum_
