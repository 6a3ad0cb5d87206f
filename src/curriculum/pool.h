/* A pool: the training examples that a probe may draw from, with what the strategies need to know
 * of each: its level of difficulty and its answer tokens.
 *
 * A pool depends on the examples alone: the same ones in other files, or in another order, are the
 * same pool with the same fingerprint, and a seed draws the same of it.
 */
#ifndef PR_CURRICULUM_POOL_H
#define PR_CURRICULUM_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "curriculum/strategy.h"
#include "exam/prompt.h"
#include "exam/suite.h"

#define PR_LEVEL_NAME 32 /* bytes with the NUL; a longer difficulty is cut */

struct pr_level {
    char name[PR_LEVEL_NAME];
    size_t n;
    uint64_t tokens; /* answer tokens; 0 where they were not counted */
};
/* Rising: easy, medium, hard; then numbers by value; then other names by their last loss in
 * `progress` where all of those are known, else by name; "unspecified" last.  Of more than
 * PR_MAX_LEVELS names the most frequent keep theirs and the others count as unspecified. */
struct pr_levels {
    struct pr_level v[PR_MAX_LEVELS];
    size_t n;
};
/* A difficulty as a level carries it: a long one is cut, between characters. */
void pr_level_name(const char *difficulty, char ret[PR_LEVEL_NAME]);
/* level: (s->n) index into ret->v of each example.  progress: as struct pr_probe_options', or NULL.
 */
void pr_levels_of(
    const struct pr_suite *s, const json_t *progress, uint8_t *level, struct pr_levels *ret);
/* What `progress` says of each level: (l->n); the newest 8 losses, NaN where null or not there.
 * PR_E_FORMAT: not an object of arrays of numbers. */
PR_MUST_CHECK enum pr_code pr_levels_progress(const struct pr_levels *l, const json_t *progress,
    struct pr_level_progress *ret, struct pr_error *e);

struct pr_curriculum_pool {
    struct pr_suite *suite; /* owned: the examples that were chosen, sorted by digest */
    uint8_t *level;         /* (n) */
    uint32_t *tokens;       /* (n) answer tokens; NULL: not counted */
    size_t n;
    struct pr_levels levels;
    char fingerprint[PR_SHA256_HEX]; /* of the chosen examples, those left out included */
    size_t n_left_out; /* of the chosen: they cannot be trained on (too long, a template raised) */
    char *left_out;    /* the first reason; NULL */
};
struct pr_curriculum_pool_options {
    const char *const *paths; /* files or folders of *.jsonl, in any example format */
    size_t n_paths;
    size_t samples; /* choose so many by a hash of their id, each difficulty its share; 0: all */
    const json_t *progress;          /* orders levels of other names; NULL */
    const struct pr_prompter *start; /* counts answer tokens; NULL: they are not counted */
    uint32_t max_position;           /* a longer sequence is left out; 0: none is */
    bool (*stopped)(void);           /* true: PR_E_CANCELLED; NULL */
};
/* PR_E_FORMAT when nothing was usable, naming the first reason. */
PR_MUST_CHECK enum pr_code pr_curriculum_pool_load(
    const struct pr_curriculum_pool_options *o, struct pr_curriculum_pool *ret, struct pr_error *e);
void pr_curriculum_pool_done(struct pr_curriculum_pool *p);

#endif
