/* Child processes by posix_spawn, with argument arrays and deadlines. */
#include "base/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"

extern char **environ;

static void close_pair(int p[2])
{
    close(p[0]);
    close(p[1]);
}

/* err_fd: what becomes its standard error; -1: ours. */
static enum pr_code start(
    struct pr_child *c, const char *const argv[], int err_fd, struct pr_error *e)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC))
        return pr_fail_errno(e, errno, "pipe");
    if (pipe2(out, O_CLOEXEC)) {
        int err = errno;
        close_pair(in);
        return pr_fail_errno(e, err, "pipe");
    }
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    posix_spawn_file_actions_init(&fa);
    posix_spawnattr_init(&at);
    posix_spawn_file_actions_adddup2(&fa, in[0], 0);
    posix_spawn_file_actions_adddup2(&fa, out[1], 1);
    if (err_fd >= 0)
        posix_spawn_file_actions_adddup2(&fa, err_fd, 2);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigmask(&at, &none);
    posix_spawnattr_setsigdefault(&at, &defaults);
    posix_spawnattr_setpgroup(&at, 0);
    posix_spawnattr_setflags(
        &at, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t pid;
    int err = posix_spawnp(&pid, argv[0], &fa, &at, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&fa);
    posix_spawnattr_destroy(&at);
    close(in[0]);
    close(out[1]);
    if (err) {
        close(in[1]);
        close(out[0]);
        return pr_fail_errno(e, err, "%s: cannot be started", argv[0]);
    }
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    *c = (struct pr_child){.pid = pid, .in = in[1], .out = out[0]};
    return PR_OK;
}

enum pr_code pr_child_start(struct pr_child *c, const char *const argv[], struct pr_error *e)
{
    return start(c, argv, -1, e);
}

enum pr_code pr_child_start_err(
    struct pr_child *c, const char *const argv[], int *ret_err, struct pr_error *e)
{
    int err[2];
    if (pipe2(err, O_CLOEXEC))
        return pr_fail_errno(e, errno, "pipe");
    enum pr_code code = start(c, argv, err[1], e);
    close(err[1]);
    if (code) {
        close(err[0]);
        return code;
    }
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    *ret_err = err[0];
    return PR_OK;
}

/* Milliseconds left until the deadline, at least 0. */
static int left(int64_t deadline)
{
    int64_t ms = (deadline - pr_clock_monotonic_ns()) / 1000000;
    return ms < 0 ? 0 : ms > 1 << 30 ? 1 << 30 : (int)ms;
}

static enum pr_code wait_for(int fd, short what, int64_t deadline, struct pr_error *e)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = what};
        int r = poll(&p, 1, left(deadline));
        if (r > 0)
            return PR_OK;
        if (r == 0)
            return pr_fail(e, PR_E_LIMIT, "no answer in time");
        if (errno != EINTR)
            return pr_fail_errno(e, errno, "poll");
    }
}

/* A child that died must be an error here, not a signal for the whole process. */
struct quiet_pipe {
    sigset_t old, pending;
};

static void block_pipe(struct quiet_pipe *q)
{
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&q->pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &q->old);
}

static void unblock_pipe(const struct quiet_pipe *q)
{
    sigset_t pipe_only;
    struct timespec zero = {0, 0};
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    if (!sigismember(&q->pending, SIGPIPE))
        sigtimedwait(&pipe_only, NULL, &zero);
    pthread_sigmask(SIG_SETMASK, &q->old, NULL);
}

ssize_t pr_child_write(struct pr_child *c, const void *bytes, size_t n)
{
    struct quiet_pipe q;
    block_pipe(&q);
    ssize_t w = write(c->in, bytes, n);
    int err = errno;
    unblock_pipe(&q);
    errno = err;
    return w < 0 && (err == EAGAIN || err == EINTR) ? 0 : w;
}

/* A child that reads no more is no failure yet: it may have answered and ended. */
static enum pr_code send_all(
    struct pr_child *c, const char *s, size_t n, int64_t deadline, struct pr_error *e)
{
    struct quiet_pipe q;
    enum pr_code code = PR_OK;
    block_pipe(&q);
    while (n && !code) {
        ssize_t w = write(c->in, s, n);
        if (w >= 0) {
            s += w;
            n -= (size_t)w;
        } else if (errno == EAGAIN) {
            code = wait_for(c->in, POLLOUT, deadline, e);
        } else if (errno == EPIPE) {
            n = 0;
        } else if (errno != EINTR) {
            code = pr_fail_errno(e, errno, "write");
        }
    }
    unblock_pipe(&q);
    return code;
}

static enum pr_code receive(
    struct pr_child *c, int64_t deadline, size_t max, char **ret, struct pr_error *e)
{
    if (!c->buf.max)
        c->buf = PR_STR_INIT(max + 4096);
    for (size_t seen = 0;;) { /* without a newline so far */
        char *nl = c->buf.len > seen ? memchr(c->buf.data + seen, '\n', c->buf.len - seen) : NULL;
        seen = c->buf.len;
        if (nl) {
            size_t n = (size_t)(nl - c->buf.data);
            *ret = pr_strndup(c->buf.data, n);
            memmove(c->buf.data, nl + 1, c->buf.len - n - 1);
            c->buf.len -= n + 1;
            return PR_OK;
        }
        if (c->buf.len > max)
            return pr_fail(e, PR_E_LIMIT, "an answer of more than %zu bytes", max);
        char chunk[4096];
        ssize_t r = read(c->out, chunk, sizeof chunk);
        if (r > 0) {
            pr_str_append(&c->buf, chunk, (size_t)r);
        } else if (r == 0) {
            return pr_fail(e, PR_E_IO, "it ended without an answer");
        } else if (errno == EAGAIN) {
            enum pr_code code = wait_for(c->out, POLLIN, deadline, e);
            if (code)
                return code;
        } else if (errno != EINTR) {
            return pr_fail_errno(e, errno, "read");
        }
    }
}

static void kill_child(struct pr_child *c)
{
    if (c->pid <= 0)
        return;
    kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (c->in >= 0)
        close(c->in);
    close(c->out);
    pr_str_done(&c->buf);
    *c = (struct pr_child){0};
}

enum pr_code pr_child_ask(struct pr_child *c, const char *line, size_t n, int timeout_ms,
    size_t max_line, char **ret, struct pr_error *e)
{
    if (c->pid <= 0)
        return pr_fail(e, PR_E_IO, "the child process is not running");
    int64_t deadline = pr_clock_monotonic_ns() + (int64_t)timeout_ms * 1000000;
    enum pr_code code = send_all(c, line, n, deadline, e);
    if (!code)
        code = send_all(c, "\n", 1, deadline, e);
    if (!code)
        code = receive(c, deadline, max_line, ret, e);
    if (code)
        kill_child(c);
    return code;
}

/* All it writes until its output closes. */
static enum pr_code read_rest(
    struct pr_child *c, int64_t deadline, struct pr_str *out, struct pr_error *e)
{
    pr_str_append(out, pr_str_cstr(&c->buf), c->buf.len);
    for (;;) {
        char chunk[4096];
        ssize_t r = read(c->out, chunk, sizeof chunk);
        if (r == 0)
            return PR_OK;
        if (r > 0) {
            pr_str_append(out, chunk, (size_t)r);
            if (out->over)
                return pr_fail(e, PR_E_LIMIT, "it wrote more than %zu bytes", out->max);
        } else if (errno == EAGAIN) {
            enum pr_code code = wait_for(c->out, POLLIN, deadline, e);
            if (code)
                return code;
        } else if (errno != EINTR) {
            return pr_fail_errno(e, errno, "read");
        }
    }
}

/* A process may close its output and stay. */
static enum pr_code wait_end(struct pr_child *c, int64_t deadline, int *ret, struct pr_error *e)
{
    int fd = pidfd_open(c->pid, 0);
    if (fd < 0)
        return pr_fail_errno(e, errno, "pidfd_open");
    enum pr_code code = wait_for(fd, POLLIN, deadline, e);
    close(fd);
    if (code)
        return code;
    while (waitpid(c->pid, ret, 0) < 0)
        if (errno != EINTR)
            return pr_fail_errno(e, errno, "waitpid");
    return PR_OK;
}

enum pr_code pr_child_rest(
    struct pr_child *c, int timeout_ms, struct pr_str *out, int *ret_status, struct pr_error *e)
{
    if (c->pid <= 0)
        return pr_fail(e, PR_E_IO, "the child process is not running");
    int64_t deadline = pr_clock_monotonic_ns() + (int64_t)timeout_ms * 1000000;
    int status = 0;
    close(c->in);
    c->in = -1;
    enum pr_code code = read_rest(c, deadline, out, e);
    if (!code)
        code = wait_end(c, deadline, &status, e);
    if (code) {
        kill_child(c);
        return code;
    }
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    close(c->out);
    pr_str_done(&c->buf);
    *c = (struct pr_child){0};
    return PR_OK;
}

void pr_child_stop(struct pr_child *c)
{
    if (c->pid <= 0)
        return;
    close(c->in);
    struct pollfd p = {.fd = c->out, .events = POLLIN};
    poll(&p, 1, 200); /* its stdout closes when it has ended */
    c->in = -1;
    kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(c->out);
    pr_str_done(&c->buf);
    *c = (struct pr_child){0};
}

/* ---- a whole run ---- */

#define SLICE_MS 200 /* between looks at `stop` */

struct whole_run {
    struct pr_child *c;
    const char *bytes; /* not written yet */
    size_t n;
    struct pr_str *out;
    size_t max_out;
};

static void close_in(struct pr_child *c)
{
    if (c->in >= 0)
        close(c->in);
    c->in = -1;
}

static void feed(struct whole_run *r)
{
    ssize_t w = r->n ? write(r->c->in, r->bytes, r->n) : 0;
    if (w > 0) {
        r->bytes += w;
        r->n -= (size_t)w;
    }
    if (!r->n || (w < 0 && errno != EAGAIN && errno != EINTR))
        close_in(r->c);
}

/* False: its stdout is over. */
static bool drain(struct whole_run *r)
{
    char chunk[4096];
    ssize_t got = read(r->c->out, chunk, sizeof chunk);
    if (got > 0) {
        size_t room = r->max_out - r->out->len;
        pr_str_append(r->out, chunk, (size_t)got < room ? (size_t)got : room);
    }
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool has_ended(const struct pr_child *c)
{
    siginfo_t info = {0};
    return !waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

/* Until the child has closed its stdout, or ended and left that to one of its own children. */
static enum pr_code talk(
    struct whole_run *r, int64_t deadline, const atomic_bool *stop, struct pr_error *e)
{
    for (bool open = true, ended = false; open && !ended;) {
        int ms = left(deadline);
        ended = has_ended(r->c); /* and what it wrote before is read now */
        struct pollfd p[2] = {{.fd = r->c->out, .events = POLLIN},
            {.fd = r->c->in, .events = POLLOUT}}; /* poll passes over -1 */
        if (stop && atomic_load(stop))
            return pr_fail(e, PR_E_CANCELLED, "given up, as this process ends");
        if (!ms)
            return pr_fail(e, PR_E_LIMIT, "not over in time");
        if (poll(p, 2, ended ? 0 : ms < SLICE_MS ? ms : SLICE_MS) < 0 && errno != EINTR)
            return pr_fail_errno(e, errno, "poll");
        if (p[1].revents)
            feed(r);
        if (p[0].revents)
            open = drain(r);
    }
    return PR_OK;
}

/* A child that closed its stdout may go on for a moment. */
static enum pr_code reap(struct pr_child *c, int64_t deadline, const atomic_bool *stop,
    int *ret_status, struct pr_error *e)
{
    static const struct timespec wait = {0, 2000000};
    for (;;) {
        pid_t pid = waitpid(c->pid, ret_status, WNOHANG);
        if (pid == c->pid)
            return PR_OK;
        if (pid < 0 && errno != EINTR)
            return pr_fail_errno(e, errno, "waitpid");
        if (!left(deadline))
            return pr_fail(e, PR_E_LIMIT, "not over in time");
        if (stop && atomic_load(stop))
            return pr_fail(e, PR_E_CANCELLED, "given up, as this process ends");
        nanosleep(&wait, NULL);
    }
}

enum pr_code pr_child_run(const char *const argv[], const char *bytes, size_t n, int timeout_ms,
    size_t max_out, const atomic_bool *stop, struct pr_str *out, int *ret_status,
    struct pr_error *e)
{
    struct pr_child c;
    struct whole_run r = {.c = &c, .bytes = bytes, .n = n, .out = out, .max_out = max_out};
    int64_t deadline = pr_clock_monotonic_ns() + (int64_t)timeout_ms * 1000000;
    enum pr_code code = pr_child_start(&c, argv, e);
    if (code)
        return code;
    struct quiet_pipe q;
    pr_str_clear(out);
    block_pipe(&q);
    feed(&r);
    code = talk(&r, deadline, stop, e);
    unblock_pipe(&q);
    close_in(&c);
    if (!code)
        code = reap(&c, deadline, stop, ret_status, e);
    kill(-c.pid, SIGKILL); /* what it started and left in its group goes with it */
    if (code)
        while (waitpid(c.pid, NULL, 0) < 0 && errno == EINTR)
            ;
    close(c.out);
    return code;
}
