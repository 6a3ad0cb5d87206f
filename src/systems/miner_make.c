/* The problems of a round: variations of what was failed, and fresh ones, as lines to ask.
 *
 * Each has a seed of its own that follows from the checkpoint's fingerprint, the round, the arm and
 * the how many-th try it was, so that a run that is made again makes the same, and whoever has the
 * line can make the problem again: the skill's `vary` of the source, or its `make` at the level. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "systems/miner.h"

#define MAX_TEXT 65536
#define PATIENCE 20 /* tries of an arm in a row that brought nothing new, and twice its sources */
#define FRESH    3  /* of so many problems one is a fresh one */

struct problem {
    const struct pr_miner_arm *arm;
    const struct pr_miner_failure *source; /* NULL: fresh */
    struct pr_str prompt, golden;
    int level; /* 0: not one that make has */
    int64_t seed;
};

/* 53 bits, so that every reader of JSON has them. */
static int64_t seed_of(const struct pr_miner_plan *p, const struct pr_miner_arm *a)
{
    char text[256];
    uint8_t digest[PR_SHA256_LEN];
    uint64_t seed = 0;
    int n = snprintf(
        text, sizeof text, "%s/%d/%s/%zu", p->checkpoint->fingerprint, p->round, a->name, a->tries);
    pr_sha256(text, (size_t)n, digest);
    for (size_t i = 0; i < sizeof seed; i++)
        seed = seed << 8 | digest[i];
    return (int64_t)(seed >> 11);
}

/* ---- a problem ---- */

static bool vary(const struct pr_miner_plan *p, struct problem *x)
{
    const struct pr_miner_cluster *c = x->arm->cluster;
    struct pr_rng rng;
    x->source = &p->failures->v[c->from + x->arm->tries % c->n];
    struct pr_text q = pr_example_question(x->source->grade->example);
    pr_rng_seed(&rng, (uint64_t)x->seed);
    return x->arm->skill->vary(&rng, q.s, q.n, &x->prompt, &x->golden);
}

/* Any of the levels that count as this difficulty. */
static int level_of(const struct pr_miner_arm *a, int64_t seed)
{
    int levels[PR_SKILL_LEVELS], n = 0;
    for (int level = 1; level <= a->skill->n_levels && n < PR_SKILL_LEVELS; level++)
        if (pr_skill_difficulty(a->skill, level) == a->difficulty)
            levels[n++] = level;
    return n ? levels[seed % n] : 0;
}

static bool make_fresh(struct problem *x)
{
    struct pr_rng rng;
    x->level = level_of(x->arm, x->seed);
    pr_rng_seed(&rng, (uint64_t)x->seed);
    if (x->level)
        x->arm->skill->make(&rng, x->level, &x->prompt, &x->golden);
    return x->level;
}

static void set_level(struct problem *x)
{
    const struct pr_skill *s = x->arm->skill;
    if (!x->level && s->level)
        x->level = s->level(x->prompt.data, x->prompt.len);
}

/* ---- its line ---- */

static void make_id(const struct pr_miner_plan *p, const struct problem *x, char ret[64])
{
    uint8_t digest[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    pr_sha256(x->prompt.data, x->prompt.len, digest);
    pr_sha256_hex(digest, hex);
    snprintf(ret, 64, "%.8s-r%d-%.12s", p->checkpoint->fingerprint, p->round, hex);
}

static json_t *source_of(const struct problem *x)
{
    if (!x->source)
        return json_null();
    const struct pr_example *from = x->source->grade->example;
    json_t *o = json_object();
    pr_json_set_str(o, "suite", x->source->suite);
    pr_json_set_str(o, "id", from->id);
    pr_json_set_str(o, "skill", from->skill); /* as the suite calls it */
    return o;
}

static json_t *line_of(const struct pr_miner_plan *p, const struct problem *x)
{
    char id[64];
    json_t *o = json_object(), *mine = json_object();
    const char *difficulty = x->level
                                 ? pr_difficulty_name(pr_skill_difficulty(x->arm->skill, x->level))
                             : x->source ? x->source->difficulty
                                         : NULL;
    make_id(p, x, id);
    pr_json_set_str(o, "id", id);
    pr_json_set_strn(o, "prompt", x->prompt.data, x->prompt.len);
    pr_json_set_strn(o, "golden", x->golden.data, x->golden.len);
    pr_json_set_str(o, "skill", x->arm->skill->name);
    if (difficulty)
        pr_json_set_str(o, "difficulty", difficulty);
    if (x->level)
        pr_json_set_int(o, "level", x->level);
    pr_json_set_str(o, "check", "verifier");
    pr_json_set_int(mine, "round", p->round);
    pr_json_set_str(mine, "cluster", x->arm->name);
    pr_json_set(mine, "source", source_of(x));
    pr_json_set_int(mine, "seed", x->seed);
    pr_json_set(o, "mine", mine);
    return o;
}

/* Adds it unless it is known, or no line that can be asked: a skill whose verifier does not take
 * its own question would be a fault of ours, and must not spoil the others. */
static bool add(
    const struct pr_miner_plan *p, const struct problem *x, struct pr_known *known, json_t *lines)
{
    const struct pr_example_options o = {0};
    struct pr_arena arena = {0};
    struct pr_example example;
    struct pr_error ignored;
    bool added = false;
    if (!x->prompt.len || !x->golden.len || x->prompt.over || x->golden.over)
        return false;
    json_t *line = line_of(p, x);
    if (!pr_example_parse(line, &o, &arena, &example, &ignored)) {
        if (pr_miner_known_is(known, &example) == PR_KNOWN_NEW) {
            pr_known_add(known, &example, PR_MINER, 0);
            json_array_append(lines, line);
            added = true;
        }
        pr_example_done(&example);
    }
    json_decref(line);
    pr_arena_done(&arena);
    return added;
}

static bool try_once(
    const struct pr_miner_plan *p, struct pr_miner_arm *arm, struct pr_known *known, json_t *lines)
{
    struct problem x = {.arm = arm,
        .prompt = PR_STR_INIT(MAX_TEXT),
        .golden = PR_STR_INIT(MAX_TEXT),
        .seed = seed_of(p, arm)};
    bool made = arm->cluster ? vary(p, &x) : make_fresh(&x);
    if (made) {
        set_level(&x);
        made = add(p, &x, known, lines);
    }
    arm->tries++;
    arm->made += made;
    arm->misses = made ? 0 : arm->misses + 1;
    arm->empty = arm->misses > PATIENCE + 2 * (arm->cluster ? arm->cluster->n : 0);
    pr_str_done(&x.prompt);
    pr_str_done(&x.golden);
    return made;
}

void pr_miner_make(const struct pr_miner_plan *p, struct pr_miner_arms *arms,
    struct pr_known *known, json_t *lines)
{
    for (size_t made = 0; made < p->n;) {
        bool fresh = made % FRESH == FRESH - 1;
        struct pr_miner_arm *arm = pr_miner_arms_next(arms, fresh);
        if (!arm)
            arm = pr_miner_arms_next(arms, !fresh);
        if (!arm)
            return;
        made += try_once(p, arm, known, lines);
    }
}
