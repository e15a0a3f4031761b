"""Forecasters beside ARIMA, by kernels in C: the members that a combination can have.

    from trainer.members.kinds import KINDS, fit, refit, run

    member = fit("ets", values, season=12)      # values: shape (rows,), NaN for gaps
    ahead = run(member, values, horizon=18)     # fitted, mean, standard_error; no search
    shorter = run(member, values[:-18], 18)     # the same numbers on other rows
    later = refit(member, values[:-18])         # the same form, its numbers found again: a backtest
    text = json.dumps(member.to_dict())         # and back: member_of(json.loads(text))

A `Member` is plain numbers: kind, form, season, and all that `run` needs besides the values.

| kind | form | numbers | source |
| --- | --- | --- | --- |
| ets | error, trend, season, such as MAdM, and /M or /A where the series was seasonally adjusted |
  alpha, beta, gamma, phi, level, trend, one for each position, the adjustment's indices | ets.py |
| theta | /N, /M or /A: the adjustment | alpha, level, 1 - 1/theta, the indices | theta.py |
| ces | none, simple, partial, full | alpha and beta, real and imaginary; states | ces.py |
| croston, sba, tsb, imapa | none | the smoothing | demand.py |
| mean, naive, drift, seasonal_naive | none | none | simple.py |

`ets` and `theta` are cheap (0.005 and 0.0002 CPU seconds for a hundred monthly rows); `ces` costs
as much as `ets` and forecasts worse on yearly data. `member.middle` joins forecasts halfway from
mean to median.

`fit` raises MemberUnavailableError where a series does not allow a kind, with the reason; one of
the simple kinds fits every series that has a value. A backtest that must see nothing after an
origin calls `refit` (or `fit`, which chooses the form again) at each origin: `run` alone keeps
numbers, states before the first row and indices that later rows determined.

The bits are the same on every processor: the C files use + - * / and sqrt alone, and Python here
adds nothing but elementwise operations and `math.fsum`.
"""
