/* The processes that serve; see server.h. */
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
#define MAX_NOTE 65536

/* What there is to be served: by which command, and when it is wanted. */
struct kind {
    const char *name; /* the command, and its section of proctor.yaml */
    bool (*wanted)(const struct pr_config *c);
    int stop_ms;         /* that it may take to end */
    const char *also[4]; /* further sections that it goes by */
};

static bool wants_api(const struct pr_config *c)
{
    const char *off = getenv("PROCTOR_API");
    return c->api.enabled && !(off && !strcmp(off, "0"));
}

static bool wants_serve(const struct pr_config *c)
{
    return c->serve.enabled && (c->serve.target || c->deploy.target);
}

static const struct kind kinds[] = {
    {"api", wants_api, 2000, {0}},
    /* It ends what it has begun to answer, for ten seconds at most. */
    {"serve", wants_serve, 12000, {"template", "models"}},
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

struct child {
    const struct kind *kind;
    struct pr_server *of;
    pid_t pid; /* 0: does not run */
    int ended; /* a pidfd */
    bool anew; /* it was told to end, and is started again when it has */
    struct pr_timer again;
    int64_t since_ns, wait_ms;
};

struct pr_server {
    struct pr_config config;
    struct pr_loop *loop;
    bool quiet;
    struct child children[N_KINDS];
};

static void came_to_its_end(void *ctx, int fd, unsigned what);

static enum pr_code spawn(struct child *k, struct pr_error *e)
{
    const struct pr_server *s = k->of;
    const char *const argv[] = {"proctor", k->kind->name, "--base-dir", s->config.base_dir, NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return pr_fail_errno(e, errno, "/dev/null");
    enum pr_code code =
        pr_spawn_self(argv, null, null, s->quiet ? null : STDERR_FILENO, &k->pid, &k->ended, e);
    close(null);
    return code;
}

static void later(struct child *k)
{
    k->wait_ms = !k->wait_ms ? FIRST_MS : k->wait_ms * 2 < MAX_MS ? k->wait_ms * 2 : MAX_MS;
    pr_timer_after(k->of->loop, &k->again, k->wait_ms);
}

static void start(void *ctx)
{
    struct child *k = ctx;
    struct pr_error e;
    if (k->pid && k->anew) /* it takes longer than it may */
        kill(k->pid, SIGKILL);
    if (k->pid || !k->kind->wanted(&k->of->config))
        return;
    k->since_ns = pr_clock_monotonic_ns();
    enum pr_code code = spawn(k, &e);
    if (!code) {
        code = pr_loop_watch(k->of->loop, k->ended, PR_LOOP_READ, came_to_its_end, k, &e);
        if (!code)
            return;
        kill(k->pid, SIGKILL);
        waitpid(k->pid, NULL, 0);
        close(k->ended);
        k->pid = 0;
    }
    pr_log(PR_LOG_ERROR, k->kind->name, "not-started", "why=%s", pr_log_quote(e.message));
    later(k);
}

static void reap(struct child *k, int *ret_status)
{
    pr_loop_unwatch(k->of->loop, k->ended);
    while (waitpid(k->pid, ret_status, 0) < 0 && errno == EINTR)
        continue;
    close(k->ended);
    k->pid = 0;
}

static void came_to_its_end(void *ctx, int fd, unsigned what)
{
    struct child *k = ctx;
    int status = 0;
    (void)fd;
    (void)what;
    reap(k, &status);
    if (k->anew) {
        k->anew = false;
        k->wait_ms = 0;
        pr_timer_after(k->of->loop, &k->again, 0);
        return;
    }
    if (pr_clock_monotonic_ns() - k->since_ns > LONG_NS)
        k->wait_ms = 0;
    later(k);
    pr_log(PR_LOG_WARN, k->kind->name, "ended", "%s=%d again_seconds=%lld",
        WIFSIGNALED(status) ? "signal" : "status",
        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
        (long long)(k->wait_ms / 1000));
}

static void stop(struct child *k)
{
    pr_timer_stop(k->of->loop, &k->again);
    if (!k->pid)
        return;
    struct pollfd ended = {.fd = k->ended, .events = POLLIN};
    kill(k->pid, SIGTERM);
    if (poll(&ended, 1, k->kind->stop_ms) <= 0)
        kill(k->pid, SIGKILL);
    reap(k, NULL);
}

struct pr_server *pr_server_new(const struct pr_config *c, struct pr_loop *loop, bool quiet)
{
    struct pr_server *s = pr_zalloc(sizeof *s);
    *s = (struct pr_server){.loop = loop, .quiet = quiet};
    pr_config_copy(c, &s->config);
    for (size_t i = 0; i < N_KINDS; i++) {
        struct child *k = &s->children[i];
        *k = (struct child){.kind = &kinds[i], .of = s, .again = {.fired = start, .ctx = k}};
        pr_timer_after(loop, &k->again, 0);
    }
    return s;
}

/* Does nothing that it goes by differ? */
static bool goes_on(const struct kind *k, const struct pr_config *was, const struct pr_config *is)
{
    bool same = pr_config_same_section(was, is, k->name) && k->wanted(was) == k->wanted(is);
    for (size_t i = 0; i < sizeof k->also / sizeof *k->also && k->also[i] && same; i++)
        same = pr_config_same_section(was, is, k->also[i]);
    const char *a = was->deploy.target ? was->deploy.target : "",
               *b = is->deploy.target ? is->deploy.target : "";
    return same && (k->wanted != wants_serve || is->serve.target || !strcmp(a, b));
}

void pr_server_reload(struct pr_server *s, const struct pr_config *c)
{
    bool same[N_KINDS];
    for (size_t i = 0; i < N_KINDS; i++)
        same[i] = goes_on(&kinds[i], &s->config, c);
    pr_config_done(&s->config);
    pr_config_copy(c, &s->config);
    for (size_t i = 0; i < N_KINDS; i++) {
        struct child *k = &s->children[i];
        if (same[i]) /* whatever else it goes by it reads by itself */
            continue;
        k->wait_ms = 0;
        k->anew = k->pid && !kill(k->pid, SIGTERM);
        pr_timer_after(s->loop, &k->again, k->anew ? k->kind->stop_ms : 0);
    }
}

void pr_server_free(struct pr_server *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < N_KINDS; i++)
        if (s->children[i].pid)
            kill(s->children[i].pid, SIGTERM); /* all at once: each takes its time */
    for (size_t i = 0; i < N_KINDS; i++)
        stop(&s->children[i]);
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
