/* The lines of a generated file: what others found, and fresh problems by skill and difficulty. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "skills/generate.h"
#include "systems/data_generation.h"

#define MAX_TEXT      ((size_t)1 << 20)
#define OUTSIDE_TRIES 100
#define MAX_TRIES                                                                                  \
    1000 /* that bring nothing new, before there are no more: and 20 times what came */

uint64_t pr_generation_seed(uint64_t seed, uint64_t number, const char *what)
{
    uint8_t digest[PR_SHA256_LEN];
    char text[200];
    uint64_t x = 0;
    snprintf(text, sizeof text, "proctor generation %llu %llu %.100s", (unsigned long long)seed,
        (unsigned long long)number, what);
    pr_sha256(text, strlen(text), digest);
    for (size_t i = 0; i < 8; i++)
        x = x << 8 | digest[i];
    return x;
}

/* ---- a line ---- */

bool pr_generation_take(struct pr_generation_file *f, const struct pr_generation_options *o,
    const json_t *line, const char *skill, enum pr_difficulty d, bool again)
{
    const struct pr_example_options options = {0};
    struct pr_known_match match = {.kind = PR_KNOWN_NEW};
    struct pr_arena arena = {0};
    struct pr_example x;
    struct pr_error ignored;
    struct pr_str text = PR_STR_INIT(MAX_TEXT);
    bool taken = false;
    if (pr_example_parse(line, &options, &arena, &x, &ignored)) {
        f->unusable++;
        goto out;
    }
    pr_known_check(o->known, &x, &match);
    pr_json_dump(line, 0, 0, &text);
    taken = match.kind == PR_KNOWN_NEW && !text.over;
    if (taken)
        pr_known_add(o->known, &x, o->name, f->n + 1);
    else if (!skill)
        f->used++;
    else if (match.kind == PR_KNOWN_CONTAMINATED)
        f->contaminated++;
    else if (again && !text.over)
        taken = ++f->repeated;
    else
        f->duplicates++;
    f->answer_bytes += taken ? x.golden.n : 0;
    pr_example_done(&x);
out:
    pr_arena_done(&arena);
    if (taken) {
        struct pr_generation_line one = {pr_str_take(&text), skill, d};
        PR_PUSH(f->v, f->n, f->cap, one);
    }
    pr_str_done(&text);
    return taken;
}

/* ---- fresh problems ---- */

/* A skill at a difficulty: its levels of it, and its own random numbers. */
struct cell {
    const struct pr_generation_skill *skill;
    size_t of; /* its place among the skills */
    enum pr_difficulty difficulty;
    int levels[PR_SOURCE_MAX_LEVELS], n_levels;
    struct pr_rng rng;
    double weight;
    size_t wanted, made;
    bool empty;
    struct pr_source_problems batch; /* of a skill from outside: those of one level, the next one */
    size_t next;
    int batch_level;
};
struct making {
    const struct pr_generation_options *o;
    struct pr_generation_file *f;
    struct cell *v;
    size_t n;
    struct pr_str prompt, golden;
};

static void add_cell(struct making *m, size_t skill, enum pr_difficulty d)
{
    struct cell *c = &m->v[m->n];
    char what[120];
    *c = (struct cell){.skill = &m->o->skills->v[skill], .of = skill, .difficulty = d};
    const struct pr_skill *own = c->skill->own;
    int n = own ? own->n_levels : c->skill->info.n_levels;
    for (int l = 1; l <= n && l <= PR_SOURCE_MAX_LEVELS; l++)
        if ((own ? pr_skill_difficulty(own, l) : pr_source_difficulty(&c->skill->info, l)) == d)
            c->levels[c->n_levels++] = l;
    c->weight = c->skill->weight * m->o->mix->share[d];
    snprintf(what, sizeof what, "%.80s %s", c->skill->name, pr_difficulty_name(d));
    pr_rng_seed(&c->rng, pr_generation_seed(m->o->seed, m->o->number, what));
    m->n += c->n_levels > 0 && c->weight > 0;
}

/* n over these shares: whole numbers, what is left to the largest remainders. */
static void share_out(size_t n, const double *share, size_t n_shares, size_t *ret)
{
    double sum = 0;
    size_t given = 0;
    for (size_t i = 0; i < n_shares; i++)
        sum += share[i];
    for (size_t i = 0; i < n_shares; i++) {
        ret[i] = sum > 0 ? (size_t)floor((double)n * share[i] / sum) : 0;
        given += ret[i];
    }
    for (; sum > 0 && given < n; given++) {
        size_t best = 0;
        double most = -INFINITY;
        for (size_t i = 0; i < n_shares; i++) {
            double left = (double)n * share[i] / sum - (double)ret[i];
            if (left > most + 1e-9) {
                most = left;
                best = i;
            }
        }
        ret[best]++;
    }
}

/* The lines of one difficulty over its skills.  due: what each skill was owed so far less what it
 * got, so that with few lines it is not always the same skills that get one more. */
static void share_difficulty(struct making *m, enum pr_difficulty d, size_t n, double *due)
{
    double sum = 0;
    size_t given = 0;
    for (size_t i = 0; i < m->n; i++)
        sum += m->v[i].difficulty == d ? m->v[i].weight : 0;
    for (size_t i = 0; i < m->n && sum > 0; i++) {
        struct cell *c = &m->v[i];
        if (c->difficulty != d)
            continue;
        double target = (double)n * c->weight / sum;
        c->wanted = (size_t)floor(target + 1e-9);
        due[c->of] += target - (double)c->wanted;
        given += c->wanted;
    }
    for (; sum > 0 && given < n; given++) {
        struct cell *best = NULL;
        for (size_t i = 0; i < m->n; i++)
            if (m->v[i].difficulty == d && (!best || due[m->v[i].of] > due[best->of] + 1e-9))
                best = &m->v[i];
        best->wanted++;
        due[best->of] -= 1;
    }
}

/* n lines: first over the difficulties, as far as any skill has them, then over the skills of each.
 */
static void share_lines(struct making *m, size_t n)
{
    double share[PR_N_DIFFICULTIES] = {0};
    double *due = pr_zalloc((m->o->skills->n + 1) * sizeof *due);
    size_t lines[PR_N_DIFFICULTIES];
    for (size_t i = 0; i < m->n; i++)
        share[m->v[i].difficulty] = m->o->mix->share[m->v[i].difficulty];
    share_out(n, share, PR_N_DIFFICULTIES, lines);
    for (int d = 0; d < PR_N_DIFFICULTIES; d++)
        share_difficulty(m, (enum pr_difficulty)d, lines[d], due);
    pr_free(due);
}

/* `again`: it may have come before, and its id says in which file it does so. */
static json_t *problem(struct making *m, const struct cell *c, int level, bool again)
{
    char id[200], cell[64];
    json_t *o = json_object();
    if (c->skill->own)
        pr_cell_name(c->skill->own, level, cell);
    else
        snprintf(cell, sizeof cell, "%.40s-%d", c->skill->name, level);
    pr_problem_id_of(cell, pr_str_cstr(&m->prompt), 1, id);
    if (again)
        snprintf(id + strlen(id), sizeof id - strlen(id), "-%llu.%zu",
            (unsigned long long)m->o->number, m->f->repeated + 1);
    pr_json_set_strn(o, "prompt", m->prompt.data, m->prompt.len);
    pr_json_set_strn(o, "golden", m->golden.data, m->golden.len);
    pr_json_set_str(o, "skill", c->skill->name);
    pr_json_set_str(o, "difficulty", pr_difficulty_name(c->difficulty));
    pr_json_set_int(o, "level", level);
    if (c->skill->own) /* an exam knows no verifier of another program */
        pr_json_set_str(o, "check", "verifier");
    pr_json_set_str(o, "id", id);
    return o;
}

/* A skill from outside is asked for several at a time.  One that fails gives nothing more in this
 * run, and it is said why. */
static bool fetch(struct making *m, struct cell *c)
{
    size_t left = c->wanted > c->made ? c->wanted - c->made : 1;
    left = left / (size_t)c->n_levels + 8;
    struct pr_error e;
    pr_source_problems_done(&c->batch);
    c->next = 0;
    c->batch_level = c->levels[pr_rng_below(&c->rng, (uint64_t)c->n_levels)];
    if (json_object_get(m->o->skills->failed, c->skill->name))
        return false;
    if (pr_source_generate(c->skill->outside,
            left < PR_SOURCE_MAX_COUNT ? left : PR_SOURCE_MAX_COUNT, c->batch_level,
            pr_rng_u64(&c->rng) >> 11, &c->batch, &e))
        pr_json_set_str(m->o->skills->failed, c->skill->name, e.message);
    return c->batch.n > 0;
}

/* Any problem of the cell into prompt and golden: its level, 0 where there is none. */
static int draw(struct making *m, struct cell *c)
{
    pr_str_clear(&m->prompt);
    pr_str_clear(&m->golden);
    if (c->skill->own) {
        int level = c->levels[pr_rng_below(&c->rng, (uint64_t)c->n_levels)];
        c->skill->own->make(&c->rng, level, &m->prompt, &m->golden);
        return level;
    }
    if (c->next >= c->batch.n && !fetch(m, c))
        return 0;
    const struct pr_source_problem *p = &c->batch.v[c->next++];
    pr_str_puts(&m->prompt, p->prompt);
    pr_str_puts(&m->golden, p->golden);
    return c->batch_level;
}

static bool try_one(struct making *m, struct cell *c)
{
    bool again = c->empty && m->o->repeat;
    int level = draw(m, c);
    if (!level)
        return false;
    json_t *line = problem(m, c, level, again);
    bool taken = pr_generation_take(m->f, m->o, line, c->skill->name, c->difficulty, again);
    json_decref(line);
    c->made += taken;
    return taken;
}

/* One more problem of the cell; false: it has no more. */
static bool make_one(struct making *m, struct cell *c)
{
    /* A skill from outside is asked a few times: each costs it a request. */
    size_t tries = c->skill->own ? MAX_TRIES + 20 * c->made : OUTSIDE_TRIES;
    for (size_t i = 0; i < tries && !c->empty; i++)
        if (try_one(m, c))
            return true;
    if (!c->empty && !json_object_get(m->o->skills->failed, c->skill->name)) {
        char name[120];
        snprintf(name, sizeof name, "%.80s %s", c->skill->name, pr_difficulty_name(c->difficulty));
        json_array_append_new(m->f->short_cells, json_string(name));
    }
    c->empty = true;
    for (size_t i = 0; i < tries && m->o->repeat; i++) /* those of the suites never come */
        if (try_one(m, c))
            return true;
    return false;
}

/* What a cell could not give comes from others of its difficulty, then from any. */
static size_t make_up(struct making *m, size_t missing, int difficulty)
{
    for (bool any = true; missing && any;) {
        any = false;
        for (size_t i = 0; i < m->n && missing; i++) {
            struct cell *c = &m->v[i];
            if ((difficulty >= 0 && c->difficulty != (enum pr_difficulty)difficulty) ||
                !make_one(m, c))
                continue;
            any = true;
            missing--;
        }
    }
    return missing;
}

static void count_fresh(struct making *m)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct cell *c = &m->v[i];
        json_t *by = json_object_get(m->f->counts, c->skill->name);
        if (!by) {
            by = json_object();
            pr_json_set(m->f->counts, c->skill->name, by);
        }
        pr_json_set_int(by, pr_difficulty_name(c->difficulty), (int64_t)c->made);
        m->f->fresh += c->made;
    }
}

static void make_fresh(
    const struct pr_generation_options *o, struct pr_generation_file *f, size_t n)
{
    struct making m = {
        .o = o, .f = f, .prompt = PR_STR_INIT(MAX_TEXT), .golden = PR_STR_INIT(MAX_TEXT)};
    size_t missing[PR_N_DIFFICULTIES] = {0}, left = 0;
    m.v = pr_zalloc((o->skills->n * PR_N_DIFFICULTIES + 1) * sizeof *m.v);
    for (size_t s = 0; s < o->skills->n; s++)
        for (int d = 0; d < PR_N_DIFFICULTIES; d++)
            add_cell(&m, s, (enum pr_difficulty)d);
    share_lines(&m, n);
    for (size_t i = 0; i < m.n; i++) {
        struct cell *c = &m.v[i];
        size_t k = 0;
        while (k < c->wanted && make_one(&m, c))
            k++;
        missing[c->difficulty] += c->wanted - k;
    }
    for (int d = 0; d < PR_N_DIFFICULTIES; d++)
        left += make_up(&m, missing[d], d);
    (void)make_up(&m, left, -1);
    count_fresh(&m);
    for (size_t i = 0; i < m.n; i++)
        pr_source_problems_done(&m.v[i].batch);
    pr_str_done(&m.prompt);
    pr_str_done(&m.golden);
    pr_free(m.v);
}

/* ---- the file ---- */

static void shuffle(struct pr_generation_file *f, uint64_t seed)
{
    struct pr_rng rng;
    pr_rng_seed(&rng, seed);
    for (size_t i = f->n; i > 1; i--) {
        size_t k = (size_t)pr_rng_below(&rng, i);
        struct pr_generation_line x = f->v[i - 1];
        f->v[i - 1] = f->v[k];
        f->v[k] = x;
    }
}

enum pr_code pr_generation_make(
    const struct pr_generation_options *o, struct pr_generation_file *ret, struct pr_error *e)
{
    struct pr_generation_file f = {
        .counts = json_object(), .sources = json_object(), .short_cells = json_array()};
    enum pr_code code = pr_generation_add_hard(o, &f, e);
    if (!code) {
        make_fresh(o, &f, o->lines > f.n ? o->lines - f.n : 0);
        code = pr_generation_add_corrections(o, &f, e);
    }
    if (code) {
        pr_generation_file_done(&f);
        return code;
    }
    shuffle(&f, pr_generation_seed(o->seed, o->number, "order"));
    *ret = f;
    return PR_OK;
}

void pr_generation_file_done(struct pr_generation_file *f)
{
    for (size_t i = 0; i < f->n; i++)
        pr_free(f->v[i].text);
    pr_free(f->v);
    json_decref(f->counts);
    json_decref(f->sources);
    json_decref(f->short_cells);
    *f = (struct pr_generation_file){0};
}
