/* See figures.h.  What is kept is kept by file, suite version and weights (a book); a book's rows
 * by model and settings.  Reading goes on outside of the lock: two who ask for the same at once may
 * both read it, which costs time once and nothing else. */
#include "api/figures.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "exam/stats.h"
#include "gradebook/browse.h"

#define MAX_BOOKS 6
#define MAX_ROWS  200000 /* of a book */

struct row {
    int64_t model, settings;
    struct pr_api_figures figures;
};

struct book {
    struct pr_gradebook_file file;
    int64_t suite_id;
    char fingerprint[65];
    double given[PR_SCORE_PARTS]; /* weights of the configuration */
    /* made once, then only read */
    struct pr_suite *suite;
    struct pr_places *places;
    struct pr_score_weights weights;
    const char **names; /* of the difficulties, borrowed from the suite */
    size_t n_names, names_cap;
    size_t *group_of; /* by position */
    /* guarded by the lock */
    struct row *rows;
    struct pr_tally *groups; /* [n_rows][n_names] */
    size_t n_rows, rows_cap, groups_cap;
    size_t *slots; /* a power of two of them: index into rows + 1; 0: free */
    size_t n_slots;
    int users;
    uint64_t used;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct book *books[MAX_BOOKS]; /* guarded by lock */
static uint64_t clock_of_use;

static void book_free(struct book *b)
{
    if (!b)
        return;
    pr_gradebook_file_done(&b->file);
    pr_suite_free(b->suite);
    pr_places_free(b->places);
    pr_free(b->names);
    pr_free(b->group_of);
    pr_free(b->rows);
    pr_free(b->groups);
    pr_free(b->slots);
    pr_free(b);
}

/* ---- rows by model and settings ---- */

static size_t slot_of(const struct book *b, int64_t model, int64_t settings)
{
    uint64_t h = (uint64_t)model * 0x9e3779b97f4a7c15u ^ (uint64_t)settings * 0xc2b2ae3d27d4eb4fu;
    size_t i = (size_t)(h >> 20) & (b->n_slots - 1);
    for (; b->slots[i]; i = (i + 1) & (b->n_slots - 1)) {
        const struct row *r = &b->rows[b->slots[i] - 1];
        if (r->model == model && r->settings == settings)
            break;
    }
    return i;
}

static void widen(struct book *b)
{
    if (b->n_slots && b->n_rows * 2 < b->n_slots)
        return;
    b->n_slots = b->n_slots ? b->n_slots * 2 : 64;
    pr_free(b->slots);
    b->slots = pr_zalloc(b->n_slots * sizeof *b->slots);
    for (size_t i = 0; i < b->n_rows; i++)
        b->slots[slot_of(b, b->rows[i].model, b->rows[i].settings)] = i + 1;
}

static void keep(struct book *b, const struct pr_api_asked *a, const struct pr_api_figures *f,
    const struct pr_tally *groups)
{
    if (b->n_rows == MAX_ROWS)
        return;
    widen(b);
    size_t slot = slot_of(b, a->model, a->settings);
    if (b->slots[slot])
        return;
    struct row r = {a->model, a->settings, *f};
    pr_grow(
        (void **)&b->groups, &b->groups_cap, (b->n_rows + 1) * b->n_names + 1, sizeof *b->groups);
    memcpy(b->groups + b->n_rows * b->n_names, groups, b->n_names * sizeof *groups);
    PR_PUSH(b->rows, b->n_rows, b->rows_cap, r);
    b->slots[slot] = b->n_rows;
}

static bool recall(const struct book *b, const struct pr_api_asked *a, struct pr_api_figures *f,
    struct pr_tally *groups)
{
    size_t at = b->n_slots ? b->slots[slot_of(b, a->model, a->settings)] : 0;
    if (!at)
        return false;
    *f = b->rows[at - 1].figures;
    memcpy(groups, b->groups + (at - 1) * b->n_names, b->n_names * sizeof *groups);
    return true;
}

/* ---- books ---- */

static void name_groups(struct book *b)
{
    b->group_of = pr_zalloc((b->suite->n + 1) * sizeof *b->group_of);
    for (size_t i = 0; i < b->suite->n; i++) {
        const char *name = b->suite->v[i].difficulty;
        size_t k = 0;
        while (k < b->n_names && strcmp(b->names[k], name) != 0)
            k++;
        if (k == b->n_names)
            PR_PUSH(b->names, b->n_names, b->names_cap, name);
        b->group_of[i] = k;
    }
}

static enum pr_code book_new(const struct pr_api_context *x, const struct pr_suite_row *suite,
    struct book **ret, struct pr_error *e)
{
    struct book *b = pr_zalloc(sizeof *b);
    enum pr_code code = pr_gradebook_load_suite(x->g, suite->id, &b->suite, e);
    if (code || (code = pr_places_load(x->g, suite->id, &b->places, e))) {
        book_free(b);
        return code;
    }
    pr_gradebook_which(x->g, &b->file);
    b->suite_id = suite->id;
    memcpy(b->fingerprint, suite->fingerprint, sizeof b->fingerprint);
    memcpy(b->given, x->config->settings.weights, sizeof b->given);
    pr_score_weigh(&x->config->settings, b->suite, &b->weights);
    name_groups(b);
    *ret = b;
    return PR_OK;
}

static bool same_weights(const double *a, const double *b)
{
    bool same = true;
    for (size_t i = 0; i < PR_SCORE_PARTS; i++)
        same = same && a[i] == b[i];
    return same;
}

static bool is_book(const struct book *b, const struct pr_api_context *x,
    const struct pr_suite_row *suite, const struct pr_gradebook_file *file)
{
    return b && b->suite_id == suite->id && !strcmp(b->fingerprint, suite->fingerprint) &&
           same_weights(b->given, x->config->settings.weights) &&
           pr_gradebook_same_file(&b->file, file);
}

/* With the lock held.  NULL: all places are in use. */
static struct book **free_place(void)
{
    struct book **place = NULL;
    for (size_t i = 0; i < MAX_BOOKS; i++) {
        if (!books[i])
            return &books[i];
        if (!books[i]->users && (!place || books[i]->used < (*place)->used))
            place = &books[i];
    }
    if (place) {
        book_free(*place);
        *place = NULL;
    }
    return place;
}

/* Takes one that is there. */
static struct book *find_book(const struct pr_api_context *x, const struct pr_suite_row *suite,
    const struct pr_gradebook_file *file)
{
    for (size_t i = 0; i < MAX_BOOKS; i++)
        if (is_book(books[i], x, suite, file)) {
            books[i]->users++;
            books[i]->used = ++clock_of_use;
            return books[i];
        }
    return NULL;
}

static enum pr_code take_book(const struct pr_api_context *x, const struct pr_suite_row *suite,
    struct book **ret, struct pr_error *e)
{
    struct pr_gradebook_file file;
    struct book *made = NULL;
    pr_gradebook_which(x->g, &file);
    pthread_mutex_lock(&lock);
    *ret = find_book(x, suite, &file);
    pthread_mutex_unlock(&lock);
    enum pr_code code = *ret ? PR_OK : book_new(x, suite, &made, e);
    if (!*ret && !code) {
        pthread_mutex_lock(&lock);
        *ret = find_book(x, suite, &file); /* another may have been faster */
        struct book **place = *ret ? NULL : free_place();
        if (!*ret) {
            *ret = made;
            made->users = 1;
            made->used = ++clock_of_use;
        }
        if (place)
            *place = made;
        if (*ret == made && !place)
            made->users = -1; /* of this call alone */
        pthread_mutex_unlock(&lock);
        if (*ret != made)
            book_free(made);
    }
    pr_gradebook_file_done(&file);
    return code;
}

static void give_back(struct book *b)
{
    pthread_mutex_lock(&lock);
    bool alone = b->users < 0;
    b->users -= !alone;
    pthread_mutex_unlock(&lock);
    if (alone)
        book_free(b);
}

void pr_api_figures_forget(void)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < MAX_BOOKS; i++)
        if (books[i] && !books[i]->users) {
            book_free(books[i]);
            books[i] = NULL;
        }
    pthread_mutex_unlock(&lock);
}

/* ---- figures ---- */

static enum pr_code sum_up(const struct book *b, const struct pr_grade *v, struct pr_api_figures *f,
    struct pr_tally *groups, struct pr_error *e)
{
    struct pr_bin bins[PR_BINS_SIX];
    size_t n = b->suite->n, counted;
    for (size_t i = 0; i < n; i++) {
        pr_tally_add(&f->tally, &v[i]);
        pr_tally_add(&groups[b->group_of[i]], &v[i]);
    }
    enum pr_code code =
        pr_grades_ece(v, n, pr_stats_six_edges, PR_BINS_SIX, bins, &f->ece, &counted, e);
    if (code || f->done < n)
        return code;
    const struct pr_grades all = {.suite = b->suite, .v = (struct pr_grade *)(uintptr_t)v, .n = n};
    struct pr_score_sheet sheet;
    pr_score_sheet_make(&all, &sheet);
    pr_score_make(&sheet, &b->weights, &f->score);
    pr_score_sheet_done(&sheet);
    return PR_OK;
}

static enum pr_code read_one(const struct pr_api_context *x, const struct book *b,
    const struct pr_api_asked *a, struct pr_grade *v, struct pr_api_figures *f,
    struct pr_tally *groups, struct pr_error *e)
{
    static const char missing[] = "not all examples are graded yet";
    *f = (struct pr_api_figures){.ece = NAN, .score.value = NAN};
    memcpy(f->score.reason, missing, sizeof missing);
    memset(groups, 0, b->n_names * sizeof *groups);
    if (!a->settings)
        return PR_OK;
    enum pr_code code =
        pr_gradebook_numbers(x->g, a->model, a->settings, b->places, v, b->suite->n, &f->done, e);
    return code ? code : sum_up(b, v, f, groups, e);
}

static enum pr_code fill(const struct pr_api_context *x, struct book *b,
    const struct pr_api_asked *v, size_t n, struct pr_api_figures_set *ret, struct pr_error *e)
{
    struct pr_grade *grades = pr_zalloc((b->suite->n + 1) * sizeof *grades);
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < b->suite->n; i++)
        grades[i].example = &b->suite->v[i];
    for (size_t i = 0; i < n && !code; i++) {
        struct pr_tally *groups = ret->groups + i * b->n_names;
        pthread_mutex_lock(&lock);
        bool known = recall(b, &v[i], &ret->v[i], groups);
        pthread_mutex_unlock(&lock);
        if (known)
            continue;
        code = read_one(x, b, &v[i], grades, &ret->v[i], groups, e);
        if (code || ret->v[i].done < b->suite->n || !b->suite->n)
            continue;
        pthread_mutex_lock(&lock);
        keep(b, &v[i], &ret->v[i], groups);
        pthread_mutex_unlock(&lock);
    }
    pr_free(grades);
    return code;
}

enum pr_code pr_api_figures(const struct pr_api_context *x, const struct pr_suite_row *suite,
    const struct pr_api_asked *v, size_t n, struct pr_api_figures_set *ret, struct pr_error *e)
{
    struct book *b;
    enum pr_code code = take_book(x, suite, &b, e);
    if (code)
        return code;
    *ret = (struct pr_api_figures_set){.n = n,
        .v = pr_zalloc((n + 1) * sizeof *ret->v),
        .n_groups = b->n_names,
        .names = pr_zalloc((b->n_names + 1) * sizeof *ret->names),
        .groups = pr_zalloc((n * b->n_names + 1) * sizeof *ret->groups),
        .n_examples = b->suite->n};
    for (size_t i = 0; i < b->n_names; i++)
        ret->names[i] = pr_strdup(b->names[i]);
    code = fill(x, b, v, n, ret, e);
    give_back(b);
    if (code)
        pr_api_figures_done(ret);
    return code;
}

void pr_api_figures_done(struct pr_api_figures_set *s)
{
    for (size_t i = 0; i < s->n_groups; i++)
        pr_free((void *)(uintptr_t)s->names[i]);
    pr_free(s->names);
    pr_free(s->v);
    pr_free(s->groups);
    *s = (struct pr_api_figures_set){0};
}

double pr_api_accuracy(const struct pr_tally *t, double *ret_low, double *ret_high)
{
    struct pr_estimate x;
    *ret_low = *ret_high = NAN;
    if (!t->n_accuracy || pr_stats_wilson(t->n_right, t->n_accuracy, PR_STATS_LEVEL, &x, NULL))
        return NAN;
    *ret_low = x.lo;
    *ret_high = x.hi;
    return x.value;
}
