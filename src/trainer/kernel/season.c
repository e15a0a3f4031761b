/* Seasons: is there one, and what is its shape (classical decomposition; Makridakis, Wheelwright and Hyndman 1998,
   ch. 3), and what the members share. */

#include "members.h"

#include <math.h>

static const double LOG_2_PI = 1.8378770664093454836;
static const double LEAST_SQUARE = 1e-26; /* of series whose values are about 1: rounding and no error */
static const double AT_90 = 1.6448536269514722; /* what a normal number exceeds in absolute value in 10 % of cases */
static const double LEAST_INDEX = 1e-2;

double unit_of(double x) { return 0.5 + 0.5 * x / sqrt(1 + x * x); }

double unit_slope(double x) {
    double square = 1 + x * x;
    return 0.5 / (square * sqrt(square));
}

double unit_back(double share) {
    double centred = 2 * share - 1, rest = 1 - centred * centred;
    return rest < 4e-4 ? (centred > 0 ? 50 : -50) : centred / sqrt(rest);
}

double normal_likelihood(int rows, double squares) {
    double mean = squares / rows;
    return -0.5 * rows * (LOG_2_PI + 1 + kernel_log(mean > LEAST_SQUARE ? mean : LEAST_SQUARE));
}

/* The 90 % test of the autocorrelation at one season (Fiorucci et al. 2016), against Bartlett's error of it. */
int season_is_visible(int rows, const double *series, int season) {
    double mean = 0, whole = 0, squares = 0, last = 0;
    if (season < 2 || rows < 2 * season + 1) return 0;
    for (int t = 0; t < rows; t++) mean += series[t] / rows;
    for (int t = 0; t < rows; t++) whole += (series[t] - mean) * (series[t] - mean);
    if (!(whole > 0)) return 0;
    for (int lag = 1; lag <= season; lag++) {
        double sum = 0;
        for (int t = lag; t < rows; t++) sum += (series[t] - mean) * (series[t - lag] - mean);
        last = sum / whole;
        if (lag < season) squares += last * last;
    }
    return fabs(last) > AT_90 * sqrt((1 + 2 * squares) / rows);
}

/* The mean of `season` steps around each row, half of the outermost ones where the season is even. */
static void moving_mean(int rows, const double *series, int season, double *means) {
    int half = season / 2;
    for (int t = half; t + half < rows; t++) {
        double sum = 0;
        if (season % 2) {
            for (int k = t - half; k <= t + half; k++) sum += series[k];
        } else {
            sum = 0.5 * (series[t - half] + series[t + half]);
            for (int k = t - half + 1; k < t + half; k++) sum += series[k];
        }
        means[t] = sum / season;
    }
}

int season_indices(int rows, const double *series, int season, int is_multiplied, double *indices, double *work) {
    int half = season / 2;
    double centre = 0;
    if (season < 2 || rows < 2 * season) return 0;
    moving_mean(rows, series, season, work);
    for (int place = 0; place < season; place++) {
        double sum = 0;
        int count = 0, first = place;
        while (first < half) first += season;
        for (int t = first; t + half < rows; t += season, count++)
            sum += is_multiplied ? series[t] / work[t] : series[t] - work[t];
        if (!count) return 0;
        indices[place] = sum / count;
        centre += indices[place] / season;
    }
    for (int place = 0; place < season; place++) {
        indices[place] = is_multiplied ? indices[place] / centre : indices[place] - centre;
        if (!(is_multiplied ? indices[place] > LEAST_INDEX && indices[place] < INFINITY : fabs(indices[place]) < INFINITY))
            return 0;
    }
    return 1;
}
