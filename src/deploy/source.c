/* See source.h. */
#include "deploy/source.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "deploy/ask.h"
#include "net/fetch.h"
#include "transfer/ssh.h"

#define MAX_DOCUMENT ((size_t)32 << 20)
#define FETCH_MS     20000
#define SSH_MS       60000

struct reading {
    const struct pr_deploy_settings *s;
    const char *base_dir;
    const atomic_bool *stop;
};

/* The document's file in status/, and its route in the API. */
struct document {
    const char *file, *route;
};
static const struct document comparison = {"model_comparisons.json", "/api/model_comparison"},
                             regression = {"regression_monitoring.json", "/api/regression"};

static enum pr_code parse(
    const char *text, size_t n, const char *name, json_t **ret, struct pr_error *e)
{
    return pr_json_parse(text, n, PR_JSON_STRICT, name, ret, NULL, e);
}

static enum pr_code read_local(
    const struct reading *r, const struct document *d, json_t **ret, struct pr_error *e)
{
    struct pr_error why;
    char *status = pr_path_join(r->base_dir, "status"), *path = pr_path_join(status, d->file);
    enum pr_code code = pr_json_read(AT_FDCWD, path, MAX_DOCUMENT, PR_JSON_STRICT, ret, &why);
    if (code == PR_E_NOT_FOUND)
        code = PR_OK;
    else if (code)
        code = pr_fail(e, code, "%s", why.message);
    pr_free(status);
    pr_free(path);
    return code;
}

/* ---- another machine's API ---- */

static enum pr_code check_peer(const struct pr_deploy_settings *s, struct pr_error *e)
{
    return s->peer_url ? PR_OK
                       : pr_fail(e, PR_E_USAGE,
                             "deploy.source: %s: peers.machines has none of this name", s->source);
}

static enum pr_code read_peer(
    const struct reading *r, const struct document *d, json_t **ret, struct pr_error *e)
{
    char *auth;
    enum pr_code code = check_peer(r->s, e);
    if (code)
        return code;
    code = pr_ask_bearer(r->s->peer_token_file, "token_file", &auth, e);
    if (code)
        return code;
    struct pr_str url = PR_STR_INIT(65536);
    const char *headers[] = {"Accept: application/json", auth, NULL};
    pr_str_printf(&url, "%s%s", r->s->peer_url, d->route);
    const struct pr_fetch_options o = {.url = pr_str_cstr(&url),
        .headers = headers,
        .timeout_ms = FETCH_MS,
        .max_bytes = MAX_DOCUMENT,
        .ca_file = r->s->peer_ca_file,
        .stop = r->stop};
    struct pr_fetched got = {0};
    code = pr_fetch(&o, &got, e);
    if (!code && got.status != 200)
        code = pr_fail(e, PR_E_IO, "%s answers %d%s", r->s->peer_url, got.status,
            got.status == 401 ? ": the token of peers.machines is refused" : "");
    if (!code)
        code = parse(pr_str_cstr(&got.body), got.body.len, d->route, ret, e);
    pr_fetched_done(&got);
    pr_str_done(&url);
    pr_free(auth);
    return code;
}

/* ---- over ssh ---- */

/* [user@]host:DIR → its parts; host is owned by the caller. */
static enum pr_code split(
    const char *source, struct pr_ssh *ret, const char **dir, struct pr_error *e)
{
    const char *colon = strchr(source, ':'), *at = memchr(source, '@', (size_t)(colon - source));
    const char *host = at ? at + 1 : source;
    *ret = (struct pr_ssh){.host = pr_strndup(host, (size_t)(colon - host)),
        .user = at ? pr_strndup(source, (size_t)(at - source)) : NULL,
        .connect_timeout_s = 10};
    *dir = colon + 1;
    return pr_ssh_check(ret, e);
}

/* The command is a constant: the path follows on its stdin, and is only ever used as a quoted
 * variable.  Nothing is written where the file is not there. */
static const char script[] = "exec sh -c '"
                             "IFS= read -r f && cd && [ -f \"$f\" ] || exit 0;"
                             "exec cat <\"$f\"'";

static enum pr_code check_ssh(const struct pr_deploy_settings *s, struct pr_error *e)
{
    struct pr_ssh ssh;
    const char *dir;
    enum pr_code code = split(s->source, &ssh, &dir, e);
    pr_free(ssh.host);
    pr_free(ssh.user);
    return code ? pr_wrap(e, code, "deploy.source") : PR_OK;
}

static enum pr_code read_ssh(
    const struct reading *r, const struct document *d, json_t **ret, struct pr_error *e)
{
    struct pr_ssh ssh = {0};
    const char *dir;
    size_t n = 0;
    int status = 0;
    enum pr_code code = split(r->s->source, &ssh, &dir, e);
    struct pr_str path = PR_STR_INIT(65536), out = PR_STR_INIT(MAX_DOCUMENT);
    pr_str_printf(&path, "%s/status/%s\n", !strncmp(dir, "~/", 2) ? dir + 2 : dir, d->file);
    if (!code && strchr(dir, '\n'))
        code = pr_fail(e, PR_E_USAGE, "deploy.source: a newline in a folder's name");
    if (!code) {
        char **argv = pr_ssh_argv(&ssh, &n);
        const char **all = pr_alloc((n + 4) * sizeof *all);
        memcpy(all, argv, n * sizeof *all);
        all[n] = "--";
        all[n + 1] = ssh.host;
        all[n + 2] = script;
        all[n + 3] = NULL;
        code = pr_child_run(
            all, pr_str_cstr(&path), path.len, SSH_MS, MAX_DOCUMENT, r->stop, &out, &status, e);
        pr_free(all);
        pr_names_free(argv, n);
    }
    if (!code && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        code = pr_fail(e, PR_E_IO,
            "%s: ssh ended with status %d: does `ssh %s true` work without a question?",
            r->s->source, WIFEXITED(status) ? WEXITSTATUS(status) : -1, ssh.host);
    if (!code && out.len)
        code = parse(pr_str_cstr(&out), out.len, d->file, ret, e);
    pr_str_done(&path);
    pr_str_done(&out);
    pr_free(ssh.host);
    pr_free(ssh.user);
    return code;
}

/* ---- the table ---- */

const char *pr_deploy_source_peer(const char *source)
{
    return source && !strncmp(source, "peer ", 5) ? source + 5 + strspn(source + 5, " ") : NULL;
}

static bool is_local(const char *s)
{
    return !strcmp(s, "local");
}
static bool is_peer(const char *s)
{
    return pr_deploy_source_peer(s);
}
/* What the host may be is for pr_ssh_check to say. */
static bool is_ssh(const char *s)
{
    size_t host = strcspn(s, ": ");
    return host && s[host] == ':' && s[host + 1];
}

static const struct kind {
    bool (*is)(const char *source);
    enum pr_code (*check)(const struct pr_deploy_settings *s, struct pr_error *e);
    enum pr_code (*read)(
        const struct reading *r, const struct document *d, json_t **ret, struct pr_error *e);
} kinds[] = {
    {is_local, NULL, read_local}, {is_peer, check_peer, read_peer}, {is_ssh, check_ssh, read_ssh}};

static enum pr_code find_kind(const char *source, const struct kind **ret, struct pr_error *e)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].is(source)) {
            *ret = &kinds[i];
            return PR_OK;
        }
    return pr_fail(e, PR_E_USAGE,
        "deploy.source: '%s' is neither local, nor peer NAME, nor [user@]host:FOLDER", source);
}

enum pr_code pr_deploy_source_check(const struct pr_deploy_settings *s, struct pr_error *e)
{
    const struct kind *kind = NULL;
    enum pr_code code = find_kind(s->source ? s->source : "local", &kind, e);
    return code || !kind->check ? code : kind->check(s, e);
}

void pr_deploy_documents_done(struct pr_deploy_documents *d)
{
    json_decref(d->comparison);
    json_decref(d->regression);
    *d = (struct pr_deploy_documents){0};
}

enum pr_code pr_deploy_documents_read(const struct pr_deploy_settings *s, const char *base_dir,
    const atomic_bool *stop, struct pr_deploy_documents *ret, struct pr_error *e)
{
    const struct reading r = {s, base_dir, stop};
    const struct kind *kind = NULL;
    *ret = (struct pr_deploy_documents){0};
    enum pr_code code = find_kind(s->source ? s->source : "local", &kind, e);
    if (code)
        return code;
    code = kind->read(&r, &comparison, &ret->comparison, e);
    if (!code)
        code = kind->read(&r, &regression, &ret->regression, e);
    if (code)
        pr_deploy_documents_done(ret);
    return code ? pr_wrap(e, code, "deploy.source") : PR_OK;
}
