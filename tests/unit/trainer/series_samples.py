"""Small series to train on, and their files."""

import numpy as np
import pandas as pd

# Airline passengers in thousands, 1949 to 1960: Box and Jenkins (1976), series G.
PASSENGERS = (
    *(112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118),
    *(115, 126, 141, 135, 125, 149, 170, 170, 158, 133, 114, 140),
    *(145, 150, 178, 163, 172, 178, 199, 199, 184, 162, 146, 166),
    *(171, 180, 193, 181, 183, 218, 230, 242, 209, 191, 172, 194),
    *(196, 196, 236, 235, 229, 243, 264, 272, 237, 211, 180, 201),
    *(204, 188, 235, 227, 234, 264, 302, 293, 259, 229, 203, 229),
    *(242, 233, 267, 269, 270, 315, 364, 347, 312, 274, 237, 278),
    *(284, 277, 317, 313, 318, 374, 413, 405, 355, 306, 271, 306),
    *(315, 301, 356, 348, 355, 422, 465, 467, 404, 347, 305, 336),
    *(340, 318, 362, 348, 363, 435, 491, 505, 404, 359, 310, 337),
    *(360, 342, 406, 396, 420, 472, 548, 559, 463, 407, 362, 405),
    *(417, 391, 419, 461, 472, 535, 622, 606, 508, 461, 390, 432),
)


def swinging(count: int) -> list[float]:
    steps = np.random.default_rng(7).normal(size=count)
    values = np.zeros(count)
    for place in range(1, count):
        values[place] = 0.6 * values[place - 1] + steps[place]
    return [round(float(value), 4) for value in 50 + values]


def csv_text(values: list[float], start: str = "2024-01-01", freq: str = "D") -> str:
    dates = pd.date_range(start, periods=len(values), freq=freq)
    rows = [f"{date.date()},{value!r}" for date, value in zip(dates, values, strict=True)]
    return "\n".join(["date,value", *rows]) + "\n"
