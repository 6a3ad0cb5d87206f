/* The numbers of many models' grades, a model in one pass; see browse.h.  A model's grades lie side
 * by side in the file, so this reads each page once. */
#include <math.h>
#include <stdlib.h>

#include "gradebook/browse.h"
#include "gradebook/sqlite.h"

struct place {
    int64_t example;
    size_t position; /* index in the suite's order */
};

struct pr_places {
    struct place *v; /* by example */
    size_t n, cap;
};

static int by_example(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return (x->example > y->example) - (x->example < y->example);
}

enum pr_code pr_places_load(
    struct pr_gradebook *g, int64_t suite, struct pr_places **ret, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row = true;
    struct pr_places *p = pr_zalloc(sizeof *p);
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT example FROM suite_examples WHERE suite = ? ORDER BY position", "i", suite);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct place x = {sqlite3_column_int64(st, 0), p->n};
        PR_PUSH(p->v, p->n, p->cap, x);
    }
    if (code) {
        pr_places_free(p);
        return code;
    }
    if (p->n)
        qsort(p->v, p->n, sizeof *p->v, by_example);
    *ret = p;
    return PR_OK;
}

void pr_places_free(struct pr_places *p)
{
    if (p)
        pr_free(p->v);
    pr_free(p);
}

static double column_real(sqlite3_stmt *st, int column)
{
    return sqlite3_column_type(st, column) == SQLITE_NULL ? NAN : sqlite3_column_double(st, column);
}

static void clear(struct pr_grade *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = (struct pr_grade){.example = v[i].example,
            .nll = NAN,
            .loss = NAN,
            .confidence = NAN,
            .confidence_all = NAN};
}

/* Both sides come in the order of examples. */
enum pr_code pr_gradebook_numbers(struct pr_gradebook *g, int64_t model, int64_t settings,
    const struct pr_places *places, struct pr_grade *v, size_t n, size_t *ret_done,
    struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row = true;
    size_t at = 0, done = 0;
    clear(v, n);
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT example, flags, answer_tokens, nll, loss, confidence, confidence_all,"
        " output_tokens FROM grades WHERE model = ? AND settings = ? ORDER BY example",
        "ii", model, settings);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        int64_t example = sqlite3_column_int64(st, 0);
        while (at < places->n && places->v[at].example < example)
            at++;
        if (at == places->n || places->v[at].example != example || places->v[at].position >= n)
            continue;
        struct pr_grade *x = &v[places->v[at].position];
        x->answer_tokens = (size_t)sqlite3_column_int64(st, 2);
        x->nll = column_real(st, 3);
        x->loss = column_real(st, 4);
        x->confidence = column_real(st, 5);
        x->confidence_all = column_real(st, 6);
        x->output_tokens = (size_t)sqlite3_column_int64(st, 7);
        pr_grade_read_flags(x, sqlite3_column_int64(st, 1));
        done++;
    }
    if (!code)
        *ret_done = done;
    return code;
}
