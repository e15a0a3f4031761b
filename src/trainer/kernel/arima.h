/* What the files of the kernel share; each names the sources of its methods at its top. */
#ifndef ARIMA_H
#define ARIMA_H

#include <stddef.h>

enum {
    LONGEST = 16,         /* lags of one plain polynomial before seasons are multiplied in */
    MOST_FREE = 64,       /* free numbers of a climb: four such polynomials */
    LONGEST_SEASON = 2000 /* steps; with it, every size and place is a whole number that int holds */
};

/* A seasonal ARMA's shape: plain lags, seasonal lags and the steps of a season (0 or more). */
typedef struct {
    int p, q, seasonal_p, seasonal_q, season;
} Shape;

/* The model as one polynomial each: x(t) = sum phi[i] x(t-1-i) + e(t) + sum theta[i] e(t-i), theta[0] = 1.
   phi and theta have `states` places, zeros at the end; p and q are the longest lags. */
typedef struct {
    int p, q, states;
    double *phi, *theta;
} Model;

/* No one-step variance is below the innovations' own, which is 1; where one is, rounding has eaten the digits. */
#define LEAST (1 - 1e-4)

double kernel_log(double x);
double kernel_exp(double x);

Shape shape_of(const int *numbers); /* p, q, P, Q, season */
int shape_fits(const Shape *shape); /* 0: more than the arrays here hold, and no work for a model at all */
int shape_parameters(const Shape *shape);
int shape_ar(const Shape *shape); /* the longest lag of the autoregression */
int shape_ma(const Shape *shape);
int shape_states(const Shape *shape);

/* Free numbers to lag polynomials; `partial` gets the partial autocorrelations, in the same order. */
void model_from_free(const Shape *shape, const double *free, double *partial, Model *model);

/* Autocovariances gamma[0..max(p,1)-1] and moving average weights psi[0..q-1] for innovations of variance 1.
   `work` has room for autocovariance_room(p, q) numbers. Returns 0 where the model is not stationary. */
int autocovariances(const Model *model, double *gamma, double *psi, double *work);
size_t autocovariance_room(int p, int q);

/* Backwards: d/d(gamma), d/d(psi) are overwritten, and add to d/d(phi), d/d(theta); those give d/d(free). */
void autocovariances_back(const Model *model, const double *psi, double *gamma_slope, double *psi_slope,
                          double *phi_slope, double *theta_slope, double *work, double *scratch);
void model_back(const Shape *shape, const double *partial, const double *phi_slope, double *theta_slope, double *slope);

/* The plain polynomials of partial autocorrelations, each written as 1 - polynomial: p, q, seasonal p, seasonal q. */
void plain_polynomials(const Shape *shape, const double *partial, double parts[4][LONGEST]);

/* start.c: regress `series`, which has no regressors left in it; `free` gets the point. */
void regression_start(const Shape *shape, int rows, const double *series, double *free, double *work);
size_t start_room(const Shape *shape, int rows);

/* What is climbed: `gradient` is asked only at the point that `value` was asked last. */
typedef struct {
    int rows;
    double (*value)(void *context, const double *free);
    void (*gradient)(void *context, const double *free, double *slope);
    void *context;
} Target;

typedef struct {
    double tolerance;              /* log-likelihood that one more step may still promise at the end */
    double largest_ar, largest_ma; /* bounds of the free numbers */
    int most;                      /* evaluations */
} Rules;

/* climb.c: climb from `free`, which gets the top. Returns the evaluations used; `value` and `slope` are those of the
   top. Either with the bounds of a shape's polynomials, or with one of each free number's own (at most MOST_FREE). */
int climb(const Shape *shape, const Rules *rules, const Target *target, double *free, double *value, double *slope);
int climb_within(int size, const double *bounds, const Rules *rules, const Target *target, double *free, double *value,
                 double *slope);

#endif
