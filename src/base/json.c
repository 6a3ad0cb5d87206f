/* JSON over jansson: limits before, forgiveness where asked, no NaN after. */
#include "base/json.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/utf8.h"

int pr_json_hex4(const char *s)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

/* One pass over the text outside jansson: depth, and the rewrites that the flags allow. */
struct scan {
    const char *text;
    size_t n;
    unsigned flags;
    struct pr_json_notes notes;
    struct pr_str out; /* the rewritten text, used only when `rewritten` */
    size_t copied;
    bool rewritten;
};

static void rewrite(struct scan *s, size_t from, size_t to, const char *with)
{
    pr_str_append(&s->out, s->text + s->copied, from - s->copied);
    pr_str_puts(&s->out, with);
    s->copied = to;
    s->rewritten = true;
}

/* i is at a backslash within a string; returns the index after the escape. */
static size_t scan_escape(struct scan *s, size_t i)
{
    if (i + 1 >= s->n)
        return s->n;
    if (s->text[i + 1] != 'u' || i + 6 > s->n)
        return i + 2;
    int u = pr_json_hex4(s->text + i + 2);
    if (u < 0)
        return i + 2; /* jansson names the error */
    if (u == 0)
        s->notes.nul = true;
    if (u < 0xd800 || u > 0xdfff)
        return i + 6;
    bool pair = u < 0xdc00 && i + 12 <= s->n && s->text[i + 6] == '\\' && s->text[i + 7] == 'u' &&
                pr_json_hex4(s->text + i + 8) >= 0xdc00 && pr_json_hex4(s->text + i + 8) <= 0xdfff;
    if (pair)
        return i + 12;
    if (s->flags & PR_JSON_LENIENT) {
        s->notes.lone_surrogate = true;
        rewrite(s, i, i + 6, "\\ufffd");
    }
    return i + 6;
}

/* i is at the first character of a number; rewrites one that jansson would refuse for its size. */
static size_t scan_number(struct scan *s, size_t i)
{
    size_t from = i;
    bool real = false;
    while (i < s->n && strchr("+-.eE0123456789", s->text[i]) && s->text[i]) {
        real |= s->text[i] == '.' || s->text[i] == 'e' || s->text[i] == 'E';
        i++;
    }
    if (real ? !(s->flags & (PR_JSON_LENIENT | PR_JSON_NAN)) : i - from < 19)
        return i;
    char *text = pr_strndup(s->text + from, i - from), *end;
    double x = strtod(text, &end);
    if (!*end && !isfinite(x)) {
        s->notes.number_range = true;
        rewrite(s, from, i, "null");
    } else if (!*end && !real && fabs(x) >= 0x1p63) {
        s->notes.number_range = true;
        rewrite(s, i, i, ".0");
    }
    pr_free(text);
    return i;
}

static size_t scan_word(struct scan *s, size_t i)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t w = 0; w < 3; w++) {
        size_t len = strlen(words[w]);
        if (s->n - i >= len && !memcmp(s->text + i, words[w], len)) {
            s->notes.nan = true;
            rewrite(s, i, i + len, "null");
            return i + len;
        }
    }
    return 0;
}

static enum pr_code scan(struct scan *s, const char *where, struct pr_error *e)
{
    bool in_string = false;
    int depth = 0;
    for (size_t i = 0; i < s->n;) {
        char c = s->text[i];
        if (in_string) {
            if (c == '\\') {
                i = scan_escape(s, i);
                continue;
            }
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > PR_JSON_MAX_DEPTH)
                return pr_fail_at(e, PR_E_LIMIT, (int64_t)i, "%snested deeper than %d levels",
                    where, PR_JSON_MAX_DEPTH);
        } else if (c == ']' || c == '}') {
            depth--;
        } else if ((s->flags & PR_JSON_NAN) && (c == 'N' || c == 'I' || c == '-')) {
            size_t next = scan_word(s, i);
            if (next) {
                i = next;
                continue;
            }
        }
        if (!in_string && (c == '-' || (c >= '0' && c <= '9'))) {
            i = scan_number(s, i);
            continue;
        }
        i++;
    }
    return PR_OK;
}

static enum pr_code explain(const json_error_t *je, const char *where, struct pr_error *e)
{
    enum json_error_code kind = json_error_code(je);
    const char *what = kind == json_error_premature_end_of_input ? "the JSON is cut off" : je->text;
    return pr_fail_at(e, PR_E_FORMAT, je->position, "%snot valid JSON: %s (line %d, column %d)",
        where, what, je->line, je->column);
}

enum pr_code pr_json_parse(const char *text, size_t n, unsigned flags, const char *name,
    json_t **ret, struct pr_json_notes *notes, struct pr_error *e)
{
    struct pr_str where = PR_STR_INIT(512);
    if (name)
        pr_str_printf(&where, "%.400s: ", name);
    const char *at = pr_str_cstr(&where);
    struct scan s = {.text = text, .n = n, .flags = flags, .out = PR_STR_INIT(2 * n + 64)};
    json_error_t je;
    json_t *v = NULL;
    size_t valid = pr_utf8_valid_prefix(text, n);
    enum pr_code code = PR_OK;
    if (valid < n) {
        code = pr_fail_at(e, PR_E_FORMAT, (int64_t)valid, "%snot valid UTF-8", at);
        goto out;
    }
    if ((code = scan(&s, at, e)))
        goto out;
    if (s.rewritten) {
        pr_str_append(&s.out, text + s.copied, n - s.copied);
        text = s.out.data;
        n = s.out.len;
    }
    size_t jf = JSON_ALLOW_NUL | (flags & PR_JSON_ANY ? JSON_DECODE_ANY : 0);
    if (!(flags & (PR_JSON_LENIENT | PR_JSON_NUL)) && s.notes.nul)
        jf &= ~(size_t)JSON_ALLOW_NUL;
    v = json_loadb(text, n, jf | JSON_REJECT_DUPLICATES, &je);
    if (!v && (flags & PR_JSON_LENIENT) && json_error_code(&je) == json_error_duplicate_key) {
        s.notes.repeated_key = true;
        v = json_loadb(text, n, jf, &je);
    }
    if (!v) {
        code = explain(&je, at, e);
        goto out;
    }
    if (notes)
        *notes = s.notes;
    *ret = v;
out:
    pr_str_done(&s.out);
    pr_str_done(&where);
    return code;
}

enum pr_code pr_json_read(
    int dir_fd, const char *name, size_t max, unsigned flags, json_t **ret, struct pr_error *e)
{
    char *text;
    size_t n;
    enum pr_code code = pr_file_read(dir_fd, name, max, &text, &n, e);
    if (code)
        return code;
    code = pr_json_parse(text, n, flags, name, ret, NULL, e);
    pr_free(text);
    return code;
}

const char *pr_json_text(const json_t *obj, const char *key)
{
    return json_string_value(json_object_get(obj, key));
}

const char *pr_json_type_name(const json_t *v)
{
    static const char *const names[] = {[JSON_OBJECT] = "an object",
        [JSON_ARRAY] = "an array",
        [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer",
        [JSON_REAL] = "a number",
        [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",
        [JSON_NULL] = "null"};
    return v ? names[json_typeof(v)] : "nothing";
}

/* The member, or NULL with *ret_code saying whether that is fine. */
static const json_t *member(
    const json_t *obj, const char *key, bool required, enum pr_code *ret_code, struct pr_error *e)
{
    const json_t *v = json_object_get(obj, key);
    *ret_code = PR_OK;
    if (v && !json_is_null(v))
        return v;
    if (required)
        *ret_code = pr_fail(e, PR_E_FORMAT, "'%s' is %s", key, v ? "null" : "missing");
    return NULL;
}

enum pr_code pr_json_get_int(const json_t *obj, const char *key, bool required, int64_t min,
    int64_t max, int64_t *ret, struct pr_error *e)
{
    enum pr_code code;
    const json_t *v = member(obj, key, required, &code, e);
    if (!v)
        return code;
    int64_t x;
    if (json_is_integer(v)) {
        x = json_integer_value(v);
    } else if (json_is_real(v) && trunc(json_real_value(v)) == json_real_value(v) &&
               fabs(json_real_value(v)) < 0x1p53) {
        x = (int64_t)json_real_value(v);
    } else {
        return pr_fail(
            e, PR_E_FORMAT, "'%s' is %s, an integer was expected", key, pr_json_type_name(v));
    }
    if (x < min || x > max)
        return pr_fail(e, PR_E_FORMAT, "'%s' is %lld, expected %lld to %lld", key, (long long)x,
            (long long)min, (long long)max);
    *ret = x;
    return PR_OK;
}

enum pr_code pr_json_get_real(const json_t *obj, const char *key, bool required, double min,
    double max, double *ret, struct pr_error *e)
{
    enum pr_code code;
    const json_t *v = member(obj, key, required, &code, e);
    if (!v)
        return code;
    if (!json_is_number(v))
        return pr_fail(
            e, PR_E_FORMAT, "'%s' is %s, a number was expected", key, pr_json_type_name(v));
    double x = json_number_value(v);
    if (!(x >= min && x <= max))
        return pr_fail(e, PR_E_FORMAT, "'%s' is %g, expected %g to %g", key, x, min, max);
    *ret = x;
    return PR_OK;
}

enum pr_code pr_json_get_bool(
    const json_t *obj, const char *key, bool required, bool *ret, struct pr_error *e)
{
    enum pr_code code;
    const json_t *v = member(obj, key, required, &code, e);
    if (!v)
        return code;
    if (!json_is_boolean(v))
        return pr_fail(
            e, PR_E_FORMAT, "'%s' is %s, true or false was expected", key, pr_json_type_name(v));
    *ret = json_is_true(v);
    return PR_OK;
}

enum pr_code pr_json_get_str(
    const json_t *obj, const char *key, bool required, const char **ret, struct pr_error *e)
{
    enum pr_code code;
    const json_t *v = member(obj, key, required, &code, e);
    if (!v)
        return code;
    if (!json_is_string(v))
        return pr_fail(
            e, PR_E_FORMAT, "'%s' is %s, a string was expected", key, pr_json_type_name(v));
    *ret = json_string_value(v);
    return PR_OK;
}

void pr_json_set(json_t *obj, const char *key, json_t *value)
{
    json_object_set_new(obj, key, value);
}

void pr_json_set_null(json_t *obj, const char *key, const char *reason)
{
    struct pr_str name = PR_STR_INIT(256);
    pr_json_set(obj, key, json_null());
    pr_str_printf(&name, "%s_reason", key);
    pr_json_set_str(obj, pr_str_cstr(&name), reason ? reason : "not a finite number");
    pr_str_done(&name);
}

void pr_json_set_real(json_t *obj, const char *key, double x, const char *reason)
{
    if (isfinite(x))
        pr_json_set(obj, key, json_real(x));
    else
        pr_json_set_null(obj, key, reason);
}

void pr_json_set_int(json_t *obj, const char *key, int64_t x)
{
    pr_json_set(obj, key, json_integer(x));
}

void pr_json_set_bool(json_t *obj, const char *key, bool x)
{
    pr_json_set(obj, key, json_boolean(x));
}

void pr_json_set_strn(json_t *obj, const char *key, const char *s, size_t n)
{
    if (pr_utf8_valid(s, n)) {
        pr_json_set(obj, key, json_stringn_nocheck(s, n));
        return;
    }
    struct pr_str fixed = PR_STR_INIT(3 * n + 3);
    pr_utf8_append_lossy(&fixed, s, n);
    pr_json_set(obj, key, json_stringn_nocheck(pr_str_cstr(&fixed), fixed.len));
    pr_str_done(&fixed);
}

void pr_json_set_str(json_t *obj, const char *key, const char *s)
{
    if (s)
        pr_json_set_strn(obj, key, s, strlen(s));
    else
        pr_json_set(obj, key, json_null());
}

static int to_str(const char *bytes, size_t n, void *ctx)
{
    pr_str_append(ctx, bytes, n);
    return 0;
}

void pr_json_dump(const json_t *v, int indent, int digits, struct pr_str *out)
{
    size_t flags = JSON_ENCODE_ANY |
                   (indent > 0      ? JSON_INDENT((size_t)indent)
                       : indent < 0 ? JSON_COMPACT
                                    : 0) |
                   (digits > 0 ? JSON_REAL_PRECISION((size_t)digits) : 0);
    json_dump_callback(v, to_str, out, flags);
}

void pr_json_dump_canonical(const json_t *v, struct pr_str *out)
{
    json_dump_callback(v, to_str, out, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
}
