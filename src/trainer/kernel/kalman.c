/* A seasonal ARIMA with differences and missing values: its likelihood, and forecasts with their variances.

   Kalman filter with an exact diffuse start for the levels that differencing leaves open (Koopman 1997; Durbin and
   Koopman 2012, ch. 5). State: the ARMA part in Harvey's form, then the last d + D m values of the series. Slower than
   the recursions of arima.c, which need every value: a step costs the square of the state's length. */

#include "arima.h"

#include <math.h>
#include <string.h>

static const double LOG_2_PI = 1.8378770664093454836;
static const double RESOLVED = 1e-11; /* below this share of the largest, a diffuse variance is rounding */

enum { LONGEST_LAGS = 2048 }; /* rows that differencing may take, and one */

typedef struct {
    Model model;
    int lags, size;    /* d + D m, and the state's length */
    double *weights;   /* lags: what the last values say of the next one, as differencing has it */
    double *finite, *diffuse, *product; /* size x size each */
    double *finite_gain, *diffuse_gain, *scratch; /* size */
    double *states;    /* (1 + columns) x size */
} Levels;

/* Write (1 - B)^d (1 - B^m)^D as 1 - sum of weights. */
static void differencing(int d, int seasonal_d, int season, double *weights) {
    double product[LONGEST_LAGS] = {1};
    int length = 0;
    for (int i = 0; i < d + seasonal_d; i++) {
        int step = i < d ? 1 : season;
        length += step;
        for (int j = length; j >= step; j--) product[j] -= product[j - step];
    }
    for (int j = 0; j < length; j++) weights[j] = -product[j + 1];
}

/* One step of the transition on a vector. */
static void move(const Levels *l, const double *from, double *to) {
    const Model *m = &l->model;
    int states = m->states;
    double first = from[0], level = first;
    for (int i = 0; i < states; i++) to[i] = m->phi[i] * first + (i + 1 < states ? from[i + 1] : 0);
    for (int j = 0; j < l->lags; j++) level += l->weights[j] * from[states + j];
    if (l->lags) {
        to[states] = level;
        for (int j = 1; j < l->lags; j++) to[states + j] = from[states + j - 1];
    }
}

/* What an observation sees of a vector. */
static double seen(const Levels *l, const double *vector) {
    double level = vector[0];
    for (int j = 0; j < l->lags; j++) level += l->weights[j] * vector[l->model.states + j];
    return level;
}

/* transition x matrix x transition', in place; the matrix is symmetric. */
static void move_matrix(const Levels *l, double *matrix) {
    int size = l->size;
    for (int i = 0; i < size; i++) move(l, matrix + i * size, l->product + i * size);
    for (int i = 0; i < size; i++) { /* columns of the product are rows of its transpose */
        for (int j = 0; j < size; j++) l->scratch[j] = l->product[j * size + i];
        move(l, l->scratch, matrix + i * size);
    }
    for (int i = 0; i < size; i++) /* no step would take back what rounding makes of the two halves */
        for (int j = 0; j < i; j++) matrix[i * size + j] = matrix[j * size + i];
}

static void start_matrices(Levels *l, const double *gamma, const double *psi) {
    const Model *m = &l->model;
    int states = m->states, size = l->size;
    memset(l->finite, 0, (size_t)(size * size) * sizeof(double));
    memset(l->diffuse, 0, (size_t)(size * size) * sizeof(double));
    for (int j = states; j < size; j++) l->diffuse[j * size + j] = 1;
    for (int i = 0; i < states; i++) { /* covariance of each state with the series itself */
        double sum = 0;
        for (int k = i; k < m->p; k++) sum += m->phi[k] * gamma[k - i + 1];
        for (int k = i; k <= m->q; k++) sum += m->theta[k] * psi[k - i];
        l->finite[i] = l->finite[i * size] = i ? sum : gamma[0];
    }
    for (int i = states - 1; i >= 1; i--)
        for (int j = states - 1; j >= 1; j--) {
            double sum = m->phi[i] * m->phi[j] * l->finite[0] + m->theta[i] * m->theta[j];
            if (j + 1 < states) sum += m->phi[i] * l->finite[j + 1];
            if (i + 1 < states) sum += m->phi[j] * l->finite[i + 1];
            if (i + 1 < states && j + 1 < states) sum += l->finite[(i + 1) * size + j + 1];
            l->finite[i * size + j] = sum;
        }
}

/* A value that was just seen is known: its place in a matrix is 0, where rounding would grow over long gaps. */
static void forget_seen(const Levels *l, double *matrix) {
    int size = l->size, at = l->model.states;
    for (int i = 0; i < size; i++) matrix[at * size + i] = matrix[i * size + at] = 0;
}

static void move_all(Levels *l, int all, int is_diffuse) {
    const Model *m = &l->model;
    int size = l->size;
    for (int c = 0; c < all; c++) {
        move(l, l->states + c * size, l->scratch);
        memcpy(l->states + c * size, l->scratch, (size_t)size * sizeof(double));
    }
    move_matrix(l, l->finite);
    if (is_diffuse) move_matrix(l, l->diffuse);
    for (int i = 0; i <= m->q; i++)
        for (int j = 0; j <= m->q; j++) l->finite[i * size + j] += m->theta[i] * m->theta[j];
}

/* Take one observed row into states and matrices. Returns its variance; a negative one is a diffuse variance. */
static double observe(Levels *l, int all, double *innovations, int *left) {
    int size = l->size;
    double variance = 0, open = 0, widest = 0;
    for (int i = 0; i < size; i++) l->finite_gain[i] = seen(l, l->finite + i * size);
    variance = seen(l, l->finite_gain);
    if (*left) {
        for (int i = 0; i < size; i++) {
            l->diffuse_gain[i] = seen(l, l->diffuse + i * size);
            widest = l->diffuse[i * size + i] > widest ? l->diffuse[i * size + i] : widest;
        }
        open = seen(l, l->diffuse_gain);
    }
    int resolves = *left && open > RESOLVED * widest;
    const double *gain = resolves ? l->diffuse_gain : l->finite_gain;
    double divisor = resolves ? open : variance;
    if (!(resolves ? open < INFINITY : variance > LEAST)) return 0;
    for (int c = 0; c < all; c++)
        for (int i = 0; i < size; i++) l->states[c * size + i] += gain[i] * innovations[c] / divisor;
    if (!resolves) {
        for (int i = 0; i < size; i++)
            for (int j = 0; j < size; j++) l->finite[i * size + j] -= gain[i] * gain[j] / variance;
        return variance;
    }
    const double *f = l->finite_gain;
    for (int i = 0; i < size; i++)
        for (int j = 0; j < size; j++) {
            l->finite[i * size + j] += gain[i] * gain[j] * variance / (open * open) -
                                       (f[i] * gain[j] + gain[i] * f[j]) / open;
            l->diffuse[i * size + j] -= gain[i] * gain[j] / open;
        }
    *left -= 1;
    if (!*left) memset(l->diffuse, 0, (size_t)(size * size) * sizeof(double));
    return -open;
}

/* Take one row of `columns` numbers, and the series' own after them, into a triangle by Givens rotations from a column
   on. Returns the square of what the columns leave of the series; no difference of large numbers comes into it. */
static double take(int columns, int from, double *triangle, double *row) {
    int all = columns + 1;
    for (int i = from; i < columns; i++) {
        double *own = triangle + i * all, length = sqrt(own[i] * own[i] + row[i] * row[i]);
        if (length == 0) continue;
        double cosine = own[i] / length, sine = row[i] / length;
        for (int j = i; j < all; j++) {
            double kept = own[j];
            own[j] = cosine * kept + sine * row[j];
            row[j] = cosine * row[j] - sine * kept;
        }
    }
    return row[columns] * row[columns];
}

/* The regressors' coefficients from that triangle. A column that the earlier ones explain gets 0: its row is taken in
   again without it. Returns the squares that this adds to what is left. */
static double solve_triangle(int columns, double *triangle, double *row, double *beta) {
    int all = columns + 1;
    double squares = 0;
    for (int i = 0; i < columns; i++) {
        double *own = triangle + i * all, whole = 0;
        for (int k = 0; k <= i; k++) whole += triangle[k * all + i] * triangle[k * all + i];
        if (own[i] * own[i] > 1e-12 * whole) continue;
        memcpy(row, own, (size_t)all * sizeof(double));
        memset(own, 0, (size_t)all * sizeof(double));
        squares += take(columns, i + 1, triangle, row);
    }
    for (int i = columns - 1; i >= 0; i--) {
        const double *own = triangle + i * all;
        double sum = own[columns];
        for (int k = i + 1; k < columns; k++) sum -= own[k] * beta[k];
        beta[i] = own[i] == 0 ? 0 : sum / own[i];
    }
    return squares;
}

static int lags_of(const int *numbers, int d, int seasonal_d) { return d + seasonal_d * numbers[4]; }

/* Whether the arrays here hold the order and its differencing. */
static int is_possible(const Shape *shape, int d, int seasonal_d) {
    return shape_fits(shape) && d >= 0 && d < LONGEST && seasonal_d >= 0 && seasonal_d < LONGEST &&
           (seasonal_d == 0 || shape->season > 0) && d + seasonal_d * shape->season < LONGEST_LAGS;
}

/* How many numbers `work` must hold; numbers: p, q, P, Q, season. 0 for an order that is not for these arrays. */
size_t kalman_room(const int *numbers, int d, int seasonal_d, int columns) {
    Shape shape = shape_of(numbers);
    if (!is_possible(&shape, d, seasonal_d) || columns < 0) return 0;
    size_t states = (size_t)shape_states(&shape), lags = (size_t)lags_of(numbers, d, seasonal_d);
    size_t size = states + lags, all = (size_t)columns + 1;
    size_t p = (size_t)(shape.p + shape.season * shape.seasonal_p);
    size_t q = (size_t)(shape.q + shape.season * shape.seasonal_q);
    return 4 * LONGEST + 5 * states + 1 + autocovariance_room((int)p, (int)q) + lags + 3 * size * size + 3 * size +
           all * size + 2 * all + all * all;
}

/* The series' value in a row, or a regressor's. */
static double cell(int column, int t, int rows, const double *series, const double *regressors) {
    return column ? regressors[(size_t)(column - 1) * (size_t)rows + (size_t)t] : series[t];
}

/* The log-likelihood at `free` of a series with missing values (NaN), and forecasts of what follows.

   The regressors' coefficients `beta` and the innovations' variance are estimated with it. `innovations`, if not null,
   gets (1 + columns) x rows of one-step errors over the root of their variance (0 where there is none). The forecasts
   (if steps > 0) are of the series less its regressors and need columns = 0; `spreads` are variances for innovations
   of variance 1; both are NaN where the point gives no model, rounding has eaten it (LEAST), or the series leaves a
   level open. A series without variance has no likelihood, but what follows it is known. Rows that only resolve a
   diffuse level count for neither the variance nor the rows. */
double kalman_evaluate(const int *numbers, int d, int seasonal_d, int rows, int columns, const double *series,
                       const double *regressors, const double *free, double *beta, double *variance, int *counted,
                       double *innovations, int steps, double *means, double *spreads, double *work) {
    Shape shape = shape_of(numbers);
    size_t states = (size_t)shape_states(&shape), all = (size_t)columns + 1;
    for (int h = 0; h < steps; h++) means[h] = spreads[h] = NAN;
    *counted = 0;
    if (!is_possible(&shape, d, seasonal_d)) return -INFINITY;
    Levels l;
    l.lags = lags_of(numbers, d, seasonal_d);
    l.size = (int)states + l.lags;
    size_t size = (size_t)l.size;
    double *partial = work, *gamma = partial + 4 * LONGEST, *psi = gamma + 2 * states + 1;
    l.model.phi = psi + states;
    l.model.theta = l.model.phi + states;
    l.weights = l.model.theta + states;
    l.finite = l.weights + l.lags;
    l.diffuse = l.finite + size * size;
    l.product = l.diffuse + size * size;
    l.finite_gain = l.product + size * size;
    l.diffuse_gain = l.finite_gain + size;
    l.scratch = l.diffuse_gain + size;
    l.states = l.scratch + size;
    double *here = l.states + all * size, *row = here + all, *triangle = row + all;
    double *room = triangle + all * all;
    model_from_free(&shape, free, partial, &l.model);
    if (!autocovariances(&l.model, gamma, psi, room)) return -INFINITY;
    /* one more lag and weight than the plain recursions need, by the model's own equations */
    double last = 0;
    for (int j = 0; j < l.model.p; j++) last += l.model.phi[j] * gamma[l.model.p - 1 - j];
    double weight = l.model.q ? l.model.theta[l.model.q] : 1;
    for (int j = 1; j <= l.model.q && j <= l.model.p; j++) weight += l.model.phi[j - 1] * psi[l.model.q - j];
    psi[l.model.q] = weight;
    for (int j = l.model.p; j <= l.model.q; j++) last += l.model.theta[j] * psi[j - l.model.p];
    if (l.model.p) gamma[l.model.p] = last;
    differencing(d, seasonal_d, shape.season, l.weights);
    start_matrices(&l, gamma, psi);
    memset(l.states, 0, all * size * sizeof(double));
    memset(triangle, 0, all * all * sizeof(double));
    double logs = 0, open_logs = 0, squares = 0;
    int left = l.lags, is_begun = 0;
    for (int t = 0; t < rows; t++) {
        for (size_t c = 0; c < all && innovations; c++) innovations[c * (size_t)rows + (size_t)t] = 0;
        int is_seen = series[t] == series[t];
        is_begun |= is_seen;
        if (!is_begun) continue; /* what is open stays open, and the rest is as stationary as before */
        if (is_seen) {
            for (int c = 0; c <= columns; c++)
                here[c] = cell(c, t, rows, series, regressors) - seen(&l, l.states + c * l.size);
            double spread = observe(&l, columns + 1, here, &left);
            if (spread == 0) return -INFINITY;
            if (spread < 0) {
                open_logs += kernel_log(-spread);
            } else {
                *counted += 1;
                logs += kernel_log(spread);
                double root = sqrt(spread);
                for (size_t c = 0; c < all; c++) {
                    here[c] /= root;
                    if (innovations) innovations[c * (size_t)rows + (size_t)t] = here[c];
                }
                memcpy(row, here + 1, (size_t)columns * sizeof(double));
                row[columns] = here[0];
                squares += take(columns, 0, triangle, row);
            }
        }
        move_all(&l, columns + 1, left > 0);
        if (is_seen && l.lags) {
            forget_seen(&l, l.finite);
            forget_seen(&l, l.diffuse);
            for (int c = 0; c <= columns; c++)
                l.states[c * l.size + l.model.states] = cell(c, t, rows, series, regressors);
        }
    }
    if (left) return -INFINITY;
    squares += solve_triangle(columns, triangle, row, beta);
    for (int h = 0; h < steps; h++) {
        means[h] = seen(&l, l.states);
        for (int i = 0; i < l.size; i++) l.finite_gain[i] = seen(&l, l.finite + i * l.size);
        spreads[h] = seen(&l, l.finite_gain);
        if (!(spreads[h] > LEAST)) means[h] = spreads[h] = NAN;
        move_all(&l, 1, 0);
    }
    *variance = *counted > columns ? squares / *counted : 0;
    if (!(*variance > 0)) return -INFINITY;
    double value = -0.5 * (*counted * (LOG_2_PI + 1 + kernel_log(*variance)) + logs + open_logs);
    return value == value ? value : -INFINITY;
}

typedef struct {
    const int *numbers;
    int d, seasonal_d, rows, columns, counted;
    const double *series, *regressors;
    double *beta, *variance, *work;
} Context;

static double context_value(void *context, const double *free) {
    Context *c = context;
    return kalman_evaluate(c->numbers, c->d, c->seasonal_d, c->rows, c->columns, c->series, c->regressors, free, c->beta,
                           c->variance, &c->counted, NULL, 0, NULL, NULL, c->work);
}

/* Central differences: about ten digits, at two evaluations for each number. */
static void context_gradient(void *context, const double *free, double *slope) {
    const Context *c = context;
    const Shape shape = shape_of(c->numbers);
    int size = shape_parameters(&shape);
    double point[4 * LONGEST];
    memcpy(point, free, (size_t)size * sizeof(double));
    for (int i = 0; i < size; i++) {
        const double step = 1.0 / 65536;
        point[i] = free[i] + step;
        double above = context_value(context, point);
        point[i] = free[i] - step;
        slope[i] = (above - context_value(context, point)) / (2 * step);
        point[i] = free[i];
    }
}

/* As arima_climb, for a series with missing values. */
int kalman_climb(const int *numbers, int d, int seasonal_d, int rows, int columns, const double *series,
                 const double *regressors, const double *rule, int most, double *free, double *value, double *slope,
                 double *beta, double *variance, double *work) {
    Shape shape = shape_of(numbers);
    Rules rules = {rule[0], rule[1], rule[2], most};
    Context context = {numbers, d, seasonal_d, rows, columns, 0, series, regressors, beta, variance, work};
    Target target = {rows, context_value, context_gradient, &context};
    int used = climb(&shape, &rules, &target, free, value, slope);
    *value = context_value(&context, free); /* the differences moved what it keeps */
    return used;
}
