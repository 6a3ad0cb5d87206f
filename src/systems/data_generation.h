/* What the files of data generation share: the mix that is wanted, what is there to draw from, and
 * a file that is made of it. */
#ifndef PR_SYSTEMS_DATA_GENERATION_H
#define PR_SYSTEMS_DATA_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "queue/folder.h"
#include "queue/known.h"
#include "skills/skill.h"
#include "skills/source.h"
#include "systems/system.h"
#include "systems/view.h"

#define PR_GENERATION_SYSTEM "data-generation"

/* ---- what is wanted (data_generation_mix.c) ---- */

struct pr_generation_mix {
    double share[PR_N_DIFFICULTIES]; /* sum 1 */
    bool by_curriculum;              /* else a third each */
    char why[300];
};
/* By status/curriculum_optimization.json, as long as it is not older than generation.mix_hours. */
void pr_generation_mix_read(const struct pr_view *v, struct pr_generation_mix *ret);
json_t *pr_generation_mix_json(const struct pr_generation_mix *m); /* {"easy":…}; new reference */

struct pr_generation_skill {
    const char *name;           /* borrowed */
    const struct pr_skill *own; /* NULL: it is from outside */
    struct pr_skill_source *outside;
    struct pr_source_info info; /* of one from outside */
    double weight;              /* above 0 */
};
struct pr_generation_skills {
    struct pr_generation_skill *v; /* owned */
    size_t n;
    const char *source; /* "generation.skills", "validation suites", "all skills" (no suites) */
    json_t *unknown;    /* owned: names of generation.skills that nothing is made for */
    json_t *failed;     /* owned: {name: why} of those from outside that did not answer */
};
PR_MUST_CHECK enum pr_code pr_generation_skills_find(
    struct pr_view *v, struct pr_generation_skills *ret, struct pr_error *e);
void pr_generation_skills_done(struct pr_generation_skills *s);

/* ---- a file (data_generation_make.c) ---- */

struct pr_generation_line {
    char *text;        /* owned: JSON, without a line end */
    const char *skill; /* of a fresh one, else NULL */
    enum pr_difficulty difficulty;
};
struct pr_generation_file {
    struct pr_generation_line *v;
    size_t n, cap;
    size_t fresh, hard, corrections;
    size_t answer_bytes, correction_bytes; /* of all lines' answers; of corrections' */
    size_t duplicates, contaminated;       /* fresh ones that were made and left out */
    size_t repeated;                       /* fresh ones that had come before and may come again */
    size_t used;                           /* found ones that are in the queue or a suite already */
    size_t unusable;     /* found ones that are no examples, or whose answer a verifier refuses */
    json_t *counts;      /* owned: {skill: {difficulty: n}} of the fresh ones */
    json_t *sources;     /* owned: {"hard":[{"file","lines"}…],"corrections":[…]} */
    json_t *short_cells; /* owned: ["addition easy"…]: no further distinct problems */
};
struct pr_generation_options {
    uint64_t seed, number;
    size_t lines, hard; /* problems; mined ones among them, at most */
    double corrections; /* share of all answers' bytes that corrections have at most, below 1 */
    const char *base_dir, *name;
    const struct pr_generation_mix *mix;
    struct pr_generation_skills *skills; /* what fails is noted there */
    struct pr_known *known; /* what a line must not repeat; the file's lines are added */
    bool repeat; /* a cell that has no new problems gives known ones again, but none of a suite */
};
/* The seed of a file: it follows from both. */
uint64_t pr_generation_seed(uint64_t seed, uint64_t number, const char *what);
PR_MUST_CHECK enum pr_code pr_generation_make(
    const struct pr_generation_options *o, struct pr_generation_file *ret, struct pr_error *e);
void pr_generation_file_done(struct pr_generation_file *f);
/* Takes it where it is new; false: it is known (and may not come `again`), or overlaps a suite (all
 * are counted), or is no example.  line is borrowed. */
bool pr_generation_take(struct pr_generation_file *f, const struct pr_generation_options *o,
    const json_t *line, const char *skill, enum pr_difficulty d, bool again);

/* ---- what others found (data_generation_sources.c) ---- */

/* Adds up to o->hard mined examples, the newest first. */
PR_MUST_CHECK enum pr_code pr_generation_add_hard(
    const struct pr_generation_options *o, struct pr_generation_file *f, struct pr_error *e);
/* Adds corrections to the problems that are there, likewise, as far as their answers are no larger
 * a share of all than o->corrections: a correction's is many times as long as a problem's. */
PR_MUST_CHECK enum pr_code pr_generation_add_corrections(
    const struct pr_generation_options *o, struct pr_generation_file *f, struct pr_error *e);

/* ---- a run (data_generation.c), and its document (data_generation_status.c) ---- */

/* A run of the system: what it sees, and what became of it (data_generation.c). */
struct pr_generation_work {
    struct pr_view *v;
    struct pr_findings *f;
    json_t *remembered;
    struct pr_known *known;
    struct pr_generation_mix mix;
    struct pr_generation_skills skills;
    size_t waiting[PR_N_QUEUES];
    uint64_t bytes; /* of the files that wait */
    size_t unread;  /* files of the queue that could not be read: what is in them may come again */
    uint64_t free_bytes;
    double free_share; /* below 0: not looked at */
    uint64_t number;   /* the highest so far */
    json_t *written;
    char why[400]; /* why nothing (more) was written; "" */
};
/* The waiting files that generation.count counts. */
size_t pr_generation_counted(const struct pr_generation_work *w);
void pr_generation_day(int64_t ms, char ret[16]); /* "20261129" */
void pr_generation_document(struct pr_generation_work *w);

#endif
