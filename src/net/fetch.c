/* One HTTP request to somebody else, over libcurl: this file alone includes it (fetch.h). */
#include "net/fetch.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

#define MAX_URL     8192
#define MAX_HEADERS (64 << 10) /* of an answer */
#define DEFAULT_MS  10000
#define DEFAULT_MAX ((size_t)8 << 20)
#define MAX_TIMEOUT 3600000
#define PROTOCOLS   "http,https"

/* ---- the library ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode started = CURLE_FAILED_INIT;

static void start(void)
{
    started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- urls ---- */

/* NULL: not a url that is taken, and why. */
static CURLU *parse(const char *url, struct pr_error *e)
{
    if (!url || !*url || strlen(url) > MAX_URL) {
        pr_fail(e, PR_E_USAGE, "a url of 1 to %d bytes was expected", MAX_URL);
        return NULL;
    }
    CURLU *u = curl_url();
    char *scheme = NULL, *host = NULL;
    CURLUcode rc = u ? curl_url_set(u, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
    if (!rc && !(rc = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0)))
        rc = curl_url_get(u, CURLUPART_HOST, &host, 0);
    bool web = !rc && (!strcasecmp(scheme, "http") || !strcasecmp(scheme, "https")) && *host;
    curl_free(scheme);
    curl_free(host);
    if (web)
        return u;
    curl_url_cleanup(u);
    pr_fail(e, PR_E_USAGE, "a url that begins with http:// or https:// was expected%s%s",
        rc ? ": " : "", rc ? curl_url_strerror(rc) : "");
    return NULL;
}

enum pr_code pr_fetch_check(const char *url, struct pr_error *e)
{
    CURLU *u = parse(url, e);
    if (!u)
        return PR_E_USAGE;
    curl_url_cleanup(u);
    return PR_OK;
}

static char *part_of(CURLU *u, CURLUPart part, unsigned flags)
{
    char *got = NULL;
    if (curl_url_get(u, part, &got, flags))
        return pr_strdup("");
    char *copy = pr_strdup(got);
    curl_free(got);
    return copy;
}

static char *host_of(CURLU *u)
{
    char *host = part_of(u, CURLUPART_HOST, 0), *port = part_of(u, CURLUPART_PORT, 0);
    struct pr_str out = PR_STR_INIT(2 * MAX_URL);
    pr_str_printf(&out, *port ? "%s:%s" : "%s", host, port);
    pr_free(host);
    pr_free(port);
    return pr_str_take(&out);
}

char *pr_fetch_host(const char *url)
{
    CURLU *u = parse(url, NULL);
    if (!u)
        return pr_strdup("(not a url)");
    char *host = host_of(u);
    curl_url_cleanup(u);
    return host;
}

char *pr_fetch_shown(const char *url)
{
    CURLU *u = parse(url, NULL);
    if (!u)
        return pr_strdup("(not a url)");
    static const CURLUPart secret[] = {
        CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_QUERY, CURLUPART_FRAGMENT};
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        curl_url_set(u, secret[i], NULL, 0);
    char *shown = part_of(u, CURLUPART_URL, 0);
    curl_url_cleanup(u);
    return shown;
}

/* ---- an answer ---- */

struct coming {
    const struct pr_fetch_options *o;
    struct pr_fetched *f;
    size_t header_bytes;
    bool too_large, stopped;
};

static size_t body_came(char *bytes, size_t size, size_t n, void *ctx)
{
    struct coming *c = ctx;
    pr_str_append(&c->f->body, bytes, size * n);
    c->too_large |= c->f->body.over;
    return c->too_large ? 0 : size * n;
}

/* The value of "name: value\r\n"; NULL where it is another header. */
static const char *value_of(const char *line, size_t n, const char *name, size_t *ret_n)
{
    size_t k = strlen(name);
    if (n <= k || line[k] != ':' || strncasecmp(line, name, k) != 0)
        return NULL;
    for (k++; k < n && (line[k] == ' ' || line[k] == '\t'); k++)
        ;
    while (n > k && strchr(" \t\r\n", line[n - 1]))
        n--;
    *ret_n = n - k;
    return line + k;
}

static size_t header_came(char *line, size_t size, size_t n, void *ctx)
{
    struct coming *c = ctx;
    n *= size;
    c->header_bytes += n;
    if (c->header_bytes > MAX_HEADERS) {
        c->too_large = true;
        return 0;
    }
    size_t len;
    const char *etag = value_of(line, n, "etag", &len);
    if (etag && len < sizeof c->f->etag) {
        memcpy(c->f->etag, etag, len);
        c->f->etag[len] = 0;
    }
    return n;
}

static int progress(
    void *ctx, curl_off_t down, curl_off_t now_down, curl_off_t up, curl_off_t now_up)
{
    (void)down;
    (void)now_down;
    (void)up;
    (void)now_up;
    struct coming *c = ctx;
    c->stopped |= c->o->stop && atomic_load(c->o->stop);
    return c->stopped;
}

/* ---- a request ---- */

static size_t limit_of(const struct pr_fetch_options *o)
{
    return o->max_bytes ? o->max_bytes : DEFAULT_MAX;
}

static int timeout_of(const struct pr_fetch_options *o)
{
    return o->timeout_ms > 0 && o->timeout_ms < MAX_TIMEOUT ? o->timeout_ms : DEFAULT_MS;
}

/* "Expect" is silenced: it costs a second with servers that do not know it. */
static enum pr_code make_headers(
    const char *const *headers, struct curl_slist **ret, struct pr_error *e)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; headers && headers[i] && list; i++) {
        if (strpbrk(headers[i], "\r\n") || !strchr(headers[i], ':')) {
            curl_slist_free_all(list);
            return pr_fail(e, PR_E_USAGE, "header %zu is not \"Name: value\" of one line", i + 1);
        }
        struct curl_slist *more = curl_slist_append(list, headers[i]);
        if (!more)
            curl_slist_free_all(list);
        list = more;
    }
    *ret = list;
    return list ? PR_OK : pr_fail(e, PR_E_MEMORY, "no memory for the headers of a request");
}

/* A setting that libcurl does not know would be one that does not hold: all or nothing. */
static bool set_up(CURL *h, struct coming *c, struct curl_slist *headers, char *text)
{
    const struct pr_fetch_options *o = c->o;
    bool ok = true;
#define SET(option, value) ok = ok && curl_easy_setopt(h, option, value) == CURLE_OK
    SET(CURLOPT_URL, o->url);
    SET(CURLOPT_PROTOCOLS_STR, PROTOCOLS);
    SET(CURLOPT_REDIR_PROTOCOLS_STR, PROTOCOLS);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_TIMEOUT_MS, (long)timeout_of(o));
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_of(o));
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)limit_of(o));
    SET(CURLOPT_USERAGENT, "proctor/" PR_VERSION);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_WRITEFUNCTION, body_came);
    SET(CURLOPT_WRITEDATA, c);
    SET(CURLOPT_HEADERFUNCTION, header_came);
    SET(CURLOPT_HEADERDATA, c);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, progress);
    SET(CURLOPT_XFERINFODATA, c);
    SET(CURLOPT_ERRORBUFFER, text);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (o->ca_file) {
        SET(CURLOPT_CAINFO, o->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (o->body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->body_n);
        SET(CURLOPT_POSTFIELDS, o->body);
    }
    if (o->method && !strcmp(o->method, "HEAD"))
        SET(CURLOPT_NOBODY, 1L);
    else if (o->method)
        SET(CURLOPT_CUSTOMREQUEST, o->method);
#undef SET
    return ok;
}

/* What libcurl says of a failure names the host, the port and times, never the rest of the url. */
static enum pr_code failed(
    CURL *h, const struct coming *c, CURLcode rc, const char *text, CURLU *u, struct pr_error *e)
{
    char *host = host_of(u);
    enum pr_code code = PR_E_IO;
    long err = 0;
    curl_easy_getinfo(h, CURLINFO_OS_ERRNO, &err);
    if (c->stopped)
        code = pr_fail(e, PR_E_CANCELLED, "%s: given up, as this process ends", host);
    else if (c->too_large || rc == CURLE_FILESIZE_EXCEEDED)
        code = pr_fail(e, PR_E_LIMIT, "%s: its answer is larger than %zu bytes", host,
            c->header_bytes > MAX_HEADERS ? (size_t)MAX_HEADERS : limit_of(c->o));
    else if (rc == CURLE_OPERATION_TIMEDOUT)
        code = pr_fail(
            e, PR_E_LIMIT, "%s: no answer within %g s", host, (double)timeout_of(c->o) / 1000);
    else if (rc == CURLE_COULDNT_CONNECT && err)
        code = pr_fail(e, PR_E_IO, "%s: cannot connect: %s", host, strerror((int)err));
    else
        code = pr_fail(e, PR_E_IO, "%s: %s", host, *text ? text : curl_easy_strerror(rc));
    pr_free(host);
    return code;
}

/* A connection that breaks must be an error here and not a signal for the whole process. */
static CURLcode perform(CURL *h)
{
    sigset_t pipe_only, old, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
    CURLcode rc = curl_easy_perform(h);
    struct timespec zero = {0, 0};
    if (!sigismember(&pending, SIGPIPE))
        sigtimedwait(&pipe_only, NULL, &zero);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

static void note_answer(CURL *h, struct pr_fetched *f)
{
    long status = 0;
    curl_off_t wait = 0;
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(h, CURLINFO_RETRY_AFTER, &wait); /* seconds or a date; 0: none */
    f->status = (int)status;
    f->retry_after_s = wait > 0 && wait < 1 << 30 ? (int)wait : -1;
}

static enum pr_code ask(
    CURL *h, const struct pr_fetch_options *o, CURLU *u, struct pr_fetched *f, struct pr_error *e)
{
    char text[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    struct coming c = {.o = o, .f = f};
    enum pr_code code = make_headers(o->headers, &headers, e);
    if (code)
        return code;
    CURLcode rc = CURLE_OK;
    if (!set_up(h, &c, headers, text))
        code = pr_fail(e, PR_E_UNSUPPORTED, "libcurl refused a setting of the request");
    else if ((rc = perform(h)))
        code = failed(h, &c, rc, text, u, e);
    else
        note_answer(h, f);
    curl_slist_free_all(headers);
    return code;
}

enum pr_code pr_fetch(const struct pr_fetch_options *o, struct pr_fetched *ret, struct pr_error *e)
{
    pthread_once(&once, start);
    if (started)
        return pr_fail(e, PR_E_UNSUPPORTED, "libcurl: %s", curl_easy_strerror(started));
    CURLU *u = parse(o->url, e);
    if (!u)
        return PR_E_USAGE;
    struct pr_fetched f = {.body = PR_STR_INIT(limit_of(o)), .retry_after_s = -1};
    CURL *h = curl_easy_init();
    enum pr_code code =
        h ? ask(h, o, u, &f, e) : pr_fail(e, PR_E_MEMORY, "no memory for a request");
    curl_easy_cleanup(h);
    curl_url_cleanup(u);
    if (code)
        pr_fetched_done(&f);
    else
        *ret = f;
    return code;
}

void pr_fetched_done(struct pr_fetched *f)
{
    pr_str_done(&f->body);
}
