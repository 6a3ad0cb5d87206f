/* The parent's side of a grader: see grader.h.  Owns the process, the streams and what was ordered;
 * everything that comes from the process is checked before an event tells of it. */
#include "grader/grader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/utf8.h"
#include "grader/frame.h"
#include "grader/process.h"
#include "grader/wire.h"

#define MS          INT64_C(1000000)
#define MAX_KEPT    ((size_t)1 << 30) /* bytes of orders that wait to be sent */
#define PIECE_BYTES ((size_t)8 << 20) /* of examples in one message */
#define READS       64                /* of one turn, 64 kB each */
#define TIMEOUT_MS  600000
#define LEAVE_MS    5000 /* from the end of its streams, or of its work, to that of the process */
#define TELL_MS     20   /* at least, between two events of progress */
#define REAP_MS     5    /* between looks at a process whose streams have ended */

struct example {
    char digest[65];
    bool graded;
};

struct order {
    int64_t id;
    struct example *v; /* sorted by digest */
    size_t n, n_graded;
};

struct pr_grader {
    struct pr_grader_events events;
    struct pr_process process;
    struct pr_frames frames;
    char *path;
    uint64_t max_memory;
    int64_t open_ns, idle_ns; /* timeouts */
    bool greeted, opened, finishing, shut, killed, gone;
    bool has_end; /* `how` and `why` are known before the process is reaped */
    enum pr_grader_end how;
    struct pr_error why;
    int64_t progress_ns;  /* before which no progress is told */
    int64_t deadline;     /* for its next word, or for its end */
    struct order *orders; /* outstanding, oldest first */
    size_t n_orders, cap_orders;
};

static int64_t now(void)
{
    return pr_clock_monotonic_ns();
}

static void expect_word(struct pr_grader *g)
{
    bool busy = !g->opened || g->n_orders;
    g->deadline = !busy ? g->finishing ? now() + LEAVE_MS * MS : INT64_MAX
                        : now() + (g->opened ? g->idle_ns : g->open_ns);
}

/* The first reason stays; the process is stopped where it still runs. */
static void end_with(struct pr_grader *g, enum pr_grader_end how, const struct pr_error *why)
{
    if (!g->has_end) {
        g->has_end = true;
        g->how = how;
        g->why = *why;
    }
    g->deadline = now() + LEAVE_MS * MS;
}

static void stop_with(struct pr_grader *g, enum pr_grader_end how, const struct pr_error *why)
{
    end_with(g, how, why);
    pr_process_kill(&g->process);
}

static int by_digest(const void *a, const void *b)
{
    return strcmp(((const struct example *)a)->digest, ((const struct example *)b)->digest);
}

static struct order *find_order(struct pr_grader *g, int64_t id)
{
    for (size_t i = 0; i < g->n_orders; i++)
        if (g->orders[i].id == id)
            return &g->orders[i];
    return NULL;
}

static void drop_order(struct pr_grader *g, struct order *o)
{
    size_t i = (size_t)(o - g->orders);
    pr_free(o->v);
    memmove(o, o + 1, (--g->n_orders - i) * sizeof *o);
}

/* --- what comes from the grader --- */

static enum pr_code need_order(
    struct pr_grader *g, int64_t id, struct order **ret, struct pr_error *e)
{
    *ret = find_order(g, id);
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
    struct example key, *x;
    struct order *o;
    int64_t id;
    bool judge = false;
    enum pr_code code = pr_wire_get_order(m, &id, e);
    if (code || (code = need_order(g, id, &o, e)) ||
        (code = pr_json_get_bool(m, "judge", false, &judge, e)) ||
        (code = pr_message_get_grade(m, &grade, key.digest, e)))
        return code;
    x = bsearch(&key, o->v, o->n, sizeof *o->v, by_digest);
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
    struct order *o;
    int64_t id;
    enum pr_code code = pr_wire_get_progress(m, &id, &p, e);
    if (code || (code = need_order(g, id, &o, e)))
        return code;
    if (g->events.progress && now() >= g->progress_ns) {
        g->progress_ns = now() + TELL_MS * MS;
        g->events.progress(g->events.ctx, id, &p);
    }
    return PR_OK;
}

static enum pr_code on_done(struct pr_grader *g, const json_t *m, struct pr_error *e)
{
    struct pr_grader_done d = {0};
    struct order *o;
    enum pr_code code = pr_wire_get_done(m, &d, e);
    if (code || (code = need_order(g, d.order, &o, e)))
        return code;
    if (d.examples != o->n_graded || (!d.cancelled && o->n_graded != o->n))
        return pr_fail(e, PR_E_FORMAT, "done: %zu of %zu examples came, it says %zu", o->n_graded,
            o->n, d.examples);
    drop_order(g, o);
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
    struct order *o;
    int64_t id;
    enum pr_code code = pr_wire_get_failed(m, &id, &why, e);
    if (code)
        return code;
    if (!id) {
        if (why.code == PR_E_MEMORY && g->max_memory)
            pr_wrap(&why, why.code, "no memory: it needs more than %llu MB",
                (unsigned long long)(g->max_memory >> 20));
        end_with(g, end_for(why.code), &why);
        return PR_OK;
    }
    if ((code = need_order(g, id, &o, e)))
        return code;
    drop_order(g, o);
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
    stop_with(g, PR_GRADER_DIED, e);
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
        expect_word(g);
    }
}

static void listen_to(struct pr_grader *g)
{
    struct pr_error e;
    for (int i = 0; i < READS && !g->frames.eof; i++) {
        size_t before = g->frames.got.len;
        if (pr_frames_read(&g->frames, &e)) {
            stop_with(g, PR_GRADER_DIED, &e);
            return;
        }
        bool came = g->frames.got.len != before, more = take_all(g);
        if (g->frames.eof && g->deadline > now() + LEAVE_MS * MS)
            g->deadline = now() + LEAVE_MS * MS;
        if (!more || !came)
            return;
    }
}

/* --- its end --- */

static void watch_clock(struct pr_grader *g)
{
    struct pr_error e;
    if (now() < g->deadline)
        return;
    if (g->has_end || g->frames.eof || (g->opened && !g->n_orders)) {
        pr_process_kill(&g->process); /* it has said all that it had to say */
    } else {
        int64_t ns = g->opened ? g->idle_ns : g->open_ns;
        pr_fail(
            &e, PR_E_LIMIT, "its grader said nothing for %lld s", (long long)(ns / (1000 * MS)));
        stop_with(g, PR_GRADER_DIED, &e);
    }
}

static void tell_end(struct pr_grader *g, int status)
{
    bool idle = g->opened && !g->n_orders;
    if (g->killed) {
        g->how = PR_GRADER_KILLED;
        pr_fail(&g->why, PR_E_CANCELLED, "its grader was stopped");
    } else if (!g->has_end && g->finishing && idle) {
        g->how = PR_GRADER_FINISHED;
        pr_fail(&g->why, PR_OK, "it finished");
    } else if (!g->has_end && !status) {
        g->how = idle ? PR_GRADER_FINISHED : PR_GRADER_DIED;
        pr_fail(&g->why, idle ? PR_OK : PR_E_IO, "its grader ended before its work did");
    } else if (!g->has_end) {
        g->how = pr_process_explain(&g->process, status, g->max_memory, &g->why);
    }
    if (g->how != PR_GRADER_FINISHED && g->how != PR_GRADER_KILLED) {
        char *name = g->path;
        if (!strstr(g->why.message, name))
            pr_wrap(&g->why, g->why.code, "%s", name);
    }
    g->gone = true;
    g->deadline = INT64_MAX;
    if (g->events.ended)
        g->events.ended(g->events.ctx, g->how, &g->why);
}

/* The end of its stdin tells it to leave once its orders are done. */
static void shut_when_sent(struct pr_grader *g)
{
    if (!g->finishing || g->shut || pr_frames_waiting(&g->frames))
        return;
    shutdown(g->process.to, SHUT_WR);
    g->shut = true;
}

void pr_grader_turn(struct pr_grader *g)
{
    int status;
    if (g->gone)
        return;
    if (!g->has_end && pr_frames_flush(&g->frames, NULL)) {
        /* It does not listen any more: its stdout tells what became of it. */
    }
    shut_when_sent(g);
    listen_to(g);
    watch_clock(g);
    bool over = g->frames.eof || g->has_end || g->killed;
    if (over && pr_process_reap(&g->process, &status))
        tell_end(g, status);
}

/* --- what it is told --- */

static const struct pr_grader_events no_events;

enum pr_code pr_grader_start(const struct pr_grader_options *o,
    const struct pr_grader_events *events, struct pr_grader **ret, struct pr_error *e)
{
    if (!pr_utf8_valid(o->path, strlen(o->path)))
        return pr_fail(e, PR_E_UNSUPPORTED, "a folder whose name is not UTF-8");
    struct pr_grader *g = pr_zalloc(sizeof *g);
    enum pr_code code = pr_process_start(o->argv, &g->process, e);
    if (code) {
        pr_free(g);
        return code;
    }
    g->events = events ? *events : no_events;
    g->path = pr_path_base(o->path);
    g->max_memory = o->max_memory;
    g->open_ns = (o->open_timeout_ms ? o->open_timeout_ms : TIMEOUT_MS) * MS;
    g->idle_ns = (o->idle_timeout_ms ? o->idle_timeout_ms : TIMEOUT_MS) * MS;
    pr_frames_init(&g->frames, g->process.from, g->process.to, MAX_KEPT);
    expect_word(g);
    json_t *hello = pr_wire_put_hello(o, getpid()), *open = pr_wire_put_open(o);
    /* A grader that is gone already is not an error of starting it: its end tells why. */
    code = pr_frames_put(&g->frames, hello, e);
    if (!code)
        code = pr_frames_put(&g->frames, open, e);
    json_decref(hello);
    json_decref(open);
    if (code && code != PR_E_IO) {
        pr_grader_free(g);
        return code;
    }
    *ret = g;
    return PR_OK;
}

void pr_grader_free(struct pr_grader *g)
{
    if (!g)
        return;
    pr_process_close(&g->process);
    pr_frames_done(&g->frames);
    while (g->n_orders)
        drop_order(g, g->orders);
    pr_free(g->orders);
    pr_free(g->path);
    pr_free(g);
}

pid_t pr_grader_pid(const struct pr_grader *g)
{
    return g->process.pid;
}

void pr_grader_fds(const struct pr_grader *g, int *ret_in, int *ret_out, bool *ret_want_write)
{
    bool over = g->gone || g->frames.eof;
    *ret_in = over ? -1 : g->process.from;
    *ret_out = over ? -1 : g->process.to;
    *ret_want_write = !over && !g->has_end && pr_frames_waiting(&g->frames) > 0;
}

int64_t pr_grader_deadline(const struct pr_grader *g)
{
    bool over = !g->gone && (g->frames.eof || g->has_end || g->killed);
    int64_t soon = over ? now() + REAP_MS * MS : INT64_MAX;
    return soon < g->deadline ? soon : g->deadline;
}

/* The examples without repetitions, sorted, as the grades are expected. */
static void expect_grades(
    struct pr_grader *g, int64_t id, const struct pr_grader_example *examples, size_t n)
{
    struct order o = {.id = id, .v = pr_zalloc((n + 1) * sizeof *o.v)};
    for (size_t i = 0; i < n; i++)
        memcpy(o.v[i].digest, examples[i].digest, sizeof o.v[i].digest);
    qsort(o.v, n, sizeof *o.v, by_digest);
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
    return all < MAX_KEPT ? PR_OK
                          : pr_fail(e, PR_E_LIMIT, "an order of more than %zu MB", MAX_KEPT >> 20);
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
    if (order <= 0 || !n || find_order(g, order))
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
    expect_word(g);
    if (code == PR_E_IO) /* it is gone: its end is told by the next turn */
        code = PR_OK;
    if (code) { /* a part may have gone out */
        drop_order(g, find_order(g, order));
        pr_grader_kill(g);
    }
    return code;
}

void pr_grader_cancel(struct pr_grader *g, int64_t order)
{
    if (g->gone || g->has_end || !find_order(g, order))
        return;
    json_t *m = pr_wire_message("cancel");
    pr_json_set_int(m, "order", order);
    if (pr_frames_put(&g->frames, m, NULL)) {
        /* Gone, or its buffer is full: its end or the rest of the order comes instead. */
    }
    json_decref(m);
}

void pr_grader_finish(struct pr_grader *g)
{
    if (g->gone || g->finishing)
        return;
    g->finishing = true;
    expect_word(g);
    shut_when_sent(g);
}

void pr_grader_kill(struct pr_grader *g)
{
    if (g->gone)
        return;
    g->killed = true;
    pr_process_kill(&g->process);
}
