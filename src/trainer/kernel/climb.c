/* The climb from a point to the top: a quasi-Newton method within bounds (BFGS; Nocedal and Wright 2006, ch. 6 and 18).

   Deterministic: the same point gives the same path. A step may promise less than `tolerance` at the end; what was
   learnt of the shape is then forgotten once and the question asked again, so that a wrong memory ends no climb. */

#include "arima.h"

#include <math.h>
#include <string.h>

typedef double Row[MOST_FREE];

static void forget(int size, double curvature, Row *inverse) {
    for (int i = 0; i < size; i++)
        for (int j = 0; j < size; j++) inverse[i][j] = i == j ? 1 / curvature : 0;
}

/* Learn the shape from one step (Broyden, Fletcher, Goldfarb, Shanno); `rise` is how the downhill slope changed. */
static void learn(int size, const double *step, const double *rise, Row *inverse) {
    Row image;
    double along = 0, whole = 0;
    for (int i = 0; i < size; i++) {
        image[i] = 0;
        for (int j = 0; j < size; j++) image[i] += inverse[i][j] * rise[j];
        along += step[i] * rise[i];
    }
    for (int i = 0; i < size; i++) whole += rise[i] * image[i];
    for (int i = 0; i < size; i++)
        for (int j = 0; j < size; j++)
            inverse[i][j] += (1 + whole / along) * step[i] * step[j] / along -
                             (image[i] * step[j] + step[i] * image[j]) / along;
}

int climb(const Shape *s, const Rules *rules, const Target *target, double *free, double *value, double *slope) {
    int size = shape_parameters(s);
    double bounds[MOST_FREE];
    *value = -INFINITY;
    if (!shape_fits(s)) return 0;
    for (int at = 0; at < size; at++) {
        int is_ma = (at >= s->p && at < s->p + s->q) || at >= s->p + s->q + s->seasonal_p;
        bounds[at] = is_ma ? rules->largest_ma : rules->largest_ar;
    }
    return climb_within(size, bounds, rules, target, free, value, slope);
}

int climb_within(int size, const double *bounds, const Rules *rules, const Target *target, double *free, double *value,
                 double *slope) {
    int used = 1, is_fresh = 1;
    Row inverse[MOST_FREE], direction, point, new_slope, step, rise;
    for (int i = 0; i < size; i++) {
        double bound = bounds[i];
        free[i] = free[i] > bound ? bound : free[i] < -bound ? -bound : free[i];
    }
    *value = target->value(target->context, free);
    if (!(*value > -INFINITY)) return used;
    target->gradient(target->context, free, slope);
    forget(size, target->rows, inverse);
    while (size && used < rules->most) {
        double promise = 0, longest = 0;
        for (int i = 0; i < size; i++) {
            direction[i] = 0;
            if (fabs(free[i]) >= bounds[i] && free[i] * slope[i] > 0) continue; /* held by its bound */
            for (int j = 0; j < size; j++)
                if (!(fabs(free[j]) >= bounds[j] && free[j] * slope[j] > 0))
                    direction[i] += inverse[i][j] * slope[j];
            promise += direction[i] * slope[i];
            double reach = fabs(direction[i]) / (1 + 0.5 * fabs(free[i]));
            longest = reach > longest ? reach : longest;
        }
        if (!(promise > 0) && !is_fresh) {
            forget(size, target->rows, inverse);
            is_fresh = 1;
            continue;
        }
        if (!(promise > rules->tolerance)) {
            if (is_fresh) break;
            forget(size, target->rows, inverse); /* what was learnt may be wrong: ask once more without it */
            is_fresh = 1;
            continue;
        }
        double length = longest > 1 ? 1 / longest : 1, reached = -INFINITY;
        for (; used < rules->most; used++) {
            for (int i = 0; i < size; i++) {
                double bound = bounds[i], to = free[i] + length * direction[i];
                point[i] = to > bound ? bound : to < -bound ? -bound : to;
            }
            reached = target->value(target->context, point);
            if (reached >= *value + 1e-4 * length * promise) break;
            double shorter = 0.25;
            if (reached > -INFINITY) { /* the top of the parabola through what is known */
                double curve = *value + length * promise - reached;
                shorter = curve > 0 ? 0.5 * length * promise / curve : 0.5;
            }
            length *= shorter < 0.1 ? 0.1 : shorter > 0.5 ? 0.5 : shorter;
            if (length * longest < 1e-12) break;
        }
        used++;
        if (!(reached > *value)) {
            if (is_fresh) break;
            forget(size, target->rows, inverse);
            is_fresh = 1;
            continue;
        }
        target->gradient(target->context, point, new_slope);
        double along = 0, length_step = 0, length_rise = 0;
        for (int i = 0; i < size; i++) {
            step[i] = point[i] - free[i];
            rise[i] = slope[i] - new_slope[i];
            along += step[i] * rise[i];
            length_step += step[i] * step[i];
            length_rise += rise[i] * rise[i];
        }
        if (along > 1e-10 * sqrt(length_step) * sqrt(length_rise)) {
            if (is_fresh) forget(size, length_rise / along, inverse);
            learn(size, step, rise, inverse);
            is_fresh = 0;
        }
        memcpy(free, point, (size_t)size * sizeof(double));
        memcpy(slope, new_slope, (size_t)size * sizeof(double));
        *value = reached;
    }
    *value = target->value(target->context, free); /* leave what it keeps at the top */
    target->gradient(target->context, free, slope);
    return used + 1;
}
