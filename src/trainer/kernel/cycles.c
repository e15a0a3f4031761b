/* Exponential smoothing with up to three seasons and errors that carry over to the next row (Taylor 2003, 2010):

       forecast = level + one state of each season + phi e,   e: value less level and seasons, of the row before

   An error moves the level by alpha e and each season's state at its position by its own share. The states before the
   first row are found by running the model forwards and backwards, so only the smoothing numbers are searched. */

#include "members.h"

#include <math.h>
#include <string.h>

enum { MOST_CYCLES = 3, NUMBERS = 2 + MOST_CYCLES }; /* alpha, phi, one share a season */

static const double LARGEST_FREE = 50, STEP = 1e-5;
static const double MOST_CARRIED = 0.995, MOST_SHARE = 0.5;

typedef struct {
    int count, seasons[MOST_CYCLES], starts[MOST_CYCLES]; /* where the states of each season begin; the level is at 0 */
    size_t states;
} Cycles;

static Cycles cycles_of(int count, const int *seasons) {
    Cycles c = {.count = 0, .states = 0};
    if (count < 1 || count > MOST_CYCLES) return c;
    c.states = 1;
    for (int i = 0; i < count; i++) {
        if (seasons[i] < 2 || seasons[i] > LONGEST_CYCLE) return (Cycles){.count = 0, .states = 0};
        c.seasons[i] = seasons[i];
        c.starts[i] = (int)c.states;
        c.states += (size_t)seasons[i];
    }
    c.count = count;
    return c;
}

/* One step at row t; `carried` is e of the row before, and becomes that of this one. Returns the forecast. */
static double step(const Cycles *c, const double *numbers, int t, double value, double *states, double *carried) {
    double plain = states[0];
    for (int i = 0; i < c->count; i++) plain += states[c->starts[i] + t % c->seasons[i]];
    double forecast = plain + numbers[1] * *carried;
    double e = value == value ? value - plain : numbers[1] * *carried; /* a gap counts as its forecast */
    *carried = e;
    states[0] += numbers[0] * e;
    for (int i = 0; i < c->count; i++) states[c->starts[i] + t % c->seasons[i]] += numbers[2 + i] * e;
    return forecast;
}

/* Level and seasons by means at each position, one season after the other, the shortest first. */
static void first_states(const Cycles *c, int rows, const double *series, double *states, double *work) {
    double mean = 0;
    int known = 0;
    for (int t = 0; t < rows; t++) {
        if (series[t] != series[t]) continue;
        known++;
        mean += (series[t] - mean) / known;
    }
    memset(states, 0, c->states * sizeof(double));
    states[0] = mean;
    for (int i = 0; i < c->count; i++) {
        int season = c->seasons[i];
        double *own = states + c->starts[i], centre = 0;
        memset(work, 0, (size_t)season * sizeof(double));
        for (int t = 0; t < rows; t++) {
            if (series[t] != series[t]) continue;
            double rest = series[t] - mean;
            for (int k = 0; k < i; k++) rest -= states[c->starts[k] + t % c->seasons[k]];
            work[t % season] += 1;
            own[t % season] += (rest - own[t % season]) / work[t % season];
        }
        for (int place = 0; place < season; place++) centre += own[place] / season;
        for (int place = 0; place < season; place++) own[place] -= centre;
    }
}

typedef struct {
    Cycles cycles;
    int rows, known;
    const double *series;
    double *set_out, *states;
    double numbers[NUMBERS];
} Context;

/* The largest number of each place. The level may move by one step of the longest season at most: a level that follows
   each row fits the next row best, and forecasts a whole season badly; what passes sooner is carried (phi). */
static double largest(const Cycles *c, int place) {
    return place == 0 ? 1.0 / c->seasons[c->count - 1] : place == 1 ? MOST_CARRIED : MOST_SHARE;
}

static void numbers_from_free(const Cycles *c, const double *free, double *numbers) {
    for (int i = 0; i < NUMBERS; i++) numbers[i] = i < 2 + c->count ? largest(c, i) * unit_of(free[i]) : 0;
}

/* Forwards and backwards, which leaves in `states` those before the first row; then the squares of forwards again. */
static double squares_of(Context *c) {
    double squares = 0, carried = 0;
    size_t size = c->cycles.states * sizeof(double);
    memcpy(c->states, c->set_out, size);
    for (int t = 0; t < c->rows; t++) step(&c->cycles, c->numbers, t, c->series[t], c->states, &carried);
    carried = 0;
    for (int t = c->rows - 1; t >= 0; t--) step(&c->cycles, c->numbers, t, c->series[t], c->states, &carried);
    double *kept = c->states + c->cycles.states;
    memcpy(kept, c->states, size);
    carried = 0;
    for (int t = 0; t < c->rows; t++) {
        double error = c->series[t] - step(&c->cycles, c->numbers, t, c->series[t], c->states, &carried);
        if (c->series[t] == c->series[t]) squares += error * error; /* NaN where the states have diverged */
    }
    memcpy(c->states, kept, size);
    return squares;
}

static double context_value(void *context, const double *free) {
    Context *c = context;
    numbers_from_free(&c->cycles, free, c->numbers);
    double squares = squares_of(c);
    return squares < INFINITY ? normal_likelihood(c->known, squares) : -INFINITY;
}

static void context_gradient(void *context, const double *free, double *slope) {
    Context *c = context;
    double point[NUMBERS], centre = context_value(c, free);
    for (int i = 0; i < 2 + c->cycles.count; i++) {
        double reach = STEP * (1 + fabs(free[i]));
        memcpy(point, free, (size_t)(2 + c->cycles.count) * sizeof(double));
        point[i] = free[i] + reach;
        double above = context_value(c, point);
        slope[i] = above > -INFINITY ? (above - centre) / reach : 0;
    }
    context_value(c, free);
}

/* Places of a model's numbers: alpha, phi, a share for each of three seasons, and the states before the first row. */
size_t cycles_numbers(int count, const int *seasons) {
    Cycles c = cycles_of(count, seasons);
    return c.count ? NUMBERS + c.states : 0;
}

size_t cycles_room(int count, const int *seasons) { return 3 * cycles_of(count, seasons).states + 1; }

/* Fit to `series`, from two starts; `found` gets the model's numbers. Returns the log-likelihood, minus infinity for
   none. */
double cycles_fit(int count, const int *seasons, int rows, const double *series, double tolerance, int most,
                  double *found, double *work) {
    static const double USUAL[2][NUMBERS] = {{0.3, 0.7, 0.2, 0.2, 0.2}, {0.7, 0.1, 0.2, 0.2, 0.2}}; /* of the largest */
    Context c = {.cycles = cycles_of(count, seasons), .rows = rows, .series = series};
    double bounds[NUMBERS], free[NUMBERS], slope[NUMBERS], value, best = -INFINITY;
    if (!c.cycles.count || rows < 1) return best;
    for (int t = 0; t < rows; t++) c.known += series[t] == series[t];
    if (!c.known) return best;
    c.set_out = work;
    c.states = work + c.cycles.states;
    first_states(&c.cycles, rows, series, c.set_out, c.states);
    Rules rules = {.tolerance = tolerance, .most = most};
    Target target = {rows, context_value, context_gradient, &c};
    for (int start = 0; start < 2; start++) {
        for (int i = 0; i < NUMBERS; i++) {
            bounds[i] = LARGEST_FREE;
            free[i] = unit_back(USUAL[start][i]);
        }
        climb_within(2 + count, bounds, &rules, &target, free, &value, slope);
        if (!(value > best)) continue;
        best = context_value(&c, free);
        memcpy(found, c.numbers, sizeof c.numbers);
        memcpy(found + NUMBERS, c.states, c.cycles.states * sizeof(double));
    }
    return best;
}

/* Run a model through a series and beyond: one-step forecasts, then means and variances (of errors of variance 1) of
   `steps` more. Returns 0 where it leaves what a number can hold. */
int cycles_run(int count, const int *seasons, int rows, const double *series, const double *numbers, int steps,
               double *fitted, double *means, double *variances, double *work) {
    Cycles c = cycles_of(count, seasons);
    double carried = 0, sum = 0;
    if (!c.count) return 0;
    size_t size = c.states * sizeof(double);
    memcpy(work, numbers + NUMBERS, size);
    for (int t = 0; t < rows; t++) fitted[t] = step(&c, numbers, t, series[t], work, &carried);
    for (int h = 0; h < steps; h++) {
        means[h] = step(&c, numbers, rows + h, NAN, work, &carried);
        if (!(fabs(means[h]) < INFINITY)) return 0;
    }
    memset(work, 0, size);
    carried = 0;
    for (int h = 0; h < steps; h++) { /* an innovation of 1 at step 0, and none after it */
        double effect = step(&c, numbers, h, h ? NAN : 1, work, &carried);
        effect = h ? effect : 1;
        sum += effect * effect;
        variances[h] = sum;
    }
    return 1;
}
