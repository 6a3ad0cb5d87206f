/* Distinct problems: a random sequence for each cell and one set of all prompts seen. */
#include "skills/generate.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "skills/text.h"

#define MAX_TEXT     4096
#define PATIENCE     1000
#define PATIENCE_PER 20 /* tries for each distinct problem that a cell has shown */

struct prompt {
    const char *s; /* in the arena */
    size_t n;
    bool met;    /* a cell came upon it */
    size_t made; /* times it was handed out; 0: excluded */
};

struct cell {
    struct pr_generator_cell state;
    struct pr_rng rng;
    size_t shown; /* distinct prompts, excluded ones too */
};

struct pr_generator {
    struct cell *cells;
    size_t n_cells, turn;
    struct pr_arena arena;
    struct prompt *slots; /* open addressing; s NULL is free */
    size_t mask, n_prompts;
    struct pr_str prompt, golden;
    bool repeat;
};

/* ---- the set of prompts -------------------------------------------------------------------- */

static uint64_t hash(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)s[i]) * 0x100000001b3u;
    return h ^ h >> 32;
}

static struct prompt *slot_of(struct prompt *slots, size_t mask, const char *s, size_t n)
{
    size_t k = hash(s, n) & mask;
    while (slots[k].s && (slots[k].n != n || memcmp(slots[k].s, s, n) != 0))
        k = (k + 1) & mask;
    return &slots[k];
}

static void grow(struct pr_generator *g)
{
    size_t cap = (g->mask + 1) * 2;
    struct prompt *slots = pr_zalloc(cap * sizeof *slots);
    for (size_t i = 0; i <= g->mask; i++)
        if (g->slots[i].s)
            *slot_of(slots, cap - 1, g->slots[i].s, g->slots[i].n) = g->slots[i];
    pr_free(g->slots);
    g->slots = slots;
    g->mask = cap - 1;
}

/* The prompt's entry; *ret_new says whether this made it.  Valid until the next call. */
static struct prompt *enter(struct pr_generator *g, const char *s, size_t n, bool *ret_new)
{
    struct pr_skill_text t = pr_skill_trim(s, n);
    if (g->n_prompts * 2 > g->mask)
        grow(g);
    struct prompt *p = slot_of(g->slots, g->mask, t.s, t.n);
    *ret_new = !p->s;
    if (!p->s) {
        *p = (struct prompt){.s = pr_arena_strndup(&g->arena, t.s, t.n), .n = t.n};
        g->n_prompts++;
    }
    return p;
}

/* ---- cells --------------------------------------------------------------------------------- */

bool pr_levels_has(const struct pr_levels *l, const struct pr_skill *s, int level)
{
    return level >= l->lo && level <= l->hi && level <= s->n_levels &&
           l->difficulties[pr_skill_difficulty(s, level)];
}

void pr_cell_name(const struct pr_skill *s, int level, char buf[64])
{
    if (s->n_levels == PR_N_DIFFICULTIES)
        snprintf(buf, 64, "%s-%s", s->name, pr_difficulty_name(pr_skill_difficulty(s, level)));
    else
        snprintf(buf, 64, "%s-%d", s->name, level);
}

/* The sequence follows from the seed, the name and the level, not from places in tables. */
uint64_t pr_cell_seed(uint64_t seed, const char *skill, const char *cell)
{
    char text[256];
    uint8_t digest[PR_SHA256_LEN];
    uint64_t own = 0;
    int n = snprintf(text, sizeof text, "%llu/%s/%s", (unsigned long long)seed, skill, cell);
    pr_sha256(text, (size_t)n, digest);
    for (size_t i = 0; i < sizeof own; i++)
        own = own << 8 | digest[i];
    return own;
}

static void seed_cell(struct cell *c, uint64_t seed)
{
    const struct pr_skill *s = c->state.skill;
    char level[32];
    snprintf(level, sizeof level, "level %d", c->state.level);
    pr_rng_seed(&c->rng, pr_cell_seed(seed, s->name,
                             s->n_levels == PR_N_DIFFICULTIES
                                 ? pr_difficulty_name(pr_skill_difficulty(s, c->state.level))
                                 : level));
}

struct pr_generator *pr_generator_new(
    uint64_t seed, const struct pr_skill *const *skills, size_t n, const struct pr_levels *levels)
{
    struct pr_generator *g = pr_zalloc(sizeof *g);
    const struct pr_levels all = PR_LEVELS_ALL;
    if (!skills)
        skills = pr_skills(&n);
    g->cells = pr_zalloc((n * PR_SKILL_LEVELS + 1) * sizeof *g->cells);
    for (int level = 1; level <= PR_SKILL_LEVELS; level++) {
        for (size_t i = 0; i < n; i++) {
            if (!pr_levels_has(levels ? levels : &all, skills[i], level))
                continue;
            struct cell *c = &g->cells[g->n_cells++];
            c->state.skill = skills[i];
            c->state.level = level;
            seed_cell(c, seed);
        }
    }
    g->mask = 255;
    g->slots = pr_zalloc((g->mask + 1) * sizeof *g->slots);
    g->prompt = PR_STR_INIT(MAX_TEXT);
    g->golden = PR_STR_INIT(MAX_TEXT);
    return g;
}

void pr_generator_free(struct pr_generator *g)
{
    if (!g)
        return;
    pr_arena_done(&g->arena);
    pr_free(g->slots);
    pr_free(g->cells);
    pr_str_done(&g->prompt);
    pr_str_done(&g->golden);
    pr_free(g);
}

void pr_generator_exclude(struct pr_generator *g, const char *prompt, size_t n)
{
    bool is_new;
    enter(g, prompt, n, &is_new);
}

bool pr_generator_claim(struct pr_generator *g, const char *prompt, size_t n)
{
    bool is_new;
    enter(g, prompt, n, &is_new)->met = true;
    return is_new;
}

void pr_generator_repeat(struct pr_generator *g)
{
    g->repeat = true;
}

/* Any problem of the cell: its entry. */
static struct prompt *draw(struct pr_generator *g, struct cell *c, bool *ret_new)
{
    pr_str_clear(&g->prompt);
    pr_str_clear(&g->golden);
    c->state.skill->make(&c->rng, c->state.level, &g->prompt, &g->golden);
    return enter(g, g->prompt.data, g->prompt.len, ret_new);
}

/* One that was never made. */
static bool next_distinct(struct pr_generator *g, struct cell *c)
{
    for (size_t misses = 0; misses < PATIENCE + PATIENCE_PER * c->shown; misses++) {
        bool is_new;
        struct prompt *p = draw(g, c, &is_new);
        if (!p->met) {
            p->met = true;
            c->shown++;
        }
        if (is_new) {
            p->made = 1;
            return true;
        }
    }
    return false;
}

/* One that was made before; *ret_time: and how often it then was. */
static bool next_again(struct pr_generator *g, struct cell *c, size_t *ret_time)
{
    for (size_t misses = 0; misses < PATIENCE + PATIENCE_PER * c->shown; misses++) {
        bool is_new;
        struct prompt *p = draw(g, c, &is_new);
        if (!p->made && !is_new)
            continue;
        *ret_time = ++p->made;
        return true;
    }
    return false;
}

static bool next_of(struct pr_generator *g, struct cell *c, size_t *ret_time)
{
    *ret_time = 1;
    if (!c->state.empty && next_distinct(g, c))
        return true;
    c->state.empty = true;
    return g->repeat && next_again(g, c, ret_time);
}

bool pr_generator_next(struct pr_generator *g, struct pr_problem *ret)
{
    for (size_t tried = 0; tried < g->n_cells; tried++) {
        struct cell *c = &g->cells[g->turn];
        size_t time;
        g->turn = (g->turn + 1) % g->n_cells;
        if (!next_of(g, c, &time))
            continue;
        c->state.made++;
        *ret = (struct pr_problem){.skill = c->state.skill,
            .level = c->state.level,
            .difficulty = pr_skill_difficulty(c->state.skill, c->state.level),
            .prompt = pr_str_cstr(&g->prompt),
            .golden = pr_str_cstr(&g->golden),
            .time = time};
        return true;
    }
    return false;
}

size_t pr_generator_cells(const struct pr_generator *g)
{
    return g->n_cells;
}

struct pr_generator_cell pr_generator_cell(const struct pr_generator *g, size_t i)
{
    return g->cells[i].state;
}

void pr_problem_id_of(const char *cell, const char *prompt, size_t time, char buf[128])
{
    uint8_t digest[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    pr_sha256(prompt, strlen(prompt), digest);
    pr_sha256_hex(digest, hex);
    int n = snprintf(buf, 128, "%.64s-%.12s", cell, hex);
    if (time > 1)
        snprintf(buf + n, 128 - (size_t)n, "-%zu", time);
}

void pr_problem_id(const struct pr_problem *p, char buf[128])
{
    char cell[64];
    pr_cell_name(p->skill, p->level, cell);
    pr_problem_id_of(cell, p->prompt, p->time, buf);
}
