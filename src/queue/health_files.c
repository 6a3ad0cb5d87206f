/* Files of the queues: listing, checking, hashing, and the cache of both. */
#include "queue/health_files.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/sha256.h"
#include "queue/validate.h"

#define MAX_CACHE ((size_t)64 << 20)

struct reader {
    struct pr_health_files *h;
    const char *base;
    int64_t until_ns; /* monotonic */
    size_t threads;
    bool news; /* the cache does not say all of it */
};

static bool late(void *ctx)
{
    const struct reader *r = ctx;
    return pr_clock_monotonic_ns() >= r->until_ns;
}

static enum pr_code list_all(struct reader *r, struct pr_error *e)
{
    struct pr_health_files *h = r->h;
    for (int q = 0; q < PR_N_QUEUES; q++) {
        enum pr_code code =
            pr_queue_list(r->base, (enum pr_queue)q, &h->lists[q], &h->n_lists[q], e);
        if (code)
            return code;
        for (size_t i = 0; i < h->n_lists[q]; i++) {
            struct pr_health_file f = {.f = h->lists[q][i]};
            PR_PUSH(h->v, h->n, h->cap, f);
        }
    }
    return PR_OK;
}

/* --- the cache --- */

static char *cache_path(const char *base)
{
    char *folder = pr_path_join(base, ".proctor"),
         *path = pr_path_join(folder, "queue_health.json");
    pr_free(folder);
    return path;
}

/* What a file's checks depend on, beside its content, which these stand for. */
static char *key_of(const struct pr_queue_file *f)
{
    struct pr_str s = PR_STR_INIT(8192);
    pr_str_printf(
        &s, "%s %llu %lld", f->name, (unsigned long long)f->bytes, (long long)f->mtime_ms);
    return pr_str_take(&s);
}

static void take_cached(struct reader *r)
{
    char *path = cache_path(r->base);
    json_t *doc = NULL;
    if (pr_json_read(AT_FDCWD, path, MAX_CACHE, PR_JSON_STRICT, &doc, NULL))
        doc = NULL;
    for (size_t i = 0; i < r->h->n; i++) {
        char *key = key_of(&r->h->v[i].f);
        json_t *entry = json_object_get(json_object_get(doc, "files"), key);
        r->h->v[i].cache = json_is_object(entry) ? json_deep_copy(entry) : json_object();
        pr_free(key);
    }
    json_decref(doc);
    pr_free(path);
}

/* Nothing depends on it: a failure costs the next call its time. */
static void write_cache(const struct reader *r)
{
    struct pr_str text = PR_STR_INIT(MAX_CACHE);
    json_t *doc = json_object(), *files = json_object();
    char *path = cache_path(r->base), *folder = pr_path_join(r->base, ".proctor");
    for (size_t i = 0; i < r->h->n; i++) {
        char *key = key_of(&r->h->v[i].f);
        if (json_object_size(r->h->v[i].cache))
            json_object_set(files, key, r->h->v[i].cache);
        pr_free(key);
    }
    pr_json_set_int(doc, "schema_version", 1);
    pr_json_set(doc, "files", files);
    pr_json_dump(doc, 0, 0, &text);
    if (!text.over && !pr_mkdirs(folder, NULL))
        (void)!pr_file_write_atomic(path, pr_str_cstr(&text), text.len, NULL);
    json_decref(doc);
    pr_str_done(&text);
    pr_free(path);
    pr_free(folder);
}

/* --- checking --- */

static bool is_known(const struct pr_health_file *f)
{
    return json_is_integer(json_object_get(f->cache, "lines"));
}

static void check(struct reader *r, struct pr_health_file *f)
{
    const char *paths[] = {f->f.path};
    struct pr_validate_options o = {
        .threads = r->threads, .max_listed = 1, .stopped = late, .ctx = r};
    struct pr_validation *v;
    if (pr_validate(paths, 1, &o, &v, NULL))
        return;
    size_t refused = v->n_refused + v->files[0].refused;
    r->news = true;
    pr_json_set_int(f->cache, "lines", (int64_t)v->n_lines);
    pr_json_set_int(f->cache, "refused", (int64_t)refused);
    if (refused && v->n) {
        struct pr_str text = PR_STR_INIT(1 << 12);
        if (v->v[0].line)
            pr_str_printf(&text, "line %zu: ", v->v[0].line);
        pr_str_printf(&text, "%s: %s", pr_defect_name(v->v[0].defect), v->v[0].text);
        pr_json_set_str(f->cache, "first", pr_str_cstr(&text));
        pr_str_done(&text);
    }
    pr_validation_free(v);
}

static bool hash_file(struct reader *r, const char *path, char ret[PR_SHA256_HEX])
{
    static const size_t part = (size_t)1 << 20;
    uint8_t digest[PR_SHA256_LEN];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    struct pr_sha256 *h = pr_sha256_new();
    char *buf = pr_alloc(part);
    ssize_t n;
    while ((n = read(fd, buf, part)) > 0 && !late(r))
        pr_sha256_update(h, buf, (size_t)n);
    pr_sha256_final(h, digest);
    pr_sha256_hex(digest, ret);
    pr_free(buf);
    close(fd);
    return n == 0;
}

/* What was refused or written by the way of correcting is no copy that trains twice. */
static bool is_trained(const struct pr_health_file *f)
{
    return f->f.queue != PR_QUEUE_REJECTED && f->f.queue != PR_QUEUE_CORRECTIONS;
}

static bool has_twin(const struct pr_health_files *h, size_t i)
{
    for (size_t k = 0; is_trained(&h->v[i]) && k < h->n; k++)
        if (k != i && h->v[k].f.bytes == h->v[i].f.bytes && is_trained(&h->v[k]))
            return true;
    return false;
}

static void read_all(struct reader *r)
{
    struct pr_health_files *h = r->h;
    for (size_t i = 0; i < h->n; i++) {
        struct pr_health_file *f = &h->v[i];
        char hex[PR_SHA256_HEX];
        if (pr_queue_waits(f->f.queue) && !is_known(f) && !late(r))
            check(r, f);
        if (f->f.bytes && !json_is_string(json_object_get(f->cache, "sha256")) && has_twin(h, i) &&
            !late(r) && hash_file(r, f->f.path, hex)) {
            pr_json_set_str(f->cache, "sha256", hex);
            r->news = true;
        }
        f->checked = is_known(f);
        f->lines = json_integer_value(json_object_get(f->cache, "lines"));
        f->refused = json_integer_value(json_object_get(f->cache, "refused"));
        f->first = json_string_value(json_object_get(f->cache, "first"));
        f->hash = has_twin(h, i) ? json_string_value(json_object_get(f->cache, "sha256")) : NULL;
    }
}

enum pr_code pr_health_files_read(struct pr_health_files *h, const char *base_dir,
    double check_seconds, size_t threads, struct pr_error *e)
{
    struct reader r = {.h = h,
        .base = base_dir,
        .until_ns = pr_clock_monotonic_ns() + (int64_t)(check_seconds * 1e9),
        .threads = threads};
    enum pr_code code = list_all(&r, e);
    if (code)
        return code;
    take_cached(&r);
    read_all(&r);
    if (r.news)
        write_cache(&r);
    return PR_OK;
}

void pr_health_files_done(struct pr_health_files *h)
{
    for (size_t i = 0; i < h->n; i++)
        json_decref(h->v[i].cache);
    pr_free(h->v);
    for (int q = 0; q < PR_N_QUEUES; q++)
        pr_queue_files_free(h->lists[q], h->n_lists[q]);
    *h = (struct pr_health_files){0};
}
