/* Rows of ids and log-probabilities are written directly: as trees of JSON values they would take a
 * hundred times the memory. */
#include "cli/rows.h"

#include <string.h>

#include "base/alloc.h"

static enum pr_code read_ids(const json_t *list, int32_t **ret, size_t *ret_n, struct pr_error *e)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list))
        return pr_fail(
            e, PR_E_FORMAT, "'ids' is %s, an array was expected", pr_json_type_name(list));
    int32_t *ids = pr_alloc((n + 1) * sizeof *ids);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        json_int_t x = json_integer_value(v);
        enum pr_code code = PR_OK;
        if (!json_is_integer(v))
            code = pr_fail(
                e, PR_E_FORMAT, "ids[%zu] is %s, an integer was expected", i, pr_json_type_name(v));
        else if (x < 0 || x > INT32_MAX)
            code = pr_fail(
                e, PR_E_FORMAT, "ids[%zu] is %lld, outside the vocabulary", i, (long long)x);
        if (code) {
            pr_free(ids);
            return code;
        }
        ids[i] = (int32_t)x;
    }
    *ret = ids;
    *ret_n = n;
    return PR_OK;
}

enum pr_code pr_row_ids(const json_t *row, const char *text_key, struct proctor_model *m,
    int32_t **ret, size_t *ret_n, struct pr_error *e)
{
    const json_t *ids = json_object_get(row, "ids"), *text = json_object_get(row, text_key);
    if (ids)
        return read_ids(ids, ret, ret_n, e);
    if (!text)
        return pr_fail(e, PR_E_FORMAT, "neither 'ids' nor '%s' is there", text_key);
    if (!json_is_string(text))
        return pr_fail(
            e, PR_E_FORMAT, "'%s' is %s, a string was expected", text_key, pr_json_type_name(text));
    return proctor_tokenize(m, json_string_value(text), json_string_length(text), ret, ret_n, e);
}

void pr_row_put_ids(struct pr_str *out, const int32_t *ids, size_t n)
{
    pr_str_putc(out, '[');
    for (size_t i = 0; i < n; i++)
        pr_str_printf(out, "%s%d", i ? "," : "", ids[i]);
    pr_str_putc(out, ']');
}

void pr_row_put_reals(struct pr_str *out, const float *x, size_t n)
{
    pr_str_putc(out, '[');
    for (size_t i = 0; i < n; i++)
        pr_str_printf(out, "%s%.9g", i ? "," : "", (double)x[i]);
    pr_str_putc(out, ']');
}

void pr_row_put_text(struct pr_str *out, const char *key, const char *text, size_t n)
{
    json_t *doc = json_object();
    pr_json_set_strn(doc, key, text, n);
    struct pr_str member = PR_STR_INIT(out->max);
    pr_json_dump_canonical(doc, &member);
    pr_str_putc(out, ',');
    pr_str_append(out, pr_str_cstr(&member) + 1, member.len - 2); /* without its braces */
    pr_str_done(&member);
    json_decref(doc);
}
