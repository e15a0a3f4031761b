/* exp and log whose bits do not depend on the processor: a library's own choose their code by CPU. */

#include "arima.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static const double LN2_HIGH = 6.93147180369123816490e-01; /* 33 bits: times an exponent it is exact */
static const double LN2_LOW = 1.90821492927058770002e-10;

static double from_bits(uint64_t bits) {
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static uint64_t to_bits(double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

/* log((1 + f) 2^e) = e log 2 + 2 atanh(f / (2 + f)), 1 + f between sqrt(1/2) and sqrt(2). */
static double log_of_parts(double f, int exponent) {
    double s = f / (2 + f), z = s * s, sum = 0;
    for (int k = 23; k >= 3; k -= 2) sum = sum * z + 2.0 / k;
    /* 2 s = f - s f, and f is exact: the rest is small beside it. */
    double rest = s * (z * sum - f);
    return exponent * LN2_HIGH + (f + (rest + exponent * LN2_LOW));
}

double kernel_log(double x) {
    if (!(x > 0)) return x == 0 ? -INFINITY : NAN;
    if (x > 1.7976931348623157e308) return x;
    int exponent = 0;
    if (x < 2.2250738585072014e-308) { /* subnormal */
        x *= 18014398509481984.0;      /* 2^54 */
        exponent = -54;
    }
    uint64_t bits = to_bits(x);
    exponent += (int)(bits >> 52) - 1023;
    double m = from_bits((bits & 0x000fffffffffffffu) | 0x3ff0000000000000u);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        exponent += 1;
    }
    return log_of_parts(m - 1, exponent);
}

/* (exp(r) - 1 - r) / r by its series, |r| at most log(2)/2. */
static double exp_series(double r) {
    double sum = 0;
    for (int j = 14; j >= 2; j--) sum = (sum + 1) * r / j;
    return sum;
}

/* exp(k log 2 + r) = 2^k exp(r), |r| at most log(2)/2, by its series. */
double kernel_exp(double x) {
    if (x != x) return x;
    if (x > 709.782712893384) return INFINITY;
    if (x < -745.2) return 0;
    double scaled = x * 1.4426950408889634, k = (double)(int)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    double high = x - k * LN2_HIGH, low = k * LN2_LOW, r = high - low;
    /* exp(r) = 1 + r + r sum, with what r lost in rounding put back. */
    double value = 1 + (r + (r * exp_series(r) + ((high - r) - low)));
    int half = (int)k / 2; /* in two steps: 2^k alone may be out of range */
    return value * from_bits((uint64_t)(half + 1023) << 52) * from_bits((uint64_t)((int)k - half + 1023) << 52);
}

static const double SMALL = 0.25; /* below it the 1 in exp(x) - 1 and log(1 + x) would take digits */

/* Box-Cox of each number (Box and Cox 1964): log(x) for power 0, else (x^power - 1) / power. */
void numbers_transform(int count, double power, const double *from, double *to) {
    for (int i = 0; i < count; i++) {
        double level = kernel_log(from[i]), x = power * level;
        double growth = fabs(x) < SMALL ? x + x * exp_series(x) : kernel_exp(x) - 1;
        to[i] = power == 0 ? level : growth / power;
    }
}

/* The way back; what lies outside the transform's range becomes the range's end, and NaN stays NaN. */
void numbers_turn_back(int count, double power, const double *from, double *to) {
    for (int i = 0; i < count; i++) {
        double x = power * from[i], inside = x + 1 <= 0 ? 0 : x + 1;
        double level = fabs(x) < SMALL ? log_of_parts(x, 0) : kernel_log(inside);
        to[i] = kernel_exp(power == 0 ? from[i] : level / power);
    }
}
