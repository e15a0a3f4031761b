/* Intermittent demand: simple exponential smoothing of sizes, intervals and sums (Croston 1972; Syntetos and Boylan
   2005; Teunter, Syntetos and Babai 2011; Petropoulos and Kourentzes 2015). `series` has no gaps. */

#include "members.h"

#include <math.h>

enum { TRIED = 21 };

/* Squares of the errors one step ahead, from the first value on. */
static double squares_of(int rows, const double *series, double alpha) {
    double level = rows ? series[0] : 0, squares = 0;
    for (int t = 1; t < rows; t++) {
        double error = series[t] - level;
        squares += error * error;
        level += alpha * error;
    }
    return squares;
}

/* The smoothing with the smallest errors, of `TRIED` between two bounds: these errors have several valleys, which are
   flat, so a finer answer would be none. */
double demand_smoothing(int rows, const double *series, double lowest, double highest) {
    double best = lowest, least = INFINITY;
    for (int k = 0; k < TRIED; k++) {
        double alpha = lowest + k * (highest - lowest) / (TRIED - 1), squares = squares_of(rows, series, alpha);
        if (squares < least) least = squares, best = alpha;
    }
    return best;
}

/* Croston's forecasts, one a row and one for what follows: smoothed size over smoothed interval, times `factor`. Before
   the first demand there is none: 0. */
void demand_croston(int rows, const double *series, double alpha_size, double alpha_interval, double factor,
                    double *forecasts) {
    double size = 0, interval = 0;
    int since = 0, is_known = 0;
    for (int t = 0; t <= rows; t++) {
        forecasts[t] = is_known ? factor * size / interval : 0;
        if (t == rows) break;
        since++;
        if (series[t] == 0) continue;
        size = is_known ? size + alpha_size * (series[t] - size) : series[t];
        interval = is_known ? interval + alpha_interval * (since - interval) : since;
        is_known = 1;
        since = 0;
    }
}

/* Forecasts by size and probability of demand, which falls with every row without any. */
void demand_probability(int rows, const double *series, double alpha_size, double alpha_probability, double *forecasts) {
    double size = 0, probability = 0;
    int is_known = 0;
    for (int t = 0; t <= rows; t++) {
        forecasts[t] = size * probability;
        if (t == rows) break;
        int is_demand = series[t] != 0;
        probability += t ? alpha_probability * (is_demand - probability) : is_demand;
        if (!is_demand) continue;
        size = is_known ? size + alpha_size * (series[t] - size) : series[t];
        is_known = 1;
    }
}

/* Forecasts of one level of aggregation, added to `forecasts` (one a row and one for what follows): sums of `level`
   rows that end with the last one known, smoothed, over `level`. Each remainder of the row by the level has sums, and a
   smoothed one, of its own: `work` has `level` places. */
void demand_level(int rows, const double *series, int level, double alpha, double share, double *forecasts, double *work) {
    for (int t = 0; t <= rows; t++) {
        int place = t % level; /* of sums that end before row t */
        if (t >= level) {
            double sum = 0;
            for (int k = t - level; k < t; k++) sum += series[k];
            work[place] = t < 2 * level ? sum : work[place] + alpha * (sum - work[place]);
        }
        double mean = t ? series[0] : 0;
        if (t >= level) mean = work[place] / level;
        else for (int k = 1; k < t; k++) mean += (series[k] - mean) / (k + 1);
        forecasts[t] += share * mean;
    }
}
