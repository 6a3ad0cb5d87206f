/* See demo.h: what waits in the queue when the training begins.
 *
 * Files of problems in the shares of data/training, of the same generators, that keep clear of the
 * validation examples.  They are written into a hidden folder that becomes queue/normal, so that
 * they are there all or not at all; what the training took away meanwhile does not come again. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/demo.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "exam/suite.h"
#include "skills/generate.h"

#define FILE_STEPS  125 /* of the training, that a file is good for: two files a checkpoint */
#define FILE_BYTES  ((size_t)64 << 20)
#define SEED        2
#define NORMAL      "queue/normal"
#define HIDDEN      "queue/.normal.tmp"
#define SKILL(name) &pr_skill_##name,

/* Thousands of each difficulty in data/training (demo_make.c). */
static const int shares[PR_N_DIFFICULTIES] = {26, 24, 8};

/* A generator a difficulty, and how many were drawn of each. */
struct mix {
    struct pr_generator *g[PR_N_DIFFICULTIES];
    int64_t drawn[PR_N_DIFFICULTIES], all;
};

static enum pr_code exclude(struct pr_generator *g, const char *difficulty, struct pr_error *e)
{
    char path[128];
    const char *file = path;
    const struct pr_suite_options o = {.allow_commands = true}; /* none is run */
    struct pr_suite *s = NULL;
    snprintf(path, sizeof path, "data/validation/%s.jsonl", difficulty);
    enum pr_code code = pr_suite_load(&file, 1, &o, &s, e);
    for (size_t i = 0; !code && i < s->n; i++) {
        struct pr_text q = pr_example_question(&s->v[i]);
        pr_generator_exclude(g, q.s, q.n);
    }
    pr_suite_free(s);
    return code;
}

static enum pr_code mix_new(struct mix *m, struct pr_error *e)
{
    const struct pr_skill *const skills[] = {PR_DEMO_SKILLS(SKILL)};
    enum pr_code code = PR_OK;
    for (int d = 0; d < PR_N_DIFFICULTIES && !code; d++) {
        struct pr_levels wanted = {.lo = 1, .hi = PR_SKILL_LEVELS};
        wanted.difficulties[d] = true;
        m->g[d] = pr_generator_new(SEED, skills, sizeof skills / sizeof *skills, &wanted);
        pr_generator_repeat(m->g[d]);
        code = exclude(m->g[d], pr_difficulty_name((enum pr_difficulty)d), e);
    }
    return code;
}

static void mix_done(struct mix *m)
{
    for (int d = 0; d < PR_N_DIFFICULTIES; d++)
        pr_generator_free(m->g[d]);
}

/* Of the difficulty that is furthest behind its share. */
static bool mix_next(struct mix *m, struct pr_problem *ret)
{
    int best = 0;
    int64_t most = INT64_MIN, sum = 0;
    for (int d = 0; d < PR_N_DIFFICULTIES; d++)
        sum += shares[d];
    for (int d = 0; d < PR_N_DIFFICULTIES; d++) {
        int64_t behind = shares[d] * (m->all + 1) - m->drawn[d] * sum;
        if (behind > most) {
            most = behind;
            best = d;
        }
    }
    m->drawn[best]++;
    m->all++;
    return pr_generator_next(m->g[best], ret);
}

static void put_problem(const struct pr_problem *p, struct pr_str *out)
{
    char id[128];
    pr_problem_id(p, id);
    pr_str_printf(out, "{\"id\":\"%s\"", id);
    pr_row_put_text(out, "prompt", p->prompt, strlen(p->prompt));
    pr_row_put_text(out, "golden", p->golden, strlen(p->golden));
    pr_str_printf(out, ",\"skill\":\"%s\",\"difficulty\":\"%s\",\"check\":\"verifier\"}\n",
        p->skill->name, pr_difficulty_name(p->difficulty));
}

static enum pr_code write_file(struct mix *m, int number, int64_t n, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT(FILE_BYTES);
    struct pr_problem p;
    char path[64];
    for (int64_t i = 0; i < n && mix_next(m, &p); i++)
        put_problem(&p, &text);
    snprintf(path, sizeof path, HIDDEN "/start-%03d.jsonl", number);
    enum pr_code code = text.over ? pr_fail(e, PR_E_LIMIT, "%s: too large", path)
                                  : pr_file_write_atomic(path, text.data, text.len, e);
    pr_str_done(&text);
    return code;
}

static void say(int64_t examples, int files, int64_t began_ns)
{
    struct pr_str line = PR_STR_INIT(1024);
    pr_str_printf(&line, "  " NORMAL ": %lld problems in %d files   (%.1f s)\n",
        (long long)examples, files, (double)(pr_clock_monotonic_ns() - began_ns) / 1e9);
    pr_out_text(line.data, line.len);
    pr_str_done(&line);
}

enum pr_code pr_demo_fill_queue(struct pr_error *e)
{
    const int64_t steps = (int64_t)PR_DEMO_STEPS * PR_DEMO_QUEUED_PERCENT / 100;
    int64_t began_ns = pr_clock_monotonic_ns(), left = steps * PR_DEMO_BATCH, all = left;
    struct mix m = {0};
    int files = 0;
    if (pr_path_is_dir(NORMAL))
        return PR_OK;
    enum pr_code code = pr_mkdirs(HIDDEN, e);
    if (!code)
        code = mix_new(&m, e);
    while (!code && left > 0) {
        int64_t n = left < FILE_STEPS * PR_DEMO_BATCH ? left : FILE_STEPS * PR_DEMO_BATCH;
        code = pr_interrupted() ? pr_fail(e, PR_E_CANCELLED, "stopped")
                                : write_file(&m, ++files, n, e);
        left -= n;
    }
    if (!code && rename(HIDDEN, NORMAL))
        code = pr_fail_errno(e, errno, "%s", NORMAL);
    if (!code)
        say(all, files, began_ns);
    mix_done(&m);
    return code;
}
