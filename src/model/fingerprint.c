/* A checkpoint's fingerprint: the digests of its parts, joined (docs/fingerprint.md). */
#include "model/fingerprint.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

struct parts {
    struct pr_str text; /* what the fingerprint is the hash of */
};

static void add_line(struct parts *p, const char *key, const char *value)
{
    pr_str_printf(&p->text, "%s %s\n", key, value);
}

static void add_digest(struct parts *p, const char *key, const uint8_t digest[PR_SHA256_LEN])
{
    char hex[PR_SHA256_HEX];
    pr_sha256_hex(digest, hex);
    add_line(p, key, hex);
}

/* The hash of n bytes; "-" where there is nothing. */
static void add_bytes(struct parts *p, const char *key, const char *bytes, size_t n)
{
    uint8_t digest[PR_SHA256_LEN];
    if (!bytes) {
        add_line(p, key, "-");
        return;
    }
    pr_sha256(bytes, n, digest);
    add_digest(p, key, digest);
}

static void add_json(struct parts *p, const char *key, const json_t *v)
{
    struct pr_str s = PR_STR_INIT((size_t)1 << 28);
    if (v)
        pr_json_dump_canonical(v, &s);
    add_bytes(p, key, v ? pr_str_cstr(&s) : NULL, s.len);
    pr_str_done(&s);
}

/* Without what only says which program wrote it. */
static void add_generation(struct parts *p, const json_t *generation)
{
    json_t *kept = generation ? json_copy((json_t *)generation) : NULL;
    if (kept) {
        json_object_del(kept, "transformers_version");
        json_object_del(kept, "_from_model_config");
    }
    add_json(p, "generation", kept);
    json_decref(kept);
}

static enum pr_code add_tokenizer(struct parts *p, struct pr_checkpoint *c, struct pr_error *e)
{
    const struct pr_tokenizer *t;
    if (!pr_folder_has(&c->folder, "tokenizer.json") &&
        !(c->base && pr_folder_has(&c->base->folder, "tokenizer.json"))) {
        add_line(p, "tokenizer", "-");
        return PR_OK;
    }
    enum pr_code code = pr_checkpoint_tokenizer(c, &t, e);
    if (!code)
        add_digest(p, "tokenizer", pr_tokenizer_digest(t));
    return code;
}

static enum pr_code add_parts(
    struct parts *p, struct pr_checkpoint *c, struct pr_pool *pool, struct pr_error *e)
{
    uint8_t digest[PR_SHA256_LEN];
    if (!pr_fingerprint_tensors(
            c->weights.by_name, c->weights.n, &c->weights, pool, &c->stop, digest))
        return pr_fail(
            e, PR_E_CANCELLED, "%s: told to stop while its weights were hashed", c->folder.name);
    add_digest(p, "weights", digest);
    json_t *config =
        c->adapter ? pr_adapter_canonical(c->adapter) : pr_model_config_canonical(&c->config);
    add_json(p, c->adapter ? "adapter" : "config", config);
    json_decref(config);
    add_generation(p, c->texts.generation ? c->texts.generation
                      : c->base           ? c->base->texts.generation
                                          : NULL);
    enum pr_code code = add_tokenizer(p, c, e);
    if (code)
        return code;
    add_json(p, "specials", pr_checkpoint_specials(c));
    const char *chat = pr_checkpoint_template(c);
    add_bytes(p, "template", chat, chat ? strlen(chat) : 0);
    return PR_OK;
}

static enum pr_code compute(
    struct pr_checkpoint *c, struct pr_pool *pool, char ret[PR_SHA256_HEX], struct pr_error *e)
{
    struct parts p = {.text = PR_STR_INIT(4096)};
    uint8_t digest[PR_SHA256_LEN];
    pr_str_puts(&p.text, "proctor fingerprint 1\n");
    enum pr_code code = add_parts(&p, c, pool, e);
    if (!code && c->base) {
        char base[PR_SHA256_HEX];
        code = compute(c->base, pool, base, e);
        if (!code)
            add_line(&p, "base", base);
    }
    if (!code) {
        pr_sha256(pr_str_cstr(&p.text), p.text.len, digest);
        pr_sha256_hex(digest, ret);
    }
    pr_str_done(&p.text);
    return code;
}

/* The tokenizer is opened on first use: make its file one of those that are remembered. */
static enum pr_code remember_tokenizer(struct pr_checkpoint *c, struct pr_error *e)
{
    int fd;
    enum pr_code code = pr_folder_file(&c->folder, "tokenizer.json", &fd, e);
    if (!code)
        close(fd);
    else if (code != PR_E_NOT_FOUND)
        return pr_wrap(e, code, "%s", c->folder.name);
    return c->base ? remember_tokenizer(c->base, e) : PR_OK;
}

enum pr_code pr_checkpoint_fingerprint(
    struct pr_checkpoint *c, int n_threads, char ret[65], struct pr_error *e)
{
    char key[PR_SHA256_HEX], made[PR_SHA256_HEX];
    struct pr_pool *pool = NULL;
    if (!c->has_weights)
        return pr_fail(e, PR_E_USAGE, "%s: opened without its weights, they have no fingerprint",
            c->folder.name);
    if (c->fingerprint[0]) {
        memcpy(ret, c->fingerprint, sizeof c->fingerprint);
        return pr_checkpoint_unchanged(c, e);
    }
    enum pr_code code = remember_tokenizer(c, e);
    if (code)
        return code;
    bool settled = pr_fingerprint_key(c, key);
    if (settled && pr_fingerprint_cached(key, ret)) {
        memcpy(c->fingerprint, ret, sizeof c->fingerprint);
        return PR_OK;
    }
    if ((code = pr_pool_new(n_threads, &pool, e)))
        return code;
    code = compute(c, pool, made, e);
    pr_pool_free(pool);
    if (!code)
        code = pr_checkpoint_unchanged(c, e);
    if (code)
        return code;
    if (settled)
        pr_fingerprint_store(key, made);
    memcpy(c->fingerprint, made, sizeof made);
    memcpy(ret, made, sizeof made);
    return PR_OK;
}

enum pr_code pr_checkpoint_unchanged(const struct pr_checkpoint *c, struct pr_error *e)
{
    enum pr_code code = pr_folder_unchanged(&c->folder, e);
    for (size_t i = 0; !code && i < c->weights.n_files; i++)
        if (!pr_safetensors_is_whole(c->weights.files[i]))
            code = pr_fail(e, PR_E_CHANGED,
                "%s: a page of its weights could not be read: the file was shorter for a moment, "
                "or its disk fails",
                c->folder.name);
    return !code && c->base ? pr_checkpoint_unchanged(c->base, e) : code;
}
