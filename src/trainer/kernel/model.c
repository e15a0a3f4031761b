/* From free numbers to a model and its autocovariances, and backwards for the gradient.

   Parameters: partial autocorrelations (Barndorff-Nielsen and Schou 1973; Monahan 1984), each x / sqrt(1 + x^2), so that
   every point is a stationary and invertible model. Backwards: reverse accumulation (Griewank and Walther 2008). */

#include "arima.h"
#include "pairs.h"

#include <math.h>
#include <string.h>

static const double NEAR = 1e3; /* an autoregression of such a variance has roots near 1: doubles lose its digits */

int shape_fits(const Shape *s) {
    const int counts[4] = {s->p, s->q, s->seasonal_p, s->seasonal_q};
    for (int part = 0; part < 4; part++)
        if (counts[part] < 0 || counts[part] > LONGEST) return 0;
    return s->season <= LONGEST_SEASON && s->season >= (s->seasonal_p + s->seasonal_q > 0);
}

int shape_parameters(const Shape *shape) { return shape->p + shape->q + shape->seasonal_p + shape->seasonal_q; }

int shape_ar(const Shape *s) { return s->p + s->season * s->seasonal_p; }
int shape_ma(const Shape *s) { return s->q + s->season * s->seasonal_q; }

int shape_states(const Shape *shape) {
    int p = shape_ar(shape), q = shape_ma(shape);
    return p > q + 1 ? p : q + 1;
}

/* ---- polynomials ---- */

/* Partial autocorrelations to the coefficients of 1 - polynomial: Durbin's recursion upwards. */
static void step_up(int count, const double *partial, double *polynomial) {
    double before[LONGEST];
    for (int k = 0; k < count; k++) {
        memcpy(before, polynomial, (size_t)k * sizeof *before);
        for (int j = 0; j < k; j++) polynomial[j] = before[j] - partial[k] * before[k - 1 - j];
        polynomial[k] = partial[k];
    }
}

/* The same backwards: what d/d(polynomial) says of d/d(partial). Overwrites `slope`. */
static void step_up_back(int count, const double *partial, double *slope, double *partial_slope) {
    double stages[LONGEST][LONGEST], before[LONGEST];
    for (int k = 0; k < count; k++) {
        for (int j = 0; j < k; j++) stages[k][j] = stages[k - 1][j] - partial[k] * stages[k - 1][k - 1 - j];
        stages[k][k] = partial[k];
    }
    for (int k = count - 1; k >= 0; k--) {
        double sum = slope[k];
        for (int j = 0; j < k; j++) sum -= slope[j] * stages[k - 1][k - 1 - j];
        partial_slope[k] = sum;
        for (int j = 0; j < k; j++) before[j] = slope[j] - partial[k] * slope[k - 1 - j];
        memcpy(slope, before, (size_t)k * sizeof *before);
    }
}

/* (1 - plain)(1 - seasonal) as 1 - product. */
static void multiply(int p, const double *plain, int many, const double *seasonal, int season, double *product) {
    for (int i = 0; i < p; i++) product[i] += plain[i];
    for (int k = 0; k < many; k++) {
        int at = season * (k + 1) - 1;
        product[at] += seasonal[k];
        for (int i = 0; i < p; i++) product[at + 1 + i] -= seasonal[k] * plain[i];
    }
}

static void multiply_back(int p, const double *plain, int many, const double *seasonal, int season,
                          const double *slope, double *plain_slope, double *seasonal_slope) {
    for (int i = 0; i < p; i++) plain_slope[i] = slope[i];
    for (int k = 0; k < many; k++) {
        int at = season * (k + 1) - 1;
        seasonal_slope[k] = slope[at];
        for (int i = 0; i < p; i++) {
            seasonal_slope[k] -= slope[at + 1 + i] * plain[i];
            plain_slope[i] -= slope[at + 1 + i] * seasonal[k];
        }
    }
}

void plain_polynomials(const Shape *s, const double *partial, double parts[4][LONGEST]) {
    const int counts[4] = {s->p, s->q, s->seasonal_p, s->seasonal_q};
    for (int part = 0; part < 4; part++) {
        step_up(counts[part], partial, parts[part]);
        partial += counts[part];
    }
}

void model_from_free(const Shape *s, const double *free, double *partial, Model *model) {
    double parts[4][LONGEST];
    for (int i = 0; i < shape_parameters(s); i++) partial[i] = free[i] / sqrt(1 + free[i] * free[i]);
    plain_polynomials(s, partial, parts);
    model->p = shape_ar(s);
    model->q = shape_ma(s);
    model->states = shape_states(s);
    memset(model->phi, 0, (size_t)model->states * sizeof(double));
    memset(model->theta, 0, (size_t)model->states * sizeof(double));
    multiply(s->p, parts[0], s->seasonal_p, parts[2], s->season, model->phi);
    multiply(s->q, parts[1], s->seasonal_q, parts[3], s->season, model->theta + 1);
    model->theta[0] = 1;
    for (int i = 1; i <= model->q; i++) model->theta[i] = -model->theta[i];
}

/* d/d(phi), d/d(theta) to d/d(free). */
void model_back(const Shape *s, const double *partial, const double *phi_slope, double *theta_slope,
                       double *slope) {
    double parts[4][LONGEST], part_slopes[4][LONGEST];
    const int counts[4] = {s->p, s->q, s->seasonal_p, s->seasonal_q};
    plain_polynomials(s, partial, parts);
    for (int i = 1; i <= shape_ma(s); i++) theta_slope[i] = -theta_slope[i];
    multiply_back(s->p, parts[0], s->seasonal_p, parts[2], s->season, phi_slope, part_slopes[0], part_slopes[2]);
    multiply_back(s->q, parts[1], s->seasonal_q, parts[3], s->season, theta_slope + 1, part_slopes[1],
                  part_slopes[3]);
    for (int part = 0; part < 4; part++) {
        step_up_back(counts[part], partial, part_slopes[part], slope);
        for (int i = 0; i < counts[part]; i++) {
            double rest = 1 - partial[i] * partial[i];
            slope[i] *= rest * sqrt(rest);
        }
        partial += counts[part];
        slope += counts[part];
    }
}

/* ---- autocovariances ---- */

/* What autocovariances() leaves in `work`, for the way back. */
typedef struct {
    double *steps;     /* p rows of p: coefficients of the best linear predictors on 1..p lags */
    double *partial;   /* p */
    double *error;     /* p + 1: mean squared errors of those predictors */
    double *plain;     /* p + q + 1: autocovariances of the autoregression alone */
    double *products;  /* q + 1: sums of theta[i] theta[i + lag] */
    double *pairs;     /* room for the same in pairs */
} Autocovariance;

static size_t single_room(int p, int q) {
    return (size_t)p * (size_t)p + 2 * (size_t)p + 1 + (size_t)(p + q + 1) + (size_t)(q + 1);
}

size_t autocovariance_room(int p, int q) { return 3 * single_room(p, q); }

static Autocovariance laid_out(int p, int q, double *work) {
    Autocovariance found;
    found.steps = work;
    found.partial = found.steps + (size_t)p * (size_t)p;
    found.error = found.partial + p;
    found.plain = found.error + p + 1;
    found.products = found.plain + p + q + 1;
    found.pairs = found.products + q + 1;
    return found;
}

/* The autoregression alone: Durbin's recursion downwards gives the partial autocorrelations, and then upwards the
   autocovariances. Returns 0 where a partial autocorrelation is not below 1. */
static int plain_autocovariances(const Model *model, const Autocovariance *a, int lags) {
    int p = model->p;
    double variance = 1;
    for (int k = p - 1; k >= 0; k--) {
        double *row = a->steps + k * p;
        if (k == p - 1) memcpy(row, model->phi, (size_t)p * sizeof(double));
        double partial = row[k], rest = (1 - partial) * (1 + partial);
        if (!(rest > 0)) return 0;
        a->partial[k] = partial;
        variance /= rest;
        for (int j = 0; j < k; j++) row[j - p] = (row[j] + partial * row[k - 1 - j]) / rest;
    }
    a->plain[0] = a->error[0] = variance;
    for (int k = 1; k <= p; k++) {
        const double *row = a->steps + (k - 1) * p; /* the row before it predicts from k - 1 lags */
        double partial = a->partial[k - 1], sum = partial * a->error[k - 1];
        for (int j = 1; j < k; j++) sum += row[j - 1 - p] * a->plain[k - j];
        a->plain[k] = sum;
        a->error[k] = a->error[k - 1] * (1 - partial) * (1 + partial);
    }
    for (int k = p + 1; k < lags; k++) {
        double sum = 0;
        for (int j = 0; j < p; j++) sum += model->phi[j] * a->plain[k - 1 - j];
        a->plain[k] = sum;
    }
    return 1;
}

/* And the moving average over it. */
static void with_moving_average(const Model *model, const Autocovariance *a, int count, double *gamma) {
    int q = model->q;
    for (int lag = 0; lag <= q; lag++) {
        double sum = 0;
        for (int i = 0; i + lag <= q; i++) sum += model->theta[i] * model->theta[i + lag];
        a->products[lag] = sum;
    }
    for (int k = 0; k < count; k++) {
        double sum = a->products[0] * a->plain[k];
        for (int lag = 1; lag <= q; lag++) {
            int below = k > lag ? k - lag : lag - k;
            sum += a->products[lag] * (a->plain[k + lag] + a->plain[below]);
        }
        gamma[k] = sum;
    }
}

/* ---- the same with twice the digits ---- */

/* The autoregression alone, as above. */
static int plain_in_pairs(const Model *model, const Autocovariance *a, int lags, Pair *steps, Pair *plain) {
    int p = model->p;
    Pair variance = pair_of(1, 0), error;
    for (int j = 0; j < p; j++) steps[(p - 1) * p + j] = pair_of(model->phi[j], 0);
    for (int k = p - 1; k >= 0; k--) {
        Pair *row = steps + k * p, rest = one_less_square(row[k]);
        if (!(rest.high > 0)) return 0;
        rest = inverse(rest);
        variance = times(variance, rest);
        for (int j = 0; j < k; j++) row[j - p] = times(plus(row[j], times(row[k], row[k - 1 - j])), rest);
        for (int j = 0; j <= k; j++) a->steps[k * p + j] = row[j].high;
        a->partial[k] = row[k].high;
    }
    plain[0] = error = variance;
    a->error[0] = error.high;
    for (int k = 1; k <= p; k++) {
        const Pair *row = steps + (k - 1) * p;
        plain[k] = times(row[k - 1], error);
        for (int j = 1; j < k; j++) plain[k] = plus(plain[k], times(row[j - 1 - p], plain[k - j]));
        error = times(error, one_less_square(row[k - 1]));
        a->error[k] = error.high;
    }
    for (int k = p + 1; k < lags; k++) {
        plain[k] = pair_of(0, 0);
        for (int j = 0; j < p; j++) plain[k] = plus(plain[k], times(pair_of(model->phi[j], 0), plain[k - 1 - j]));
    }
    for (int k = 0; k <= p || k < lags; k++) a->plain[k] = plain[k].high;
    return 1;
}

static int autocovariances_in_pairs(const Model *model, const Autocovariance *a, int count, double *gamma) {
    int p = model->p, q = model->q;
    Pair *steps = (Pair *)a->pairs, *plain = steps + (size_t)p * (size_t)p, *products = plain + p + q + 1;
    if (!plain_in_pairs(model, a, count + q, steps, plain)) return 0;
    for (int lag = 0; lag <= q; lag++) {
        Pair sum = pair_of(0, 0);
        for (int i = 0; i + lag <= q; i++)
            sum = plus(sum, times(pair_of(model->theta[i], 0), pair_of(model->theta[i + lag], 0)));
        products[lag] = sum;
        a->products[lag] = sum.high;
    }
    for (int k = 0; k < count; k++) {
        Pair sum = times(products[0], plain[k]);
        for (int lag = 1; lag <= q; lag++)
            sum = plus(sum, times(products[lag], plus(plain[k + lag], plain[k > lag ? k - lag : lag - k])));
        gamma[k] = sum.high;
    }
    return 1;
}

int autocovariances(const Model *model, double *gamma, double *psi, double *work) {
    int p = model->p, q = model->q, count = p > 1 ? p : 1;
    Autocovariance a = laid_out(p, q, work);
    if (!plain_autocovariances(model, &a, count + q) || a.plain[0] > NEAR) {
        if (!autocovariances_in_pairs(model, &a, count, gamma)) return 0;
    } else {
        with_moving_average(model, &a, count, gamma);
    }
    for (int k = 0; k < q; k++) {
        double sum = model->theta[k];
        for (int j = 1; j <= k && j <= p; j++) sum += model->phi[j - 1] * psi[k - j];
        psi[k] = sum;
    }
    return 1;
}

/* d/d(gamma), d/d(psi) to d/d(phi), d/d(theta), which are added to. Overwrites the slopes that come in. */
void autocovariances_back(const Model *model, const double *psi, double *gamma_slope, double *psi_slope,
                                 double *phi_slope, double *theta_slope, double *work, double *scratch) {
    int p = model->p, q = model->q, count = p > 1 ? p : 1;
    Autocovariance a = laid_out(p, q, work);
    Autocovariance s = laid_out(p, q, scratch);
    memset(scratch, 0, single_room(p, q) * sizeof(double));
    for (int k = q - 1; k >= 0; k--) {
        theta_slope[k] += psi_slope[k];
        for (int j = 1; j <= k && j <= p; j++) {
            phi_slope[j - 1] += psi_slope[k] * psi[k - j];
            psi_slope[k - j] += psi_slope[k] * model->phi[j - 1];
        }
    }
    for (int k = 0; k < count; k++) {
        s.products[0] += gamma_slope[k] * a.plain[k];
        s.plain[k] += gamma_slope[k] * a.products[0];
        for (int lag = 1; lag <= q; lag++) {
            int below = k > lag ? k - lag : lag - k;
            s.products[lag] += gamma_slope[k] * (a.plain[k + lag] + a.plain[below]);
            s.plain[k + lag] += gamma_slope[k] * a.products[lag];
            s.plain[below] += gamma_slope[k] * a.products[lag];
        }
    }
    for (int lag = 0; lag <= q; lag++)
        for (int i = 0; i + lag <= q; i++) {
            theta_slope[i] += s.products[lag] * model->theta[i + lag];
            theta_slope[i + lag] += s.products[lag] * model->theta[i];
        }
    for (int k = count + q - 1; k > p; k--)
        for (int j = 0; j < p; j++) {
            phi_slope[j] += s.plain[k] * a.plain[k - 1 - j];
            s.plain[k - 1 - j] += s.plain[k] * model->phi[j];
        }
    for (int k = p; k >= 1; k--) {
        double partial = a.partial[k - 1], slope = s.plain[k];
        s.error[k - 1] += s.error[k] * (1 - partial) * (1 + partial) + slope * partial;
        s.partial[k - 1] += slope * a.error[k - 1] - 2 * partial * a.error[k - 1] * s.error[k];
        const double *row = a.steps + (k - 1) * p;
        double *row_slope = s.steps + (k - 1) * p;
        for (int j = 1; j < k; j++) {
            row_slope[j - 1 - p] += slope * a.plain[k - j];
            s.plain[k - j] += slope * row[j - 1 - p];
        }
    }
    double variance_slope = s.plain[0] + s.error[0];
    for (int k = 0; k < p; k++) {
        double partial = a.partial[k], rest = (1 - partial) * (1 + partial);
        double *row = s.steps + k * p;
        const double *here = a.steps + k * p;
        double sum = s.partial[k] + variance_slope * a.plain[0] * 2 * partial / rest;
        for (int j = 0; j < k; j++) {
            double slope = row[j - p] / rest;
            row[j] += slope;
            row[k - 1 - j] += slope * partial;
            sum += slope * (here[k - 1 - j] + 2 * partial * here[j - p]);
        }
        row[k] += sum;
    }
    if (p > 0) {
        const double *last = s.steps + (p - 1) * p;
        for (int j = 0; j < p; j++) phi_slope[j] += last[j];
    }
}
