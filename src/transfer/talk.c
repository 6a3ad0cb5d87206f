/* See talk.h. */
#include "transfer/talk.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"

#define SLICE_MS  100
#define MAX_QUEUE ((size_t)64 << 20)
#define MAX_GOT   ((size_t)512 << 20) /* callers ask for less */
#define CHUNK     65536

enum pr_code pr_talk_start(
    struct pr_talk *t, const char *const argv[], const atomic_bool *stop, struct pr_error *e)
{
    struct pr_child c;
    int err;
    enum pr_code code = pr_child_start_err(&c, argv, &err, e);
    if (code)
        return code;
    *t = (struct pr_talk){.child = c,
        .err = err,
        .in_open = true,
        .out_open = true,
        .to_send = PR_STR_INIT(MAX_QUEUE),
        .got = PR_STR_INIT(MAX_GOT),
        .stop = stop};
    return PR_OK;
}

void pr_talk_queue(struct pr_talk *t, const void *bytes, size_t n)
{
    if (t->sent == t->to_send.len) {
        pr_str_clear(&t->to_send);
        t->sent = 0;
    }
    pr_str_append(&t->to_send, bytes, n);
}

static void close_in(struct pr_talk *t)
{
    if (t->in_open)
        close(t->child.in);
    t->child.in = -1;
    t->in_open = false;
}

static void write_some(struct pr_talk *t)
{
    ssize_t w = pr_child_write(&t->child, t->to_send.data + t->sent, t->to_send.len - t->sent);
    if (w < 0)
        close_in(t); /* it reads no more; its output says why */
    else
        t->sent += (size_t)w;
}

/* The end says more than the beginning. */
static void keep_errors(struct pr_talk *t, const char *bytes, size_t n)
{
    size_t room = sizeof t->errors - 1;
    if (t->n_errors + n > room) {
        size_t drop = t->n_errors + n - room;
        memmove(t->errors, t->errors + drop, t->n_errors - drop);
        t->n_errors -= drop;
    }
    for (size_t i = 0; i < n; i++)
        t->errors[t->n_errors++] = bytes[i] ? bytes[i] : '?';
    t->errors[t->n_errors] = 0;
}

/* All that a pipe can hold, so that the last words are not left in it. */
static void read_errors(struct pr_talk *t)
{
    char chunk[1024];
    for (int i = 0; i < 1024; i++) {
        ssize_t r = read(t->err, chunk, sizeof chunk);
        if (r < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (r <= 0) {
            close(t->err);
            t->err = -1;
            return;
        }
        keep_errors(t, chunk, (size_t)r);
    }
}

static void read_some(struct pr_talk *t, bool keep)
{
    char chunk[CHUNK];
    ssize_t r = read(t->child.out, chunk, sizeof chunk);
    if (r > 0 && keep)
        pr_str_append(&t->got, chunk, (size_t)r);
    else if (r == 0 || (r < 0 && errno != EAGAIN && errno != EINTR))
        t->out_open = false;
}

/* One turn of the loop: at most `ms` long. */
static enum pr_code turn(struct pr_talk *t, int ms, bool keep, struct pr_error *e)
{
    bool sends = t->in_open && t->sent < t->to_send.len;
    struct pollfd p[3] = {{.fd = t->out_open ? t->child.out : -1, .events = POLLIN},
        {.fd = t->err, .events = POLLIN}, {.fd = sends ? t->child.in : -1, .events = POLLOUT}};
    if (t->stop && atomic_load(t->stop))
        return pr_fail(e, PR_E_CANCELLED, "stopped as asked");
    if (poll(p, 3, ms < SLICE_MS ? ms : SLICE_MS) < 0 && errno != EINTR)
        return pr_fail_errno(e, errno, "poll");
    if (p[2].revents)
        write_some(t);
    if (p[1].revents)
        read_errors(t);
    if (p[0].revents)
        read_some(t, keep);
    return t->got.over ? pr_fail(e, PR_E_LIMIT, "it wrote more than %zu bytes", t->got.max) : PR_OK;
}

enum pr_code pr_talk_push(struct pr_talk *t, struct pr_error *e)
{
    return turn(t, 0, true, e);
}

/* Waits for more of its output. */
static enum pr_code more(struct pr_talk *t, int64_t deadline, struct pr_error *e)
{
    size_t before = t->got.len;
    while (t->got.len == before) {
        int64_t ms = (deadline - pr_clock_monotonic_ns()) / 1000000;
        if (!t->out_open) {
            for (int i = 0; i < 10 && t->err >= 0; i++) /* its last words */
                if (turn(t, SLICE_MS, true, e))
                    break;
            return pr_fail(e, PR_E_IO, "the connection ended");
        }
        if (ms <= 0)
            return pr_fail(e, PR_E_LIMIT, "no answer in time");
        enum pr_code code = turn(t, ms > SLICE_MS ? SLICE_MS : (int)ms, true, e);
        if (code)
            return code;
    }
    return PR_OK;
}

/* Moves what was handed out away, once it is much. */
static void compact(struct pr_talk *t)
{
    if (t->taken == t->got.len) {
        pr_str_clear(&t->got);
        t->taken = 0;
    } else if (t->taken > CHUNK && t->taken > t->got.len / 2) {
        memmove(t->got.data, t->got.data + t->taken, t->got.len - t->taken);
        t->got.len -= t->taken;
        t->got.data[t->got.len] = 0;
        t->taken = 0;
    }
}

enum pr_code pr_talk_take(
    struct pr_talk *t, size_t n, int64_t deadline, const char **ret, struct pr_error *e)
{
    compact(t);
    while (t->got.len - t->taken < n) {
        enum pr_code code = more(t, deadline, e);
        if (code)
            return code;
    }
    *ret = n ? t->got.data + t->taken : "";
    t->taken += n;
    return PR_OK;
}

enum pr_code pr_talk_entry(struct pr_talk *t, size_t max, int64_t deadline, const char **ret,
    size_t *ret_n, struct pr_error *e)
{
    compact(t);
    for (size_t seen = 0;;) {
        const char *start = pr_str_cstr(&t->got) + t->taken;
        size_t n = t->got.len - t->taken;
        const char *nul = n > seen ? memchr(start + seen, 0, n - seen) : NULL;
        if (n > max && (!nul || (size_t)(nul - start) > max))
            return pr_fail(e, PR_E_LIMIT, "an answer of more than %zu bytes", max);
        if (nul) {
            *ret = start;
            *ret_n = (size_t)(nul - start);
            t->taken += *ret_n + 1;
            return PR_OK;
        }
        seen = n;
        enum pr_code code = more(t, deadline, e);
        if (code)
            return code;
    }
}

static bool has_ended(const struct pr_talk *t)
{
    siginfo_t info = {0};
    return !waitid(P_PID, (id_t)t->child.pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

static int reap(struct pr_talk *t)
{
    int status = 0;
    kill(-t->child.pid, SIGKILL); /* what it started goes with it */
    while (waitpid(t->child.pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void let_go(struct pr_talk *t)
{
    close_in(t);
    close(t->child.out);
    if (t->err >= 0)
        close(t->err);
    t->err = -1;
    t->out_open = false;
    pr_str_done(&t->child.buf);
    pr_str_done(&t->to_send);
    pr_str_done(&t->got);
    t->child = (struct pr_child){0};
    t->sent = t->taken = 0;
}

/* What still lies in the pipe of a program that has ended, with what was read before. */
static enum pr_code rest_of_output(struct pr_talk *t, struct pr_str *said, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t before = SIZE_MAX; !code && t->out_open && t->got.len != before;) {
        before = t->got.len;
        code = turn(t, 0, true, e);
    }
    if (t->got.len > t->taken)
        pr_str_append(said, t->got.data + t->taken, t->got.len - t->taken);
    return code;
}

enum pr_code pr_talk_finish(struct pr_talk *t, pr_talk_tick *tick, void *ctx, struct pr_str *said,
    int *ret_status, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    if (said)
        t->got.max = t->got.len + said->max;
    for (bool ended = false; !code && !ended;) {
        if (t->sent == t->to_send.len)
            close_in(t);
        ended = has_ended(t); /* and what it said before is read now */
        code = turn(t, ended ? 0 : SLICE_MS, said != NULL, e);
        if (tick)
            tick(ctx);
        if (!t->out_open && t->err < 0 && !ended) {
            static const struct timespec wait = {0, 5000000};
            nanosleep(&wait, NULL);
        }
    }
    if (!code && t->err >= 0)
        read_errors(t);
    if (!code && said)
        code = rest_of_output(t, said, e);
    if (code)
        pr_talk_stop(t);
    else {
        *ret_status = reap(t);
        let_go(t);
    }
    return code;
}

const char *pr_talk_errors(struct pr_talk *t)
{
    while (t->n_errors && strchr(" \r\n\t", t->errors[t->n_errors - 1]))
        t->errors[--t->n_errors] = 0;
    return t->errors + strspn(t->errors, " \r\n\t");
}

void pr_talk_stop(struct pr_talk *t)
{
    if (t->child.pid <= 0)
        return;
    (void)reap(t);
    let_go(t);
}
