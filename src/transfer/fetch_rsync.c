/* Fetching, and pushing, by rsync over ssh.
 *
 * No name ever meets a shell: rsync is started with an argument array; the names of the files go to
 * its stdin, each with a NUL behind it; the folder goes over rsync's own protocol (--secluded-args)
 * rather than the remote command line; and what follows -e is split by rsync itself, by quotes that
 * pr_rsync_quote writes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "transfer/cipher.h"
#include "transfer/fetch_internal.h"

/* The far rsync expands patterns in the folder's name, one component at a time; only in one that
 * holds any does it take backslashes as escapes. */
static void put_component(const char *s, size_t n, struct pr_str *out)
{
    size_t plain = strcspn(s, "*?[");
    for (size_t i = 0; i < n; i++) {
        if (plain < n && strchr("*?[]\\", s[i]))
            pr_str_putc(out, '\\');
        pr_str_putc(out, s[i]);
    }
}

void pr_rsync_from(const struct pr_store *s, const char *checkpoint, struct pr_str *out)
{
    char *path = pr_path_join(s->dir, checkpoint);
    pr_str_printf(out, strchr(s->ssh.host, ':') ? "[%s]:" : "%s:", s->ssh.host);
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        put_component(p, n, out);
        p += n;
        if (*p)
            pr_str_putc(out, *p++);
    }
    pr_str_putc(out, '/');
    pr_free(path);
}

static void remote_shell(const struct pr_store *s, struct pr_str *out)
{
    size_t n;
    char **argv = pr_ssh_argv(&s->ssh, &n);
    for (size_t i = 0; i < n; i++) {
        if (i)
            pr_str_putc(out, ' ');
        pr_rsync_quote(argv[i], out);
    }
    if (pr_ssh_takes_aes(&s->ssh, s->stop)) {
        pr_str_puts(out, " -o ");
        pr_rsync_quote(PR_SSH_AES, out);
    }
    pr_names_free(argv, n);
}

static enum pr_code start(const struct pr_rsync *r, struct pr_talk *t, struct pr_error *e)
{
    struct pr_str rsh = PR_STR_INIT(65536);
    char limit[64], timeout[32];
    const char *argv[24];
    size_t n = 0;
    uint64_t kib = (r->o->bytes_per_second + 1023) / 1024;
    snprintf(limit, sizeof limit, "--bwlimit=%llu", (unsigned long long)kib);
    snprintf(timeout, sizeof timeout, "--timeout=%d", r->o->timeout_s > 0 ? r->o->timeout_s : 60);
    remote_shell(r->s, &rsh);
    argv[n++] = "rsync";
    argv[n++] = "--times";            /* what is whole is known by size and time in the next try */
    argv[n++] = "--modify-window=-1"; /* by its nanoseconds: a rewrite within a second is one */
    argv[n++] = "--partial";
    argv[n++] = "--inplace"; /* what came before a cut is where the next try goes on */
    argv[n++] = "--no-whole-file";
    argv[n++] = "--secluded-args";
    argv[n++] = "--from0";
    argv[n++] = "--files-from=-";
    argv[n++] = r->said ? "--out-format=%C %n" : "--quiet"; /* a hash is of both sides: rsync
                                                              compares them */
    argv[n++] = timeout;
    if (r->compare)
        argv[n++] = "--checksum";
    if (kib)
        argv[n++] = limit;
    if (r->o->compress == PR_COMPRESS_ZSTD) {
        argv[n++] = "--compress";
        argv[n++] = "--compress-choice=zstd";
    }
    argv[n++] = "-e";
    argv[n++] = pr_str_cstr(&rsh);
    argv[n++] = "--";
    argv[n++] = r->from;
    argv[n++] = r->to;
    argv[n] = NULL;
    enum pr_code code = pr_talk_start(t, argv, r->o->stop, e);
    pr_str_done(&rsh);
    if (code == PR_E_NOT_FOUND)
        code = pr_fail(e, PR_E_USAGE, "rsync is not installed here (package rsync)");
    return code;
}

/* "./" in front: no name is a comment or an option then. */
static void queue_names(const struct pr_rsync *r, struct pr_talk *t)
{
    for (size_t i = 0; i < r->n; i++) {
        pr_talk_queue(t, "./", 2);
        pr_talk_queue(t, r->names[i], strlen(r->names[i]) + 1);
    }
}

static enum pr_code failed(
    const struct pr_rsync *r, int status, const char *said, struct pr_error *e)
{
    enum pr_code code = pr_ssh_explain(pr_store_name(r->s), said, PR_E_IO, e);
    if (code == PR_E_IO && e && strstr(said, "No space left on device"))
        e->sys_errno = ENOSPC;
    return pr_wrap(e, code, "%s (rsync ended with %d)", r->doing, status);
}

enum pr_code pr_rsync_run(const struct pr_rsync *r, struct pr_error *e)
{
    struct pr_talk t = {0};
    int status = 0;
    enum pr_code code = start(r, &t, e);
    if (!code) {
        queue_names(r, &t);
        code = pr_talk_finish(&t, r->tick, r->ctx, r->said, &status, e);
    }
    if (!code && status)
        code = failed(r, status, pr_talk_errors(&t), e);
    pr_talk_stop(&t);
    return code;
}

/* A relative path may hold a ':' or begin with '-': "./" keeps rsync from seeing a host. */
char *pr_rsync_here(const char *path)
{
    return *path == '/' ? pr_strdup(path) : pr_path_join(".", path);
}

static void tick(void *job)
{
    pr_follow_tick(job);
    pr_job_tick(job);
}

enum pr_code pr_job_rsync(struct pr_job *j, bool compare, struct pr_error *e)
{
    struct pr_str from = PR_STR_INIT(65536), doing = PR_STR_INIT(1024);
    struct pr_str said = PR_STR_INIT((size_t)16 << 20);
    char *to = pr_rsync_here(j->incoming);
    pr_rsync_from(j->s, j->what->name, &from);
    pr_str_printf(&doing, "fetching %s", j->what->name);
    const struct pr_rsync r = {.s = j->s,
        .o = j->o,
        .compare = compare,
        .from = pr_str_cstr(&from),
        .to = to,
        .names = j->names,
        .n = j->n,
        .doing = pr_str_cstr(&doing),
        .said = &said,
        .tick = tick,
        .ctx = j};
    enum pr_code code = pr_rsync_run(&r, e);
    if (!code)
        pr_follow_told(j, pr_str_cstr(&said));
    pr_str_done(&said);
    pr_str_done(&from);
    pr_str_done(&doing);
    pr_free(to);
    return code;
}
