/* Orders to a grader, and what is still expected of them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "grader/grader_internal.h"
#include "grader/wire.h"

#define PIECE_BYTES ((size_t)8 << 20) /* of examples in one message */

int pr_grader_by_digest(const void *a, const void *b)
{
    return strcmp(
        ((const struct pr_grader_wanted *)a)->digest, ((const struct pr_grader_wanted *)b)->digest);
}

struct pr_grader_order *pr_grader_find_order(struct pr_grader *g, int64_t id)
{
    for (size_t i = 0; i < g->n_orders; i++)
        if (g->orders[i].id == id)
            return &g->orders[i];
    return NULL;
}

void pr_grader_drop_order(struct pr_grader *g, struct pr_grader_order *o)
{
    size_t i = (size_t)(o - g->orders);
    pr_free(o->v);
    memmove(o, o + 1, (--g->n_orders - i) * sizeof *o);
}
/* The examples without repetitions, sorted, as the grades are expected. */
static void expect_grades(
    struct pr_grader *g, int64_t id, const struct pr_grader_example *examples, size_t n)
{
    struct pr_grader_order o = {.id = id, .v = pr_zalloc((n + 1) * sizeof *o.v)};
    for (size_t i = 0; i < n; i++)
        memcpy(o.v[i].digest, examples[i].digest, sizeof o.v[i].digest);
    qsort(o.v, n, sizeof *o.v, pr_grader_by_digest);
    for (size_t i = 0; i < n; i++)
        if (!o.n || strcmp(o.v[o.n - 1].digest, o.v[i].digest) != 0)
            o.v[o.n++] = o.v[i];
    PR_PUSH(g->orders, g->n_orders, g->cap_orders, o);
}

/* Would every example fit into a message, and all of them into what may wait?  Found out before
 * anything is sent: half an order cannot be taken back. */
static enum pr_code check_sizes(
    struct pr_grader *g, const struct pr_grader_example *examples, size_t n, struct pr_error *e)
{
    size_t all = pr_frames_waiting(&g->frames);
    for (size_t i = 0; i < n; i++) {
        size_t bytes = strlen(examples[i].line);
        if (bytes > PR_FRAME_MAX / 8) { /* escapes may make six of one byte */
            struct pr_str text = PR_STR_INIT(PR_FRAME_MAX);
            json_t *line = json_string(examples[i].line);
            pr_json_dump(line, 0, 0, &text);
            bool over = !line || text.over || text.len > PR_FRAME_MAX - 4096;
            json_decref(line);
            bytes = text.len;
            pr_str_done(&text);
            if (over)
                return pr_fail(
                    e, PR_E_LIMIT, "example %.12s… is too long for a message", examples[i].digest);
        }
        all += bytes + bytes / 4 + 256;
    }
    return all < PR_GRADER_MAX_KEPT
               ? PR_OK
               : pr_fail(e, PR_E_LIMIT, "an order of more than %zu MB", PR_GRADER_MAX_KEPT >> 20);
}

static enum pr_code send_examples(struct pr_grader *g, int64_t id,
    const struct pr_grader_example *examples, size_t n, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < n && !code;) {
        json_t *m = pr_wire_message("order"), *list = json_array();
        size_t bytes = 0;
        do {
            json_t *one = json_object();
            pr_json_set_str(one, "digest", examples[i].digest);
            pr_json_set_str(one, "line", examples[i].line);
            json_array_append_new(list, one);
            bytes += strlen(examples[i++].line);
        } while (i < n && bytes + strlen(examples[i].line) <= PIECE_BYTES);
        pr_json_set_int(m, "order", id);
        pr_json_set(m, "examples", list);
        pr_json_set_bool(m, "more", i < n);
        code = pr_frames_put(&g->frames, m, e);
        json_decref(m);
    }
    return code;
}

enum pr_code pr_grader_order(struct pr_grader *g, int64_t order,
    const struct pr_grader_example *examples, size_t n, struct pr_error *e)
{
    if (g->gone || g->has_end || g->finishing || g->killed)
        return pr_fail(e, PR_E_USAGE, "the grader is leaving");
    if (order <= 0 || !n || pr_grader_find_order(g, order))
        return pr_fail(
            e, PR_E_USAGE, "order %lld: a new number and at least one example", (long long)order);
    for (size_t i = 0; i < n; i++)
        if (!pr_wire_is_hex(examples[i].digest, 64))
            return pr_fail(
                e, PR_E_USAGE, "order %lld: example %zu has no digest", (long long)order, i);
    enum pr_code code = check_sizes(g, examples, n, e);
    if (code)
        return code;
    expect_grades(g, order, examples, n);
    code = send_examples(g, order, examples, n, e);
    pr_grader_expect_word(g);
    if (code == PR_E_IO) /* it is gone: its end is told by the next turn */
        code = PR_OK;
    if (code) { /* a part may have gone out */
        pr_grader_drop_order(g, pr_grader_find_order(g, order));
        pr_grader_kill(g);
    }
    return code;
}

void pr_grader_cancel(struct pr_grader *g, int64_t order)
{
    if (g->gone || g->has_end || !pr_grader_find_order(g, order))
        return;
    json_t *m = pr_wire_message("cancel");
    pr_json_set_int(m, "order", order);
    if (pr_frames_put(&g->frames, m, NULL)) {
        /* Gone, or its buffer is full: its end or the rest of the order comes instead. */
    }
    json_decref(m);
}
