/* Made-up checkpoints; see stream.h. */
#include "stream.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "systems/baseline.h"

const struct stream_shape stream_shapes[] = {
    {"light tails", 0.7, 0.10, 0, 0.45, 0},
    {"heavy tails", 1.2, 0.25, 2.5, 0.45, 0},
    {"few losses carry the mean", 2.5, 0.30, 3, 0.45, 0},
    {"drifting slowly", 1.0, 0.20, 4, 0.45, 0.9},
    {"nearly the same answers", 1.0, 0.05, 0, 0.05, 0},
};
const size_t stream_n_shapes = sizeof stream_shapes / sizeof *stream_shapes;

/* A made-up stream that cannot be made is the end of the program: there is nothing to measure. */
static void must(enum pr_code code, const struct pr_error *e)
{
    if (!code)
        return;
    fprintf(stderr, "%s\n", e->message);
    exit(1);
}

struct pr_suite *stream_suite(size_t n)
{
    char **lines = pr_zalloc((n + 1) * sizeof *lines);
    struct pr_suite *s;
    struct pr_error e;
    for (size_t i = 0; i < n; i++) {
        struct pr_str line = PR_STR_INIT(200);
        pr_str_printf(&line,
            "{\"line\":{\"id\":\"s%05zu\",\"prompt\":\"%zu?\",\"golden\":\"%zu\"},"
            "\"difficulty\":null}",
            i, i, i);
        lines[i] = pr_str_take(&line);
    }
    must(pr_suite_from_lines("validation", (const char *const *)lines, n, false, &s, &e), &e);
    for (size_t i = 0; i < n; i++)
        pr_free(lines[i]);
    pr_free(lines);
    return s;
}

struct pr_grades *stream_grades(const struct pr_suite *s, const char *name)
{
    struct pr_grades *g = pr_zalloc(sizeof *g);
    g->suite = s;
    g->n = s->n;
    g->v = pr_zalloc((s->n + 1) * sizeof *g->v);
    g->checkpoint = pr_strdup(name);
    snprintf(g->fingerprint, sizeof g->fingerprint, "%.60s", name);
    for (size_t i = 0; i < s->n; i++) {
        g->v[i].example = &s->v[i];
        g->v[i].graded = true;
        g->v[i].finish = pr_grade_finish("stop");
        g->v[i].output_tokens = g->v[i].answer_tokens = 3;
        g->v[i].loss = NAN;
    }
    return g;
}

void stream_grades_free(struct pr_grades *g)
{
    if (!g)
        return;
    pr_free(g->checkpoint);
    pr_free(g->v);
    pr_free(g);
}

/* Student's t with df degrees of freedom scaled to unit median deviation roughly; 0: normal. */
static double noise(struct pr_rng *r, double df)
{
    double z = pr_rng_normal(r), chi = 0;
    if (df <= 0)
        return z;
    /* χ² of a whole number of degrees, the remainder by scaling: tails are what matters here. */
    int whole = (int)ceil(df);
    for (int i = 0; i < whole; i++) {
        double x = pr_rng_normal(r);
        chi += x * x;
    }
    return z / sqrt(chi / whole * (df / whole));
}

void stream_init(
    struct stream *s, const struct stream_shape *shape, const struct pr_suite *suite, uint64_t seed)
{
    *s = (struct stream){.shape = shape, .suite = suite};
    double **parts[] = {&s->loss, &s->margin, &s->z, &s->w};
    for (size_t i = 0; i < 4; i++)
        *parts[i] = pr_zalloc((suite->n + 1) * sizeof(double));
    pr_rng_seed(&s->rng, seed);
    for (size_t i = 0; i < suite->n; i++) {
        s->loss[i] = 0.5 * exp(shape->spread * pr_rng_normal(&s->rng));
        s->margin[i] = pr_rng_normal(&s->rng);
    }
}

void stream_done(struct stream *s)
{
    pr_free(s->loss);
    pr_free(s->margin);
    pr_free(s->z);
    pr_free(s->w);
}

void stream_next(struct stream *s, struct pr_grades *ret)
{
    const struct stream_shape *p = s->shape;
    double keep = s->started ? p->memory : 0, fresh = sqrt(1 - keep * keep);
    for (size_t i = 0; i < s->suite->n; i++) {
        struct pr_grade *g = &ret->v[i];
        s->z[i] = keep * s->z[i] + fresh * noise(&s->rng, p->df);
        s->w[i] = keep * s->w[i] + fresh * pr_rng_normal(&s->rng);
        /* Capped, as a float32 loss is: no overflow from the tails. */
        g->loss = fmin(100, s->loss[i] * exp(p->noise * fmin(s->z[i], 40)));
        g->nll = 3 * g->loss;
        g->correct = s->margin[i] + p->answer * s->w[i] > 0 ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG;
    }
    s->started = true;
}

static double number(const json_t *evidence, const char *section, const char *key)
{
    const json_t *x = json_object_get(json_object_get(evidence, section), key);
    return json_is_number(x) ? json_number_value(x) : NAN;
}

static void count(const struct pr_judgement *j, struct stream_counts *add)
{
    const json_t *o = j->evidence;
    add->judged++;
    add->loss += number(o, "loss", "p") <= number(o, "loss", "level");
    add->accuracy += number(o, "accuracy", "p") <= number(o, "accuracy", "level");
    add->warning += j->level == PR_LEVEL_WARNING;
    add->critical += j->level == PR_LEVEL_CRITICAL;
    add->alarms += j->level != PR_LEVEL_OK;
    add->discordant += (number(o, "accuracy", "lost") + number(o, "accuracy", "gained")) /
                       number(o, "accuracy", "n");
}

void stream_judge(struct stream *s, const struct pr_settings *settings, size_t checkpoints,
    struct stream_counts *add)
{
    struct pr_grades *base = stream_grades(s->suite, "baseline"),
                     *now = stream_grades(s->suite, "checkpoint");
    struct pr_error e;
    stream_next(s, base);
    for (size_t i = 1; i < checkpoints; i++) {
        struct pr_judgement j = {0};
        bool moves = false;
        double p;
        stream_next(s, now);
        must(pr_judge(settings, base, now, &j, &e), &e);
        count(&j, add);
        if (j.level == PR_LEVEL_OK)
            must(pr_baseline_moves(settings, base, now, &moves, &p, &e), &e);
        if (moves) {
            struct pr_grades *x = base;
            base = now;
            now = x;
            add->moves++;
        }
        pr_judgement_done(&j);
    }
    stream_grades_free(base);
    stream_grades_free(now);
}

size_t stream_power(const struct pr_settings *settings, const struct pr_suite *suite, double share,
    double drop, size_t runs, uint64_t seed)
{
    struct pr_grades *a = stream_grades(suite, "baseline"), *b = stream_grades(suite, "dropped");
    struct pr_rng rng;
    struct pr_error e;
    size_t found = 0;
    double lost = (share + drop) / 2, gained = (share - drop) / 2, both = 0.5;
    pr_rng_seed(&rng, seed);
    for (size_t r = 0; r < runs; r++) {
        for (size_t i = 0; i < suite->n; i++) {
            double u = pr_rng_double(&rng), x = exp(pr_rng_normal(&rng));
            bool right_a = u < lost + both, right_b = u >= lost && u < lost + both + gained;
            a->v[i].correct = right_a ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG;
            b->v[i].correct = right_b ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG;
            a->v[i].loss = x * exp(0.1 * pr_rng_normal(&rng));
            b->v[i].loss = x * exp(0.1 * pr_rng_normal(&rng));
        }
        struct pr_judgement j = {0};
        must(pr_judge(settings, a, b, &j, &e), &e);
        found += j.level != PR_LEVEL_OK;
        pr_judgement_done(&j);
    }
    stream_grades_free(a);
    stream_grades_free(b);
    return found;
}
