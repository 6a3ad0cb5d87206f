/* The API's process; see server.h. */
#include "daemon/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "daemon/log.h"
#include "daemon/spawn.h"

#define FIRST_MS 1000
#define MAX_MS   60000
#define LONG_NS  ((int64_t)60 * 1000000000) /* who lived so long is started again at once */
#define STOP_MS  2000
#define NAME     "api"
#define MAX_NOTE 65536

struct pr_server {
    struct pr_config config;
    struct pr_loop *loop;
    bool quiet;
    pid_t pid; /* 0: does not run */
    int ended; /* a pidfd */
    struct pr_timer again;
    int64_t since_ns, wait_ms;
};

static bool wanted(const struct pr_server *s)
{
    const char *off = getenv("PROCTOR_API");
    return s->config.api.enabled && !(off && !strcmp(off, "0"));
}

static void came_to_its_end(void *ctx, int fd, unsigned what);

static enum pr_code spawn(struct pr_server *s, struct pr_error *e)
{
    const char *const argv[] = {"proctor", "api", "--base-dir", s->config.base_dir, NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return pr_fail_errno(e, errno, "/dev/null");
    enum pr_code code =
        pr_spawn_self(argv, null, null, s->quiet ? null : STDERR_FILENO, &s->pid, &s->ended, e);
    close(null);
    return code;
}

static void later(struct pr_server *s)
{
    s->wait_ms = !s->wait_ms ? FIRST_MS : s->wait_ms * 2 < MAX_MS ? s->wait_ms * 2 : MAX_MS;
    pr_timer_after(s->loop, &s->again, s->wait_ms);
}

static void start(void *ctx)
{
    struct pr_server *s = ctx;
    struct pr_error e;
    if (s->pid || !wanted(s))
        return;
    s->since_ns = pr_clock_monotonic_ns();
    enum pr_code code = spawn(s, &e);
    if (!code) {
        code = pr_loop_watch(s->loop, s->ended, PR_LOOP_READ, came_to_its_end, s, &e);
        if (!code)
            return;
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
        close(s->ended);
        s->pid = 0;
    }
    pr_log(PR_LOG_ERROR, NAME, "not-started", "why=%s", pr_log_quote(e.message));
    later(s);
}

static void reap(struct pr_server *s, int *ret_status)
{
    pr_loop_unwatch(s->loop, s->ended);
    while (waitpid(s->pid, ret_status, 0) < 0 && errno == EINTR)
        continue;
    close(s->ended);
    s->pid = 0;
}

static void came_to_its_end(void *ctx, int fd, unsigned what)
{
    struct pr_server *s = ctx;
    int status = 0;
    (void)fd;
    (void)what;
    reap(s, &status);
    if (pr_clock_monotonic_ns() - s->since_ns > LONG_NS)
        s->wait_ms = 0;
    later(s);
    pr_log(PR_LOG_WARN, NAME, "ended", "%s=%d again_seconds=%lld",
        WIFSIGNALED(status) ? "signal" : "status",
        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
        (long long)(s->wait_ms / 1000));
}

static void stop(struct pr_server *s)
{
    pr_timer_stop(s->loop, &s->again);
    if (!s->pid)
        return;
    struct pollfd ended = {.fd = s->ended, .events = POLLIN};
    kill(s->pid, SIGTERM);
    if (poll(&ended, 1, STOP_MS) <= 0)
        kill(s->pid, SIGKILL);
    reap(s, NULL);
}

struct pr_server *pr_server_new(const struct pr_config *c, struct pr_loop *loop, bool quiet)
{
    struct pr_server *s = pr_zalloc(sizeof *s);
    *s = (struct pr_server){.loop = loop, .quiet = quiet};
    pr_config_copy(c, &s->config);
    s->again = (struct pr_timer){.fired = start, .ctx = s};
    pr_timer_after(loop, &s->again, 0);
    return s;
}

void pr_server_reload(struct pr_server *s, const struct pr_config *c)
{
    bool same = pr_config_same_section(&s->config, c, "api");
    pr_config_done(&s->config);
    pr_config_copy(c, &s->config);
    if (same) /* whatever else it goes by it reads by itself */
        return;
    stop(s);
    s->wait_ms = 0;
    pr_timer_after(s->loop, &s->again, 0);
}

void pr_server_free(struct pr_server *s)
{
    if (!s)
        return;
    stop(s);
    pr_config_done(&s->config);
    pr_free(s);
}

char *pr_server_page(const char *base_dir)
{
    json_t *note = NULL;
    struct pr_error ignored;
    char *path = pr_path_join(base_dir, "status/api.json");
    if (pr_json_read(AT_FDCWD, path, MAX_NOTE, 0, &note, &ignored))
        note = NULL;
    const char *url = json_string_value(json_object_get(note, "page_url"));
    json_int_t pid = json_integer_value(json_object_get(note, "pid"));
    char *page = url && pid > 1 && (!kill((pid_t)pid, 0) || errno == EPERM) ? pr_strdup(url) : NULL;
    json_decref(note);
    pr_free(path);
    return page;
}
