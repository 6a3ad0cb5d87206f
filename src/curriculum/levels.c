/* Levels of difficulty: which a set of examples has, in which order, and what is known of how the
 * model has come along on each. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "curriculum/pool.h"

static const char *const known[] = {"easy", "medium", "hard"};
#define N_KNOWN (sizeof known / sizeof *known)

enum kind { KNOWN, NUMBER, OTHER, NONE };
struct name {
    char text[PR_LEVEL_NAME];
    size_t n;
    enum kind kind;
    double rank; /* within its kind */
};
struct names {
    struct name *v;
    size_t n, cap;
    bool losses; /* the last loss of every other name is known */
};

void pr_level_name(const char *difficulty, char ret[PR_LEVEL_NAME])
{
    size_t n = strnlen(difficulty, PR_LEVEL_NAME);
    if (n == PR_LEVEL_NAME)
        n = pr_utf8_valid_prefix(difficulty, PR_LEVEL_NAME - 1);
    memcpy(ret, difficulty, n);
    ret[n] = 0;
}

static double last_loss(const json_t *progress, const char *name)
{
    const json_t *list = json_object_get(progress, name);
    for (size_t i = json_array_size(list); i-- > 0;)
        if (json_is_number(json_array_get(list, i)))
            return json_number_value(json_array_get(list, i));
    return NAN;
}

static void classify(struct name *x, const json_t *progress)
{
    char *end;
    x->kind = OTHER;
    x->rank = last_loss(progress, x->text);
    for (size_t i = 0; i < N_KNOWN; i++) {
        if (!strcmp(x->text, known[i])) {
            x->kind = KNOWN;
            x->rank = (double)i;
        }
    }
    if (!strcmp(x->text, PR_UNSPECIFIED))
        x->kind = NONE;
    double value = strtod(x->text, &end);
    if (end != x->text && !*end && isfinite(value)) {
        x->kind = NUMBER;
        x->rank = value;
    }
}

static size_t find(struct names *names, const char *text)
{
    size_t i = 0;
    while (i < names->n && strcmp(names->v[i].text, text) != 0)
        i++;
    return i;
}

/* Two names of one rank stand by their bytes, so that the order is one. */
static int compare(const struct name *a, const struct name *b, bool losses)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    bool ranked = a->kind != OTHER || losses;
    if (ranked && (a->rank < b->rank || a->rank > b->rank))
        return a->rank < b->rank ? -1 : 1;
    return strcmp(a->text, b->text);
}

static void sort(struct names *names)
{
    names->losses = true;
    for (size_t i = 0; i < names->n; i++)
        names->losses &= names->v[i].kind != OTHER || isfinite(names->v[i].rank);
    for (size_t i = 1; i < names->n; i++) {
        struct name x = names->v[i];
        size_t k = i;
        for (; k && compare(&x, &names->v[k - 1], names->losses) < 0; k--)
            names->v[k] = names->v[k - 1];
        names->v[k] = x;
    }
}

/* Drops the rarest names until the rest and "unspecified" fit. */
static void thin(struct names *names)
{
    while (names->n > PR_MAX_LEVELS) {
        size_t rare = names->n, none = find(names, PR_UNSPECIFIED);
        for (size_t i = 0; i < names->n; i++)
            if (names->v[i].kind != NONE &&
                (rare == names->n || names->v[i].n < names->v[rare].n ||
                    (names->v[i].n == names->v[rare].n &&
                        strcmp(names->v[i].text, names->v[rare].text) > 0)))
                rare = i;
        if (none == names->n) { /* takes the rarest one's place */
            struct name x = {.text = PR_UNSPECIFIED, .kind = NONE};
            names->v[rare] = x;
        } else {
            names->v[rare] = names->v[--names->n];
        }
    }
}

static void collect(const struct pr_suite *s, const json_t *progress, struct names *names)
{
    for (size_t i = 0; i < s->n; i++) {
        struct name x = {.n = 0};
        pr_level_name(s->v[i].difficulty, x.text);
        size_t k = find(names, x.text);
        if (k == names->n) {
            classify(&x, progress);
            PR_PUSH(names->v, names->n, names->cap, x);
        }
        names->v[k].n++;
    }
}

void pr_levels_of(
    const struct pr_suite *s, const json_t *progress, uint8_t *level, struct pr_levels *ret)
{
    struct names names = {.v = NULL};
    *ret = (struct pr_levels){.n = 0};
    collect(s, progress, &names);
    thin(&names);
    sort(&names);
    for (size_t k = 0; k < names.n; k++)
        memcpy(ret->v[ret->n++].name, names.v[k].text, PR_LEVEL_NAME);
    for (size_t i = 0; i < s->n; i++) {
        char text[PR_LEVEL_NAME];
        pr_level_name(s->v[i].difficulty, text);
        size_t k = find(&names, text);
        level[i] = (uint8_t)(k < names.n ? k : names.n - 1);
        ret->v[level[i]].n++;
    }
    pr_free(names.v);
}

enum pr_code pr_levels_progress(const struct pr_levels *l, const json_t *progress,
    struct pr_level_progress *ret, struct pr_error *e)
{
    const size_t most = sizeof ret->loss / sizeof *ret->loss;
    if (progress && !json_is_object(progress))
        return pr_fail(
            e, PR_E_FORMAT, "progress: %s, an object was expected", pr_json_type_name(progress));
    for (size_t k = 0; k < l->n; k++) {
        const json_t *list = json_object_get(progress, l->v[k].name), *x;
        size_t n = json_array_size(list), i;
        ret[k] = (struct pr_level_progress){.n = 0};
        if (list && !json_is_array(list))
            return pr_fail(e, PR_E_FORMAT, "progress: '%s' is %s, an array of losses was expected",
                l->v[k].name, pr_json_type_name(list));
        json_array_foreach (list, i, x) {
            if (!json_is_number(x) && !json_is_null(x))
                return pr_fail(e, PR_E_FORMAT, "progress: '%s' holds %s, a loss was expected",
                    l->v[k].name, pr_json_type_name(x));
            if (i + most >= n)
                ret[k].loss[ret[k].n++] = json_is_number(x) ? json_number_value(x) : NAN;
        }
    }
    return PR_OK;
}
