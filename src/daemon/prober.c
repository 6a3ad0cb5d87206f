/* A `proctor probe` as a child process; see prober.h. */
#include "daemon/prober.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"
#include "base/utf8.h"
#include "daemon/log.h"
#include "daemon/spawn.h"

#define MAX_OUTCOME ((size_t)1 << 20)
#define TAIL        2048 /* bytes of stderr that are kept */
#define STOP_MS     2000 /* half a second of them are the trainer's (docs/probes.md) */
#define MAX_ARGS    64
#define WORDS       340 /* bytes of its last line that a reason has */

struct pr_prober {
    struct pr_loop *loop;
    void (*spoke)(void *ctx);
    void *ctx;
    pid_t pid;
    int out, errors, ended; /* ended: a pidfd */
    struct pr_str text, tail;
    bool told; /* by SIGTERM, once: a second one would cut its ending short */
    bool over;
    int status;
};

/* ---- its arguments ---- */

struct args {
    char *v[MAX_ARGS + 1];
    size_t n;
};

static void add(struct args *a, const char *text)
{
    if (a->n < MAX_ARGS)
        a->v[a->n++] = pr_strdup(text);
}

static void add_option(struct args *a, const char *name, const char *value)
{
    add(a, name);
    add(a, value);
}

static void add_number(struct args *a, const char *name, int64_t x)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)x);
    add_option(a, name, text);
}

static void add_json(struct args *a, const char *name, const json_t *v)
{
    struct pr_str text = PR_STR_INIT(MAX_OUTCOME);
    pr_json_dump(v, 0, 0, &text);
    add_option(a, name, pr_str_cstr(&text));
    pr_str_done(&text);
}

static void fill_args(const struct pr_prober_options *o, struct args *a)
{
    const struct pr_config *c = o->config;
    const struct pr_settings *s = &c->settings;
    char rate[40];
    snprintf(rate, sizeof rate, "%.17g", o->question->learning_rate);
    add(a, "proctor"); /* as ps shows it */
    add(a, "probe");
    add(a, o->start);
    add_option(a, "--base-dir", c->base_dir); /* how prompts and grades are made, and bases */
    add_option(a, "--pool", o->question->pool_file);
    add_option(a, "--suite", o->question->suite_file);
    add_number(a, "--samples", s->curriculum_samples);
    add_option(a, "--strategy", o->arm);
    add_number(a, "--seed", o->seed);
    add_number(a, "--tokens", s->curriculum_probe_tokens);
    add_number(a, "--batch", s->curriculum_batch);
    add_option(a, "--lr", rate);
    add_number(a, "--lora-rank", o->question->lora_rank);
    add_option(a, "--work", o->work);
    add_number(a, "--seconds", s->curriculum_probe_seconds);
    add_number(a, "--threads", s->curriculum_threads);
    add_number(a, "--cpu-percent", s->curriculum_cpu_percent);
    add_number(a, "--nice", s->curriculum_nice);
    if (o->progress)
        add_json(a, "--progress", o->progress);
    if (json_array_size(c->probe_command))
        add_json(a, "--command", c->probe_command);
}

static void args_done(struct args *a)
{
    for (size_t i = 0; i < a->n; i++)
        pr_free(a->v[i]);
}

/* ---- starting ---- */

struct ends {
    int in, out[2], errors[2];
};

static void close_ends(struct ends *x)
{
    const int fds[] = {x->in, x->out[0], x->out[1], x->errors[0], x->errors[1]};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static enum pr_code open_ends(struct ends *x, struct pr_error *e)
{
    *x = (struct ends){-1, {-1, -1}, {-1, -1}};
    x->in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (x->in < 0 || pipe2(x->out, O_CLOEXEC) || pipe2(x->errors, O_CLOEXEC)) {
        enum pr_code code = pr_fail_errno(e, errno, "a probe cannot be started");
        close_ends(x);
        return code;
    }
    fcntl(x->out[0], F_SETFL, O_NONBLOCK);
    fcntl(x->errors[0], F_SETFL, O_NONBLOCK);
    return PR_OK;
}

static enum pr_code spawn(const char *const *argv, struct pr_prober *c, struct pr_error *e)
{
    struct ends x;
    enum pr_code code = open_ends(&x, e);
    if (code)
        return code;
    code = pr_spawn_self(argv, x.in, x.out[1], x.errors[1], &c->pid, &c->ended, e);
    if (code) {
        close_ends(&x);
        return pr_wrap(e, code, "a probe");
    }
    close(x.in);
    close(x.out[1]);
    close(x.errors[1]);
    c->out = x.out[0];
    c->errors = x.errors[0];
    return PR_OK;
}

/* ---- hearing ---- */

/* Of stderr the end counts. */
static void keep_tail(struct pr_str *s, const char *bytes, size_t n)
{
    pr_str_append(s, bytes, n);
    if (s->len > 2 * TAIL) {
        memmove(s->data, s->data + s->len - TAIL, TAIL);
        s->len = TAIL;
        s->data[TAIL] = 0;
    }
}

/* Until nothing is there now; false: its end. */
static bool drain(struct pr_prober *c, int fd)
{
    char bytes[TAIL];
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        if (fd == c->out)
            pr_str_append(&c->text, bytes, (size_t)n);
        else
            keep_tail(&c->tail, bytes, (size_t)n);
    }
}

static void drop_fd(struct pr_prober *c, int *fd)
{
    if (*fd < 0)
        return;
    pr_loop_unwatch(c->loop, *fd);
    close(*fd);
    *fd = -1;
}

static void on_text(void *ctx, int fd, unsigned what)
{
    struct pr_prober *c = ctx;
    (void)what;
    if (!drain(c, fd))
        drop_fd(c, fd == c->out ? &c->out : &c->errors);
}

static void on_end(void *ctx, int fd, unsigned what)
{
    struct pr_prober *c = ctx;
    (void)fd;
    (void)what;
    c->spoke(c->ctx);
}

bool pr_prober_over(struct pr_prober *c)
{
    if (c->over || waitpid(c->pid, &c->status, WNOHANG) != c->pid)
        return c->over;
    c->over = true;
    if (c->out >= 0)
        drain(c, c->out);
    if (c->errors >= 0)
        drain(c, c->errors);
    return true;
}

enum pr_code pr_prober_start(const struct pr_prober_options *o, struct pr_loop *loop,
    void (*spoke)(void *ctx), void *ctx, struct pr_prober **ret, struct pr_error *e)
{
    struct args a = {.n = 0};
    struct pr_prober *c = pr_zalloc(sizeof *c);
    *c = (struct pr_prober){.loop = loop,
        .spoke = spoke,
        .ctx = ctx,
        .out = -1,
        .errors = -1,
        .ended = -1,
        .text = PR_STR_INIT(MAX_OUTCOME),
        .tail = PR_STR_INIT(8 * TAIL)};
    fill_args(o, &a);
    enum pr_code code = spawn((const char *const *)a.v, c, e);
    args_done(&a);
    if (!code && ((code = pr_loop_watch(loop, c->out, PR_LOOP_READ, on_text, c, e)) ||
                     (code = pr_loop_watch(loop, c->errors, PR_LOOP_READ, on_text, c, e)) ||
                     (code = pr_loop_watch(loop, c->ended, PR_LOOP_READ, on_end, c, e))))
        pr_prober_kill(c);
    if (code)
        pr_prober_free(c, loop);
    else
        *ret = c;
    return code;
}

pid_t pr_prober_pid(const struct pr_prober *c)
{
    return c->pid;
}

bool pr_prober_ok(const struct pr_prober *c)
{
    return c->over && WIFEXITED(c->status) && !WEXITSTATUS(c->status);
}

/* The last line that is not empty. */
static const char *last_line(const struct pr_prober *c, size_t *ret_len)
{
    const char *text = pr_str_cstr(&c->tail);
    size_t end = c->tail.len;
    while (end && (text[end - 1] == '\n' || text[end - 1] == ' '))
        end--;
    size_t from = end;
    while (from && text[from - 1] != '\n')
        from--;
    *ret_len = end - from;
    return text + from;
}

/* Made fit to be shown: it comes from outside. */
static void last_words(const struct pr_prober *c, char *ret, size_t size)
{
    struct pr_str clean = PR_STR_INIT(16 * TAIL);
    struct pr_error e;
    size_t n;
    const char *line = last_line(c, &n);
    pr_utf8_append_lossy(&clean, line, n);
    char words[sizeof e.message];
    pr_utf8_shorten(pr_str_cstr(&clean), words, sizeof words);
    pr_fail(&e, PR_E_IO, "%s", words);
    pr_utf8_shorten(e.message, ret, size);
    pr_str_done(&clean);
}

bool pr_prober_diverged(const struct pr_prober *c)
{
    size_t n;
    const char *line = last_line(c, &n);
    static const char *const words[] = {"not finite", "not be finite"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (memmem(line, n, words[i], strlen(words[i])))
            return true;
    return false;
}

json_t *pr_prober_result(const struct pr_prober *c, char *reason, size_t size)
{
    struct pr_error e;
    json_t *o;
    char words[WORDS];
    if (pr_prober_ok(c)) {
        if (!pr_json_parse(pr_str_cstr(&c->text), c->text.len, PR_JSON_STRICT, NULL, &o, NULL, &e))
            return o;
        snprintf(reason, size, "what it printed cannot be read: %.300s", e.message);
        return NULL;
    }
    last_words(c, words, sizeof words);
    if (WIFSIGNALED(c->status))
        snprintf(reason, size, "it died of signal %d%s%s", WTERMSIG(c->status),
            words[0] ? ": " : "", words);
    else if (words[0])
        snprintf(reason, size, "%s", words);
    else
        snprintf(reason, size, "it ended with status %d", WEXITSTATUS(c->status));
    return NULL;
}

/* ---- stopping ---- */

void pr_prober_stop(struct pr_prober *c)
{
    if (!c->over && !c->told)
        kill(c->pid, SIGTERM);
    c->told = true;
}

void pr_prober_kill(struct pr_prober *c)
{
    if (!c->over && c->pid > 0)
        kill(-c->pid, SIGKILL);
}

static void wait_for_end(struct pr_prober *c)
{
    struct pollfd p = {.fd = c->ended, .events = POLLIN};
    if (c->over || c->pid <= 0)
        return;
    pr_prober_stop(c);
    poll(&p, 1, STOP_MS);
    if (!pr_prober_over(c)) {
        pr_prober_kill(c);
        while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
            ;
        c->over = true;
    }
}

void pr_prober_free(struct pr_prober *c, struct pr_loop *loop)
{
    (void)loop;
    if (!c)
        return;
    wait_for_end(c);
    drop_fd(c, &c->out);
    drop_fd(c, &c->errors);
    drop_fd(c, &c->ended);
    pr_str_done(&c->text);
    pr_str_done(&c->tail);
    pr_free(c);
}

/* ---- its folder ---- */

void pr_prober_remove_tree(const char *path)
{
    struct pr_error e;
    if (pr_remove_tree(path, &e))
        pr_log(PR_LOG_WARN, "probe", "not-removed", "why=%s", pr_log_quote(e.message));
}
