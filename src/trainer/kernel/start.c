/* A point from which to climb: the regression of Hannan and Rissanen (1982, Biometrika 69, 81-94).

   A long autoregression (Levinson 1947) gives errors; the series is regressed on its own lags and on theirs. Seasonal
   lags are taken as additive, which is near enough for a start. */

#include "arima.h"

#include <math.h>
#include <string.h>

/* Best linear predictor on `lags` lags of its own past, by Levinson's recursion on the sample autocovariances. */
static void long_autoregression(int rows, const double *series, int lags, double *autocovariance, double *polynomial,
                                double *before) {
    for (int lag = 0; lag <= lags; lag++) {
        double sum = 0;
        for (int t = lag; t < rows; t++) sum += series[t] * series[t - lag];
        autocovariance[lag] = sum;
    }
    double error = autocovariance[0];
    for (int k = 0; k < lags; k++) {
        double sum = autocovariance[k + 1];
        for (int j = 0; j < k; j++) sum -= polynomial[j] * autocovariance[k - j];
        double partial = error > 0 ? sum / error : 0;
        memcpy(before, polynomial, (size_t)k * sizeof(double));
        for (int j = 0; j < k; j++) polynomial[j] = before[j] - partial * before[k - 1 - j];
        polynomial[k] = partial;
        error *= 1 - partial * partial;
    }
}

/* Solve a symmetric system in place by Cholesky; directions without weight get 0. */
static void solve(int size, double *matrix, double *right) {
    for (int i = 0; i < size; i++) {
        double whole = matrix[i * size + i];
        for (int j = 0; j <= i; j++) {
            double sum = matrix[i * size + j];
            for (int k = 0; k < j; k++) sum -= matrix[i * size + k] * matrix[j * size + k];
            if (j < i)
                matrix[i * size + j] = matrix[j * size + j] > 0 ? sum / matrix[j * size + j] : 0;
            else
                matrix[i * size + i] = sum > 1e-12 * whole ? sqrt(sum) : 0;
        }
        double sum = right[i];
        for (int k = 0; k < i; k++) sum -= matrix[i * size + k] * right[k];
        right[i] = matrix[i * size + i] > 0 ? sum / matrix[i * size + i] : 0;
    }
    for (int i = size - 1; i >= 0; i--) {
        double sum = right[i];
        for (int k = i + 1; k < size; k++) sum -= matrix[k * size + i] * right[k];
        right[i] = matrix[i * size + i] > 0 ? sum / matrix[i * size + i] : 0;
    }
}

/* A plain polynomial to free numbers, shrunk until its partial autocorrelations are well inside (-1, 1). */
static void to_free(int count, const double *polynomial, double *free) {
    double row[LONGEST], before[LONGEST], partial[LONGEST];
    for (double shrink = 1;; shrink *= 0.9) {
        double power = 1;
        int is_inside = 1;
        for (int j = 0; j < count; j++) row[j] = polynomial[j] * (power *= shrink);
        for (int k = count - 1; k >= 0 && is_inside; k--) {
            partial[k] = row[k];
            is_inside = fabs(row[k]) < 0.97;
            double rest = 1 - row[k] * row[k];
            memcpy(before, row, (size_t)k * sizeof(double));
            for (int j = 0; j < k; j++) row[j] = (before[j] + partial[k] * before[k - 1 - j]) / rest;
        }
        if (is_inside) break;
        if (shrink < 1e-3) {
            memset(partial, 0, sizeof partial);
            break;
        }
    }
    for (int k = 0; k < count; k++) free[k] = partial[k] / sqrt(1 - partial[k] * partial[k]);
}

static int long_lags(const Shape *s, int rows) {
    int wanted = shape_ar(s) > shape_ma(s) ? shape_ar(s) : shape_ma(s);
    wanted = wanted + 10 < rows / 4 ? wanted + 10 : rows / 4;
    return wanted;
}

size_t start_room(const Shape *s, int rows) {
    return 3 * (size_t)long_lags(s, rows) + 1 + (size_t)rows + 16 * LONGEST * LONGEST + 4 * LONGEST;
}

/* Regress the series on its own lags and on those of a long autoregression's errors. */
void regression_start(const Shape *s, int rows, const double *series, double *free, double *work) {
    const int counts[4] = {s->p, s->q, s->seasonal_p, s->seasonal_q};
    const int steps[4] = {1, 1, s->season, s->season};
    int lags = long_lags(s, rows), size = shape_parameters(s), longest = 0, offsets[4 * LONGEST];
    double *autocovariance = work, *polynomial = autocovariance + lags + 1, *before = polynomial + lags;
    double *errors = before + lags, *matrix = errors + rows, *right = matrix + 16 * LONGEST * LONGEST;
    const double *sources[4 * LONGEST];
    memset(free, 0, (size_t)size * sizeof(double));
    for (int part = 0, at = 0; part < 4; part++)
        for (int lag = 1; lag <= counts[part]; lag++, at++) {
            offsets[at] = lag * steps[part];
            sources[at] = part % 2 ? errors : series;
            longest = offsets[at] > longest ? offsets[at] : longest;
        }
    if (rows - lags - longest < 2 * size + 2) return;
    long_autoregression(rows, series, lags, autocovariance, polynomial, before);
    for (int t = 0; t < rows; t++) {
        errors[t] = series[t];
        for (int j = 0; j < lags && j < t; j++) errors[t] -= polynomial[j] * series[t - 1 - j];
    }
    for (int i = 0; i < size; i++) {
        for (int j = 0; j <= i; j++) {
            double sum = 0;
            for (int t = lags + longest; t < rows; t++) sum += sources[i][t - offsets[i]] * sources[j][t - offsets[j]];
            matrix[i * size + j] = sum;
        }
        right[i] = 0;
        for (int t = lags + longest; t < rows; t++) right[i] += sources[i][t - offsets[i]] * series[t];
    }
    solve(size, matrix, right);
    for (int part = 0; part < 4; part++) {
        double plain[LONGEST];
        for (int j = 0; j < counts[part]; j++) plain[j] = part % 2 ? -right[j] : right[j];
        to_free(counts[part], plain, free);
        free += counts[part];
        right += counts[part];
    }
}
