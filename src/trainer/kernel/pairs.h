/* Numbers with twice a double's digits, each the sum of two (Dekker 1971, Numerische Mathematik 18, 224-242). */
#ifndef PAIRS_H
#define PAIRS_H

typedef struct {
    double high, low;
} Pair;

static Pair pair_of(double high, double low) {
    double sum = high + low;
    Pair pair = {sum, low - (sum - high)};
    return pair;
}

static Pair plus(Pair a, Pair b) {
    double sum = a.high + b.high, part = sum - a.high;
    return pair_of(sum, (a.high - (sum - part)) + (b.high - part) + a.low + b.low);
}

static double upper_half(double x) {
    double big = 134217729 * x; /* 2^27 + 1 */
    return big - (big - x);
}

static Pair times(Pair a, Pair b) {
    double product = a.high * b.high, x = upper_half(a.high), y = upper_half(b.high);
    double rest = a.high - x, other = b.high - y;
    double lost = ((x * y - product) + x * other + rest * y) + rest * other;
    return pair_of(product, lost + a.high * b.low + a.low * b.high);
}

static Pair minus(Pair a) {
    Pair pair = {-a.high, -a.low};
    return pair;
}

static Pair one_less_square(Pair a) { return plus(pair_of(1, 0), times(a, minus(a))); }

static Pair inverse(Pair a) { /* one step of Newton's method */
    Pair share = pair_of(1 / a.high, 0);
    return times(share, plus(pair_of(2, 0), minus(times(a, share))));
}

#endif
