/* The honest experiment about the curriculum optimizer: real trainings of a tiny model, ordered by
 * the strategies as they are, weighed by the evidence as it is.  Definition, thresholds and results
 * are in docs/curriculum.md.
 *
 *   bench_curriculum full POOL FIRST N     full-length trainings: N repetitions of all arms
 *   bench_curriculum probes POOL FIRST N   N repetitions of the optimizer, a line each
 *   NAME=VALUE …                           another definition, to explore with
 *
 * POOL is noisy or equal; FIRST is the first repetition's number, from which everything random
 * follows: those from 501 on are reported, lower ones are for exploring.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "curriculum/experiment.h"

static struct pr_experiment def;

static const struct setting {
    const char *name;
    double *real;
    size_t *whole;
    uint32_t *small;
} settings[] = {
    {"wrong", &def.model.task.wrong, NULL, NULL},
    {"letters", NULL, NULL, &def.model.task.letters},
    {"length", NULL, NULL, &def.model.task.length},
    {"hidden", NULL, NULL, &def.model.hidden},
    {"layers", NULL, NULL, &def.model.layers},
    {"batch", NULL, NULL, &def.model.batch},
    {"rate", &def.model.learning_rate, NULL, NULL},
    {"start_rate", &def.start_rate, NULL, NULL},
    {"stage", NULL, &def.stage, NULL},
    {"decay", &def.model.decay, NULL, NULL},
    {"pool", NULL, &def.pool, NULL},
    {"validation", NULL, &def.validation, NULL},
    {"probe", NULL, &def.probe, NULL},
    {"error_rate", &def.error_rate, NULL, NULL},
};

static bool set(const char *arg)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const struct setting *s = &settings[i];
        size_t n = strlen(s->name);
        if (strncmp(arg, s->name, n) != 0 || arg[n] != '=')
            continue;
        double x = strtod(arg + n + 1, NULL);
        if (s->real)
            *s->real = x;
        if (s->whole)
            *s->whole = (size_t)x;
        if (s->small)
            *s->small = (uint32_t)x;
        return true;
    }
    return false;
}

static void moments(const double *d, size_t n, double *ret_mean, double *ret_sd)
{
    double s = 0, q = 0;
    for (size_t i = 0; i < n; i++)
        s += d[i];
    for (size_t i = 0; i < n; i++)
        q += (d[i] - s / (double)n) * (d[i] - s / (double)n);
    *ret_mean = s / (double)n;
    *ret_sd = sqrt(q / (double)(n - 1));
}

/* Mean losses, and what they are less than random's within repetitions. */
static void print_full(const double *loss, size_t n)
{
    double *d = pr_alloc(n * sizeof *d), mean, sd, level;
    moments(loss + PR_EXPERIMENT_ARMS * n, n, &mean, &sd);
    printf("%zu repetitions; loss at the start %.4f (sd %.4f)\n\n", n, mean, sd);
    puts("| arm | loss | less than random | sd over repetitions | t |");
    puts("| --- | --- | --- | --- | --- |");
    for (size_t a = 0; a < PR_EXPERIMENT_ARMS; a++) {
        moments(loss + a * n, n, &level, &sd);
        for (size_t i = 0; i < n; i++)
            d[i] = loss[i] - loss[a * n + i];
        moments(d, n, &mean, &sd);
        if (a == 0)
            printf("| %s | %.4f | – | – | – |\n", pr_experiment_arms[a], level);
        else
            printf("| %s | %.4f | %+.4f | %.4f | %+.1f |\n", pr_experiment_arms[a], level, mean, sd,
                mean / sd * sqrt((double)n));
    }
    pr_free(d);
}

static enum pr_code full(enum pr_task_pool pool, uint64_t first, size_t n, struct pr_error *e)
{
    double *loss = pr_alloc((PR_EXPERIMENT_ARMS + 1) * n * sizeof *loss), one[PR_EXPERIMENT_ARMS];
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < n && code == PR_OK; i++) {
        code = pr_experiment_full(&def, pool, first + i, one, &loss[PR_EXPERIMENT_ARMS * n + i], e);
        for (size_t a = 0; a < PR_EXPERIMENT_ARMS; a++)
            loss[a * n + i] = one[a];
    }
    if (code == PR_OK)
        print_full(loss, n);
    pr_free(loss);
    return code;
}

static enum pr_code probes(enum pr_task_pool pool, uint64_t first, size_t n, struct pr_error *e)
{
    for (size_t i = 0; i < n; i++) {
        struct pr_evidence seen;
        size_t used;
        int64_t began = pr_clock_monotonic_ns();
        enum pr_code code = pr_experiment_probes(&def, pool, first + i, &seen, &used, e);
        if (code != PR_OK)
            return code;
        if (i == 0) {
            printf("| repetition | pool | verdict | blocks | probes | sd of A/A |");
            for (size_t a = 0; a < seen.n_arms; a++)
                printf(" %s |", seen.arms[a].name);
            puts(" seconds |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | "
                 "--- |");
        }
        printf("| %llu | %s | %s | %zu | %zu | %.4f |", (unsigned long long)(first + i),
            pr_task_pool_name(pool), seen.decided ? seen.best : "undecided", seen.blocks, used,
            seen.noise);
        for (size_t a = 0; a < seen.n_arms; a++)
            printf(" %+.4f ± %.4f (%zu) |", seen.arms[a].mean, seen.arms[a].se, seen.arms[a].n);
        printf(" %.1f |\n", (double)(pr_clock_monotonic_ns() - began) / 1e9);
        fflush(stdout);
    }
    return PR_OK;
}

static int usage(void)
{
    fputs("usage: bench_curriculum full|probes noisy|equal FIRST N [NAME=VALUE…]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct pr_error e = {0};
    if (argc < 5)
        return usage();
    bool is_full = strcmp(argv[1], "full") == 0;
    int pool = PR_POOL_NOISY;
    while (pool < PR_N_TASK_POOLS && strcmp(argv[2], pr_task_pool_name(pool)) != 0)
        pool++;
    uint64_t first = strtoull(argv[3], NULL, 10);
    size_t n = (size_t)strtoull(argv[4], NULL, 10);
    if (pool == PR_N_TASK_POOLS || n == 0 || (!is_full && strcmp(argv[1], "probes") != 0))
        return usage();
    def = pr_experiment_reported;
    for (int i = 5; i < argc; i++)
        if (!set(argv[i])) {
            fprintf(stderr, "unknown setting %s\n", argv[i]);
            return 2;
        }
    enum pr_code code = (is_full ? full : probes)((enum pr_task_pool)pool, first, n, &e);
    if (code != PR_OK)
        fprintf(stderr, "%s\n", e.message);
    return code == PR_OK ? 0 : 1;
}
