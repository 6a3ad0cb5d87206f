#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "book.h"

static json_t *last;
static struct pr_error refused;

void book_open(struct book *b)
{
    *b = (struct book){0};
    snprintf(b->dir, sizeof b->dir, "/tmp/proctor-api-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    struct pr_config c;
    HAND_MADE_OK(pr_config_load(b->dir, &c, &hand_made_error));
    pr_config_grading_fingerprint(&c, b->options);
    pr_config_done(&c);
    hand_made_init_at(&b->h, b->dir, b->options);
    HAND_MADE_OK(asking_open(b->dir, &b->a, &hand_made_error));
}

void book_close(struct book *b)
{
    char **names;
    size_t n;
    json_decref(last);
    last = NULL;
    asking_close(&b->a);
    hand_made_close_book(&b->h);
    HAND_MADE_OK(pr_dir_list(b->dir, &names, &n, &hand_made_error));
    for (size_t i = 0; i < n; i++) {
        char *path = pr_path_join(b->dir, names[i]);
        unlink(path);
        pr_free(path);
    }
    pr_names_free(names, n);
    rmdir(b->dir);
}

const json_t *book_get(struct book *b, const char *fmt, ...)
{
    char url[1000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(url, sizeof url, fmt, ap);
    va_end(ap);
    json_decref(last);
    last = NULL;
    if (asking_get(&b->a, url, &last, &hand_made_error))
        fail_msg("%s: %s", url, hand_made_error.message);
    return last;
}

const char *book_refused(struct book *b, enum pr_code code, const char *fmt, ...)
{
    char url[1000];
    json_t *doc = NULL;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(url, sizeof url, fmt, ap);
    va_end(ap);
    assert_int_equal(asking_get(&b->a, url, &doc, &refused), code);
    return refused.message;
}

json_int_t book_int(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v))
        fail_msg("%s: not a whole number", key);
    return json_integer_value(v);
}

double book_real(const json_t *o, const char *key)
{
    char reason[100];
    const json_t *v = json_object_get(o, key);
    if (json_is_number(v))
        return json_number_value(v);
    snprintf(reason, sizeof reason, "%s_reason", key);
    if (!json_is_null(v) || !json_string_value(json_object_get(o, reason)))
        fail_msg("%s: neither a number nor null with a reason", key);
    return NAN;
}

const char *book_text(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (!v)
        fail_msg("%s: missing", key);
    return json_string_value(v);
}

void book_grade_text(
    struct book *b, int64_t checkpoint, int64_t suite, size_t position, const struct book_text *t)
{
    struct hand_made *h = &b->h;
    struct pr_checkpoint_row c;
    struct pr_suite *s;
    int64_t settings;
    char digest[PR_SHA256_HEX];
    HAND_MADE_OK(pr_gradebook_checkpoint(h->g, checkpoint, &c, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_load_suite(h->g, suite, &s, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_settings(h->g, c.model, h->options, &settings, &hand_made_error));
    struct pr_grade g = {.example = &s->v[position],
        .graded = true,
        .answer_tokens = 2,
        .nll = 1,
        .loss = 0.5,
        .confidence = t->truncated ? NAN : 0.75,
        .confidence_all = 0.75,
        .finish = t->truncated ? "length" : "stop",
        .truncated = t->truncated,
        .think = t->think,
        .well_formed = !t->truncated,
        .output_tokens = 7,
        .correct = t->right ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG,
        .output = t->output ? pr_strndup(t->output, t->output_n) : NULL,
        .output_len = t->output_n,
        .answer = t->answer ? pr_strndup(t->answer, t->answer_n) : NULL,
        .answer_len = t->answer_n};
    pr_sha256_hex(s->v[position].digest, digest);
    HAND_MADE_OK(pr_gradebook_begin(h->g, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_put_grade(
        h->g, c.model, settings, digest, &g, h->now_ms, NULL, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_commit(h->g, &hand_made_error));
    pr_grade_done(&g);
    pr_suite_free(s);
    pr_checkpoint_row_done(&c);
}
