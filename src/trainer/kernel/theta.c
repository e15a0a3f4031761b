/* The dynamic optimised Theta model (Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler 2016).

   Given alpha, the one-step forecasts are linear in the first level and in the line's weight 1 - 1/theta, so both are
   found by least squares, and the search has one dimension. The first three errors do not count: the line through so
   few values is not one. All is counted from the first value, which only moves the first level: without that, a series
   far from zero would lose digits. */

#include "members.h"

#include <math.h>

enum { SKIPPED = 3, TRIED = 24, NARROWED = 40 };

static const double LEAST_ALPHA = 0.1, MOST_ALPHA = 0.99;
static const double MOST_WEIGHT = 1 - 1e-10; /* theta of 1e10 */
static const double GOLDEN = 0.6180339887498949;

/* Intercept and slope of the line through the first `t + 1` values, from those of one less. */
typedef struct {
    double mean, intercept, slope;
} Line;

static Line extended(Line line, int t, double value) {
    double count = t + 1, before = line.mean;
    Line next;
    if (t == 0) {
        next.mean = next.intercept = value;
        next.slope = 0;
        return next;
    }
    next.mean = before + (value - before) / count;
    next.slope = ((count - 2) * line.slope + 6 * (value - before) / count) / (count + 1);
    next.intercept = next.mean - next.slope * (count + 1) / 2;
    return next;
}

typedef struct {
    double level, weight, squares;
} Best;

/* Level and weight for an alpha. `lines` has intercept and slope before each row. */
static Best best_at(double alpha, int rows, const double *series, const double *lines) {
    double level = 0, share = 1; /* of the first level, (1 - alpha)^t, is left */
    double xx = 0, xz = 0, zz = 0, xy = 0, zy = 0, yy = 0;
    for (int t = 0; t < rows; t++) {
        double next = share * (1 - alpha);
        double z = lines[2 * t] * share + lines[2 * t + 1] * (1 - next) / alpha;
        double value = series[t] - series[0], y = value - level;
        if (t >= SKIPPED) xx += share * share, xz += share * z, zz += z * z, xy += share * y, zy += z * y, yy += y * y;
        level = alpha * value + (1 - alpha) * level;
        share = next;
    }
    Best best = {0, 0, 0};
    double determinant = xx * zz - xz * xz;
    if (xx > 1e-9 * rows) { /* else no error that counts depends on the first level */
        if (determinant > 1e-12 * xx * zz) best.weight = (zy * xx - xy * xz) / determinant;
        best.weight = best.weight < 0 ? 0 : best.weight > MOST_WEIGHT ? MOST_WEIGHT : best.weight;
        best.level = (xy - best.weight * xz) / xx;
    } else if (zz > 0) {
        best.weight = (zy - best.level * xz) / zz;
        best.weight = best.weight < 0 ? 0 : best.weight > MOST_WEIGHT ? MOST_WEIGHT : best.weight;
    }
    double a = best.level, b = best.weight;
    best.squares = yy + a * a * xx + b * b * zz + 2 * (a * b * xz - a * xy - b * zy);
    return best;
}

/* numbers: alpha, first level less the first value, weight 1 - 1/theta. Returns the squares of the errors that count; NaN below five rows.
   `work` has two places a row. */
double theta_fit(int rows, const double *series, double *numbers, double *work) {
    Line line = {0, 0, 0};
    double best_alpha = 0.5, low, high, step = (MOST_ALPHA - LEAST_ALPHA) / (TRIED - 1);
    Best best = {0, 0, INFINITY};
    if (rows < SKIPPED + 2) return NAN;
    for (int t = 0; t < rows; t++) {
        work[2 * t] = line.intercept;
        work[2 * t + 1] = line.slope;
        line = extended(line, t, series[t] - series[0]);
    }
    for (int k = 0; k < TRIED; k++) {
        Best found = best_at(LEAST_ALPHA + k * step, rows, series, work);
        if (found.squares < best.squares) best = found, best_alpha = LEAST_ALPHA + k * step;
    }
    low = best_alpha - step > LEAST_ALPHA ? best_alpha - step : LEAST_ALPHA;
    high = best_alpha + step < MOST_ALPHA ? best_alpha + step : MOST_ALPHA;
    double left = high - GOLDEN * (high - low), right = low + GOLDEN * (high - low);
    Best at_left = best_at(left, rows, series, work), at_right = best_at(right, rows, series, work);
    for (int k = 0; k < NARROWED; k++) {
        if (at_left.squares <= at_right.squares) {
            high = right, right = left, at_right = at_left;
            left = high - GOLDEN * (high - low);
            at_left = best_at(left, rows, series, work);
        } else {
            low = left, left = right, at_left = at_right;
            right = low + GOLDEN * (high - low);
            at_right = best_at(right, rows, series, work);
        }
    }
    if (at_left.squares < best.squares) best = at_left, best_alpha = left;
    numbers[0] = best_alpha, numbers[1] = best.level, numbers[2] = best.weight;
    return best.squares;
}

/* One-step forecasts of the rows, then the means of `steps` more, each taken for the value of its step. */
void theta_run(int rows, const double *series, const double *numbers, int steps, double *fitted, double *means) {
    double alpha = numbers[0], level = numbers[1], weight = numbers[2], share = 1, first = rows ? series[0] : 0;
    Line line = {0, 0, 0};
    for (int t = 0; t < rows + steps; t++) {
        double next = share * (1 - alpha);
        double forecast = level + weight * (line.intercept * share + line.slope * (1 - next) / alpha);
        double value = t < rows ? series[t] - first : forecast;
        if (t < rows) fitted[t] = first + forecast;
        else means[t - rows] = first + forecast;
        level = alpha * value + (1 - alpha) * level;
        line = extended(line, t, value);
        share = next;
    }
}
