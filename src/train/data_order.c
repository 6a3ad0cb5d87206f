/* The order file: JSON Lines whose ids say what is trained, one after the other. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/utf8.h"
#include "exam/suiteset.h"
#include "train/data_internal.h"

struct order {
    struct pr_train_data *d;
    const char *path;
    struct pr_idset ids; /* of the suite's examples */
    const size_t *of_example;
    size_t n_lines, n_left_out;
};

/* The id of a line: a string, or a number's text as the readers of examples take it. */
static enum pr_code id_of(const json_t *line, struct pr_str *out, struct pr_error *e)
{
    const json_t *v = json_object_get(line, "id");
    if (json_is_string(v))
        pr_str_append(out, json_string_value(v), json_string_length(v));
    else if (json_is_number(v))
        pr_json_dump(v, 0, 0, out);
    else
        return pr_fail(e, PR_E_FORMAT, "'id' is %s; the id of an example in --data was expected",
            v ? pr_json_type_name(v) : "missing");
    if (out->over || !out->len || memchr(pr_str_cstr(out), 0, out->len))
        return pr_fail(e, PR_E_FORMAT, "'id' is empty, longer than 64 KiB or holds NUL");
    return PR_OK;
}

static enum pr_code take_line(struct order *o, const char *text, size_t n, struct pr_error *e)
{
    json_t *line = NULL;
    struct pr_str id = PR_STR_INIT(1 << 16);
    enum pr_code code = pr_json_parse(text, n, PR_JSON_LENIENT, NULL, &line, NULL, e);
    if (!code && !json_is_object(line))
        code = pr_fail(
            e, PR_E_FORMAT, "%s, an object with 'id' was expected", pr_json_type_name(line));
    if (code || (code = id_of(line, &id, e)))
        goto out;
    size_t i = pr_idset_find(&o->ids, pr_str_cstr(&id));
    if (i == SIZE_MAX)
        code = pr_fail(e, PR_E_FORMAT,
            "id '%.200s' is that of no usable example in --data; give the files that the order was "
            "made from",
            pr_str_cstr(&id));
    else if (o->of_example[i] == SIZE_MAX)
        o->n_left_out++;
    else
        PR_PUSH(o->d->given, o->d->n_given, o->d->given_cap, o->of_example[i]);
    o->n_lines++;
out:
    json_decref(line);
    pr_str_done(&id);
    return code;
}

static enum pr_code read_lines(struct order *o, int fd, struct pr_error *e)
{
    struct pr_lines lines;
    enum pr_code code = PR_OK;
    pr_lines_init(&lines, fd, PR_SUITE_MAX_LINE);
    for (bool more = true; more && !code;) {
        char *text;
        size_t n;
        enum pr_line kind = pr_lines_next(&lines, &text, &n, e);
        size_t bom = kind == PR_LINE_OK && lines.number == 1 ? pr_utf8_bom(text, n) : 0;
        if (kind == PR_LINE_TOO_LONG)
            code = pr_fail(e, PR_E_LIMIT, "the line is longer than %zu bytes", PR_SUITE_MAX_LINE);
        else if (kind == PR_LINE_OK && strspn(text + bom, " \t\r\v\f") < n - bom)
            code = take_line(o, text + bom, n - bom, e);
        else if (kind == PR_LINE_ERROR)
            return pr_lines_done(&lines), e ? e->code : PR_E_IO;
        more = kind != PR_LINE_END;
        if (code)
            pr_wrap(e, code, "%s:%zu", o->path, lines.number);
    }
    pr_lines_done(&lines);
    return code;
}

enum pr_code pr_train_order_read(struct pr_train_data *d, const char *path,
    const struct pr_suite *s, const size_t *of_example, size_t *ret_left_out, struct pr_error *e)
{
    struct order o = {.d = d, .path = path, .of_example = of_example};
    int fd;
    enum pr_code code = pr_file_open(AT_FDCWD, path, false, &fd, NULL, e);
    if (code)
        return pr_wrap(e, code, "--order");
    for (size_t i = 0; i < s->n; i++) /* of a repeated id the first one counts */
        pr_idset_add(&o.ids, s->v[i].id, i);
    code = read_lines(&o, fd, e);
    close(fd);
    if (!code && !d->n_given)
        code = pr_fail(e, PR_E_FORMAT, "%s: %s", path,
            o.n_lines ? "all the examples that it names were left out" : "no lines");
    pr_idset_done(&o.ids);
    *ret_left_out = o.n_left_out;
    return code ? pr_wrap(e, code, "--order") : PR_OK;
}
