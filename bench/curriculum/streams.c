/* Streams of made-up probes. */
#include "curriculum/streams.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"

#define ARMS        6
#define PER_START   3 /* blocks from one checkpoint, then a newer one */
#define MOST_PROBES 1000

static const char *const arm_names[ARMS] = {
    "easy_to_hard", "hard_first", "interleaved", "adaptive", PR_ARM_RANDOM, PR_ARM_AGAIN};

const char *pr_stream_kind_text(enum pr_stream_kind k)
{
    static const char *const text[] = {
#define PR_X(name, text) text,
        PR_STREAM_KINDS(PR_X)
#undef PR_X
    };
    return text[k];
}

static double student3(struct pr_rng *r)
{
    double v = 0;
    for (int i = 0; i < 3; i++) {
        double z = pr_rng_normal(r);
        v += z * z;
    }
    return pr_rng_normal(r) / sqrt(v / 3) / sqrt(3);
}

/* Noise of one probe, of mean 0 and variance 1 but where a kind says otherwise. */
static double noise(enum pr_stream_kind kind, size_t arm, int64_t start, struct pr_rng *r)
{
    static const double unequal[ARMS] = {1.0 / 3, 3, 1, 2, 1, 1};
    switch (kind) {
    case PR_STREAM_UNEQUAL:
        return unequal[arm] * pr_rng_normal(r);
    case PR_STREAM_HEAVY:
        return student3(r);
    case PR_STREAM_SKEWED: /* exponential; its tail to the left for half of the arms */
        return (arm % 2 ? 1 : -1) * (-log(1 - pr_rng_double(r)) - 1);
    case PR_STREAM_FLAT:
        return sqrt(12) * (pr_rng_double(r) - 0.5);
    case PR_STREAM_DRIFT: /* four times the noise at first */
        return (1 + 3 * exp(-(double)start / 2)) * pr_rng_normal(r);
    default:
        return pr_rng_normal(r);
    }
}

/* Does a probe come to nothing, and just when it would have come out badly?  What is left of such
 * an arm looks better than it is. */
static bool is_lost(enum pr_stream_kind kind, size_t arm, double noise)
{
    /* The worst 10, 30 and 50 % of a normal distribution; infinity: never. */
    static const double below[ARMS] = {-1.2816, -0.5244, -INFINITY, 0, -INFINITY, -INFINITY};
    switch (kind) {
    case PR_STREAM_DIVERGING:
    case PR_STREAM_CRASHING:
        return noise < below[arm];
    case PR_STREAM_RANDOM_DIVERGING:
    case PR_STREAM_RANDOM_CRASHING:
        return strcmp(arm_names[arm], PR_ARM_RANDOM) == 0 && noise < -0.5244;
    default:
        return false;
    }
}

struct stream {
    enum pr_stream_kind kind;
    const double *effects;
    struct pr_rng common, own;
    int64_t start;
    uint64_t block; /* the seed for which `level` was drawn */
    double level;
};

static double probe(struct stream *s, const char *arm, uint64_t seed)
{
    size_t a = 0;
    while (strcmp(arm_names[a], arm) != 0)
        a++;
    if (seed != s->block) {
        s->block = seed;
        s->level = (s->kind == PR_STREAM_BLOCKS ? 30 : 1) * pr_rng_normal(&s->common);
        if (s->kind == PR_STREAM_DRIFT)
            s->level += 5 * (double)s->start;
    }
    /* Two random arms differ by √2 standard deviations of one. */
    double own = noise(s->kind, a, s->start, &s->own);
    double x = s->level + (a < 4 ? s->effects[a] * sqrt(2) : 0) + own;
    if (is_lost(s->kind, a, own))
        return s->kind == PR_STREAM_DIVERGING || s->kind == PR_STREAM_RANDOM_DIVERGING ? -INFINITY
                                                                                       : NAN;
    if (s->kind == PR_STREAM_COARSE)
        x = round(x * 2) / 2;
    return s->kind == PR_STREAM_FAILING && pr_rng_double(&s->own) < 0.1 ? NAN : x;
}

/* Is it right to name this one? */
static bool holds(const char *best, const double *effects)
{
    bool all_worse = true;
    for (size_t a = 0; a < 4; a++) {
        if (strcmp(best, arm_names[a]) == 0)
            return effects[a] > 0;
        all_worse = all_worse && effects[a] < 0;
    }
    return all_worse;
}

static void run_stream(struct stream *s, const struct pr_evidence_options *o,
    struct pr_probe_outcome *v, struct pr_stream_result *ret)
{
    const char *arm;
    uint64_t seed;
    size_t n = 0, decided = 0;
    bool wrong = false;
    struct pr_evidence seen = {0};
    for (; n < MOST_PROBES; n++) {
        s->start = 1 + (int64_t)(n ? v[n - 1].seed : 0) / PER_START;
        int64_t begun;
        if (pr_evidence_begun(v, n, o, &begun))
            s->start = begun;
        bool more = pr_evidence_next(v, n, o, s->start, &arm, &seed);
        if (!more || strcmp(arm, PR_ARM_RANDOM) == 0) { /* a block is over */
            struct pr_error e;
            if (pr_evidence_weigh(v, n, o, &seen, &e) != PR_OK)
                break;
            wrong = wrong || (seen.decided && !holds(seen.best, s->effects));
            if (seen.decided && !decided)
                decided = seen.blocks;
        }
        if (!more)
            break;
        v[n] = (struct pr_probe_outcome){s->start, arm, seed, probe(s, arm, seed)};
    }
    size_t largest = 0;
    for (size_t a = 1; a < 4; a++)
        if (s->effects[a] > s->effects[largest])
            largest = a;
    ret->wrong += wrong;
    ret->right += seen.decided && holds(seen.best, s->effects);
    ret->best += seen.decided && strcmp(seen.best, arm_names[largest]) == 0;
    ret->probes += (double)n;
    if (decided)
        ret->by_blocks[decided < 31 ? decided : 30]++;
}

void pr_streams_run(enum pr_stream_kind kind, const struct pr_stream_effects *effects,
    size_t streams, uint64_t seed, const struct pr_evidence_options *o,
    struct pr_stream_result *ret)
{
    static const struct pr_evidence_options usual = {.error_rate = 0.05};
    struct pr_probe_outcome *v = pr_alloc(MOST_PROBES * sizeof *v);
    *ret = (struct pr_stream_result){.streams = streams};
    for (size_t i = 0; i < streams; i++) {
        struct stream s = {.kind = kind, .effects = effects->of};
        pr_rng_seed(&s.common, seed + 2 * i);
        pr_rng_seed(&s.own, seed + 2 * i + 1);
        run_stream(&s, o ? o : &usual, v, ret);
    }
    ret->probes /= (double)(streams ? streams : 1);
    pr_free(v);
}
