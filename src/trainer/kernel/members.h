/* What the forecasters beside ARIMA share. A missing value is NaN: it moves no state, and counts in no likelihood. */
#ifndef MEMBERS_H
#define MEMBERS_H

#include "arima.h"

enum {
    LONGEST_SMOOTHED = 24, /* steps of a season whose positions are states of ETS: more would be too many to estimate */
    LONGEST_CYCLE = 20000  /* steps of a season of cycles.c */
};

/* x anywhere to (0, 1), its slope, and the way back. From -50 to 50 it leaves out a ten-thousandth at each end. */
double unit_of(double x);
double unit_slope(double x);
double unit_back(double share);

/* Log-likelihood of normal errors at the best variance: -rows/2 (log(2 pi squares / rows) + 1). */
double normal_likelihood(int rows, double squares);

/* season.c: the index of each position of a season, by classical decomposition of a series without gaps. Added, their
   sum is 0; multiplied, their mean is 1. `work` has `rows` places. Returns 0 below two whole seasons, or where an
   index is not above 0 to multiply by. */
int season_indices(int rows, const double *series, int season, int is_multiplied, double *indices, double *work);

#endif
