/* Facts of safetensors files, tokenizers and data sets. */
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "compute/pool.h"
#include "exam/suite.h"
#include "lib/inspect.h"
#include "model/safetensors.h"
#include "model/scan.h"

#define MAX_WARNINGS 100

void pr_inspect_add_tensors(json_t *doc, const struct pr_safetensors *s)
{
    json_t *dtypes = json_object_get(doc, "dtypes");
    json_int_t parameters = json_integer_value(json_object_get(doc, "parameters"));
    json_int_t bytes = json_integer_value(json_object_get(doc, "bytes"));
    json_int_t tensors = json_integer_value(json_object_get(doc, "tensors"));
    if (!dtypes)
        pr_json_set(doc, "dtypes", dtypes = json_object());
    for (size_t i = 0; i < pr_safetensors_count(s); i++) {
        const struct pr_tensor *t = pr_safetensors_at(s, i);
        const char *name = pr_dtype_name(t->dtype);
        pr_json_set_int(dtypes, name, json_integer_value(json_object_get(dtypes, name)) + 1);
        parameters += (json_int_t)t->n;
        bytes += (json_int_t)t->bytes;
        tensors++;
    }
    pr_json_set_int(doc, "tensors", tensors);
    pr_json_set_int(doc, "parameters", parameters);
    pr_json_set_int(doc, "bytes", bytes);
}

/* Notes the weights that hold NaN, infinities or nothing but zeros. */
static void scan(const struct pr_safetensors *s, int n_threads, struct pr_notes *notes)
{
    size_t n = pr_safetensors_count(s);
    const struct pr_tensor **tensors = pr_alloc((n + 1) * sizeof *tensors);
    struct pr_pool *pool = NULL;
    for (size_t i = 0; i < n; i++)
        tensors[i] = pr_safetensors_at(s, i);
    if (pr_pool_new(n_threads, &pool, NULL))
        pool = NULL; /* then this thread does it alone */
    pr_scan_notes(tensors, n, pool, notes, NULL);
    pr_pool_free(pool);
    pr_free(tensors);
}

enum pr_code pr_inspect_safetensors(const char *path, const struct proctor_options *options,
    struct pr_inspection *ret, struct pr_error *e)
{
    struct pr_safetensors *s = NULL;
    enum pr_code code = pr_safetensors_open(AT_FDCWD, path, true, &s, e);
    if (code)
        return code;
    pr_inspect_add_tensors(ret->doc, s);
    scan(s, options->n_threads, &ret->notes);
    for (size_t i = 0; i < pr_safetensors_count(s); i++) {
        const struct pr_tensor *t = pr_safetensors_at(s, i);
        if (t->dtype == PR_F64 && ret->notes.n < MAX_WARNINGS)
            pr_notes_add(&ret->notes, "tensor '%s': F64, taken as F32", t->name);
    }
    pr_safetensors_free(s);
    return PR_OK;
}

enum pr_code pr_inspect_tokenizer(const char *path, const struct proctor_options *options,
    struct pr_inspection *ret, struct pr_error *e)
{
    struct pr_tokenizer *t = NULL;
    char hex[PR_SHA256_HEX];
    (void)options;
    char *file = pr_path_is_dir(path) ? pr_path_join(path, "tokenizer.json") : pr_strdup(path);
    enum pr_code code = pr_tokenizer_open(file, &t, &ret->notes, e);
    pr_free(file);
    if (code)
        return code;
    if (pr_tokenizer_size(t) <= 0) {
        pr_tokenizer_free(t);
        return pr_fail(e, PR_E_FORMAT, "the vocabulary is empty");
    }
    pr_sha256_hex(pr_tokenizer_digest(t), hex);
    pr_json_set_int(ret->doc, "vocabulary", pr_tokenizer_size(t));
    pr_json_set_str(ret->doc, "fingerprint", hex);
    pr_tokenizer_free(t);
    return PR_OK;
}

static void suite_notes(const struct pr_suite *s, struct pr_notes *notes)
{
    size_t told = s->n_issues < MAX_WARNINGS ? s->n_issues : MAX_WARNINGS;
    for (size_t i = 0; i < told; i++) {
        struct pr_str text = PR_STR_INIT(8192);
        pr_suite_issue_text(s, &s->issues[i], &text);
        pr_notes_add(notes, "%s", pr_str_cstr(&text));
        pr_str_done(&text);
    }
    size_t all = s->n_skipped + s->n_warned;
    if (all > told)
        pr_notes_add(notes, "%zu further lines were skipped or odd", all - told);
}

enum pr_code pr_inspect_dataset(const char *path, const struct proctor_options *options,
    struct pr_inspection *ret, struct pr_error *e)
{
    /* Whether commands are allowed is a question of grading, not of the data set. */
    struct pr_suite_options so = {.allow_commands = true};
    struct pr_suite *s = NULL;
    (void)options;
    enum pr_code code = pr_suite_load(&path, 1, &so, &s, e);
    if (s) {
        json_t *facts = pr_suite_json(s);
        json_object_del(facts, "warnings");
        json_object_update(ret->doc, facts);
        json_decref(facts);
        suite_notes(s, &ret->notes);
        if (!code)
            pr_json_set_str(ret->doc, "fingerprint", s->fingerprint);
    }
    pr_suite_free(s);
    return code;
}
