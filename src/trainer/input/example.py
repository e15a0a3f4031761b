"""The series for a first run without a file: AirPassengers, which comes with pmdarima."""

from trainer.interruption import held_back

NAME = "AirPassengers"
_FIRST_YEAR = 1949


def example_csv() -> bytes:
    """Return the monthly airline passengers of 1949 to 1960 as a CSV. Asks no network."""
    with held_back():
        from pmdarima.datasets import load_airpassengers  # noqa: PLC0415 - two seconds, only here

    lines = ["Month,Passengers"]
    for place, passengers in enumerate(load_airpassengers()):
        lines.append(f"{_FIRST_YEAR + place // 12}-{place % 12 + 1:02d}-01,{int(passengers)}")
    return ("\n".join(lines) + "\n").encode()
