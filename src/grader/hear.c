/* What a grader says, taken apart and checked before an event tells of it. */
#include <stdlib.h>
#include <string.h>

#include "grader/grader_internal.h"
#include "grader/wire.h"

#define READS   64 /* of one turn, 64 kB each */
#define TELL_MS 20 /* at least, between two events of progress */

static enum pr_code need_order(
    struct pr_grader *g, int64_t id, struct pr_grader_order **ret, struct pr_error *e)
{
    *ret = pr_grader_find_order(g, id);
    return *ret ? PR_OK
                : pr_fail(e, PR_E_FORMAT, "it speaks of order %lld, which it does not have",
                      (long long)id);
}

static enum pr_code on_hello(struct pr_grader *g, const json_t *m, struct pr_error *e)
{
    struct pr_wire_task unused = {0};
    enum pr_code code = pr_wire_get_hello(m, &unused, e);
    g->greeted = !code;
    return code;
}

static enum pr_code on_opened(struct pr_grader *g, const json_t *m, struct pr_error *e)
{
    struct pr_grader_opened o = {0};
    enum pr_code code = pr_wire_get_opened(m, &o, e);
    if (code)
        return code;
    g->opened = true;
    if (g->events.opened)
        g->events.opened(g->events.ctx, &o);
    return PR_OK;
}

static enum pr_code on_grade(struct pr_grader *g, const json_t *m, struct pr_error *e)
{
    struct pr_grade grade;
    struct pr_grader_wanted key, *x;
    struct pr_grader_order *o;
    int64_t id;
    bool judge = false;
    enum pr_code code = pr_wire_get_order(m, &id, e);
    if (code || (code = need_order(g, id, &o, e)) ||
        (code = pr_json_get_bool(m, "judge", false, &judge, e)) ||
        (code = pr_message_get_grade(m, &grade, key.digest, e)))
        return code;
    x = bsearch(&key, o->v, o->n, sizeof *o->v, pr_grader_by_digest);
    if (!x || x->graded)
        code = pr_fail(e, PR_E_FORMAT, "grade: example %.12s… %s", key.digest,
            x ? "comes twice" : "was not ordered");
    else if (judge && (!grade.answer || grade.correct != PR_VERDICT_NONE))
        code = pr_fail(e, PR_E_FORMAT, "grade: 'judge' without an answer that waits for a verdict");
    if (!code) {
        x->graded = true;
        o->n_graded++;
        if (g->events.grade)
            g->events.grade(g->events.ctx, id, key.digest, &grade, judge);
    }
    pr_grade_done(&grade);
    return code;
}

static enum pr_code on_progress(struct pr_grader *g, const json_t *m, struct pr_error *e)
{
    struct pr_grader_progress p = {0};
    struct pr_grader_order *o;
    int64_t id;
    enum pr_code code = pr_wire_get_progress(m, &id, &p, e);
    if (code || (code = need_order(g, id, &o, e)))
        return code;
    if (g->events.progress && pr_clock_monotonic_ns() >= g->progress_ns) {
        g->progress_ns = pr_clock_monotonic_ns() + TELL_MS * PR_GRADER_MS;
        g->events.progress(g->events.ctx, id, &p);
    }
    return PR_OK;
}

static enum pr_code on_done(struct pr_grader *g, const json_t *m, struct pr_error *e)
{
    struct pr_grader_done d = {0};
    struct pr_grader_order *o;
    enum pr_code code = pr_wire_get_done(m, &d, e);
    if (code || (code = need_order(g, d.order, &o, e)))
        return code;
    if (d.examples != o->n_graded || (!d.cancelled && o->n_graded != o->n))
        return pr_fail(e, PR_E_FORMAT, "done: %zu of %zu examples came, it says %zu", o->n_graded,
            o->n, d.examples);
    pr_grader_drop_order(g, o);
    if (g->events.done)
        g->events.done(g->events.ctx, &d);
    return PR_OK;
}

/* What a failure of the whole checkpoint means. */
static enum pr_grader_end end_for(enum pr_code code)
{
    static const struct {
        enum pr_code code;
        enum pr_grader_end how;
    } table[] = {
        {PR_E_CHANGED, PR_GRADER_CHANGED},
        {PR_E_MEMORY, PR_GRADER_DIED},
        {PR_E_IO, PR_GRADER_DIED},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code == code)
            return table[i].how;
    return PR_GRADER_REFUSED;
}

static enum pr_code on_failed(struct pr_grader *g, const json_t *m, struct pr_error *e)
{
    struct pr_error why;
    struct pr_grader_order *o;
    int64_t id;
    enum pr_code code = pr_wire_get_failed(m, &id, &why, e);
    if (code)
        return code;
    if (!id) {
        if (why.code == PR_E_MEMORY && g->max_memory)
            pr_wrap(&why, why.code, "no memory: it needs more than %llu MB",
                (unsigned long long)(g->max_memory >> 20));
        pr_grader_end_with(g, end_for(why.code), &why);
        return PR_OK;
    }
    if ((code = need_order(g, id, &o, e)))
        return code;
    pr_grader_drop_order(g, o);
    if (g->events.order_failed)
        g->events.order_failed(g->events.ctx, id, &why);
    return PR_OK;
}

static const struct {
    const char *type;
    bool before_opened;
    enum pr_code (*take)(struct pr_grader *g, const json_t *m, struct pr_error *e);
} messages[] = {
    {"hello", true, on_hello},
    {"opened", true, on_opened},
    {"grade", false, on_grade},
    {"progress", false, on_progress},
    {"done", false, on_done},
    {"failed", true, on_failed},
};

static enum pr_code take_message(struct pr_grader *g, const json_t *m, struct pr_error *e)
{
    const char *type = pr_wire_type(m);
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (strcmp(messages[i].type, type) != 0)
            continue;
        bool hello = messages[i].take == on_hello, opened = messages[i].take == on_opened;
        if (hello == g->greeted || (opened && g->opened) ||
            (!g->opened && !messages[i].before_opened))
            return pr_fail(e, PR_E_FORMAT, "'%s' at a moment when it cannot come", type);
        return messages[i].take(g, m, e);
    }
    return pr_fail(e, PR_E_FORMAT, "'%.40s' is no message of a grader", type);
}

static void no_sense(struct pr_grader *g, struct pr_error *e)
{
    pr_wrap(e, e->code, "its grader said what makes no sense");
    pr_grader_stop_with(g, PR_GRADER_DIED, e);
}

/* Takes what was read; false once it is not to be listened to any more. */
static bool take_all(struct pr_grader *g)
{
    struct pr_error e;
    for (;;) {
        json_t *m = NULL;
        if (g->has_end || g->killed) /* whatever it says after its end */
            return false;
        if (pr_frames_take(&g->frames, &m, &e)) {
            /* Cut off by its own death, which explains more. */
            if (!g->frames.eof)
                no_sense(g, &e);
            return false;
        }
        if (!m)
            return true;
        enum pr_code code = take_message(g, m, &e);
        json_decref(m);
        if (code) {
            no_sense(g, &e);
            return false;
        }
        pr_grader_expect_word(g);
    }
}

void pr_grader_listen(struct pr_grader *g)
{
    struct pr_error e;
    for (int i = 0; i < READS && !g->frames.eof; i++) {
        size_t before = g->frames.got.len;
        if (pr_frames_read(&g->frames, &e)) {
            pr_grader_stop_with(g, PR_GRADER_DIED, &e);
            return;
        }
        bool came = g->frames.got.len != before, more = take_all(g);
        if (g->frames.eof &&
            g->deadline > pr_clock_monotonic_ns() + PR_GRADER_LEAVE_MS * PR_GRADER_MS)
            g->deadline = pr_clock_monotonic_ns() + PR_GRADER_LEAVE_MS * PR_GRADER_MS;
        if (!more || !came)
            return;
    }
}
