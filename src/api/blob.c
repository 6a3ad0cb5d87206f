/* See blob.h. */
#include "api/blob.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/gzip.h"
#include "base/sha256.h"
#include "base/str.h"

#define MAX_BODY ((size_t)64 << 20)
#define MIN_GZIP 860 /* below it fits a packet either way */

/* What only tells the time is no news. */
static const char *const clocks[] = {
    "\"age_seconds\":", "\"next_run_seconds\":", "\"uptime_seconds\":", "\"oldest_seconds\":"};

static const struct {
    int status;
    const char *code;
} codes[] = {{400, "bad_request"}, {401, "token_required"}, {403, "forbidden"}, {404, "not_found"},
    {405, "method_not_allowed"}, {413, "too_large"}, {414, "too_large"},
    {415, "unsupported_media_type"}, {429, "busy"}, {431, "too_large"}, {500, "failed"},
    {503, "unavailable"}};

int pr_api_status_of(enum pr_code code)
{
    static const struct {
        enum pr_code code;
        int status;
    } map[] = {{PR_E_NOT_FOUND, 404}, {PR_E_USAGE, 400}, {PR_E_FORMAT, 400}, {PR_E_LIMIT, 429},
        {PR_E_CANCELLED, 503}, {PR_E_CHANGED, 503}};
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (map[i].code == code)
            return map[i].status;
    return 500;
}

static struct pr_api_blob *blob(int status, const char *type)
{
    struct pr_api_blob *b = pr_zalloc(sizeof *b);
    atomic_init(&b->refs, 1);
    b->status = status;
    b->type = type;
    return b;
}

/* The first member that only tells the time in s, or NULL; own: `"at":"…"` of the document itself,
 * which parts of it may repeat.  A quote within a string is escaped, so no text can look like a
 * member. */
static const char *find_clock(const char *s, const char *own, size_t *ret_n)
{
    const char *first = own ? strstr(s, own) : NULL;
    *ret_n = first ? strlen(own) : 0;
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        const char *at = strstr(s, clocks[i]);
        if (at && (!first || at < first)) {
            first = at;
            *ret_n = strlen(clocks[i]) + strcspn(at + strlen(clocks[i]), ",}]");
        }
    }
    return first;
}

static void set_etag(struct pr_api_blob *b, const char *own)
{
    struct pr_sha256 *h = pr_sha256_new();
    uint8_t digest[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    size_t n = 0;
    const char *s = b->body;
    for (const char *at; (at = find_clock(s, own, &n)); s = at + n)
        pr_sha256_update(h, s, (size_t)(at - s));
    pr_sha256_update(h, s, strlen(s));
    pr_sha256_final(h, digest);
    pr_sha256_hex(digest, hex);
    /* 128 bits: two documents never share it by chance. */
    snprintf(b->etag, sizeof b->etag, "\"%.32s\"", hex);
    snprintf(b->etag_gz, sizeof b->etag_gz, "\"%.32s-gz\"", hex);
}

static void compress(struct pr_api_blob *b)
{
    char *gz = NULL;
    if (b->n >= MIN_GZIP && pr_gzip(b->body, b->n, &gz, &b->gz_n))
        b->gz = gz;
}

struct pr_api_blob *pr_api_blob_json(const json_t *content, int64_t at_ms)
{
    struct pr_str text = PR_STR_INIT(MAX_BODY);
    char at[32], own[48];
    pr_clock_iso8601(at_ms, at);
    json_t *whole = json_object();
    pr_json_set_int(whole, "schema_version", 1);
    pr_json_set_str(whole, "at", at);
    snprintf(own, sizeof own, "\"at\":\"%s\"", at);
    json_object_update_missing(whole, (json_t *)(uintptr_t)content);
    pr_json_dump(whole, -1, 0, &text);
    json_decref(whole);
    if (text.over) {
        pr_str_done(&text);
        return pr_api_blob_error(500, "the answer is larger than 64 MiB");
    }
    struct pr_api_blob *b = blob(200, PR_API_JSON);
    b->n = text.len;
    b->body = pr_str_take(&text);
    set_etag(b, own);
    compress(b);
    return b;
}

struct pr_api_blob *pr_api_blob_text(const char *type, const char *text, size_t n)
{
    struct pr_api_blob *b = blob(200, type);
    b->body = pr_strndup(text, n);
    b->n = n;
    set_etag(b, NULL);
    compress(b);
    return b;
}

struct pr_api_blob *pr_api_blob_error(int status, const char *message)
{
    struct pr_str text = PR_STR_INIT(1 << 16);
    json_t *o = json_object(), *error = json_object();
    const char *code = "failed";
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].status == status)
            code = codes[i].code;
    pr_json_set_str(error, "code", code);
    pr_json_set_str(error, "message", message);
    pr_json_set(o, "error", error);
    pr_json_dump(o, -1, 0, &text);
    json_decref(o);
    struct pr_api_blob *b = blob(status, PR_API_JSON);
    b->n = text.len;
    b->body = pr_str_take(&text);
    return b;
}

struct pr_api_blob *pr_api_blob_asset(
    const char *type, const void *gz, size_t gz_n, const char *etag, bool page, bool immutable)
{
    struct pr_api_blob *b = blob(200, type);
    char *body = NULL;
    if (!pr_gunzip(gz, gz_n, MAX_BODY, &body, &b->n))
        body = pr_strdup(""); /* a build that went wrong: the page's test sees it */
    b->body = body;
    b->gz_borrowed = true;
    b->gz = gz;
    b->gz_n = gz_n;
    b->page = page;
    b->immutable = immutable;
    snprintf(b->etag, sizeof b->etag, "%s", etag);
    snprintf(b->etag_gz, sizeof b->etag_gz, "%.*s-gz\"", (int)strcspn(etag + 1, "\"") + 1, etag);
    return b;
}

struct pr_api_blob *pr_api_blob_ref(struct pr_api_blob *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void pr_api_blob_unref(struct pr_api_blob *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (int i = 0; i < PR_API_FORMS; i++) {
        void *front = atomic_load(&b->front[i]);
        if (front)
            b->front_free(front);
    }
    pr_free((void *)(uintptr_t)b->body);
    if (!b->gz_borrowed)
        pr_free((void *)(uintptr_t)b->gz);
    pr_free(b);
}
