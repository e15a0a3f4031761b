/* Random orders, lengths and odd numbers through every function of the kernel, until the time is over.

       kernel_fuzz SEED SECONDS

   The compiler's sanitizers watch the memory; what is checked here is what each function promises. Every array is as
   large as it must be and not larger, and `work` is filled with other rubbish for each of two calls: what reads before
   it writes gives two results. The same seed gives the same cases. */

#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

size_t arima_room(const int *, int, int);
double arima_evaluate(const int *, int, int, const double *, const double *, const double *, double *, double *,
                      double *, double *, double *);
int arima_start(const int *, int, int, const double *, const double *, double *, double *);
int arima_climb(const int *, int, int, const double *, const double *, const double *, int, double *, double *,
                double *, double *, double *, double *);
int arima_forecast(const int *, int, const double *, const double *, int, double *, double *);
void arima_coefficients(const int *, const double *, double *);
size_t kalman_room(const int *, int, int, int);
double kalman_evaluate(const int *, int, int, int, int, const double *, const double *, const double *, double *,
                       double *, int *, double *, int, double *, double *, double *);
int kalman_climb(const int *, int, int, int, int, const double *, const double *, const double *, int, double *,
                 double *, double *, double *, double *, double *);
void numbers_transform(int, double, const double *, double *);
void numbers_turn_back(int, double, const double *, double *);
size_t ets_room(const int *, int);
double ets_fit(const int *, int, const double *, const double *, const double *, int, double *, double *);
double ets_evaluate(const int *, int, const double *, const double *, double *, double *);
int ets_run(const int *, int, const double *, const double *, double, int, double *, double *, double *, double *);
double theta_fit(int, const double *, double *, double *);
void theta_run(int, const double *, const double *, int, double *, double *);
size_t ces_numbers(int, int);
size_t ces_room(int, int, int);
double ces_fit(int, int, int, const double *, const double *, double, int, int, double *, double *);
int ces_run(int, int, int, const double *, const double *, int, double *, double *, double *, double *);
size_t cycles_numbers(int, const int *);
size_t cycles_room(int, const int *);
double cycles_fit(int, const int *, int, const double *, double, int, double *, double *);
int cycles_run(int, const int *, int, const double *, const double *, int, double *, double *, double *, double *);
int season_is_visible(int, const double *, int);
int season_indices(int, const double *, int, int, double *, double *);
double demand_smoothing(int, const double *, double, double);
void demand_croston(int, const double *, double, double, double, double *);
void demand_probability(int, const double *, double, double, double *);
void demand_level(int, const double *, int, double, double, double *, double *);
double kernel_exp(double);
double kernel_log(double);

enum { MOST = 25 };
static const double RULES[3] = {1e-6, 50, 1000};

static uint64_t state;
static unsigned long number; /* of the case */

static uint64_t drawn(void) { /* splitmix64 (Steele, Lea and Flood 2014) */
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int below(int count) { return (int)(drawn() % (uint64_t)count); }
static double uniform(void) { return (double)(drawn() >> 11) / 9007199254740992.0 * 2 - 1; }

static void require(int is_so, const char *what) {
    if (is_so) return;
    fprintf(stderr, "case %lu: %s\n", number, what);
    abort();
}

static double *room(size_t count) {
    double *place = malloc(count * sizeof(double));
    require(place || !count, "no memory");
    return place;
}

static double odd(void) {
    static const double numbers[] = {0,    -0.0,  1,       -1,      NAN,    INFINITY, -INFINITY, 1e300, -1e300,
                                     1e15, 1e-15, 5e-324,  1e-308,  1e-200, 1e150,    1e12,      1e-12, 1.7976931348623157e308};
    return numbers[below(sizeof numbers / sizeof *numbers)];
}

/* One kind of series: noise, a walk, constant, nearly constant, all odd, a few odd ones, gaps. */
static double *series_of(int rows) {
    double *series = room((size_t)rows), level = 0, scale = below(3) ? 1 : pow(10, 14 * uniform());
    int kind = below(9);
    for (int t = 0; t < rows; t++) {
        level += uniform();
        series[t] = scale * (kind == 0 ? level : kind == 1 ? 1 : kind == 2 ? 1 + 1e-15 * uniform() : uniform());
        if (kind == 3 || (kind == 4 && !below(10))) series[t] = odd();
        if (kind == 5 && below(2)) series[t] = NAN;
        if (kind == 6) series[t] = t % 7;
        if (kind == 7 && t < rows / 2) series[t] = NAN;
    }
    return series;
}

static double *columns_of(int columns, int rows) {
    double *all = room((size_t)columns * (size_t)rows);
    for (int c = 0; c < columns; c++) {
        double *column = series_of(rows);
        if (c && below(4) == 0) memcpy(column, all, (size_t)rows * sizeof(double)); /* the first one again */
        if (rows) memcpy(all + (size_t)c * (size_t)rows, column, (size_t)rows * sizeof(double));
        free(column);
    }
    return all;
}

static double *point_of(int count) {
    static const double spreads[] = {0, 0.3, 1, 5, 50, 1000};
    double *point = room((size_t)count), spread = spreads[below(6)];
    int is_odd = below(12) == 0;
    for (int i = 0; i < count; i++) point[i] = is_odd && below(2) ? odd() : spread * uniform();
    return point;
}

static double *work_of(size_t count, int call) {
    double *work = room(count);
    for (size_t i = 0; i < count; i++) work[i] = call ? NAN : 1e9 + (double)i;
    return work;
}

static int same(const double *one, const double *other, int count) {
    return count == 0 || !memcmp(one, other, (size_t)count * sizeof(double));
}

typedef struct {
    int numbers[5], d, seasonal_d, rows, columns, count, steps;
    double *series, *regressors, *point;
} Case;

/* What two calls gave; they must be the same bits. */
typedef struct {
    double value, variance, *slope, *beta, *innovations, *means, *spreads, *top;
    int used;
} Found;

static Found found_for(const Case *c) {
    Found f = {0, 0, room((size_t)c->count), room((size_t)c->columns), room((size_t)(c->rows * (c->columns + 1))),
               room((size_t)c->steps), room((size_t)c->steps), room((size_t)c->count), 0};
    for (int i = 0; i < c->count; i++) f.slope[i] = 0;
    for (int i = 0; i < c->columns; i++) f.beta[i] = 0;
    for (int i = 0; i < c->rows * (c->columns + 1); i++) f.innovations[i] = 0;
    for (int i = 0; i < c->steps; i++) f.means[i] = f.spreads[i] = 0;
    if (c->count) memcpy(f.top, c->point, (size_t)c->count * sizeof(double));
    return f;
}

static void drop(Found *f) {
    double *all[] = {f->slope, f->beta, f->innovations, f->means, f->spreads, f->top};
    for (int i = 0; i < 6; i++) free(all[i]);
}

static void require_same(const Case *c, const Found *one, const Found *other, const char *what) {
    int is_same = same(&one->value, &other->value, 1) && same(&one->variance, &other->variance, 1) &&
                  same(one->slope, other->slope, c->count) && same(one->beta, other->beta, c->columns) &&
                  same(one->innovations, other->innovations, c->rows * (c->columns + 1)) &&
                  same(one->means, other->means, c->steps) && same(one->spreads, other->spreads, c->steps) &&
                  same(one->top, other->top, c->count) && one->used == other->used;
    require(is_same, what);
}

static void require_value(double value, double variance) {
    require(value == value && value < INFINITY, "a log-likelihood that is no number or infinite");
    if (value > -INFINITY) require(variance > 0 && variance < INFINITY, "a likelihood with a variance that is none");
}

static void require_climbed(const Case *c, const Found *f, double from) {
    require(f->used <= MOST + 2, "more evaluations than allowed");
    require(!(f->value < from), "a climb that went down");
    for (int i = 0; i < c->count && f->value > -INFINITY; i++) {
        int is_ar = i < c->numbers[0] || (i >= c->numbers[0] + c->numbers[1] &&
                                          i < c->numbers[0] + c->numbers[1] + c->numbers[2]);
        require(fabs(f->top[i]) <= (is_ar ? RULES[1] : RULES[2]), "a top beyond the bounds");
    }
}

/* The point within the bounds, as the climb begins. */
static double value_within(const Case *c, Found *scratch, double *work) {
    double *point = room((size_t)c->count);
    for (int i = 0; i < c->count; i++) {
        int is_ar = i < c->numbers[0] || (i >= c->numbers[0] + c->numbers[1] &&
                                          i < c->numbers[0] + c->numbers[1] + c->numbers[2]);
        double bound = is_ar ? RULES[1] : RULES[2];
        point[i] = c->point[i] > bound ? bound : c->point[i] < -bound ? -bound : c->point[i];
    }
    double value = arima_evaluate(c->numbers, c->rows, c->columns, c->series, c->regressors, point, NULL, scratch->beta,
                                  &scratch->variance, NULL, work);
    free(point);
    return value;
}

static void try_plain(const Case *c) {
    Found found[2], tops[2];
    for (int call = 0; call < 2; call++) {
        double *work = work_of(arima_room(c->numbers, c->rows, c->columns), call);
        Found *f = &found[call], *top = &tops[call];
        *f = found_for(c);
        *top = found_for(c);
        f->value = arima_evaluate(c->numbers, c->rows, c->columns, c->series, c->regressors, c->point, f->slope, f->beta,
                                  &f->variance, f->innovations, work);
        require_value(f->value, f->variance);
        f->used = arima_start(c->numbers, c->rows, c->columns, c->series, c->regressors, f->top, work);
        for (int i = 0; i < c->count; i++) require(fabs(f->top[i]) < 4, "a start that is not well inside");
        if (!arima_forecast(c->numbers, c->rows, c->series, c->point, c->steps, f->means, work))
            for (int h = 0; h < c->steps; h++) f->means[h] = 0;
        double from = value_within(c, top, work);
        top->value = top->variance = 0;
        for (int i = 0; i < c->columns; i++) top->beta[i] = 0;
        top->used = arima_climb(c->numbers, c->rows, c->columns, c->series, c->regressors, RULES, MOST, top->top,
                                &top->value, top->slope, top->beta, &top->variance, work);
        require_value(top->value, top->variance);
        require_climbed(c, top, from);
        free(work);
    }
    require_same(c, &found[0], &found[1], "plain: two results from the same numbers");
    require_same(c, &tops[0], &tops[1], "plain: two tops from the same numbers");
    for (int call = 0; call < 2; call++) drop(&found[call]), drop(&tops[call]);
}

static void try_gaps(const Case *c) {
    Found found[2], tops[2];
    int counted, steps = c->columns ? 0 : c->steps;
    for (int call = 0; call < 2; call++) {
        double *work = work_of(kalman_room(c->numbers, c->d, c->seasonal_d, c->columns), call);
        Found *f = &found[call], *top = &tops[call];
        *f = found_for(c);
        *top = found_for(c);
        f->value = kalman_evaluate(c->numbers, c->d, c->seasonal_d, c->rows, c->columns, c->series, c->regressors,
                                   c->point, f->beta, &f->variance, &counted, f->innovations, steps, f->means,
                                   f->spreads, work);
        require_value(f->value, f->variance);
        require(counted >= 0 && counted <= c->rows, "rows counted that are none");
        if (f->value > -INFINITY)
            for (int h = 0; h < steps; h++) require(!(f->spreads[h] < 0.99), "a forecast surer than its innovations");
        top->used = kalman_climb(c->numbers, c->d, c->seasonal_d, c->rows, c->columns, c->series, c->regressors, RULES,
                                 3, top->top, &top->value, top->slope, top->beta, &top->variance, work);
        require_value(top->value, top->variance);
        require_climbed(c, top, -INFINITY);
        free(work);
    }
    require_same(c, &found[0], &found[1], "gaps: two results from the same numbers");
    require_same(c, &tops[0], &tops[1], "gaps: two tops from the same numbers");
    for (int call = 0; call < 2; call++) drop(&found[call]), drop(&tops[call]);
}

static void try_numbers(void) {
    int count = below(20);
    double *from = series_of(count), *to = room((size_t)count), *back = room((size_t)count);
    double power = below(2) ? 5 * uniform() : below(2) ? 1e-9 * uniform() : 0;
    numbers_transform(count, power, from, to);
    numbers_turn_back(count, power, to, back);
    for (int i = 0; i < count; i++) {
        require(isnan(to[i]) == (isnan(from[i]) || from[i] < 0), "a transform that is NaN or is not");
        require(isnan(back[i]) == isnan(to[i]), "NaN must stay NaN");
        require(isnan(to[i]) || back[i] >= 0, "a number below the range");
    }
    uint64_t bits = drawn();
    double any;
    memcpy(&any, &bits, sizeof any);
    require(isnan(kernel_exp(any)) == isnan(any) && !(kernel_exp(any) < 0), "exp");
    require(isnan(kernel_log(any)) == (isnan(any) || any < 0), "log");
    free(from), free(to), free(back);
}

/* Orders that the arrays do not hold: a refusal, and nothing is touched. */
static void try_impossible(void) {
    int numbers[5] = {below(40) - 2, below(40) - 2, below(20) - 1, below(20) - 1, below(5000) - 3};
    int is_possible = numbers[4] <= 2000 && numbers[4] >= (numbers[2] + numbers[3] > 0);
    for (int i = 0; i < 4; i++) is_possible = is_possible && numbers[i] >= 0 && numbers[i] <= 16;
    if (is_possible) return;
    double nothing[400] = {0}, value = 0, beta = 0, variance = 0, work = 0, mean, spread;
    int counted;
    require(arima_room(numbers, 3, 0) == 0 && kalman_room(numbers, 1, 0, 0) == 0, "room for an impossible order");
    value = arima_evaluate(numbers, 3, 0, nothing, nothing, nothing, NULL, &beta, &variance, NULL, &work);
    require(value == -INFINITY, "a likelihood of an impossible order");
    require(!arima_forecast(numbers, 3, nothing, nothing, 1, &mean, &work), "a forecast of an impossible order");
    arima_coefficients(numbers, nothing, nothing);
    value = kalman_evaluate(numbers, 1, 0, 3, 0, nothing, nothing, nothing, &beta, &variance, &counted, NULL, 1, &mean,
                            &spread, &work);
    require(value == -INFINITY && isnan(mean) && isnan(spread), "gaps: a likelihood of an impossible order");
    require(kalman_room(numbers, 3000, 0, 0) == 0 && kalman_room(numbers, 0, 99, 0) == 0, "differenced too often");
}

/* A series for the members: rows, gaps, and the same without gaps. */
typedef struct {
    int rows, steps;
    double *series, *filled, *fitted, *means, *variances;
} Smoothed;

static Smoothed smoothed_of(void) {
    Smoothed s = {.rows = below(70), .steps = below(30)};
    s.series = series_of(s.rows);
    double level = below(2) ? 20 : 0;
    s.filled = room((size_t)s.rows), s.fitted = room((size_t)s.rows + 1);
    s.means = room((size_t)s.steps), s.variances = room((size_t)s.steps);
    for (int t = 0; t < s.rows; t++) {
        s.series[t] += level;
        s.filled[t] = isnan(s.series[t]) ? level : s.series[t];
    }
    return s;
}

static void drop_smoothed(Smoothed *s) { free(s->series), free(s->filled), free(s->fitted), free(s->means), free(s->variances); }

static void require_ahead(const Smoothed *s, const char *what) {
    for (int h = 0; h < s->steps; h++) require(fabs(s->means[h]) < INFINITY && !(s->variances[h] < 0), what);
}

static void try_ets(void) {
    Smoothed s = smoothed_of();
    int seasonal = below(3), numbers[4] = {1 + below(2), below(3), seasonal, seasonal ? 2 + below(23) : 1};
    int count = 6 + numbers[3];
    double values[3], *found = room(3 * (size_t)count), *slopes = room((size_t)count);
    memset(found, 0, 3 * (size_t)count * sizeof(double));
    for (int call = 0; call < 2; call++) {
        double *work = work_of(ets_room(numbers, s.rows), call), rule[2] = {1e-3, 2};
        values[call] = ets_fit(numbers, s.rows, s.series, s.filled, rule, MOST, found + call * count, work);
        if (values[call] > -INFINITY && call) {
            double again = ets_evaluate(numbers, s.rows, s.series, found, slopes, work);
            require(fabs(again - values[0]) <= 1e-9 * (1 + fabs(again)), "ets: another likelihood than the fit's");
            if (ets_run(numbers, s.rows, s.series, found, 1, s.steps, s.fitted, s.means, s.variances, work))
                require_ahead(&s, "ets: an impossible forecast");
            rule[1] = 0;
            memcpy(found + 2 * count, found, (size_t)count * sizeof(double));
            values[2] = ets_fit(numbers, s.rows, s.series, s.filled, rule, MOST, found + 2 * count, work);
            require(values[2] >= values[0] - 1e-6 * (1 + fabs(values[0])), "ets: a warm start that went down");
        }
        require(!isnan(values[call]) && values[call] < INFINITY, "ets: a likelihood that is no number or infinite");
        free(work);
    }
    require(same(values, values + 1, 1) && same(found, found + count, count), "ets: two fits from the same numbers");
    numbers[below(4)] = 3 + below(5000);
    double work[1], point[1] = {0};
    int is_long_season = numbers[2] > 0 && numbers[2] < 3 && numbers[3] <= 24 && numbers[0] < 3 && numbers[1] < 3;
    if (!is_long_season) {
        require(ets_room(numbers, s.rows) == 1, "ets: room for an impossible form");
        require(!ets_run(numbers, s.rows, s.series, point, 1, 0, NULL, NULL, NULL, work), "ets: an impossible form ran");
    }
    free(found), free(slopes);
    drop_smoothed(&s);
}

static void try_ces(void) {
    Smoothed s = smoothed_of();
    int kind = below(4), season = kind ? 2 + below(below(5) ? 12 : 100) : 1;
    size_t count = ces_numbers(kind, season);
    double values[2], *found = room(2 * count);
    memset(found, 0, 2 * count * sizeof(double));
    for (int call = 0; call < 2; call++) {
        double *work = work_of(ces_room(kind, season, s.rows), call);
        values[call] = ces_fit(kind, season, s.rows, s.series, s.filled, 1e-3, MOST, 0, found + (size_t)call * count, work);
        require(!isnan(values[call]) && values[call] < INFINITY, "ces: a likelihood that is no number or infinite");
        if (values[call] > -INFINITY &&
            ces_run(kind, season, s.rows, s.series, found, s.steps, s.fitted, s.means, s.variances, work))
            require_ahead(&s, "ces: an impossible forecast");
        free(work);
    }
    require(same(values, values + 1, 1) && same(found, found + count, (int)count), "ces: two fits from the same numbers");
    require(ces_numbers(4, 1) == 0 && ces_numbers(1, 0) == 0 && ces_numbers(1, 2001) == 0, "ces: an impossible form");
    free(found);
    drop_smoothed(&s);
}

static void try_cycles(void) {
    Smoothed s = smoothed_of();
    int count = 1 + below(3), seasons[3] = {2 + below(8), 10 + below(30), 40 + below(below(5) ? 30 : 3000)};
    size_t places = cycles_numbers(count, seasons);
    double values[2], *found = room(2 * places);
    memset(found, 0, 2 * places * sizeof(double));
    for (int call = 0; call < 2; call++) {
        double *work = work_of(cycles_room(count, seasons), call), *own = found + (size_t)call * places;
        values[call] = cycles_fit(count, seasons, s.rows, s.series, 1e-3, MOST, own, work);
        require(!isnan(values[call]) && values[call] < INFINITY, "cycles: a likelihood that is no number or infinite");
        if (values[call] > -INFINITY) {
            require(own[0] >= 0 && own[0] * seasons[count - 1] <= 1 && own[1] < 1, "cycles: beyond the bounds");
            if (cycles_run(count, seasons, s.rows, s.series, own, s.steps, s.fitted, s.means, s.variances, work))
                require_ahead(&s, "cycles: an impossible forecast");
        }
        free(work);
    }
    require(same(values, values + 1, 1) && same(found, found + places, (int)places), "cycles: two fits from the same rows");
    seasons[0] = below(2);
    require(cycles_numbers(count, seasons) == 0 && cycles_numbers(4, seasons) == 0, "cycles: an impossible form");
    require(!cycles_run(count, seasons, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL), "cycles: an impossible form ran");
    free(found);
    drop_smoothed(&s);
}

static void try_others(void) {
    Smoothed s = smoothed_of();
    int season = below(30), level = 1 + below(20);
    double numbers[3], *work = work_of(2 * (size_t)s.rows, 1), *indices = room((size_t)season), *sums = room((size_t)level);
    season_is_visible(s.rows, s.filled, season);
    if (season_indices(s.rows, s.filled, season, below(2), indices, work))
        for (int i = 0; i < season; i++) require(fabs(indices[i]) < INFINITY, "season: an index that is no number");
    double squares = theta_fit(s.rows, s.filled, numbers, work);
    if (squares < INFINITY) {
        require(numbers[0] >= 0.1 && numbers[0] <= 0.99 && numbers[2] >= 0 && numbers[2] < 1, "theta: beyond the bounds");
        theta_run(s.rows, s.filled, numbers, s.steps, s.fitted, s.means);
    }
    double alpha = demand_smoothing(s.rows, s.filled, 0.1, 0.3);
    require(alpha >= 0.1 && alpha < 0.3 + 1e-12, "demand: beyond the bounds");
    demand_croston(s.rows, s.filled, alpha, alpha, 1, s.fitted);
    demand_probability(s.rows, s.filled, alpha, alpha, s.fitted);
    for (int t = 0; t <= s.rows; t++) s.fitted[t] = 0;
    demand_level(s.rows, s.filled, level, alpha, 1, s.fitted, sums);
    free(work), free(indices), free(sums);
    drop_smoothed(&s);
}

static Case case_of(int is_large) {
    Case c;
    int season = below(3) ? 1 + below(13) : 0;
    if (is_large) season = 1 + below(366);
    int is_seasonal = season > 0, most = is_large ? 2 : 4;
    c.numbers[0] = below(4) ? below(4) : below(13);
    c.numbers[1] = below(4) ? below(4) : below(13);
    c.numbers[2] = is_seasonal ? below(most) : 0;
    c.numbers[3] = is_seasonal ? below(most) : 0;
    c.numbers[4] = season;
    c.d = below(3);
    c.seasonal_d = is_seasonal ? below(2) : 0;
    c.rows = below(3) ? below(60) : below(6);
    c.columns = below(2) ? 0 : below(4) ? below(4) : below(41);
    c.steps = below(20);
    c.count = c.numbers[0] + c.numbers[1] + c.numbers[2] + c.numbers[3];
    c.series = series_of(c.rows);
    c.regressors = columns_of(c.columns, c.rows);
    c.point = point_of(c.count);
    return c;
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    double seconds = atof(arguments[2]);
    uint64_t seed = strtoull(arguments[1], NULL, 10);
    unsigned long least = strtoul(arguments[3], NULL, 10);
    struct timespec began, now;
    clock_gettime(CLOCK_MONOTONIC, &began);
    do {
        state = seed * 0x2545f4914f6cdd1du + number; /* each case begins anew, so that one can be told by its number */
        Case c = case_of(number % 100 == 99);
        double *coefficients = room((size_t)c.count);
        arima_coefficients(c.numbers, c.point, coefficients);
        free(coefficients);
        try_plain(&c);
        if (number % 4 == 0) try_gaps(&c);
        try_numbers();
        try_impossible();
        try_ets();
        try_ces();
        try_cycles();
        try_others();
        free(c.series), free(c.regressors), free(c.point);
        number++;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (number < least || (double)(now.tv_sec - began.tv_sec) + 1e-9 * (double)(now.tv_nsec - began.tv_nsec) < seconds);
    printf("%lu cases\n", number);
    return 0;
}
