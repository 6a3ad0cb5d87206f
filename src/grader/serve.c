/* The grader's own side: reads what the parent says, hands orders to work.c, leaves at the end of
 * its stdin or with its parent.  One thread, one thing at a time; while an order is being computed
 * work.c comes back here once a pass. */
#include "grader/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "compute/kernels.h"

#define MAX_KEPT ((size_t)256 << 20)
#define MUCH     ((size_t)4 << 20) /* waits to be read: then we wait as well */

static void order_done(struct pr_serve_order *o)
{
    for (size_t i = 0; i < o->n; i++) {
        pr_free(o->lines[i]);
        pr_free(o->digests[i]);
    }
    pr_free(o->lines);
    pr_free(o->digests);
}

/* Waits until at most `left` bytes are still to be read by the parent. */
static void drain(struct pr_serve *s, size_t left)
{
    struct pr_error e;
    while (!s->parent_gone && pr_frames_waiting(&s->frames) > left) {
        struct pollfd p = {.fd = s->frames.out, .events = POLLOUT};
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            s->parent_gone = true;
        else if (pr_frames_flush(&s->frames, &e))
            s->parent_gone = true;
    }
}

void pr_serve_say(struct pr_serve *s, json_t *m)
{
    struct pr_error e, why;
    if (!s->parent_gone && pr_frames_put(&s->frames, m, &e)) {
        if (e.code ==
            PR_E_LIMIT) { /* an answer longer than a frame: cannot be, but is no silence */
            pr_fail(&why, PR_E_LIMIT, "a '%s' that cannot be sent: %s", pr_wire_type(m), e.message);
            json_t *failed = pr_wire_put_failed(0, &why);
            s->failed = true;
            if (pr_frames_put(&s->frames, failed, &e))
                s->parent_gone = true;
            json_decref(failed);
        } else {
            s->parent_gone = true;
        }
    }
    json_decref(m);
    drain(s, MUCH);
}

/* --- orders --- */

static struct pr_serve_order *find(struct pr_serve *s, int64_t id)
{
    for (size_t i = 0; i < s->n_orders; i++)
        if (s->orders[i].id == id)
            return &s->orders[i];
    return NULL;
}

static enum pr_code add_example(struct pr_serve_order *o, const json_t *x, struct pr_error *e)
{
    const char *line, *digest = "";
    enum pr_code code = json_is_object(x)
                            ? PR_OK
                            : pr_fail(e, PR_E_FORMAT, "an example is %s", pr_json_type_name(x));
    if (code || (code = pr_json_get_str(x, "line", true, &line, e)) ||
        (code = pr_json_get_str(x, "digest", false, &digest, e)))
        return code;
    if (*digest && !pr_wire_is_hex(digest, 64)) /* without one it is not checked */
        return pr_fail(e, PR_E_FORMAT, "'digest' is not 64 hexadecimal digits");
    size_t n = o->n;
    PR_PUSH(o->lines, n, o->cap_lines, pr_strdup(line));
    PR_PUSH(o->digests, o->n, o->cap_digests, pr_strdup(digest));
    return PR_OK;
}

static enum pr_code on_order(struct pr_serve *s, const json_t *m, struct pr_error *e)
{
    int64_t id;
    bool more = false;
    const json_t *list = json_object_get(m, "examples"), *x;
    size_t i;
    enum pr_code code = pr_wire_get_order(m, &id, e);
    if (code || (code = pr_json_get_bool(m, "more", false, &more, e)))
        return code;
    if (!json_is_array(list))
        return pr_fail(
            e, PR_E_FORMAT, "'examples' is %s, an array was expected", pr_json_type_name(list));
    struct pr_serve_order *o = find(s, id), fresh = {.id = id};
    if (!o) {
        PR_PUSH(s->orders, s->n_orders, s->cap_orders, fresh);
        o = &s->orders[s->n_orders - 1];
    }
    if (o->whole)
        return pr_fail(e, PR_E_FORMAT, "order %lld is known already", (long long)id);
    json_array_foreach (list, i, x)
        if ((code = add_example(o, x, e)))
            return code;
    o->whole = !more;
    if (o->whole && !o->n)
        return pr_fail(e, PR_E_FORMAT, "order %lld has no examples", (long long)id);
    return PR_OK;
}

/* An order that is not there is done already: the two messages crossed. */
static enum pr_code on_cancel(struct pr_serve *s, const json_t *m, struct pr_error *e)
{
    int64_t id;
    enum pr_code code = pr_wire_get_order(m, &id, e);
    struct pr_serve_order *o = code ? NULL : find(s, id);
    if (o)
        o->cancelled = true;
    return code;
}

static const struct {
    const char *type;
    enum pr_code (*take)(struct pr_serve *s, const json_t *m, struct pr_error *e);
} messages[] = {
    {"order", on_order},
    {"cancel", on_cancel},
};

static enum pr_code take(struct pr_serve *s, const json_t *m, struct pr_error *e)
{
    const char *type = pr_wire_type(m);
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (!strcmp(messages[i].type, type)) {
            enum pr_code code = messages[i].take(s, m, e);
            return code ? pr_wrap(e, code, "%s", type) : PR_OK;
        }
    }
    return pr_fail(e, PR_E_FORMAT, "'%.40s' is no message to a grader", type);
}

/* Takes what has been read; *ret_any: there was something. */
static enum pr_code take_all(struct pr_serve *s, bool *ret_any, struct pr_error *e)
{
    for (;;) {
        json_t *m;
        enum pr_code code = pr_frames_take(&s->frames, &m, e);
        if (code || !m)
            return code;
        code = take(s, m, e);
        json_decref(m);
        *ret_any = true;
        if (code)
            return code;
    }
}

/* One look: waits up to ms for the parent's words, and not at all when some have been read already;
 * writes meanwhile what the parent had no room for; sees whether it still reads ours. */
static enum pr_code look(struct pr_serve *s, int ms, struct pr_error *e)
{
    bool any = false;
    enum pr_code code = take_all(s, &any, e);
    if (code)
        return code;
    struct pollfd p[2] = {{.fd = s->frames.eof ? -1 : s->frames.in, .events = POLLIN},
        {.fd = s->frames.out, .events = pr_frames_waiting(&s->frames) ? POLLOUT : 0}};
    if (poll(p, 2, any ? 0 : ms) < 0 && errno != EINTR)
        return pr_fail_errno(e, errno, "poll");
    if (p[1].revents & (POLLERR | POLLNVAL))
        s->parent_gone = true;
    else if ((p[1].revents & POLLOUT) && pr_frames_flush(&s->frames, e))
        s->parent_gone = true;
    code = p[0].revents ? pr_frames_read(&s->frames, e) : PR_OK;
    return code ? code : take_all(s, &any, e);
}

enum pr_code pr_serve_listen(struct pr_serve *s, int64_t wait_ns, struct pr_error *e)
{
    int64_t end = pr_clock_monotonic_ns() + wait_ns, left = wait_ns;
    do {
        int64_t ms = left / 1000000;
        enum pr_code code = look(s, ms > 1000 ? 1000 : (int)ms, e);
        if (code)
            return code;
        left = end - pr_clock_monotonic_ns();
    } while (left > 0 && !s->parent_gone && !(s->n_orders && s->orders[0].cancelled));
    return PR_OK;
}

/* --- from beginning to end --- */

/* The next message, which must be of this type; NULL with PR_OK at the end of the stream. */
static enum pr_code expect(struct pr_serve *s, const char *type, json_t **ret, struct pr_error *e)
{
    enum pr_code code = pr_frames_wait(&s->frames, -1, ret, e);
    if (!code && *ret && strcmp(pr_wire_type(*ret), type) != 0)
        code =
            pr_fail(e, PR_E_FORMAT, "'%s' was expected, it is '%.40s'", type, pr_wire_type(*ret));
    return code;
}

static enum pr_code begin(struct pr_serve *s, struct pr_error *e)
{
    const struct pr_kernels *k = pr_kernels_default();
    json_t *hello = pr_wire_message("hello");
    pr_json_set_int(hello, "version", PR_FRAME_VERSION);
    pr_json_set_str(hello, "proctor", PR_VERSION);
    pr_json_set_str(hello, "kernels", k ? k->isa : NULL);
    pr_serve_say(s, hello);
    enum pr_code code = expect(s, "hello", &s->hello, e);
    if (code || !s->hello || (code = pr_wire_get_hello(s->hello, &s->task, e)))
        return code;
    code = expect(s, "open", &s->open, e);
    if (code || !s->open)
        return code;
    return pr_wire_get_open(s->open, &s->task, e);
}

static enum pr_code work(struct pr_serve *s, struct pr_error *e)
{
    enum pr_code code = pr_serve_prepare(s, e);
    if (!code)
        code = look(s, 0, e); /* what came along with `open` */
    while (!code && !s->parent_gone && !s->failed) {
        if (s->n_orders && s->orders[0].whole) {
            struct pr_serve_order o;
            code = pr_serve_work(s, e);
            o = s->orders[0];
            memmove(s->orders, s->orders + 1, --s->n_orders * sizeof o);
            order_done(&o);
        } else if (s->frames.eof) {
            break;
        } else {
            code = look(s, -1, e);
        }
    }
    return code;
}

static void done(struct pr_serve *s)
{
    for (size_t i = 0; i < s->n_orders; i++)
        order_done(&s->orders[i]);
    pr_free(s->orders);
    pr_engine_free(s->engine);
    pr_checkpoint_free(s->checkpoint);
    pr_wire_task_done(&s->task);
    json_decref(s->hello);
    json_decref(s->open);
    pr_frames_done(&s->frames);
}

int pr_grader_serve(int in, int out)
{
    struct pr_serve s = {0};
    struct pr_error e;
    fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
    fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
    pr_frames_init(&s.frames, in, out, MAX_KEPT);
    s.frames.socket = false; /* the sandbox has no send(): SIGPIPE is the program's to ignore */
    enum pr_code code = begin(&s, &e);
    if (!code && s.open)
        code = work(&s, &e);
    /* What the limit on memory refused to the C library: a thread's stack, a mapping. */
    if (code == PR_E_IO && s.task.max_memory && (e.sys_errno == EAGAIN || e.sys_errno == ENOMEM))
        e.code = PR_E_MEMORY;
    if (code)
        pr_serve_say(&s, pr_wire_put_failed(0, &e));
    drain(&s, 0);
    bool bad = code || s.failed;
    done(&s);
    return bad ? 1 : 0;
}
