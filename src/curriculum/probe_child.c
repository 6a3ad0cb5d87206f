/* The probe's side of its trainer's process: starts the keeper, keeps the log, watches clock and
 * stop.  See probe_child.h. */
#include "curriculum/probe_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "base/utf8.h"
#include "curriculum/keeper.h"

extern char **environ;

#define LOG_BYTES  (1 << 20) /* of a log, before it becomes the older part */
#define WORDS      600       /* bytes of the last lines that are shown */
#define LOOK_MS    50        /* between looks at the clock and at stop */
#define PATIENCE_S 6         /* for a keeper that was told to end */
#define MS         INT64_C(1000000)

struct run {
    const struct pr_probe_child *c;
    pid_t keeper, program;
    int out, report; /* read ends */
    int log;         /* -1: nothing can be written any more */
    size_t logged;
    bool over; /* the keeper reported the end */
    struct pr_keeper_report end;
    int exec_errno;
    enum pr_code why; /* it was told to end */
    int64_t told_ns;
};

/* ---- what is started ---- */

enum pr_code pr_probe_program(const char *name, char **ret, struct pr_error *e)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/') && access(name, X_OK))
        return pr_fail_errno(e, errno, "%s cannot be started", name);
    if (strchr(name, '/')) {
        *ret = pr_strdup(name);
        return PR_OK;
    }
    for (path = path ? path : "/usr/bin:/bin"; *path; path += *path == ':') {
        size_t n = strcspn(path, ":");
        char *folder = n ? pr_strndup(path, n) : pr_strdup("."), *file = pr_path_join(folder, name);
        struct stat st;
        pr_free(folder);
        if (!stat(file, &st) && S_ISREG(st.st_mode) && !access(file, X_OK)) {
            *ret = file;
            return PR_OK;
        }
        pr_free(file);
        path += n;
    }
    return pr_fail(e, PR_E_IO, "%s cannot be started: no such program in PATH", name);
}

/* Ours, with OMP_NUM_THREADS where threads are limited; the entries but that one are borrowed. */
static char **environment(int n_threads, char **ret_own)
{
    static const char key[] = "OMP_NUM_THREADS=";
    size_t n = 0, kept = 0;
    while (environ && environ[n])
        n++;
    char **env = pr_alloc((n + 2) * sizeof *env);
    for (size_t i = 0; i < n; i++)
        if (!n_threads || strncmp(environ[i], key, sizeof key - 1) != 0)
            env[kept++] = environ[i];
    if (n_threads) {
        struct pr_str own = PR_STR_INIT(64);
        pr_str_printf(&own, "%s%d", key, n_threads);
        env[kept++] = *ret_own = pr_str_take(&own);
    }
    env[kept] = NULL;
    return env;
}

static void close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static enum pr_code fork_keeper(struct run *r, struct pr_keeper_plan *plan, struct pr_error *e)
{
    sigset_t all, old;
    int out[2] = {-1, -1}, report[2] = {-1, -1}, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int err = 0;
    if (null < 0 || pipe2(out, O_CLOEXEC) || pipe2(report, O_CLOEXEC))
        err = errno;
    plan->null_fd = null;
    plan->log_fd = out[1];
    plan->report_fd = report[1];
    plan->parent = getpid();
    if (!err) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        r->keeper = fork();
        if (!r->keeper)
            pr_keeper_main(plan);
        err = r->keeper < 0 ? errno : 0;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    close_all((const int[]){null, out[1], report[1]}, 3);
    if (err) {
        r->keeper = 0;
        close_all((const int[]){out[0], report[0]}, 2);
        return pr_fail_errno(e, err, "%s cannot be started", plan->argv[0]);
    }
    setpgid(r->keeper, r->keeper);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(report[0], F_SETFL, O_NONBLOCK);
    r->out = out[0];
    r->report = report[0];
    return PR_OK;
}

static enum pr_code start(struct run *r, struct pr_error *e)
{
    const struct pr_probe_child *c = r->c;
    char *program = NULL, *own = NULL;
    enum pr_code code = pr_probe_program(c->argv[0], &program, e);
    if (code)
        return code;
    char **env = environment(c->n_threads, &own);
    struct pr_keeper_plan plan = {.program = program,
        .argv = (char *const *)(uintptr_t)c->argv,
        .env = env,
        .nice = c->nice,
        .cpu_percent = c->cpu_percent};
    code = fork_keeper(r, &plan, e);
    pr_free(env);
    pr_free(own);
    pr_free(program);
    return code;
}

/* ---- its log ---- */

static enum pr_code open_log(struct run *r, struct pr_error *e)
{
    r->log =
        open(r->c->log, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    return r->log < 0 ? pr_fail_errno(e, errno, "%s", r->c->log) : PR_OK;
}

static void turn_log(struct run *r)
{
    struct pr_str older = PR_STR_INIT(1 << 16);
    pr_str_printf(&older, "%s.1", r->c->log);
    close(r->log);
    r->log = -1;
    r->logged = 0;
    if (!rename(r->c->log, pr_str_cstr(&older)) && open_log(r, NULL))
        r->log = -1;
    pr_str_done(&older);
}

/* What cannot be written (a full disk) is lost: the program must not wait for it. */
static void keep(struct run *r, const char *s, size_t n)
{
    while (n && r->log >= 0) {
        ssize_t w = write(r->log, s, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return;
        s += w;
        n -= (size_t)w;
        r->logged += (size_t)w;
    }
    if (r->logged >= LOG_BYTES)
        turn_log(r);
}

static void hear(struct run *r)
{
    char bytes[16384];
    for (int i = 0; i < 64 && r->out >= 0; i++) {
        ssize_t n = read(r->out, bytes, sizeof bytes);
        if (n > 0) {
            keep(r, bytes, (size_t)n);
        } else if (!n) {
            close(r->out);
            r->out = -1;
        } else if (errno != EINTR) {
            return;
        }
    }
}

/* Joined and made valid they may be longer than they were; their end must get into a message. */
static void keep_end(struct pr_str *s)
{
    size_t from = s->len > WORDS ? s->len - WORDS : 0;
    while (from && ((unsigned char)s->data[from] & 0xc0) == 0x80)
        from++;
    if (from)
        memmove(s->data, s->data + from, s->len - from + 1);
    s->len -= from;
}

/* The last lines of which `text` is made, joined; progress bars end theirs with a return. */
static void last_lines(const char *text, size_t n, struct pr_str *ret)
{
    size_t from = n;
    while (n && strchr("\r\n \t", text[n - 1]))
        n--;
    from = n > WORDS ? n - WORDS : 0;
    while (from && from < n && text[from - 1] != '\n' && text[from - 1] != '\r')
        from++;
    if (from == n) /* one line longer than that: its end */
        from = n > WORDS ? n - WORDS : 0;
    struct pr_str clean = PR_STR_INIT(8 * WORDS);
    pr_utf8_append_lossy(&clean, text + from, n - from);
    for (const char *s = pr_str_cstr(&clean); *s;) {
        size_t len = strcspn(s, "\r\n");
        if (len) {
            pr_str_puts(ret, ret->len ? " | " : "");
            pr_str_append(ret, s, len);
        }
        s += len + (s[len] != 0);
    }
    pr_str_done(&clean);
}

char *pr_probe_child_words(const char *log)
{
    char text[4 * WORDS];
    struct pr_str words = PR_STR_INIT(16 * WORDS);
    int fd = open(log, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    off_t from = size > (off_t)sizeof text ? size - (off_t)sizeof text : 0;
    ssize_t n = fd < 0 ? 0 : pread(fd, text, sizeof text, from);
    if (fd >= 0)
        close(fd);
    for (ssize_t i = 0; i < n; i++)
        if (!text[i])
            text[i] = '?';
    if (n > 0)
        last_lines(text, (size_t)n, &words);
    keep_end(&words);
    return pr_str_take(&words);
}

/* ---- until its end ---- */

static void take_reports(struct run *r)
{
    struct pr_keeper_report x;
    for (;;) {
        ssize_t n = read(r->report, &x, sizeof x);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof x)
            return;
        if (x.word == PR_KEEPER_STARTED)
            r->program = x.value;
        else if (x.word == PR_KEEPER_NO_EXEC)
            r->exec_errno = x.value;
        else
            r->end = x;
        r->over |= x.word == PR_KEEPER_EXITED || x.word == PR_KEEPER_DIED;
    }
}

static void tell_to_end(struct run *r, enum pr_code why)
{
    if (r->why)
        return;
    r->why = why;
    r->told_ns = pr_clock_monotonic_ns();
    kill(r->keeper, SIGTERM);
}

static void watch_clock(struct run *r)
{
    int64_t now = pr_clock_monotonic_ns();
    if (r->c->stopped && r->c->stopped())
        tell_to_end(r, PR_E_CANCELLED);
    else if (r->c->deadline_ns && now >= r->c->deadline_ns)
        tell_to_end(r, PR_E_LIMIT);
    if (r->why && now - r->told_ns > PATIENCE_S * 1000 * MS) {
        if (r->program > 0)
            kill(-r->program, SIGKILL);
        kill(r->keeper, SIGKILL);
    }
}

/* The keeper's own end, which comes after its last report. */
static void wait_for_keeper(struct run *r)
{
    bool gone = false;
    while (!gone) {
        struct pollfd p[2] = {
            {.fd = r->out, .events = POLLIN}, {.fd = r->over ? -1 : r->report, .events = POLLIN}};
        poll(p, 2, r->over ? 1 : LOOK_MS);
        hear(r);
        watch_clock(r);
        pid_t pid = waitpid(r->keeper, NULL, WNOHANG);
        gone = pid == r->keeper || (pid < 0 && errno == ECHILD);
        take_reports(r);
    }
    r->keeper = 0;
    if (!r->over && r->program > 0) /* it was killed: do its work */
        kill(-r->program, SIGKILL);
    hear(r);
}

static enum pr_code explain(const struct run *r, struct pr_error *e)
{
    const struct pr_keeper_report *end = &r->end;
    const char *name = r->c->argv[0];
    if (r->why == PR_E_CANCELLED)
        return pr_fail(e, PR_E_CANCELLED, "stopped while the trainer ran");
    if (r->exec_errno)
        return pr_fail_errno(e, r->exec_errno, "%s cannot be started", name);
    if (r->over && end->word == PR_KEEPER_EXITED && !end->value && !r->why)
        return PR_OK;
    char *words = pr_probe_child_words(r->c->log);
    const char *colon = *words ? "; it wrote last: " : "; it wrote nothing";
    enum pr_code code;
    if (r->why)
        code = pr_fail(
            e, r->why, "the trainer was stopped: the time for it was over%s%s", colon, words);
    else if (!r->over)
        code = pr_fail(e, PR_E_IO, "the trainer's keeper was killed%s%s", colon, words);
    else if (end->word == PR_KEEPER_DIED)
        code = pr_fail(e, PR_E_IO, "the trainer died of signal %d%s%s%s", end->value,
            end->value == SIGKILL ? " (killed: out of memory?)" : "", colon, words);
    else
        code =
            pr_fail(e, PR_E_IO, "the trainer ended with status %d%s%s", end->value, colon, words);
    pr_free(words);
    return code;
}

enum pr_code pr_probe_child_run(const struct pr_probe_child *c, struct pr_error *e)
{
    struct run r = {.c = c, .out = -1, .report = -1, .log = -1};
    enum pr_code code = open_log(&r, e);
    if (!code)
        code = start(&r, e);
    if (!code) {
        wait_for_keeper(&r);
        code = explain(&r, e);
    }
    close_all((const int[]){r.out, r.report, r.log}, 3);
    return code;
}
