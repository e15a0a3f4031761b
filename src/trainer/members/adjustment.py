"""Seasonal adjustment by classical decomposition, as the Theta method has it."""

from dataclasses import dataclass

import numpy as np

from trainer.fit.order import Floats
from trainer.kernel.smoothing import is_seasonal, season_indices
from trainer.members.member import filled

NONE = "N"
_ADDED, _MULTIPLIED = "A", "M"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """How a season is taken out: N not at all, A subtracted, M divided by; an index a position."""

    how: str
    indices: tuple[float, ...] = ()

    def removed(self, values: Floats) -> Floats:
        """Return the series without its season; its first row is position 0."""
        if self.how == NONE:
            return values
        index = self.at(0, len(values))
        return values / index if self.how == _MULTIPLIED else values - index

    def restored(self, values: Floats, start: int) -> Floats:
        """Return values whose first one is row `start`, with the season."""
        if self.how == NONE:
            return values
        index = self.at(start, len(values))
        return values * index if self.how == _MULTIPLIED else values + index

    def spread(self, errors: Floats, start: int) -> Floats:
        """Return the standard errors that adjusted ones are, with the season."""
        return errors * self.at(start, len(errors)) if self.how == _MULTIPLIED else errors

    def at(self, start: int, count: int) -> Floats:
        """Return the index of so many rows from `start` on."""
        return np.array(self.indices)[(start + np.arange(count)) % len(self.indices)]


def adjustment_of(values: Floats, season: int) -> Adjustment:
    """Return the adjustment of a series: N where the 90 % test finds no season."""
    whole = filled(values)
    if season > 1 and is_seasonal(whole, season):
        known = values[~np.isnan(values)]
        indices = season_indices(whole, season, is_multiplied=True) if known.min() > 0 else None
        if indices is not None:
            return Adjustment(how=_MULTIPLIED, indices=tuple(indices.tolist()))
        indices = season_indices(whole, season, is_multiplied=False)
        if indices is not None:
            return Adjustment(how=_ADDED, indices=tuple(indices.tolist()))
    return Adjustment(how=NONE)
