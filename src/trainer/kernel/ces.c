/* Complex exponential smoothing (Svetunkov, Kourentzes and Ord 2022): without a season, simple (all of it seasonal),
   partial (a plain season beside it) and full (a second complex one).

   The states before the first row are found by running the model through the series forwards and backwards, so only
   the smoothing numbers are searched. The model is linear: what an error does later does not depend on the series. */

#include "members.h"

#include <math.h>
#include <string.h>

enum { WHOLE = 0, SIMPLE = 1, PARTIAL = 2, FULL = 3 };
enum { MOST_NUMBERS = 4 }; /* alpha real and imaginary, beta real (partial: alone) and imaginary */

static const double LOWEST = 0.01;
static const double HIGHEST[MOST_NUMBERS] = {1.8, 1.9, 1.5, 1.5}; /* real, imaginary, and those of the season */
static const double LARGEST_FREE = 50, STEP = 1e-5;

typedef struct {
    int kind, lag, season; /* lag: of the first pair of states */
} Form;

static Form form_of(int kind, int season) {
    Form form = {kind, kind == SIMPLE ? season : 1, kind == WHOLE ? 1 : season};
    return form;
}

static int number_count(const Form *f) { return f->kind == FULL ? 4 : f->kind == PARTIAL ? 3 : 2; }

/* States: (level, information) for each step of the lag, then for each position of the season. */
static size_t state_count(const Form *f) {
    return 2 * (size_t)f->lag + (f->kind >= PARTIAL ? 2 * (size_t)f->season : 0);
}

static int state_fits(const Form *f) { return f->kind >= WHOLE && f->kind <= FULL && f->season >= 1 && f->season <= LONGEST_SEASON; }

/* One step at row t; returns the forecast. An error that is NaN moves nothing. */
static double step(const Form *f, const double *numbers, int t, double value, double *states, double *error) {
    double *own = states + 2 * (t % f->lag), *other = states + 2 * f->lag + 2 * (t % f->season);
    double level = own[0], rest = own[1], forecast = level + (f->kind >= PARTIAL ? other[0] : 0), e = value - forecast;
    *error = e;
    if (e != e) e = 0;
    own[0] = level - (1 - numbers[1]) * rest + (numbers[0] - numbers[1]) * e;
    own[1] = level + (1 - numbers[0]) * rest + (numbers[0] + numbers[1]) * e;
    if (f->kind == PARTIAL) {
        other[0] += numbers[2] * e;
    } else if (f->kind == FULL) {
        level = other[0], rest = other[1];
        other[0] = level - (1 - numbers[3]) * rest + (numbers[2] - numbers[3]) * e;
        other[1] = level + (1 - numbers[2]) * rest + (numbers[2] + numbers[3]) * e;
    }
    return forecast;
}

/* The states to set out from: the mean of the first rows, or each of them, and the season by decomposition. */
static void first_states(const Form *f, int rows, const double *series, double *states, double *work) {
    int head = f->kind == WHOLE ? 10 : f->season;
    double mean = 0, *season = states + 2 * f->lag;
    head = head < rows ? head : rows;
    for (int t = 0; t < head; t++) mean += series[t] / head;
    for (int place = 0; place < f->lag; place++) {
        states[2 * place] = f->kind == SIMPLE && place < rows ? series[place] : mean;
        states[2 * place + 1] = states[2 * place] / 1.1;
    }
    if (f->kind < PARTIAL) return;
    if (!season_indices(rows, series, f->season, 0, season, work)) memset(season, 0, (size_t)f->season * sizeof(double));
    for (int place = f->season - 1; place >= 0; place--) { /* from one number a place to two */
        double index = season[place];
        season[2 * place] = index;
        season[2 * place + 1] = f->kind == FULL ? index / 1.1 : 0;
    }
}

typedef struct {
    Form form;
    int rows, known;
    const double *series;
    double *set_out, *states;
    double numbers[MOST_NUMBERS];
} Context;

static void numbers_from_free(const Form *f, const double *free, double *numbers) {
    for (int i = 0; i < MOST_NUMBERS; i++)
        numbers[i] = i < number_count(f) ? LOWEST + (HIGHEST[i] - LOWEST) * unit_of(free[i]) : 0;
}

/* Forwards and backwards, which leaves in `states` those before the first row; then the squares of forwards again. */
static double squares_of(Context *c) {
    double error, squares = 0;
    size_t size = state_count(&c->form) * sizeof(double);
    memcpy(c->states, c->set_out, size);
    for (int t = 0; t < c->rows; t++) step(&c->form, c->numbers, t, c->series[t], c->states, &error);
    for (int t = c->rows - 1; t >= 0; t--) step(&c->form, c->numbers, t, c->series[t], c->states, &error);
    memcpy(c->states + state_count(&c->form), c->states, size);
    for (int t = 0; t < c->rows; t++) {
        step(&c->form, c->numbers, t, c->series[t], c->states, &error);
        if (c->series[t] == c->series[t]) squares += error * error; /* NaN where the states have diverged */
    }
    memcpy(c->states, c->states + state_count(&c->form), size);
    return squares;
}

static double context_value(void *context, const double *free) {
    Context *c = context;
    numbers_from_free(&c->form, free, c->numbers);
    double squares = squares_of(c);
    return squares < INFINITY ? normal_likelihood(c->known, squares) : -INFINITY;
}

static void context_gradient(void *context, const double *free, double *slope) {
    Context *c = context;
    double point[MOST_NUMBERS], centre = context_value(c, free);
    for (int i = 0; i < number_count(&c->form); i++) {
        double reach = STEP * (1 + fabs(free[i]));
        memcpy(point, free, (size_t)number_count(&c->form) * sizeof(double));
        point[i] = free[i] + reach;
        double above = context_value(c, point);
        point[i] = free[i] - reach;
        double below = context_value(c, point);
        slope[i] = above > -INFINITY && below > -INFINITY ? (above - below) / (2 * reach)
                   : above > -INFINITY                    ? (above - centre) / reach
                   : below > -INFINITY                    ? (centre - below) / reach
                                                          : 0;
    }
    context_value(c, free);
}

/* Places of a model's numbers: four of smoothing, and the states before the first row. */
size_t ces_numbers(int kind, int season) {
    Form form = form_of(kind, season);
    return state_fits(&form) ? MOST_NUMBERS + state_count(&form) : 0;
}

size_t ces_room(int kind, int season, int rows) {
    Form form = form_of(kind, season);
    return state_fits(&form) ? 3 * state_count(&form) + (size_t)rows : 1;
}

/* Fit to `series`; `filled` is the same without gaps. Climbs from the usual start, or (is_warm) from `found`, which
   gets the model's numbers. Returns the log-likelihood, minus infinity for none. */
double ces_fit(int kind, int season, int rows, const double *series, const double *filled, double tolerance, int most,
               int is_warm, double *found, double *work) {
    static const double USUAL[2][MOST_NUMBERS] = {{1.3, 1.0, 0.1, 0}, {1.3, 1.0, 1.3, 1.0}};
    Context c = {.form = form_of(kind, season), .rows = rows, .series = series};
    double bounds[MOST_NUMBERS], free[MOST_NUMBERS], slope[MOST_NUMBERS], value = -INFINITY;
    if (!state_fits(&c.form) || rows < 1) return value;
    for (int t = 0; t < rows; t++) c.known += series[t] == series[t];
    if (!c.known) return value;
    c.set_out = work;
    c.states = c.set_out + state_count(&c.form);
    first_states(&c.form, rows, filled, c.set_out, c.states + 2 * state_count(&c.form));
    const double *from = is_warm ? found : USUAL[kind == FULL];
    for (int i = 0; i < MOST_NUMBERS; i++) {
        bounds[i] = LARGEST_FREE;
        free[i] = unit_back((from[i] - LOWEST) / (HIGHEST[i] - LOWEST));
    }
    Rules rules = {.tolerance = tolerance, .most = most};
    Target target = {rows, context_value, context_gradient, &c};
    climb_within(number_count(&c.form), bounds, &rules, &target, free, &value, slope);
    if (!(value > -INFINITY)) return value;
    value = context_value(&c, free);
    memcpy(found, c.numbers, sizeof c.numbers);
    memcpy(found + MOST_NUMBERS, c.states, state_count(&c.form) * sizeof(double));
    return value;
}

/* Run a model through a series and beyond: one-step forecasts, then means and variances (of errors of variance 1) of
   `steps` more. Returns 0 where it leaves what a number can hold. */
int ces_run(int kind, int season, int rows, const double *series, const double *numbers, int steps, double *fitted,
            double *means, double *variances, double *work) {
    Form form = form_of(kind, season);
    double error, sum = 1;
    if (!state_fits(&form)) return 0;
    size_t size = state_count(&form) * sizeof(double);
    memcpy(work, numbers + MOST_NUMBERS, size);
    for (int t = 0; t < rows; t++) fitted[t] = step(&form, numbers, t, series[t], work, &error);
    for (int h = 0; h < steps; h++) {
        means[h] = step(&form, numbers, rows + h, NAN, work, &error);
        if (!(fabs(means[h]) < INFINITY)) return 0;
    }
    memset(work, 0, size);
    for (int h = 0; h < steps; h++) { /* an error of 1 at step 0, and none after it */
        double effect = step(&form, numbers, h, h ? NAN : 1, work, &error);
        sum += effect * effect;
        variances[h] = sum;
    }
    return 1;
}
