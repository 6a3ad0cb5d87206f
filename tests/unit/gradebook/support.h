/* A gradebook in a folder of its own, with models, suites and grades made up. */
#ifndef TEST_GRADEBOOK_SUPPORT_H
#define TEST_GRADEBOOK_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "gradebook/gradebook.h"

#define OPTIONS "00000000000000000000000000000000000000000000000000000000000000op"

struct book {
    char dir[64];
    char path[96]; /* dir/proctor.db */
    struct pr_gradebook *g;
};

/* cmocka setup and teardown; *state is the book, opened as owner. */
int book_setup(void **state);
int book_teardown(void **state);
void book_reopen(struct book *b);
struct pr_gradebook *book_reader(struct book *b);

void must(enum pr_code code, const struct pr_error *e);
#define MUST(call)                                                                                 \
    do {                                                                                           \
        struct pr_error e_ = {0};                                                                  \
        struct pr_error *e = &e_;                                                                  \
        (void)e;                                                                                   \
        must((call), &e_);                                                                         \
    } while (0)

/* n examples "example 0" …; every fourth is a choice of three where choices. */
struct pr_suite *make_suite(const char *name, size_t n, bool choices);
/* Notes and opens a checkpoint: model named by `model`; run, history of at most 16 characters. */
int64_t add_checkpoint(struct pr_gradebook *g, const char *path, const char *identity,
    const char *model, int64_t step, const char *run, const char *history, int64_t now_ms);
struct pr_checkpoint_row row_of(struct pr_gradebook *g, int64_t id);
int64_t settings_of(struct pr_gradebook *g, int64_t model);
/* A grade of everything that can be, also of what no engine would make. */
void random_grade(struct pr_rng *r, const struct pr_example *x, struct pr_grade *ret);
/* The same grade for the same example and model, as an engine would make it. */
void plain_grade(const struct pr_example *x, uint64_t model, struct pr_grade *ret);
void assert_same_grade(const struct pr_grade *a, const struct pr_grade *b);
void put(struct pr_gradebook *g, int64_t model, int64_t settings, const struct pr_grade *x);
void assert_sound(struct pr_gradebook *g);            /* pr_gradebook_check finds nothing */
int64_t number_of(const char *path, const char *sql); /* by a connection of its own */
void run_sql(const char *path, const char *sql);

#endif
