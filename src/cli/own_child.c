/* See own_child.h. */
#include "cli/own_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/interrupt.h"

#define TURN_MS 50

extern char **environ;

void pr_own_child_bind(void)
{
    const char *parent = getenv(PR_OWN_CHILD_ENV);
    if (!parent)
        return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    /* It may have died before this. */
    if (strtol(parent, NULL, 10) != (long)getppid())
        kill(getpid(), SIGTERM);
    unsetenv(PR_OWN_CHILD_ENV);
}

static char **environment(char entry[64])
{
    size_t n = 0;
    while (environ && environ[n])
        n++;
    char **v = pr_alloc((n + 2) * sizeof *v);
    if (n)
        memcpy(v, environ, n * sizeof *v);
    snprintf(entry, 64, PR_OWN_CHILD_ENV "=%ld", (long)getpid());
    v[n] = entry;
    v[n + 1] = NULL;
    return v;
}

static int spawn(const char *const *args, const char *log, pid_t *ret)
{
    char entry[64];
    const char **argv;
    size_t n = 0;
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    while (args[n])
        n++;
    argv = pr_alloc((n + 2) * sizeof *argv);
    argv[0] = "proctor";
    memcpy(argv + 1, args, (n + 1) * sizeof *argv);
    posix_spawn_file_actions_init(&fa);
    posix_spawnattr_init(&at);
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&fa, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&fa, 1, 2);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&at, &none);
    posix_spawnattr_setsigdefault(&at, &all);
    /* A group of its own: a Ctrl-C on the terminal is ours to pass on. */
    posix_spawnattr_setpgroup(&at, 0);
    posix_spawnattr_setflags(
        &at, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    char **env = environment(entry);
    int err = posix_spawn(ret, "/proc/self/exe", &fa, &at, (char *const *)argv, env);
    posix_spawn_file_actions_destroy(&fa);
    posix_spawnattr_destroy(&at);
    pr_free(env);
    pr_free(argv);
    return err;
}

enum pr_code pr_own_child_start(
    struct pr_own_child *c, const char *const *args, const char *log, struct pr_error *e)
{
    int err = spawn(args, log, &c->pid);
    if (err) {
        c->pid = 0;
        return pr_fail_errno(
            e, err, "proctor %s cannot be started (its output goes to %s)", args[0], log);
    }
    return PR_OK;
}

static bool reap(struct pr_own_child *c, int flags)
{
    int status;
    pid_t pid;
    do {
        pid = waitpid(c->pid, &status, flags);
    } while (pid < 0 && errno == EINTR);
    if (!pid)
        return false;
    c->status = pid < 0               ? 127
                : WIFEXITED(status)   ? WEXITSTATUS(status)
                : WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                      : 127;
    c->pid = 0;
    return true;
}

bool pr_own_child_runs(struct pr_own_child *c)
{
    return c->pid && !reap(c, WNOHANG);
}

void pr_own_child_stop(struct pr_own_child *c, int wait_ms)
{
    if (!pr_own_child_runs(c))
        return;
    kill(c->pid, SIGTERM);
    int64_t until = pr_clock_monotonic_ns() + (int64_t)wait_ms * 1000000;
    while (pr_own_child_runs(c) && pr_clock_monotonic_ns() < until)
        poll(NULL, 0, TURN_MS);
    if (c->pid) {
        kill(-c->pid, SIGKILL);
        reap(c, 0);
    }
}

enum pr_code pr_own_child_wait(struct pr_own_child *c, struct pr_error *e)
{
    while (pr_own_child_runs(c)) {
        struct pollfd stop = {.fd = pr_interrupt_fd(), .events = POLLIN};
        poll(&stop, 1, TURN_MS);
        if (pr_interrupted()) {
            pr_own_child_stop(c, 2000);
            return pr_fail(e, PR_E_CANCELLED, "stopped");
        }
    }
    return PR_OK;
}
