/* The inside of the adversarial miner, for its files alone:
 *
 *   adversarial_miner.c  the system: what must be graded, and the order of a run's steps
 *   miner_failures.c     wrong answers, what kind of mistake each is, and clusters of them
 *   miner_asked.c        what was asked before: the system's own suite, round by round
 *   miner_arms.c         where the next problems come from, and how many from each
 *   miner_make.c         the problems of a round
 *   miner_known.c        texts that must not be asked or kept
 *   miner_folder.c       data/adversarial_examples: what is there, and more lines for today's file
 *   miner_keep.c         which of the asked become hard examples
 *   miner_forgetting.c   what an earlier checkpoint solved
 *   miner_status.c       the document
 *
 * Nothing is remembered between runs but the gradebook and the files of hard examples, so that a
 * run that was killed is simply made again.  An id tells a line: FINGERPRINT-rROUND-HASH, with the
 * first 8 digits of the checkpoint's fingerprint and 12 of the prompt's SHA-256.
 */
#ifndef PR_SYSTEMS_MINER_H
#define PR_SYSTEMS_MINER_H

#include "mistakes/mistake.h"
#include "queue/known.h"
#include "systems/system.h"

#define PR_MINER           "adversarial-miner"
#define PR_MINER_FOLDER    "data/adversarial_examples"
#define PR_MINER_CONFIDENT 0.8 /* from here on an error is a confident one */
#define PR_MINER_ROUNDS    20  /* at most: miner.rounds */
#define PR_MINER_SHOWN     10  /* newest hard examples in the document */

/* ---- grades with their texts (miner_asked.c) ---- */

/* As pr_view_grades, but with the texts of the answers, and the caller's: pr_grades_free.  *ret
 * NULL: no grade at all. */
PR_MUST_CHECK enum pr_code pr_miner_grades(struct pr_view *v, const struct pr_checkpoint_row *c,
    int64_t suite, struct pr_grades **ret, size_t *ret_done, size_t *ret_all, struct pr_error *e);

/* ---- wrong answers (miner_failures.c) ---- */

struct pr_miner_failure {
    const struct pr_grade *grade;  /* borrowed */
    const char *suite;             /* of its example: borrowed */
    const struct pr_skill *skill;  /* that knows the question; NULL: none does */
    const char *name, *difficulty; /* of the skill, else what the line says; NULL: nothing */
    int level;                     /* 0: not known */
    enum pr_mistake pattern;
    char *why;
};
/* Those of the same skill, level and pattern: v[from] … v[from + n − 1], the surest first. */
struct pr_miner_cluster {
    size_t from, n;
    size_t n_confident; /* at least PR_MINER_CONFIDENT */
    double weight;      /* sum of confidences */
};
struct pr_miner_failures {
    struct pr_miner_failure *v;
    size_t n, cap;
    struct pr_miner_cluster *clusters; /* the largest weight first */
    size_t n_clusters, clusters_cap;
    size_t n_right, n_ungraded; /* beside them: without a verdict, or without a grade */
    size_t n_unknown;           /* failures whose question no skill knows */
};
void pr_miner_failures_add(
    struct pr_miner_failures *f, const struct pr_grades *g, const char *suite);
void pr_miner_failures_group(struct pr_miner_failures *f); /* once, after the last add */
void pr_miner_failures_done(struct pr_miner_failures *f);
/* "arithmetic/5/carry"; level 0 is "?". */
void pr_miner_cluster_name(const struct pr_miner_failure *x, char ret[128]);

/* ---- what was asked (miner_asked.c) ---- */

struct pr_miner_round {
    int number;
    size_t asked, failed, right, ungraded, pending;
};
struct pr_miner_asked {
    const struct pr_checkpoint_row *checkpoint; /* whom; NULL: nobody who is there */
    const struct pr_suite *suite;               /* borrowed from the view */
    struct pr_grades *grades;                   /* owned, with texts; NULL: none */
    struct pr_miner_round rounds[PR_MINER_ROUNDS];
    int n_rounds;
    struct pr_miner_round all;
};
PR_MUST_CHECK enum pr_code pr_miner_asked_read(
    struct pr_view *v, struct pr_miner_asked *ret, struct pr_error *e);
void pr_miner_asked_done(struct pr_miner_asked *a);
/* The checkpoint that a suite of ours was made for; NULL: it is not there any more. */
PR_MUST_CHECK enum pr_code pr_miner_asked_of(struct pr_view *v, const struct pr_suite_row *own,
    const struct pr_checkpoint_row **ret, struct pr_error *e);
/* The "mine" of a line, and its round (0: none). */
const json_t *pr_miner_mine(const struct pr_example *x);
int pr_miner_round_of(const struct pr_example *x);
/* Is the round of this example graded to its last one? */
bool pr_miner_round_complete(const struct pr_miner_asked *a, int round);

/* ---- the folder (miner_folder.c) ---- */

struct pr_miner_folder {
    char *path, *today; /* the folder; today's file, whether it is there or not */
    char **files;       /* of hard examples, by name */
    size_t n_files;
    char **ids; /* of all lines */
    size_t n_ids, ids_cap;
    json_t *newest;           /* owned: the last PR_MINER_SHOWN lines, the newest first */
    size_t n_today, n_broken; /* lines of today's file; lines that are no examples, of all files */
};
PR_MUST_CHECK enum pr_code pr_miner_folder_read(
    const char *base_dir, int64_t now_ms, struct pr_miner_folder *ret, struct pr_error *e);
void pr_miner_folder_done(struct pr_miner_folder *f);
bool pr_miner_folder_has(const struct pr_miner_folder *f, const char *id);
/* How many lines are of the checkpoint with this fingerprint. */
size_t pr_miner_folder_count(const struct pr_miner_folder *f, const char *fingerprint);
/* Adds lines (an array of objects with ids) to today's file, whole or not at all; what was in it
 * stays to the byte. */
PR_MUST_CHECK enum pr_code pr_miner_folder_add(
    struct pr_miner_folder *f, const json_t *lines, struct pr_error *e);

/* ---- texts (miner_known.c) ---- */

/* What a validation suite asks is protected, the hard examples of all files are there already.
 * pr_known_free. */
PR_MUST_CHECK enum pr_code pr_miner_known_open(
    struct pr_view *v, const struct pr_miner_folder *f, struct pr_known **ret, struct pr_error *e);
enum pr_known_kind pr_miner_known_is(const struct pr_known *k, const struct pr_example *x);

/* ---- the next round (miner_arms.c, miner_make.c) ---- */

/* A source of problems: variations of a cluster's failures ("arithmetic/5/carry"), or fresh ones of
 * a skill and difficulty ("arithmetic/hard/fresh"). */
struct pr_miner_arm {
    char name[128];
    const struct pr_skill *skill;
    const struct pr_miner_cluster *cluster; /* NULL: fresh ones, of */
    enum pr_difficulty difficulty;          /* this one */
    double weight;                          /* among those of its kind; only ratios count */
    size_t asked, failed;                   /* in the rounds before */
    size_t made, tries, misses;             /* in this round; misses: the last so many tries */
    bool empty;                             /* nothing new comes of it any more */
};
struct pr_miner_arms {
    struct pr_miner_arm *v;
    size_t n, cap;
};
struct pr_miner_plan {
    struct pr_view *v;
    const struct pr_checkpoint_row *checkpoint;
    const struct pr_suite *examples;          /* the main suite */
    const struct pr_miner_failures *failures; /* of the suite and of what was asked */
    const struct pr_miner_asked *asked;       /* of this checkpoint; else without rounds */
    int round;
    size_t n; /* problems wanted */
};
void pr_miner_arms_make(const struct pr_miner_plan *p, struct pr_miner_arms *ret);
void pr_miner_arms_done(struct pr_miner_arms *a);
/* The arm of this kind whose turn it is; NULL: all are empty. */
struct pr_miner_arm *pr_miner_arms_next(struct pr_miner_arms *a, bool fresh);
/* Appends up to p->n lines to ask, none of them known; they are from then on. */
void pr_miner_make(const struct pr_miner_plan *p, struct pr_miner_arms *arms,
    struct pr_known *known, json_t *lines);

/* ---- keeping (miner_keep.c) ---- */

struct pr_miner_kept {
    size_t n;                     /* of the asked checkpoint, in all files */
    size_t n_double, n_protected; /* failed, but not kept */
    bool full;                    /* as many as may be kept */
};
/* Writes what a checkpoint failed of what it was asked.  partly: rounds that will not be graded to
 * their end count too. */
PR_MUST_CHECK enum pr_code pr_miner_keep(struct pr_view *v, const struct pr_miner_asked *a,
    const struct pr_miner_failures *f, bool partly, struct pr_miner_folder *folder,
    struct pr_miner_kept *ret, struct pr_error *e);

/* ---- forgetting (miner_forgetting.c) ---- */

/* {"n","solved_before","rate","rate_ci95","against","by_skill","ids"}; new reference; *ret NULL
 * with *ret_why where there is nothing to compare with. */
PR_MUST_CHECK enum pr_code pr_miner_forgetting(struct pr_view *v,
    const struct pr_checkpoint_row *newest, const struct pr_suite_row *suite,
    const struct pr_grades *grades, json_t **ret, const char **ret_why, struct pr_error *e);

/* ---- the document (miner_status.c) ---- */

void pr_miner_status_failures(json_t *o, const struct pr_miner_failures *f);
PR_MUST_CHECK enum pr_code pr_miner_status_asked(
    json_t *o, const struct pr_settings *s, const struct pr_miner_asked *a, struct pr_error *e);
/* k NULL: not known. */
void pr_miner_status_kept(
    json_t *o, const struct pr_miner_folder *f, const struct pr_miner_kept *k);
/* Every field that is not there yet: null, with the reason. */
void pr_miner_status_rest(json_t *o, const char *why);
/* key and key_ci95 of k in n (Wilson). */
PR_MUST_CHECK enum pr_code pr_miner_rate(
    json_t *o, const char *key, size_t k, size_t n, const char *why, struct pr_error *e);

#endif
