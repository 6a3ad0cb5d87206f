/* Batches as they are given (--token-batches): lines {"input_ids","labels","attention_mask"}. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/utf8.h"
#include "train/data_internal.h"

#define MAX_LINE ((size_t)1 << 28)

/* A line's three matrices, row by row. */
struct lists {
    const json_t *ids, *labels, *mask; /* mask NULL: nothing is padding */
};

static enum pr_code list_of(
    const json_t *v, const char *what, size_t row, size_t want, struct pr_error *e)
{
    if (!json_is_array(v))
        return pr_fail(e, PR_E_FORMAT, "%s[%zu] is %s, a list of numbers was expected", what, row,
            v ? pr_json_type_name(v) : "missing");
    if (json_array_size(v) != want)
        return pr_fail(e, PR_E_FORMAT, "%s[%zu] has %zu numbers, input_ids[%zu] has %zu", what, row,
            json_array_size(v), row, want);
    return PR_OK;
}

static enum pr_code number_at(const json_t *list, const char *what, size_t row, size_t i,
    int64_t min, int64_t max, int32_t *ret, struct pr_error *e)
{
    const json_t *v = json_array_get(list, i);
    json_int_t x = json_integer_value(v);
    if (!json_is_integer(v) || x < min || x > max)
        return pr_fail(e, PR_E_FORMAT, "%s[%zu][%zu] is no whole number from %lld to %lld%s", what,
            row, i, (long long)min, (long long)max, min == PR_TRAIN_NOT_COUNTED ? " or −100" : "");
    *ret = (int32_t)x;
    return PR_OK;
}

/* One place: its id and label, and whether it belongs to the sequence. */
static enum pr_code place_at(const struct lists *l, size_t row, size_t i, uint32_t vocab,
    int32_t *id, int32_t *label, int32_t *mask, struct pr_error *e)
{
    enum pr_code code = number_at(l->ids, "input_ids", row, i, 0, (int64_t)vocab - 1, id, e);
    *mask = 1;
    if (!code && l->mask)
        code = number_at(l->mask, "attention_mask", row, i, 0, 1, mask, e);
    if (!code)
        code = number_at(
            l->labels, "labels", row, i, PR_TRAIN_NOT_COUNTED, (int64_t)vocab - 1, label, e);
    if (!code && *label < 0 && *label != PR_TRAIN_NOT_COUNTED)
        code = pr_fail(e, PR_E_FORMAT,
            "labels[%zu][%zu] is %d; a token's id, or −100 for one that is not counted, was "
            "expected",
            row, i, *label);
    if (!code && !*mask && *label != PR_TRAIN_NOT_COUNTED)
        code = pr_fail(e, PR_E_FORMAT,
            "labels[%zu][%zu] counts a place that attention_mask leaves out", row, i);
    return code;
}

/* Appends a sequence without its padding, which may stand at either end. */
static enum pr_code take_row(
    struct pr_train_data *d, const struct lists *l, size_t row, uint32_t vocab, struct pr_error *e)
{
    size_t n = json_array_size(l->ids), at = d->n_tokens;
    bool ended = false;
    enum pr_code code = list_of(l->labels, "labels", row, n, e);
    if (!code && l->mask)
        code = list_of(l->mask, "attention_mask", row, n, e);
    for (size_t i = 0; i < n && !code; i++) {
        int32_t id = 0, label = 0, mask = 0;
        if ((code = place_at(l, row, i, vocab, &id, &label, &mask, e)))
            break;
        if (mask && ended)
            code = pr_fail(e, PR_E_FORMAT,
                "attention_mask[%zu] has zeros between ones: padding may stand at the ends alone",
                row);
        ended = ended || (!mask && d->n_tokens > at);
        if (mask) {
            PR_PUSH(d->tokens, d->n_tokens, d->tokens_cap, id);
            PR_PUSH(d->labels, d->n_labels, d->labels_cap, label);
        }
    }
    struct pr_sequence q = {.at = at, .n = (uint32_t)(d->n_tokens - at)};
    if (!code && d->max_tokens && q.n > d->max_tokens)
        code = pr_fail(e, PR_E_FORMAT, "input_ids[%zu] has %u tokens, and the model %u positions",
            row, q.n, d->max_tokens);
    if (!code)
        PR_PUSH(d->v, d->n, d->cap, q);
    return code;
}

static const json_t *matrix(
    const json_t *line, const char *key, bool required, enum pr_code *code, struct pr_error *e)
{
    const json_t *v = json_object_get(line, key);
    if (!*code && ((!v || json_is_null(v)) ? required : !json_is_array(v)))
        *code = pr_fail(e, PR_E_FORMAT, "'%s' is %s, a list of lists of numbers was expected", key,
            v ? pr_json_type_name(v) : "missing");
    return json_is_array(v) ? v : NULL;
}

static enum pr_code take_batch(
    struct pr_train_data *d, const json_t *line, uint32_t vocab, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    struct lists all = {.ids = matrix(line, "input_ids", true, &code, e)};
    all.labels = matrix(line, "labels", true, &code, e);
    all.mask = matrix(line, "attention_mask", false, &code, e);
    size_t n = json_array_size(all.ids);
    if (!code && !n)
        code = pr_fail(e, PR_E_FORMAT, "'input_ids' is empty");
    if (!code && (json_array_size(all.labels) != n || (all.mask && json_array_size(all.mask) != n)))
        code = pr_fail(e, PR_E_FORMAT, "'%s' has another number of rows than 'input_ids'",
            json_array_size(all.labels) != n ? "labels" : "attention_mask");
    for (size_t i = 0; i < n && !code; i++) {
        struct lists row = {json_array_get(all.ids, i), json_array_get(all.labels, i),
            all.mask ? json_array_get(all.mask, i) : NULL};
        if (!json_is_array(row.ids))
            code = pr_fail(e, PR_E_FORMAT, "input_ids[%zu] is %s, a list of numbers was expected",
                i, pr_json_type_name(row.ids));
        else
            code = take_row(d, &row, i, vocab, e);
    }
    return code;
}

enum pr_code pr_train_given_line(
    struct pr_train_data *d, const char *text, size_t n, uint32_t vocab, struct pr_error *e)
{
    json_t *line = NULL;
    enum pr_code code = pr_json_parse(text, n, PR_JSON_STRICT, NULL, &line, NULL, e);
    if (!code && !json_is_object(line))
        code = pr_fail(e, PR_E_FORMAT, "%s, an object was expected", pr_json_type_name(line));
    if (!code)
        code = take_batch(d, line, vocab, e);
    json_decref(line);
    if (code)
        return code;
    if (!d->n_batches)
        PR_PUSH(d->first, d->n_batches, d->first_cap, 0);
    else
        d->n_batches++; /* the entry behind the last batch is where this one began */
    if (d->n_batches == d->first_cap)
        pr_grow((void **)&d->first, &d->first_cap, d->n_batches + 1, sizeof *d->first);
    d->first[d->n_batches] = d->n;
    return PR_OK;
}

static enum pr_code read_lines(struct pr_train_data *d, int fd, const char *path, uint32_t vocab,
    const struct pr_train_data_options *o, struct pr_error *e)
{
    struct pr_lines lines;
    enum pr_code code = PR_OK;
    pr_lines_init(&lines, fd, MAX_LINE);
    for (bool more = true; more && !code;) {
        char *text;
        size_t n;
        enum pr_line kind = pr_lines_next(&lines, &text, &n, e);
        size_t bom = kind == PR_LINE_OK && lines.number == 1 ? pr_utf8_bom(text, n) : 0;
        more = kind != PR_LINE_END;
        if (kind == PR_LINE_ERROR) {
            code = e ? e->code : PR_E_IO;
            break;
        }
        if (pr_train_data_stopped(o)) {
            code = pr_fail(e, PR_E_CANCELLED, "stopped while the batches were read");
            break;
        }
        if (kind == PR_LINE_TOO_LONG)
            code = pr_fail(e, PR_E_LIMIT, "the line is longer than %zu bytes", MAX_LINE);
        else if (kind == PR_LINE_OK && strspn(text + bom, " \t\r\v\f") < n - bom)
            code = pr_train_given_line(d, text + bom, n - bom, vocab, e);
        if (code)
            pr_wrap(e, code, "%s:%zu", path, lines.number);
    }
    pr_lines_done(&lines);
    return code;
}

/* Batches in which nothing counts train nothing: they are said, and skipped when their turn comes.
 */
static size_t count_empty(const struct pr_train_data *d)
{
    size_t empty = 0;
    for (size_t b = 0; b < d->n_batches; b++) {
        bool any = false;
        for (size_t i = d->first[b]; i < d->first[b + 1]; i++)
            for (uint32_t k = 1; k < d->v[i].n; k++)
                any = any || pr_sequence_counts(d, &d->v[i], k);
        empty += !any;
    }
    return empty;
}

enum pr_code pr_train_data_load_batches(const char *path, const struct pr_model_config *config,
    const struct pr_train_data_options *o, struct pr_train_data **ret, struct pr_error *e)
{
    int fd;
    enum pr_code code = pr_file_open(AT_FDCWD, path, false, &fd, NULL, e);
    if (code)
        return pr_wrap(e, code, "--token-batches");
    struct pr_train_data *d = pr_zalloc(sizeof *d);
    d->epoch = -1;
    d->facts = json_object();
    d->max_tokens = config->max_position;
    code = read_lines(d, fd, path, config->vocab, o, e);
    close(fd);
    size_t empty = code ? 0 : count_empty(d);
    if (!code && empty == d->n_batches)
        code = pr_fail(e, PR_E_FORMAT, "%s: %s", path,
            empty ? "no batch has a label that counts" : "no batches");
    if (code) {
        pr_train_data_free(d);
        return pr_wrap(e, code, "--token-batches");
    }
    pr_json_set_str(d->facts, "file", path);
    pr_json_set_int(d->facts, "batches", (int64_t)d->n_batches);
    pr_json_set_int(d->facts, "sequences", (int64_t)d->n);
    pr_json_set_int(d->facts, "empty_batches", (int64_t)empty);
    pr_train_data_seal(d);
    *ret = d;
    return PR_OK;
}
