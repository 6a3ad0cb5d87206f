/* How often the regression monitor cries wolf, and how often it sees a drop: streams of checkpoints
 * of unchanged quality through the baseline rule, and drops of known size, judged by the code that
 * judges.  Prints JSON Lines; docs/systems.md quotes them.
 *
 *   false_alarms [--quick]
 *
 * Exact sums over all tables of discordant answers stand beside the simulated shares.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/str.h"
#include "exam/special.h"
#include "exam/stats.h"
#include "stream.h"

static void print(json_t *o)
{
    struct pr_str text = PR_STR_INIT(1 << 16);
    pr_json_dump(o, 0, 6, &text);
    puts(pr_str_cstr(&text));
    fflush(stdout);
    pr_str_done(&text);
    json_decref(o);
}

static void put_share(json_t *o, const char *key, size_t k, size_t n)
{
    char name[64];
    struct pr_estimate x;
    snprintf(name, sizeof name, "%s_ci95", key);
    pr_json_set_real(o, key, (double)k / (double)n, NULL);
    if (pr_stats_wilson(k, n, 0.95, &x, NULL) == PR_OK)
        pr_json_set(o, name, json_pack("[ff]", x.lo, x.hi));
}

static double binomial(size_t n, size_t k, double p)
{
    double a = (double)n, b = (double)k;
    if (p <= 0 || p >= 1)
        return k == (p <= 0 ? 0 : n);
    return exp(
        lgamma(a + 1) - lgamma(b + 1) - lgamma(a - b + 1) + b * log(p) + (a - b) * log1p(-p));
}

/* P(the accuracy test rejects), added up over all numbers of discordant and lost answers. */
static double exact(size_t n, double share, double drop, double level, double margin)
{
    double q = (share + drop) / 2 / share, sum = 0;
    for (size_t d = 1; d <= n; d++) {
        double w = binomial(n, d, share);
        if (w < 1e-12)
            continue;
        for (size_t lost = d; lost > 0; lost--) {
            if (pr_stats_mcnemar_worse(d - lost, lost) > level)
                break;
            if (2 * (double)lost - (double)d >= margin * (double)n)
                sum += w * binomial(d, lost, q);
        }
    }
    return sum;
}

/* A stream keeps one baseline, so that its false alarms come together or not at all: the interval
 * of a rate is over streams, not checkpoints. */
static void put_rate(json_t *o, const char *key, const double *rates, size_t n)
{
    char name[64];
    double mean, se;
    snprintf(name, sizeof name, "%s_ci95", key);
    (void)pr_stats_t_greater(rates, n, &mean, &se);
    double half = n > 1 ? pr_t_quantile(0.95, (double)(n - 1)) * se : NAN;
    pr_json_set_real(o, key, mean, NULL);
    if (isfinite(half))
        pr_json_set(o, name, json_pack("[ff]", fmax(0, mean - half), mean + half));
}

/* The rates of each stream, and what all of them add up to. */
struct rates {
    double *alarms, *loss, *accuracy;
    size_t n;
    struct stream_counts all;
};

static void judge_streams(const struct pr_settings *s, const struct stream_shape *shape,
    const struct pr_suite *suite, size_t streams, size_t length, struct rates *r)
{
    for (size_t i = 0; i < streams; i++) {
        struct stream_counts c = {0};
        struct stream x;
        stream_init(&x, shape, suite, 1000000 * suite->n + 1000 * length + i);
        stream_judge(&x, s, length, &c);
        stream_done(&x);
        double m = (double)c.judged;
        r->alarms[r->n] = (double)c.alarms / m;
        r->loss[r->n] = (double)c.loss / m;
        r->accuracy[r->n++] = (double)c.accuracy / m;
        r->all.judged += c.judged;
        r->all.critical += c.critical;
        r->all.moves += c.moves;
        r->all.discordant += c.discordant;
    }
}

static void print_rates(const struct pr_settings *s, const char *shape, size_t n, size_t length,
    const struct rates *r, size_t from)
{
    size_t streams = r->n - from;
    json_t *o = json_object();
    pr_json_set_str(o, "what", "false alarms");
    pr_json_set_str(o, "shape", shape);
    pr_json_set_int(o, "n", (int64_t)n);
    pr_json_set_int(o, "streams", (int64_t)streams);
    pr_json_set_int(o, "checkpoints", (int64_t)length);
    pr_json_set_real(o, "stated", s->error_rate, NULL);
    put_rate(o, "alarms", r->alarms + from, streams);
    put_rate(o, "loss", r->loss + from, streams);
    pr_json_set_real(o, "loss_level", s->error_rate * s->loss_share, NULL);
    put_rate(o, "accuracy", r->accuracy + from, streams);
    pr_json_set_real(o, "accuracy_level", s->error_rate * (1 - s->loss_share), NULL);
    if (!strcmp(shape, "all")) {
        pr_json_set_int(o, "critical", (int64_t)r->all.critical);
        pr_json_set_int(o, "baseline_moves", (int64_t)r->all.moves);
        pr_json_set_real(o, "discordant", r->all.discordant / (double)r->all.judged, NULL);
    }
    print(o);
}

/* A line a shape, and one for all of them. */
static void all_shapes(const struct pr_settings *s, size_t n, size_t streams, size_t length)
{
    struct pr_suite *suite = stream_suite(n);
    size_t most = streams * stream_n_shapes;
    struct rates r = {.alarms = pr_zalloc((most + 1) * sizeof(double)),
        .loss = pr_zalloc((most + 1) * sizeof(double)),
        .accuracy = pr_zalloc((most + 1) * sizeof(double))};
    for (size_t k = 0; k < stream_n_shapes; k++) {
        judge_streams(s, &stream_shapes[k], suite, streams, length, &r);
        print_rates(s, stream_shapes[k].name, n, length, &r, k * streams);
    }
    print_rates(s, "all", n, length, &r, 0);
    pr_free(r.alarms);
    pr_free(r.loss);
    pr_free(r.accuracy);
    pr_suite_free(suite);
}

static void power(const struct pr_settings *s, size_t n, double drop, double wanted, size_t runs)
{
    struct pr_suite *suite = stream_suite(n);
    json_t *o = json_object();
    double level = s->error_rate * (1 - s->loss_share);
    pr_json_set_str(o, "what", "power");
    pr_json_set_int(o, "n", (int64_t)n);
    pr_json_set_real(o, "drop_points", 100 * drop, NULL);
    pr_json_set_real(o, "discordant", 0.15, NULL);
    pr_json_set_int(o, "runs", (int64_t)runs);
    put_share(o, "found", stream_power(s, suite, 0.15, drop, runs, 7 * n), runs);
    pr_json_set_real(o, "exact", exact(n, 0.15, drop, level, s->warn_points / 100), NULL);
    pr_json_set_real(o, "exact_without_drop", exact(n, 0.15, 0, level, 0), NULL);
    pr_json_set_real(o, "wanted", wanted, NULL);
    print(o);
    pr_suite_free(suite);
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && !strcmp(argv[1], "--quick");
    struct pr_settings s;
    pr_settings_default(&s);
    power(&s, 300, 0.10, 0.98, quick ? 1000 : 10000);
    power(&s, 1000, 0.05, 0.95, quick ? 1000 : 10000);
    /* Long ones as they are in life, and many short ones, which tell the rate more sharply. */
    all_shapes(&s, 300, quick ? 5 : 300, 1000);
    all_shapes(&s, 300, quick ? 100 : 4000, 21);
    all_shapes(&s, 1000, quick ? 20 : 1000, 21);
    return 0;
}
