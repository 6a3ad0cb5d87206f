/* Child processes that speak lines, by posix_spawn with argument arrays and deadlines. */
#include "base/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"

extern char **environ;

static void close_pair(int p[2])
{
    close(p[0]);
    close(p[1]);
}

enum pr_code pr_child_start(struct pr_child *c, const char *const argv[], struct pr_error *e)
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

static enum pr_code send_all(
    struct pr_child *c, const char *s, size_t n, int64_t deadline, struct pr_error *e)
{
    /* A child that died must be an error here, not a signal for the whole process. */
    sigset_t pipe_only, old, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
    enum pr_code code = PR_OK;
    while (n && !code) {
        ssize_t w = write(c->in, s, n);
        if (w >= 0) {
            s += w;
            n -= (size_t)w;
        } else if (errno == EAGAIN) {
            code = wait_for(c->in, POLLOUT, deadline, e);
        } else if (errno != EINTR) {
            code = pr_fail_errno(e, errno, "write");
        }
    }
    if (code && !sigismember(&pending, SIGPIPE)) {
        struct timespec zero = {0, 0};
        sigtimedwait(&pipe_only, NULL, &zero);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return code;
}

static enum pr_code receive(
    struct pr_child *c, int64_t deadline, size_t max, char **ret, struct pr_error *e)
{
    if (!c->buf.max)
        c->buf = PR_STR_INIT(max + 4096);
    for (;;) {
        char *nl = c->buf.len ? memchr(c->buf.data, '\n', c->buf.len) : NULL;
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
