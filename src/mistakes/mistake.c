/* The table of patterns, in the order of mistake.h: the first that recognises an answer names it.
 */
#include "mistakes/mistake.h"

#include <string.h>

#include "base/alloc.h"
#include "exam/example.h"
#include "mistakes/reading.h"
#include "mistakes/recognisers.h"
#include "mistakes/span.h"

#define WHY_MAX 1024

static const struct pattern {
    const char *name, *about;
    enum pr_mistake_group group;
    bool (*recognise)(const struct pr_reading *r, struct pr_str *why);
} patterns[PR_N_MISTAKES] = {
#define PR_X(name, group, text) {#name, text, PR_MISTAKE_##group, pr_mistake_is_##name},
    PR_MISTAKES(PR_X)
#undef PR_X
};

/* The groups that can name a wrong answer to a question of this kind. */
#define GROUP(name) (1u << PR_MISTAKE_##name)
static const unsigned groups[PR_N_KINDS] = {
    [PR_KIND_LIST] = GROUP(FORM) | GROUP(LIST) | GROUP(OTHER),
    [PR_KIND_CHOICE] = GROUP(FORM) | GROUP(CHOICE) | GROUP(OTHER),
    [PR_KIND_COMPUTED] = GROUP(FORM) | GROUP(CHOICE) | GROUP(NUMBER) | GROUP(OTHER),
    [PR_KIND_NUMBER] = GROUP(FORM) | GROUP(NUMBER) | GROUP(OTHER),
    [PR_KIND_DATE] = GROUP(FORM) | GROUP(OTHER),
    [PR_KIND_TEXT] = GROUP(FORM) | GROUP(TEXT) | GROUP(OTHER),
};

static bool applies(enum pr_question_kind kind, enum pr_mistake m)
{
    if (kind == PR_KIND_DATE &&
        (m == PR_MISTAKE_IS_wrong_operation || m == PR_MISTAKE_IS_step_missing ||
            m == PR_MISTAKE_IS_off_by_one))
        return true;
    return groups[kind] >> patterns[m].group & 1;
}

/* Is only the skill able to say what was to be worked out?  (The digits of another base may be
 * read as text.) */
static bool unseen(const struct pr_reading *r, enum pr_mistake m)
{
    return (r->kind == PR_KIND_NUMBER && !r->n_workings && applies(r->kind, m)) ||
           (r->kind == PR_KIND_TEXT && patterns[m].group == PR_MISTAKE_NUMBER);
}

const char *pr_mistake_name(enum pr_mistake m)
{
    return patterns[m].name;
}

const char *pr_mistake_about(enum pr_mistake m)
{
    return patterns[m].about;
}

bool pr_mistake_find(const char *name, enum pr_mistake *ret)
{
    for (int i = 0; i < PR_N_MISTAKES; i++)
        if (!strcmp(patterns[i].name, name)) {
            *ret = (enum pr_mistake)i;
            return true;
        }
    return false;
}

/* Is it what such a mistake would answer, as far as the question's skill knows?  Compared by value
 * where the answer has one. */
static bool slipped(const struct pr_reading *r, enum pr_mistake m, struct pr_str *why)
{
    for (size_t i = 0; i < r->slips.n && r->given.there; i++) {
        const struct pr_slip *s = &r->slips.v[i];
        struct pr_text text = {.s = s->answer, .n = strlen(s->answer)};
        if (strcmp(s->pattern, patterns[m].name))
            continue;
        struct pr_figure x;
        bool number = r->kind == PR_KIND_NUMBER || r->kind == PR_KIND_COMPUTED;
        if (pr_span_same(pr_span_bare(text), pr_span_bare(r->given.text), false) ||
            (number && pr_figure_whole(text, &x) && pr_figure_equal(&x, &r->given.number))) {
            pr_str_puts(why, s->why);
            return true;
        }
    }
    return false;
}

/* Does the pattern fit?  A slip that the skill knows says best what went wrong, but has the last
 * word only where the definition cannot be looked up: of a number whose working is not seen here.
 */
static bool fits(const struct pr_reading *r, enum pr_mistake m, struct pr_str *why)
{
    bool by_value = patterns[m].group != PR_MISTAKE_FORM && m != PR_MISTAKE_IS_other;
    if (!by_value)
        return applies(r->kind, m) && patterns[m].recognise(r, why);
    if (!r->given.there)
        return false;
    struct pr_str known = PR_STR_INIT(WHY_MAX);
    bool yes = applies(r->kind, m) && patterns[m].recognise(r, why);
    if (r->kind != PR_KIND_COMPUTED && (yes || unseen(r, m)) && slipped(r, m, &known)) {
        pr_str_clear(why);
        pr_str_append(why, pr_str_cstr(&known), known.len);
        yes = true;
    }
    pr_str_done(&known);
    return yes;
}

void pr_mistake_recognise(const struct pr_mistake_case *c, struct pr_mistake_found *ret)
{
    struct pr_reading r;
    struct pr_str why = PR_STR_INIT(WHY_MAX);
    pr_reading_make(c, &r);
    ret->pattern = PR_MISTAKE_IS_other;
    for (int i = 0; i < PR_N_MISTAKES; i++)
        if (fits(&r, (enum pr_mistake)i, &why)) {
            ret->pattern = (enum pr_mistake)i;
            break;
        }
    if (!why.len)
        pr_str_puts(&why, patterns[ret->pattern].about);
    ret->why = pr_str_take(&why);
    pr_reading_done(&r);
}

void pr_mistake_case_of(const struct pr_grade *g, struct pr_mistake_case *ret)
{
    static const char close[] = "</think>";
    const struct pr_example *x = g->example;
    struct pr_text q = pr_example_question(x);
    bool closed = g->output && memmem(g->output, g->output_len, close, sizeof close - 1);
    *ret = (struct pr_mistake_case){.question = q,
        .golden = x->check.golden,
        .answer = {.s = g->answer, .n = g->answer ? g->answer_len : 0},
        .output = {.s = g->output, .n = g->output ? g->output_len : 0},
        .truncated = g->truncated,
        .think = g->think,
        /* Without its text: what is known to have ended by itself, yet has no answer. */
        .think_unclosed = g->think && g->truncated &&
                          (g->output ? !closed : g->finish && !strcmp(g->finish, "stop")),
        .skill = pr_skill_knowing(x->skill, q.s, q.n)};
    if (!g->answer && g->empty)
        ret->answer.s = "";
}
