/* The exact Gaussian likelihood of a seasonal ARMA with regressors, and its gradient.

   Likelihood: Chandrasekhar recursions (Morf, Sidhu and Kailath 1974, IEEE Trans. Automatic Control 19, 315-323), with
   the innovations' variance and the regressors' coefficients concentrated out (generalised least squares).
   Gradient: the same recursion backwards (reverse accumulation, Griewank and Walther 2008).

   Nothing here calls a library's mathematics beyond sqrt and division, which IEEE 754 rounds the same everywhere:
   with -ffp-contract=off the bits are the same on every processor and at every level of optimisation.
   No memory is allocated: the caller gives `work`, as large as the *_room functions say. */

#include "arima.h"

#include <math.h>
#include <string.h>

static const double LOG_2_PI = 1.8378770664093454836;
static const double SETTLED = 1e-14; /* a gain that still moves by less than this has converged */

/* ---- the filter ---- */

/* A sample: rows of `series`, and `columns` regressors, each of `rows` numbers, one after the other. */
typedef struct {
    int rows, columns;
    const double *series, *regressors;
} Sample;

typedef struct {
    Model model;
    int settled; /* from this row on the gain stays as it is */
    double *partial, *gamma, *psi, *autocovariance, *scratch;
    double *variances;       /* rows */
    double *innovations;     /* (1 + columns) x rows */
    double *gains, *factors; /* rows x states */
    double *states;          /* (1 + columns) x states */
    double *normal;          /* (1 + columns) x (1 + columns) */
    double *beta;            /* columns */
    double *slopes;          /* 7 x states, see gradient() */
    double variance;
} Filter;

static size_t filter_room(const Shape *shape, int rows, int columns) {
    size_t states = (size_t)shape_states(shape), n = (size_t)rows, all = (size_t)columns + 1;
    size_t room = autocovariance_room(shape_ar(shape), shape_ma(shape));
    return 4 * LONGEST + 4 * states + 2 * room + n + all * n + 2 * n * states + all * states + all * all + all +
           7 * states;
}

static Filter filter_laid_out(const Shape *shape, int rows, int columns, double *work) {
    size_t states = (size_t)shape_states(shape), n = (size_t)rows, all = (size_t)columns + 1;
    size_t room = autocovariance_room(shape_ar(shape), shape_ma(shape));
    Filter f;
    f.settled = 0;
    f.variance = 0;
    f.partial = work;
    f.model.phi = f.partial + 4 * LONGEST;
    f.model.theta = f.model.phi + states;
    f.gamma = f.model.theta + states;
    f.psi = f.gamma + states;
    f.autocovariance = f.psi + states;
    f.scratch = f.autocovariance + room;
    f.variances = f.scratch + room;
    f.innovations = f.variances + n;
    f.gains = f.innovations + all * n;
    f.factors = f.gains + n * states;
    f.states = f.factors + n * states;
    f.normal = f.states + all * states;
    f.beta = f.normal + all * all;
    f.slopes = f.beta + all;
    return f;
}

/* The gains of all rows: F in `variances`, K in `gains`, W in `factors`. Row t + 1 follows from row t by a hyperbolic
   rotation with g = W[0] / F:  K' = K - g T W,  W' = T W - g K,  F' = F - g W[0]. Returns 0 where F is below LEAST. */
static int run_gains(Filter *f, int rows) {
    const Model *m = &f->model;
    int states = m->states;
    double *gain = f->gains, *factor = f->factors;
    f->variances[0] = f->gamma[0];
    for (int i = 0; i < states; i++) {
        double sum = 0;
        for (int k = 0; i + k < m->p; k++) sum += m->phi[i + k] * f->gamma[k];
        for (int k = 0; i + 1 + k <= m->q; k++) sum += m->theta[i + 1 + k] * f->psi[k];
        gain[i] = factor[i] = sum;
    }
    f->settled = rows - 1;
    for (int t = 0; t + 1 < rows; t++, gain += states, factor += states) {
        double *next_gain = gain + states, *next_factor = factor + states;
        double variance = f->variances[t], first = factor[0], g = first / variance;
        if (!(variance > LEAST)) return 0;
        if (fabs(g) < SETTLED) {
            double largest = 0;
            for (int i = 0; i < states; i++) largest = fabs(factor[i]) > largest ? fabs(factor[i]) : largest;
            if (largest < SETTLED) {
                f->settled = t;
                for (int rest = t + 1; rest < rows; rest++) f->variances[rest] = variance;
                return 1;
            }
        }
        for (int i = 0; i + 1 < states; i++) {
            double moved = m->phi[i] * first + factor[i + 1];
            next_gain[i] = gain[i] - g * moved;
            next_factor[i] = moved - g * gain[i];
        }
        double moved = m->phi[states - 1] * first;
        next_gain[states - 1] = gain[states - 1] - g * moved;
        next_factor[states - 1] = moved - g * gain[states - 1];
        f->variances[t + 1] = variance - g * first;
    }
    return f->variances[rows - 1] > LEAST;
}

/* One series through the gains: its innovations. */
static void run_series(const Filter *f, int rows, const double *series, double *innovations, double *state) {
    const Model *m = &f->model;
    int states = m->states;
    memset(state, 0, (size_t)states * sizeof(double));
    for (int t = 0; t < rows; t++) {
        const double *gain = f->gains + (size_t)(t < f->settled ? t : f->settled) * (size_t)states;
        double first = state[0], innovation = series[t] - first, share = innovation / f->variances[t];
        innovations[t] = innovation;
        for (int i = 0; i + 1 < states; i++) state[i] = state[i + 1] + m->phi[i] * first + gain[i] * share;
        state[states - 1] = m->phi[states - 1] * first + gain[states - 1] * share;
    }
}

/* The regressors' coefficients by the normal equations of the innovations (Cholesky), which the innovations of the
   series are then without. A regressor that the earlier ones explain gets the coefficient 0. */
static void regress(Filter *f, const Sample *sample) {
    int rows = sample->rows, columns = sample->columns, all = columns + 1;
    double *v = f->innovations;
    for (int i = 0; i < columns; i++)
        for (int j = 0; j <= i + 1; j++) {
            int other = j <= i ? j + 1 : 0; /* the last one is the series itself */
            double sum = 0;
            for (int t = 0; t < rows; t++) sum += v[(i + 1) * rows + t] * v[other * rows + t] / f->variances[t];
            f->normal[i * all + (j <= i ? j : columns)] = sum;
        }
    for (int i = 0; i < columns; i++) {
        double whole = f->normal[i * all + i];
        for (int j = 0; j <= i; j++) {
            double sum = f->normal[i * all + j];
            for (int k = 0; k < j; k++) sum -= f->normal[i * all + k] * f->normal[j * all + k];
            if (j < i)
                f->normal[i * all + j] = f->normal[j * all + j] > 0 ? sum / f->normal[j * all + j] : 0;
            else
                f->normal[i * all + i] = sum > 1e-12 * whole ? sqrt(sum) : 0;
        }
        double sum = f->normal[i * all + columns];
        for (int k = 0; k < i; k++) sum -= f->normal[i * all + k] * f->beta[k];
        f->beta[i] = f->normal[i * all + i] > 0 ? sum / f->normal[i * all + i] : 0;
    }
    for (int i = columns - 1; i >= 0; i--) {
        double sum = f->beta[i];
        for (int k = i + 1; k < columns; k++) sum -= f->normal[k * all + i] * f->beta[k];
        f->beta[i] = f->normal[i * all + i] > 0 ? sum / f->normal[i * all + i] : 0;
    }
    for (int i = 0; i < columns; i++)
        for (int t = 0; t < rows; t++) v[t] -= f->beta[i] * v[(i + 1) * rows + t];
}

/* The point's model, and the series alone through it. Returns 0 where that cannot be. */
static int run(const Shape *shape, const Sample *sample, const double *free, Filter *f) {
    if (sample->rows < 1 || !shape_fits(shape)) return 0;
    model_from_free(shape, free, f->partial, &f->model);
    if (!autocovariances(&f->model, f->gamma, f->psi, f->autocovariance) || !run_gains(f, sample->rows)) return 0;
    run_series(f, sample->rows, sample->series, f->innovations, f->states);
    return 1;
}

/* The log-likelihood at a point; minus infinity where there is none. */
static double value_at(const Shape *shape, const Sample *sample, const double *free, Filter *f) {
    int rows = sample->rows;
    if (!run(shape, sample, free, f)) return -INFINITY;
    for (int i = 0; i < sample->columns; i++)
        run_series(f, rows, sample->regressors + (size_t)i * (size_t)rows, f->innovations + (size_t)(i + 1) * (size_t)rows,
                   f->states + (size_t)(i + 1) * (size_t)f->model.states);
    if (sample->columns) regress(f, sample);
    double squares = 0, logs = 0, product = 1;
    for (int t = 0; t < rows; t++) {
        squares += f->innovations[t] * f->innovations[t] / f->variances[t];
        product *= f->variances[t];
        if (product > 1e100 || product < 1e-100) {
            logs += kernel_log(product);
            product = 1;
        }
    }
    logs += kernel_log(product);
    f->variance = squares / rows;
    if (!(f->variance > 0)) return -INFINITY;
    double value = -0.5 * (rows * (LOG_2_PI + 1 + kernel_log(f->variance)) + logs);
    return value == value ? value : -INFINITY;
}

/* The gradient at the point where value_at was just called. The regressors' coefficients and the variance are at their
   best there, so they count as fixed (envelope theorem). */
static void gradient(const Shape *shape, const Sample *sample, Filter *f, double *slope) {
    const Model *m = &f->model;
    int rows = sample->rows, states = m->states;
    size_t size = (size_t)states;
    double *phi = f->slopes, *theta = phi + size, *state = theta + size, *gain = state + size;
    double *factor = gain + size, *gamma = factor + size, *psi = gamma + size, variance = 0;
    memset(phi, 0, 7 * size * sizeof(double));
    for (int t = rows - 1; t >= 0; t--) {
        const double *k = f->gains + (size_t)(t < f->settled ? t : f->settled) * size;
        double here = f->variances[t], innovation = f->innovations[t], share = innovation / here;
        double value = sample->series[t]; /* less the regressors, it is what the filter saw */
        for (int i = 0; i < sample->columns; i++) value -= f->beta[i] * sample->regressors[(size_t)i * (size_t)rows + (size_t)t];
        double first = value - innovation, share_slope = 0, first_slope = 0, before = 0;
        if (t < f->settled) {
            const double *w = f->factors + (size_t)t * size;
            double head = w[0], g = head / here, g_slope = -head * variance, head_slope = -g * variance;
            double carried = 0;
            for (int i = 0; i < states; i++) {
                double moved = m->phi[i] * head + (i + 1 < states ? w[i + 1] : 0);
                double moved_slope = factor[i] - g * gain[i];
                g_slope -= moved * gain[i] + k[i] * factor[i];
                gain[i] -= g * factor[i];
                phi[i] += moved_slope * head;
                head_slope += moved_slope * m->phi[i];
                factor[i] = carried;
                carried = moved_slope;
            }
            factor[0] += head_slope + g_slope / here;
            variance -= g_slope * g / here;
        }
        for (int i = 0; i < states; i++) share_slope += k[i] * state[i];
        for (int i = 0; i < states; i++) {
            gain[i] += state[i] * share;
            phi[i] += state[i] * first;
            first_slope += state[i] * m->phi[i];
        }
        double innovation_slope = share_slope / here - share / f->variance;
        double variance_slope = -share_slope * share / here - 0.5 * (1 / here - share * share / f->variance);
        for (int i = 0; i < states; i++) { /* the state moves up one place, backwards */
            double kept = state[i];
            state[i] = before;
            before = kept;
        }
        state[0] = first_slope - innovation_slope;
        variance += variance_slope;
    }
    for (int i = 0; i < states; i++) gain[i] += factor[i];
    gamma[0] += variance;
    for (int i = 0; i < states; i++) {
        for (int j = 0; i + j < m->p; j++) {
            phi[i + j] += gain[i] * f->gamma[j];
            gamma[j] += gain[i] * m->phi[i + j];
        }
        for (int j = 0; i + 1 + j <= m->q; j++) {
            theta[i + 1 + j] += gain[i] * f->psi[j];
            psi[j] += gain[i] * m->theta[i + 1 + j];
        }
    }
    autocovariances_back(m, f->psi, gamma, psi, phi, theta, f->autocovariance, f->scratch);
    model_back(shape, f->partial, phi, theta, slope);
}

/* ---- what the caller sees; shape: p, q, P, Q, season ---- */

Shape shape_of(const int *numbers) {
    Shape shape = {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
    return shape;
}

typedef struct {
    const Shape *shape;
    const Sample *sample;
    Filter *filter;
} Context;

static double context_value(void *context, const double *free) {
    const Context *c = context;
    return value_at(c->shape, c->sample, free, c->filter);
}

static void context_gradient(void *context, const double *free, double *slope) {
    const Context *c = context;
    (void)free; /* the filter holds what the point just gave */
    gradient(c->shape, c->sample, c->filter, slope);
}

/* How many numbers `work` must hold; 0 for an order that is not for these arrays. */
size_t arima_room(const int *numbers, int rows, int columns) {
    Shape shape = shape_of(numbers);
    if (!shape_fits(&shape) || rows < 0 || columns < 0) return 0;
    return filter_room(&shape, rows, columns) + start_room(&shape, rows);
}

/* The log-likelihood at `free`, and what is estimated with it. `slope`, if not null, gets its gradient. */
double arima_evaluate(const int *numbers, int rows, int columns, const double *series, const double *regressors,
                      const double *free, double *slope, double *beta, double *variance, double *innovations,
                      double *work) {
    Shape shape = shape_of(numbers);
    Sample sample = {rows, columns, series, regressors};
    Filter f = filter_laid_out(&shape, rows, columns, work);
    double value = value_at(&shape, &sample, free, &f);
    if (!(value > -INFINITY)) return value;
    if (slope) gradient(&shape, &sample, &f, slope);
    memcpy(beta, f.beta, (size_t)columns * sizeof(double));
    *variance = f.variance;
    if (innovations)
        for (int t = 0; t < rows; t++) innovations[t] = f.innovations[t] / sqrt(f.variances[t]);
    return value;
}

/* A start for the climb. Returns 0 where the series has no variance about its regressors. */
int arima_start(const int *numbers, int rows, int columns, const double *series, const double *regressors,
                double *free, double *work) {
    Shape shape = shape_of(numbers);
    Sample sample = {rows, columns, series, regressors};
    Filter f = filter_laid_out(&shape, rows, columns, work);
    memset(free, 0, (size_t)shape_parameters(&shape) * sizeof(double));
    if (!(value_at(&shape, &sample, free, &f) > -INFINITY)) return 0; /* white noise: what is left are residuals */
    regression_start(&shape, rows, f.innovations, free, work + filter_room(&shape, rows, columns));
    return 1;
}

/* Climb from `free`. rules: tolerance, bound of AR, bound of MA. Returns evaluations used. */
int arima_climb(const int *numbers, int rows, int columns, const double *series, const double *regressors,
                const double *rule, int most, double *free, double *value, double *slope, double *beta,
                double *variance, double *work) {
    Shape shape = shape_of(numbers);
    Sample sample = {rows, columns, series, regressors};
    Rules rules = {rule[0], rule[1], rule[2], most};
    Filter f = filter_laid_out(&shape, rows, columns, work);
    Context context = {&shape, &sample, &f};
    Target target = {rows, context_value, context_gradient, &context};
    int used = climb(&shape, &rules, &target, free, value, slope);
    if (!(*value > -INFINITY)) return used; /* the filter holds nothing */
    memcpy(beta, f.beta, (size_t)columns * sizeof(double));
    *variance = f.variance;
    return used;
}

/* Means of the `steps` that follow a series without regressors. Returns 0 where the point gives no model. A series
   without variance has no likelihood, but what follows it is known. */
int arima_forecast(const int *numbers, int rows, const double *series, const double *free, int steps, double *means,
                   double *work) {
    Shape shape = shape_of(numbers);
    Sample sample = {rows, 0, series, NULL};
    Filter f = filter_laid_out(&shape, rows, 0, work);
    if (!run(&shape, &sample, free, &f)) return 0;
    for (int h = 0; h < steps; h++) {
        double first = f.states[0];
        means[h] = first;
        for (int i = 0; i + 1 < f.model.states; i++) f.states[i] = f.states[i + 1] + f.model.phi[i] * first;
        f.states[f.model.states - 1] = f.model.phi[f.model.states - 1] * first;
    }
    return 1;
}

/* The four plain polynomials of a point, as statsmodels writes them: ar, ma, seasonal ar, seasonal ma. */
void arima_coefficients(const int *numbers, const double *free, double *coefficients) {
    Shape shape = shape_of(numbers);
    const int counts[4] = {shape.p, shape.q, shape.seasonal_p, shape.seasonal_q};
    double parts[4][LONGEST], partial[4 * LONGEST];
    if (!shape_fits(&shape)) return;
    for (int i = 0; i < shape_parameters(&shape); i++) partial[i] = free[i] / sqrt(1 + free[i] * free[i]);
    plain_polynomials(&shape, partial, parts);
    for (int part = 0; part < 4; part++)
        for (int j = 0; j < counts[part]; j++) *coefficients++ = part % 2 ? -parts[part][j] : parts[part][j];
}
