/* Sending a message at a channel (channels.h): over HTTP, or to a program.  On worker threads. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "base/utf8.h"
#include "daemon/channels.h"
#include "net/fetch.h"

#define MAX_SECRET 8192
#define MAX_ANSWER ((size_t)64 << 10)
#define MAX_SAID   120 /* of an answer, in a reason */
#define MAX_BODY   ((size_t)4 << 20)

/* ---- a message ---- */

void pr_outgoing_header(struct pr_outgoing *o, const char *fmt, ...)
{
    struct pr_str line = PR_STR_INIT(MAX_SECRET + 200);
    char text[MAX_SECRET + 200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    pr_str_puts(&line, text);
    for (size_t i = 0; i + 1 < PR_OUTGOING_HEADERS; i++)
        if (!o->headers[i]) {
            o->headers[i] = pr_str_take(&line);
            break;
        }
    pr_str_done(&line);
}

void pr_outgoing_json(struct pr_outgoing *o, json_t *document)
{
    pr_outgoing_header(o, "Content-Type: application/json");
    pr_json_dump(document, 0, 0, &o->body);
    json_decref(document);
}

void pr_outgoing_done(struct pr_outgoing *o)
{
    for (size_t i = 0; i < PR_OUTGOING_HEADERS; i++)
        pr_free(o->headers[i]);
    pr_free(o->url);
    pr_str_done(&o->body);
}

/* ---- secrets ---- */

/* The first line of a file, without white space around it. */
static enum pr_code read_secret(const char *path, char **ret, struct pr_error *e)
{
    char *text;
    size_t n, len;
    enum pr_code code = pr_file_read(AT_FDCWD, path, MAX_SECRET, &text, &n, e);
    if (code)
        return code;
    const char *s = pr_utf8_trim(text, strcspn(text, "\r\n"), &len);
    if (!len || !pr_utf8_valid(text, n))
        code = pr_fail(e, PR_E_FORMAT, "%s: a line of text was expected", path);
    else
        *ret = pr_strndup(s, len);
    pr_free(text);
    return code;
}

static enum pr_code url_of(const struct pr_channel *c, char **ret, struct pr_error *e)
{
    if (!(c->kind->keys & PR_CHANNEL_URL))
        return PR_OK;
    if (c->url) {
        *ret = pr_strdup(c->url);
        return PR_OK;
    }
    enum pr_code code = read_secret(c->url_file, ret, e);
    if (!code && (code = pr_fetch_check(*ret, e)))
        pr_wrap(e, code, "%s", c->url_file);
    return code;
}

/* Does a text repeat a secret part of the url or the token?  Some servers say "cannot POST /…". */
static bool tells(const char *text, const char *url, const char *token)
{
    if (token && strstr(text, token))
        return true;
    const char *p = strstr(url, "://");
    p = p ? p + 3 : url;
    for (p += strcspn(p, "/?#"); *p;) {
        char part[MAX_SECRET];
        p += strspn(p, "/?#&=");
        size_t n = strcspn(p, "/?#&=");
        if (n >= 6 && n < sizeof part) {
            memcpy(part, p, n);
            part[n] = 0;
            if (strstr(text, part))
                return true;
        }
        p += n;
    }
    return false;
}

/* ---- over HTTP ---- */

static enum pr_code judge(
    const struct pr_fetched *f, const char *url, const char *token, struct pr_error *e)
{
    if (f->status >= 200 && f->status < 300)
        return PR_OK;
    char *host = pr_fetch_host(url), *said = pr_channel_cleaned(pr_str_cstr(&f->body), MAX_SAID);
    bool shown = *said && !tells(pr_str_cstr(&f->body), url, token);
    enum pr_code code = pr_fail(e, PR_E_IO, "%s: HTTP status %d%s%s%s", host, f->status,
        f->status >= 300 && f->status < 400 ? " (a redirect is not followed)" : "",
        shown ? ": " : "", shown ? said : "");
    pr_free(host);
    pr_free(said);
    return code;
}

static enum pr_code post(const struct pr_channel *c, const struct pr_outgoing *o, const char *url,
    const char *token, const atomic_bool *stop, int *ret_retry_after_s, struct pr_error *e)
{
    struct pr_fetched f;
    const struct pr_fetch_options q = {.method = "POST",
        .url = o->url ? o->url : url,
        .headers = (const char *const *)o->headers,
        .body = pr_str_cstr(&o->body),
        .body_n = o->body.len,
        .timeout_ms = (int)(1000 * c->timeout_seconds),
        .max_bytes = MAX_ANSWER,
        .ca_file = c->ca_file,
        .stop = stop};
    enum pr_code code = pr_fetch(&q, &f, e);
    if (code)
        return code;
    *ret_retry_after_s = f.retry_after_s;
    code = judge(&f, url, token, e);
    pr_fetched_done(&f);
    return code;
}

static enum pr_code send_http(const struct pr_channel *c, struct pr_outgoing *o, const char *url,
    const atomic_bool *stop, int *ret_retry_after_s, struct pr_error *e)
{
    char *token = NULL;
    enum pr_code code = c->token_file ? read_secret(c->token_file, &token, e) : PR_OK;
    if (!code && token)
        pr_outgoing_header(o, "Authorization: Bearer %s", token);
    if (!code)
        code = post(c, o, url, token, stop, ret_retry_after_s, e);
    pr_free(token);
    return code;
}

/* ---- to a program ---- */

static enum pr_code judge_exit(
    const char *program, int status, const struct pr_str *said, struct pr_error *e)
{
    char *text = pr_channel_cleaned(pr_str_cstr(said), MAX_SAID);
    enum pr_code code = PR_OK;
    if (WIFSIGNALED(status))
        code = pr_fail(e, PR_E_IO, "%s: killed by signal %d", program, WTERMSIG(status));
    else if (WEXITSTATUS(status))
        code = pr_fail(e, PR_E_IO, "%s: exit status %d%s%s", program, WEXITSTATUS(status),
            *text ? ": " : "", text);
    pr_free(text);
    return code;
}

static enum pr_code send_command(const struct pr_channel *c, const struct pr_outgoing *o,
    const atomic_bool *stop, struct pr_error *e)
{
    const char *argv[65] = {NULL};
    size_t n = json_array_size(c->command);
    struct pr_str said = PR_STR_INIT(MAX_ANSWER);
    int status = 0;
    for (size_t i = 0; i < n && i < 64; i++)
        argv[i] = json_string_value(json_array_get(c->command, i));
    enum pr_code code = pr_child_run(argv, pr_str_cstr(&o->body), o->body.len,
        (int)(1000 * c->timeout_seconds), MAX_ANSWER, stop, &said, &status, e);
    if (code == PR_E_LIMIT)
        code =
            pr_fail(e, code, "%s: not over within %lld s", argv[0], (long long)c->timeout_seconds);
    if (!code)
        code = judge_exit(argv[0], status, &said, e);
    pr_str_done(&said);
    return code;
}

enum pr_code pr_channel_send(const struct pr_channel *c, const struct pr_message *m,
    const atomic_bool *stop, int *ret_retry_after_s, struct pr_error *e)
{
    char *url = NULL;
    struct pr_outgoing o = {.body = PR_STR_INIT(MAX_BODY)};
    *ret_retry_after_s = -1;
    enum pr_code code = url_of(c, &url, e);
    if (!code) {
        c->kind->make(c, url, m, &o);
        code = o.body.over
                   ? pr_fail(e, PR_E_LIMIT, "the message is larger than %zu bytes", MAX_BODY)
               : url ? send_http(c, &o, url, stop, ret_retry_after_s, e)
                     : send_command(c, &o, stop, e);
    }
    pr_outgoing_done(&o);
    pr_free(url);
    return code;
}
