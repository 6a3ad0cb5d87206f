/* The transfer layer from a command line, for tests/integration/transfer_ssh.py:
 *
 *   transfer_tool list|ready|fetch --dir D [--host H --port P --user U -o NAME=VALUE …]
 *     [--name NAME --local D --as NAME --all 1 --zstd 1 --bwlimit BYTES --timeout S --reserve
 * BYTES]
 *
 * Prints one JSON object; exit status 0, or 1 with {"code", "errno", "message"}.  `list` looks
 * twice over one connection and tells what the second look took; `ready` looks twice, 20 ms apart,
 * and judges; `fetch` does that and fetches.  Names are in hexadecimal: they may be no UTF-8. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "transfer/fetch.h"
#include "transfer/ready.h"

struct arguments {
    struct pr_store_options source;
    struct pr_fetch_options fetch;
    const char *options[32];
    const char *command, *name;
};

static int show(json_t *v, int status)
{
    struct pr_str out = PR_STR_INIT((size_t)64 << 20);
    pr_json_dump(v, -1, 0, &out);
    puts(pr_str_cstr(&out));
    pr_str_done(&out);
    json_decref(v);
    return status;
}

static int failed(const struct pr_error *e)
{
    json_t *v = json_object();
    pr_json_set_str(v, "code", pr_code_name(e->code));
    pr_json_set_int(v, "errno", e->sys_errno);
    pr_json_set_str(v, "message", e->message);
    return show(v, 1);
}

static void set_name(json_t *v, const char *key, const char *name)
{
    struct pr_str hex = PR_STR_INIT(10000);
    for (; *name; name++)
        pr_str_printf(&hex, "%02x", (unsigned char)*name);
    pr_json_set_str(v, key, pr_str_cstr(&hex));
    pr_str_done(&hex);
}

static json_t *listing_json(const struct pr_listing *l)
{
    json_t *all = json_array();
    for (size_t i = 0; i < l->n; i++) {
        json_t *c = json_object(), *files = json_array();
        char hash[PR_SHA256_HEX];
        set_name(c, "name", l->v[i].name);
        pr_listed_hash(&l->v[i], hash);
        pr_json_set_str(c, "hash", hash);
        for (size_t j = 0; j < l->v[i].n; j++) {
            const struct pr_listed_file *x = &l->v[i].files[j];
            json_t *f = json_object();
            set_name(f, "name", x->name);
            pr_json_set_int(f, "kind", x->kind);
            pr_json_set_int(f, "size", (int64_t)x->size);
            pr_json_set_int(f, "mtime_ns", x->mtime_ns);
            json_array_append_new(files, f);
        }
        pr_json_set(c, "files", files);
        json_array_append_new(all, c);
    }
    return all;
}

static int list(struct pr_store *s, const struct arguments *a)
{
    struct pr_error e;
    struct pr_listing l, again;
    (void)a;
    if (pr_store_list(s, &l, &e))
        return failed(&e);
    int64_t t = pr_clock_monotonic_ns();
    if (pr_store_list(s, &again, &e))
        return failed(&e);
    t = pr_clock_monotonic_ns() - t;
    json_t *v = json_object();
    pr_json_set_real(v, "second_ms", (double)t / 1e6, NULL);
    pr_json_set(v, "checkpoints", listing_json(&l));
    pr_listing_done(&l);
    pr_listing_done(&again);
    return show(v, 0);
}

/* Two looks and the check; false: *ret_status is what the tool ends with. */
static bool judge(struct pr_store *s, const struct arguments *a, struct pr_listing *now,
    struct pr_readiness *r, int *ret_status)
{
    static const struct timespec wait = {0, 20000000};
    struct pr_error e;
    struct pr_listing before;
    if (pr_store_list(s, &before, &e)) {
        *ret_status = failed(&e);
        return false;
    }
    nanosleep(&wait, NULL);
    if (pr_store_list(s, now, &e)) {
        *ret_status = failed(&e);
        pr_listing_done(&before);
        return false;
    }
    enum pr_ready_state state =
        pr_ready_compare(pr_listing_find(&before, a->name), pr_listing_find(now, a->name));
    pr_listing_done(&before);
    if (state != PR_READY_STILL) {
        pr_fail(&e, PR_E_INCOMPLETE, "state %d", (int)state);
        *ret_status = failed(&e);
    } else if (pr_ready_check(s, now, a->name, a->fetch.local_dir, r, &e)) {
        *ret_status = failed(&e);
    } else {
        return true;
    }
    pr_listing_done(now);
    return false;
}

static int ready(struct pr_store *s, const struct arguments *a)
{
    struct pr_listing now;
    struct pr_readiness r;
    int status;
    if (!judge(s, a, &now, &r, &status))
        return status;
    json_t *v = json_object();
    pr_json_set_bool(v, "complete", r.complete);
    if (r.complete) {
        pr_json_set_str(v, "run", r.identity.run);
        pr_json_set_str(v, "history", r.identity.history);
        pr_json_set_str(v, "content", r.identity.content);
        pr_json_set_int(v, "step", r.identity.step);
    } else {
        pr_json_set_str(v, "reason", r.reason.message);
    }
    pr_listing_done(&now);
    return show(v, 0);
}

static void progress(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    fprintf(stderr, "%" PRIu64 " %" PRIu64 "\n", done, total);
}

static int fetch(struct pr_store *s, const struct arguments *a)
{
    struct pr_listing now;
    struct pr_readiness r;
    struct pr_fetched f;
    struct pr_error e;
    int status;
    if (!judge(s, a, &now, &r, &status))
        return status;
    if (!r.complete) {
        status = failed(&r.reason);
    } else if (pr_fetch_checkpoint(s, pr_listing_find(&now, a->name), &a->fetch, &f, &e)) {
        status = failed(&e);
    } else {
        json_t *v = json_object();
        set_name(v, "path", f.path);
        pr_json_set_int(v, "bytes", (int64_t)f.bytes);
        pr_json_set_int(v, "reused", (int64_t)f.reused);
        pr_json_set_int(v, "files", (int64_t)f.n_files);
        pr_json_set_bool(v, "hashed", f.hashed);
        pr_free(f.path);
        status = show(v, 0);
    }
    pr_listing_done(&now);
    return status;
}

static const struct {
    const char *name;
    int (*run)(struct pr_store *s, const struct arguments *a);
} commands[] = {{"list", list}, {"ready", ready}, {"fetch", fetch}};

static bool take(struct arguments *a, const char *key, const char *value)
{
    const struct {
        const char *key, **to;
    } texts[] = {{"--host", &a->source.host}, {"--user", &a->source.user},
        {"--dir", &a->source.dir}, {"--local", &a->fetch.local_dir}, {"--as", &a->fetch.as},
        {"--name", &a->name}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!strcmp(key, texts[i].key)) {
            *texts[i].to = value;
            return true;
        }
    long long n = strtoll(value, NULL, 10);
    if (!strcmp(key, "-o") && a->source.n_ssh_options < 32)
        a->options[a->source.n_ssh_options++] = value;
    else if (!strcmp(key, "--port"))
        a->source.port = (int)n;
    else if (!strcmp(key, "--bwlimit"))
        a->fetch.bytes_per_second = (uint64_t)n;
    else if (!strcmp(key, "--timeout"))
        a->source.timeout_s = a->fetch.timeout_s = (int)n;
    else if (!strcmp(key, "--reserve"))
        a->fetch.reserve_bytes = (uint64_t)n;
    else if (!strcmp(key, "--zstd"))
        a->fetch.compress = n ? PR_COMPRESS_ZSTD : PR_COMPRESS_NONE;
    else if (!strcmp(key, "--all"))
        a->fetch.optimizer_state = n;
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct arguments a = {.name = "", .command = argc > 1 ? argv[1] : ""};
    struct pr_error e;
    struct pr_store *s;
    a.source.ssh_options = a.options;
    a.fetch.progress = progress;
    for (int i = 2; i + 1 < argc; i += 2)
        if (!take(&a, argv[i], argv[i + 1])) {
            fprintf(stderr, "unknown option %s\n", argv[i]);
            return 2;
        }
    if (pr_store_open(&a.source, &s, &e))
        return failed(&e);
    int status = 2;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(a.command, commands[i].name))
            status = commands[i].run(s, &a);
    pr_store_free(s);
    return status;
}
