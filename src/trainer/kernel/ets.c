/* Exponential smoothing as state space models: their likelihood, its gradient, its maximum, and forecasts
   (Hyndman, Koehler, Ord and Snyder 2008; the bounds are those of Hyndman and Khandakar 2008).

   One recursion serves all forms. With q = level + phi trend and the season s, the one-step forecast is q, q + s or
   q s, and its error moves every state; whether errors add or multiply changes only how they are counted. The
   gradient, also for the states before the first row, is the same recursion backwards (reverse accumulation,
   Griewank and Walther 2008). */

#include "members.h"

#include <math.h>
#include <string.h>

enum { NONE = 0, ADDED = 1, MULTIPLIED = 2, DAMPED = 2 };
enum { ALPHA, BETA, GAMMA, PHI, LEVEL, TREND, SEASON }; /* places of a model's numbers; from SEASON on the positions */
enum { KEPT = 4 };                                      /* numbers that the way back needs of each row */

static const double LARGEST_FREE = 50, FARTHEST = 1e4; /* bounds of smoothing and of states, as free numbers */
static const double LEAST_DAMPED = 0.8, MOST_DAMPED = 0.98;
static const double SMALLEST = 1e-100, LARGEST = 1e100; /* of a forecast that may be multiplied by an error */

/* error is ADDED or MULTIPLIED, trend NONE, ADDED or DAMPED, seasonal NONE, ADDED or MULTIPLIED. */
typedef struct {
    int error, trend, seasonal, season;
} Form;

static Form form_of(const int *numbers) {
    Form form = {numbers[0], numbers[1], numbers[2], numbers[3]};
    return form;
}

static int form_fits(const Form *f) {
    int has_season = f->seasonal != NONE;
    return f->error >= ADDED && f->error <= MULTIPLIED && f->trend >= NONE && f->trend <= DAMPED &&
           f->seasonal >= NONE && f->seasonal <= MULTIPLIED &&
           (has_season ? f->season >= 2 && f->season <= LONGEST_SMOOTHED : f->season == 1);
}

/* Free numbers: alpha, then beta, gamma, phi where the form has them; level, trend, all but one of the positions. */
static int smoothing_count(const Form *f) { return 1 + (f->trend != NONE) + (f->seasonal != NONE) + (f->trend == DAMPED); }
static int free_count(const Form *f) { return smoothing_count(f) + 1 + (f->trend != NONE) + f->season - 1; }

/* One pass. `kept` (or NULL) gets q, the trend, the season's index and the error of each row, `fitted` (or NULL) the
   one-step forecasts. The states in `numbers` become those after the last row. Returns 0 where a state or a forecast
   leaves what the form can have. */
typedef struct {
    int known;
    double squares, logs; /* of the errors, as the form counts them; of the forecasts that errors multiply */
} Passed;

static int pass(const Form *f, int rows, const double *series, double *numbers, double *kept, double *fitted,
                Passed *passed) {
    double alpha = numbers[ALPHA], beta = numbers[BETA], gamma = numbers[GAMMA], phi = numbers[PHI];
    double level = numbers[LEVEL], trend = numbers[TREND], product = 1, *season = numbers + SEASON;
    Passed sums = {0, 0, 0};
    for (int t = 0, place = 0; t < rows; t++, place = place + 1 < f->season ? place + 1 : 0) {
        double q = level + phi * trend, s = season[place];
        double forecast = f->seasonal == MULTIPLIED ? q * s : q + s;
        double error = series[t] - forecast, moved = error;
        if (f->seasonal == MULTIPLIED && !(q > SMALLEST && s > SMALLEST)) return 0;
        if (f->error == MULTIPLIED && !(forecast > SMALLEST && forecast < LARGEST)) return 0;
        if (error == error) {
            double counted = error;
            if (f->error == MULTIPLIED) {
                counted = error / forecast;
                product *= forecast;
                if (!(product > SMALLEST && product < LARGEST)) {
                    sums.logs += kernel_log(product);
                    product = 1;
                }
            }
            sums.squares += counted * counted;
            sums.known++;
        } else {
            if (series[t] == series[t]) return 0;
            error = moved = 0;
        }
        if (kept) {
            double *row = kept + (size_t)t * KEPT;
            row[0] = q, row[1] = trend, row[2] = s, row[3] = error;
        }
        if (fitted) fitted[t] = forecast;
        if (f->seasonal == MULTIPLIED) {
            moved = error / s;
            season[place] = s + gamma * error / q;
        } else if (f->seasonal == ADDED) {
            season[place] = s + gamma * error;
        }
        level = q + alpha * moved;
        trend = phi * trend + beta * moved;
    }
    numbers[LEVEL] = level;
    numbers[TREND] = trend;
    sums.logs += kernel_log(product);
    *passed = sums;
    return sums.squares < INFINITY && fabs(sums.logs) < INFINITY && fabs(level) < INFINITY && fabs(trend) < INFINITY;
}

static double likelihood_of(const Form *f, const Passed *passed) {
    double value = normal_likelihood(passed->known, passed->squares);
    return f->error == MULTIPLIED ? value - passed->logs : value;
}

/* The pass backwards: `slopes` gets the likelihood's slope for each of the model's numbers. */
static void back(const Form *f, int rows, const double *series, const double *numbers, const double *kept,
                 const Passed *passed, double *slopes) {
    double alpha = numbers[ALPHA], beta = numbers[BETA], gamma = numbers[GAMMA], phi = numbers[PHI];
    double least = 1e-26 * passed->known, weight = -passed->known / (passed->squares > least ? passed->squares : least);
    double level = 0, trend = 0, *season = slopes + SEASON, a = 0, b = 0, g = 0, p = 0;
    memset(slopes, 0, (size_t)(SEASON + f->season) * sizeof(double));
    for (int t = rows - 1; t >= 0; t--) {
        const double *row = kept + (size_t)t * KEPT;
        int place = t % f->season;
        double q = row[0], before = row[1], s = row[2], error = row[3], by_season = season[place];
        double by_error = 0, by_forecast = 0, by_q = level, by_s = by_season;
        if (series[t] == series[t]) {
            by_error = weight * error;
            if (f->error == MULTIPLIED) {
                double forecast = f->seasonal == MULTIPLIED ? q * s : q + s, counted = error / forecast;
                by_error = weight * counted / forecast;
                by_forecast = -weight * counted * counted / forecast - 1 / forecast;
            }
        }
        if (f->seasonal == MULTIPLIED) {
            double moved = error / s, by_moved = alpha * level + beta * trend;
            a += moved * level;
            b += moved * trend;
            g += error / q * by_season;
            by_error += by_moved / s + gamma * by_season / q;
            by_s -= by_moved * moved / s;
            by_q -= gamma * by_season * error / (q * q);
        } else {
            a += error * level;
            b += error * trend;
            by_error += alpha * level + beta * trend;
            if (f->seasonal == ADDED) {
                g += error * by_season;
                by_error += gamma * by_season;
            }
        }
        if (series[t] == series[t]) by_forecast -= by_error; /* a missing error depends on nothing */
        p += before * (trend);
        if (f->seasonal == MULTIPLIED) {
            by_q += by_forecast * s;
            by_s += by_forecast * q;
        } else {
            by_q += by_forecast;
            by_s += by_forecast;
        }
        p += before * by_q;
        level = by_q;
        trend = phi * (trend + by_q);
        season[place] = f->seasonal == NONE ? 0 : by_s;
    }
    slopes[ALPHA] = a, slopes[BETA] = b, slopes[GAMMA] = g, slopes[PHI] = p;
    slopes[LEVEL] = level, slopes[TREND] = trend;
}

/* ---- the climb ---- */

typedef struct {
    Form form;
    int rows;
    const double *series;
    double spread; /* of the series' steps: the unit in which states move */
    double *first; /* the numbers where the climb sets out, whose states free numbers are counted from */
    double *numbers, *ends, *slopes, *kept;
    Passed passed;
} Context;

static double state_unit(const Context *c, int is_season) {
    return is_season && c->form.seasonal == MULTIPLIED ? c->spread / (c->first[LEVEL] > c->spread ? c->first[LEVEL] : c->spread)
                                                      : c->spread;
}

static void numbers_from_free(const Context *c, const double *free, double *numbers) {
    const Form *f = &c->form;
    int at = 0;
    memcpy(numbers, c->first, (size_t)(SEASON + f->season) * sizeof(double));
    numbers[ALPHA] = unit_of(free[at++]);
    if (f->trend != NONE) numbers[BETA] = numbers[ALPHA] * unit_of(free[at++]);
    if (f->seasonal != NONE) numbers[GAMMA] = (1 - numbers[ALPHA]) * unit_of(free[at++]);
    if (f->trend == DAMPED) numbers[PHI] = LEAST_DAMPED + (MOST_DAMPED - LEAST_DAMPED) * unit_of(free[at++]);
    numbers[LEVEL] += c->spread * free[at++];
    if (f->trend != NONE) numbers[TREND] += 0.1 * c->spread * free[at++];
    for (int place = 0; place + 1 < f->season; place++) {
        double change = state_unit(c, 1) * free[at++];
        numbers[SEASON + place] += change;
        numbers[SEASON + f->season - 1] -= change;
    }
}

static void free_from_numbers(const Context *c, const double *numbers, double *free) {
    const Form *f = &c->form;
    int at = 0;
    free[at++] = unit_back(numbers[ALPHA]);
    if (f->trend != NONE) free[at++] = unit_back(numbers[BETA] / numbers[ALPHA]);
    if (f->seasonal != NONE) free[at++] = unit_back(numbers[GAMMA] / (1 - numbers[ALPHA]));
    if (f->trend == DAMPED) free[at++] = unit_back((numbers[PHI] - LEAST_DAMPED) / (MOST_DAMPED - LEAST_DAMPED));
    for (int last = free_count(f); at < last; at++) free[at] = 0;
}

/* With trend and season the usual bounds are not enough: old errors must not grow, so no root of the characteristic
   polynomial may be outside the unit circle (Hyndman et al. 2008, ch. 10; tested by Durbin's recursion downwards). */
static int is_admissible(const Form *f, const double *numbers) {
    double alpha = numbers[ALPHA], beta = numbers[BETA], gamma = numbers[GAMMA], phi = numbers[PHI];
    double row[LONGEST_SMOOTHED + 2], shorter[LONGEST_SMOOTHED + 2], common = alpha + beta - alpha * phi;
    if (f->trend == NONE || f->seasonal == NONE) return 1;
    int size = f->season + 1; /* z^size + row[0] z^(size - 1) + ... + row[size - 1] */
    for (int i = 0; i < size; i++) row[i] = common;
    row[0] = alpha + beta - phi;
    row[size - 2] = common + gamma - 1;
    row[size - 1] = phi * (1 - alpha - gamma);
    for (; size; size--) {
        double last = row[size - 1], rest = 1 - last * last;
        if (!(rest > 0)) return 0;
        for (int i = 0; i + 1 < size; i++) shorter[i] = (row[i] - last * row[size - 2 - i]) / rest;
        memcpy(row, shorter, (size_t)(size - 1) * sizeof(double));
    }
    return 1;
}

static double context_value(void *context, const double *free) {
    Context *c = context;
    size_t size = (size_t)(SEASON + c->form.season) * sizeof(double);
    numbers_from_free(c, free, c->numbers);
    if (!is_admissible(&c->form, c->numbers)) return -INFINITY;
    memcpy(c->ends, c->numbers, size);
    if (!pass(&c->form, c->rows, c->series, c->ends, c->kept, NULL, &c->passed) || !c->passed.known) return -INFINITY;
    double value = likelihood_of(&c->form, &c->passed);
    return value == value && value < INFINITY ? value : -INFINITY;
}

static void context_gradient(void *context, const double *free, double *slope) {
    Context *c = context;
    const Form *f = &c->form;
    const double *by = c->slopes, *numbers = c->numbers;
    int at = 0;
    back(f, c->rows, c->series, numbers, c->kept, &c->passed, c->slopes);
    double alpha = numbers[ALPHA], by_alpha = by[ALPHA];
    if (f->trend != NONE) by_alpha += by[BETA] * numbers[BETA] / alpha;
    if (f->seasonal != NONE) by_alpha -= by[GAMMA] * numbers[GAMMA] / (1 - alpha);
    slope[at] = by_alpha * unit_slope(free[at]), at++;
    if (f->trend != NONE) slope[at] = by[BETA] * alpha * unit_slope(free[at]), at++;
    if (f->seasonal != NONE) slope[at] = by[GAMMA] * (1 - alpha) * unit_slope(free[at]), at++;
    if (f->trend == DAMPED) slope[at] = by[PHI] * (MOST_DAMPED - LEAST_DAMPED) * unit_slope(free[at]), at++;
    slope[at++] = by[LEVEL] * c->spread;
    if (f->trend != NONE) slope[at++] = by[TREND] * 0.1 * c->spread;
    for (int place = 0; place + 1 < f->season; place++)
        slope[at++] = (by[SEASON + place] - by[SEASON + f->season - 1]) * state_unit(c, 1);
}

size_t ets_room(const int *numbers, int rows) {
    Form form = form_of(numbers);
    return form_fits(&form) ? 4 * (size_t)(SEASON + form.season) + (size_t)rows * (KEPT + 1) : 1;
}

static Context laid_out(const int *numbers, int rows, const double *series, double *work) {
    Context c = {.form = form_of(numbers), .rows = rows, .series = series};
    size_t size = (size_t)(SEASON + c.form.season);
    c.first = work;
    c.numbers = c.first + size;
    c.ends = c.numbers + size;
    c.slopes = c.ends + size;
    c.kept = c.slopes + size;
    return c;
}

/* The mean step from one known value to the next, without its season where there is one. */
static double spread_of(const Form *f, int rows, const double *series, const double *season) {
    double sum = 0, last = NAN;
    int count = 0;
    for (int t = 0; t < rows; t++) {
        double s = season[t % f->season], value = f->seasonal == MULTIPLIED ? series[t] / s : series[t] - s;
        if (value != value) continue;
        if (last == last) sum += fabs(value - last), count++;
        last = value;
    }
    return count && sum > 0 && sum < INFINITY ? sum / count : 1;
}

/* States before the first row: the season by decomposition, level and trend by a line through the first rows of what is
   left (the start of Hyndman et al. 2002), or through all of them. `series` has no gaps here. */
static void first_states(const Form *f, int rows, const double *series, int is_of_all, double *numbers, double *work) {
    double *season = numbers + SEASON, sums[4] = {0, 0, 0, 0};
    int head = 2 * f->season > 10 ? 2 * f->season : 10;
    for (int place = 0; place < f->season; place++) season[place] = f->seasonal == MULTIPLIED;
    if (f->seasonal != NONE && !season_indices(rows, series, f->season, f->seasonal == MULTIPLIED, season, work))
        for (int place = 0; place < f->season; place++) season[place] = f->seasonal == MULTIPLIED;
    head = head < rows && !is_of_all ? head : rows;
    for (int t = 0; t < head; t++) {
        double s = season[t % f->season], value = f->seasonal == MULTIPLIED ? series[t] / s : series[t] - s;
        double x = t + 1 - 0.5 * (head + 1);
        sums[0] += value / head, sums[1] += x * value, sums[2] += x * x;
    }
    double slope = sums[2] > 0 ? sums[1] / sums[2] : 0;
    numbers[LEVEL] = f->trend == NONE ? sums[0] : sums[0] - slope * 0.5 * (head + 1);
    numbers[TREND] = f->trend == NONE ? 0 : slope;
    if ((f->error == MULTIPLIED || f->seasonal == MULTIPLIED) && !(numbers[LEVEL] > 0)) {
        numbers[LEVEL] = sums[0];
        numbers[TREND] = 0;
    }
}

/* From the first states, the smoothing of a few that fits best. Starts are told apart by alpha and gamma (the number
   that is returned, below 8, or -1 for none); those of `skipped` are left out. */
static int best_smoothing(Context *c, unsigned skipped, double *free) {
    static const double alphas[] = {0.02, 0.15, 0.5, 0.95}, shares[] = {0.02, 0.3}, damping[] = {0.9, 0.97};
    const Form *f = &c->form;
    double best = -INFINITY;
    int chosen = -1;
    for (int k = 0; k < 32; k++) { /* two bits for alpha, one each for gamma, beta, phi */
        int gamma = k >> 2 & 1, beta = k >> 3 & 1, phi = k >> 4;
        int is_same = (f->seasonal == NONE && gamma) || (f->trend == NONE && beta) || (f->trend != DAMPED && phi);
        double alpha = alphas[k & 3], trial[MOST_FREE];
        if (is_same || skipped >> (k & 7) & 1) continue;
        memcpy(c->numbers, c->first, (size_t)(SEASON + f->season) * sizeof(double));
        c->numbers[ALPHA] = alpha;
        c->numbers[BETA] = alpha * shares[beta];
        c->numbers[GAMMA] = (1 - alpha) * shares[gamma];
        c->numbers[PHI] = damping[phi];
        free_from_numbers(c, c->numbers, trial);
        double value = context_value(c, trial);
        if (value > best) {
            best = value;
            chosen = k & 7;
            memcpy(free, trial, sizeof trial);
        }
    }
    return chosen;
}

/* Fit a form to `series`; `filled` is the same without gaps. rule: tolerance of the climb, and how many starts; 0
   starts from `found` itself. `found` gets the model's numbers. Returns the log-likelihood, minus infinity for none. */
double ets_fit(const int *numbers, int rows, const double *series, const double *filled, const double *rule, int most,
               double *found, double *work) {
    Context c = laid_out(numbers, rows, series, work);
    Form *f = &c.form;
    Rules rules = {.tolerance = rule[0], .most = most};
    Target target = {rows, context_value, context_gradient, &c};
    double bounds[MOST_FREE], free[MOST_FREE], slope[MOST_FREE], best = -INFINITY;
    if (!form_fits(f) || rows < 1) return best;
    size_t size = (size_t)(SEASON + f->season) * sizeof(double);
    for (int at = 0; at < MOST_FREE; at++) bounds[at] = at < smoothing_count(f) ? LARGEST_FREE : FARTHEST;
    c.first[ALPHA] = 0.5, c.first[BETA] = c.first[GAMMA] = 0, c.first[PHI] = f->trend != NONE;
    int starts = (int)rule[1];
    unsigned tried = 0;
    if (starts < 1) memcpy(c.first, found, size);
    else first_states(f, rows, filled, 0, c.first, c.kept + (size_t)rows * KEPT);
    c.spread = spread_of(f, rows, series, c.first + SEASON);
    for (int start = 0; start < (starts < 1 ? 1 : starts); start++) {
        double value;
        if (starts < 1) {
            free_from_numbers(&c, found, free);
        } else {
            /* The second start of a season is one with the other gamma: tops far apart differ by it. */
            unsigned skipped = start == 1 && f->seasonal != NONE ? (tried & 0x0f ? 0x0f : 0xf0) : tried;
            first_states(f, rows, filled, start % 2, c.first, c.kept + (size_t)rows * KEPT);
            int chosen = best_smoothing(&c, skipped, free);
            if (chosen < 0) break;
            tried |= 1u << chosen;
        }
        climb_within(free_count(f), bounds, &rules, &target, free, &value, slope);
        if (!(value > best)) continue;
        best = value;
        numbers_from_free(&c, free, found);
    }
    return best;
}

/* The likelihood at given numbers, for tests of the gradient; `slopes` (or NULL) gets one for each number. */
double ets_evaluate(const int *numbers, int rows, const double *series, const double *point, double *slopes, double *work) {
    Context c = laid_out(numbers, rows, series, work);
    if (!form_fits(&c.form)) return -INFINITY;
    memcpy(c.ends, point, (size_t)(SEASON + c.form.season) * sizeof(double));
    if (!pass(&c.form, rows, series, c.ends, c.kept, NULL, &c.passed) || !c.passed.known) return -INFINITY;
    if (slopes) back(&c.form, rows, series, point, c.kept, &c.passed, slopes);
    return likelihood_of(&c.form, &c.passed);
}

/* Run a model through a series and beyond: one-step forecasts, then means and variances (of errors of variance 1) of
   `steps` more. Returns 0 where the series leaves what the form can have. Variances: Hyndman et al. 2008, ch. 6; where
   a season multiplies, products of two errors are left out. */
int ets_run(const int *numbers, int rows, const double *series, const double *point, double error_variance, int steps,
            double *fitted, double *means, double *variances, double *work) {
    Context c = laid_out(numbers, rows, series, work);
    const Form *f = &c.form;
    if (!form_fits(f)) return 0;
    memcpy(c.ends, point, (size_t)(SEASON + f->season) * sizeof(double));
    if (!pass(f, rows, series, c.ends, NULL, fitted, &c.passed)) return 0;
    double alpha = point[ALPHA], beta = point[BETA], gamma = point[GAMMA], phi = point[PHI];
    double trend = c.ends[TREND], q = c.ends[LEVEL];
    const double *season = c.ends + SEASON;
    for (int h = 0; h < steps; h++) {
        trend = phi * trend;
        q += trend;
        double s = season[(rows + h) % f->season];
        means[h] = f->seasonal == MULTIPLIED ? q * s : q + s;
        if (!(fabs(means[h]) < INFINITY)) return 0;
    }
    for (int h = 0; h < steps; h++) {
        double s = season[(rows + h) % f->season], sum = 0, damped = 0, power = 1;
        for (int j = h - 1; j >= 0; j--) { /* what the error of step j does to step h */
            power *= phi;
            damped += power;
            int is_same = (h - j) % f->season == 0 && f->seasonal != NONE;
            double weight = alpha + beta * damped;
            if (f->seasonal == MULTIPLIED) {
                double other = season[(rows + j) % f->season], own = means[j] / other;
                weight = weight * s / other + (is_same ? gamma * (means[h] / s) / own : 0);
            } else if (is_same) weight += gamma;
            sum += weight * weight * (f->error == MULTIPLIED ? variances[j] : 1);
        }
        /* Multiplied errors: keep the mean of the forecast's square until all are known. */
        variances[h] = f->error == MULTIPLIED ? means[h] * means[h] + error_variance * sum : 1 + sum;
    }
    for (int h = 0; h < steps; h++)
        variances[h] = f->error == MULTIPLIED ? (1 + error_variance) * variances[h] - means[h] * means[h]
                                              : error_variance * variances[h];
    return 1;
}
