/* The reader of tok_json.h: a cursor over checked UTF-8, no allocation. */
#include "model/tok_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

enum pr_code pr_tok_json_fail(struct pr_tok_json *j, const char *fmt, ...)
{
    char what[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (j->at >= j->n)
        return pr_fail_at(j->e, PR_E_FORMAT, (int64_t)j->n, "the JSON is cut off: %s", what);
    return pr_fail_at(j->e, PR_E_FORMAT, (int64_t)j->at, "%s", what);
}

int pr_tok_json_peek(struct pr_tok_json *j)
{
    while (j->at < j->n) {
        char c = j->text[j->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
            return (unsigned char)c;
        j->at++;
    }
    return -1;
}

enum pr_code pr_tok_json_take(struct pr_tok_json *j, char c)
{
    if (pr_tok_json_peek(j) != c)
        return pr_tok_json_fail(j, "'%c' was expected", c);
    j->at++;
    return PR_OK;
}

enum pr_code pr_tok_json_next(struct pr_tok_json *j, char close, size_t *index, bool *ret_more)
{
    int c = pr_tok_json_peek(j);
    *ret_more = false;
    if (c == close) {
        j->at++;
        return PR_OK;
    }
    if (*index > 0) {
        if (c != ',')
            return pr_tok_json_fail(j, "',' or '%c' was expected", close);
        j->at++;
    }
    ++*index;
    *ret_more = true;
    return PR_OK;
}

/* The character of a \u escape (j->at at the 'u'), surrogate pairs joined; -1 when it is none. */
static int64_t unicode_escape(struct pr_tok_json *j)
{
    const char *s = j->text + j->at;
    size_t left = j->n - j->at;
    int hi = left >= 5 ? pr_json_hex4(s + 1) : -1;
    if (hi < 0)
        return -1;
    j->at += 5;
    if (hi < 0xd800 || hi > 0xdfff)
        return hi;
    int lo = hi < 0xdc00 && left >= 11 && s[5] == '\\' && s[6] == 'u' ? pr_json_hex4(s + 7) : -1;
    if (lo < 0xdc00 || lo > 0xdfff)
        return -1;
    j->at += 6;
    return 0x10000 + ((int64_t)(hi - 0xd800) << 10) + (lo - 0xdc00);
}

/* One escape, j->at behind the backslash; writes at most 4 bytes. */
static enum pr_code escape(struct pr_tok_json *j, char *out, size_t *len)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (j->at >= j->n)
        return pr_tok_json_fail(j, "a string does not end");
    char c = j->text[j->at];
    if (c == 'u') {
        int64_t u = unicode_escape(j);
        if (u < 0)
            return pr_tok_json_fail(j, "not a valid \\u escape");
        *len += pr_utf8_encode((uint32_t)u, out + *len);
        return PR_OK;
    }
    const char *p = c ? strchr(from, c) : NULL;
    if (!p)
        return pr_tok_json_fail(j, "an unknown escape in a string");
    out[(*len)++] = to[p - from];
    j->at++;
    return PR_OK;
}

enum pr_code pr_tok_json_string(struct pr_tok_json *j, char *out, size_t *ret_len)
{
    enum pr_code code;
    size_t len = 0;
    if (pr_tok_json_peek(j) != '"')
        return pr_tok_json_fail(j, "a string was expected");
    j->at++;
    while (j->at < j->n) {
        unsigned char c = (unsigned char)j->text[j->at];
        if (c == '"') {
            j->at++;
            out[len] = 0;
            *ret_len = len;
            return PR_OK;
        }
        if (c < 0x20)
            return pr_tok_json_fail(j, "a control character in a string");
        j->at++;
        if (c != '\\')
            out[len++] = (char)c;
        else if ((code = escape(j, out, &len)))
            return code;
    }
    return pr_tok_json_fail(j, "a string does not end");
}

enum pr_code pr_tok_json_uint(struct pr_tok_json *j, uint64_t max, uint64_t *ret)
{
    int c = pr_tok_json_peek(j);
    uint64_t v = 0;
    size_t from = j->at;
    if (c < '0' || c > '9')
        return pr_tok_json_fail(
            j, "a whole number from 0 to %llu was expected", (unsigned long long)max);
    while (j->at < j->n && j->text[j->at] >= '0' && j->text[j->at] <= '9') {
        v = v * 10 + (uint64_t)(j->text[j->at++] - '0');
        if (v > max)
            break;
    }
    char end = j->at < j->n ? j->text[j->at] : 0;
    bool zero = j->text[from] == '0' && j->at - from > 1;
    if (v > max || zero || end == '.' || end == 'e' || end == 'E') {
        j->at = from;
        return pr_tok_json_fail(
            j, "a whole number from 0 to %llu was expected", (unsigned long long)max);
    }
    *ret = v;
    return PR_OK;
}

static enum pr_code skip_string(struct pr_tok_json *j)
{
    j->at++;
    while (j->at < j->n) {
        unsigned char c = (unsigned char)j->text[j->at];
        if (c == '"') {
            j->at++;
            return PR_OK;
        }
        if (c < 0x20)
            return pr_tok_json_fail(j, "a control character in a string");
        j->at += c == '\\' ? 2 : 1;
    }
    j->at = j->n;
    return pr_tok_json_fail(j, "a string does not end");
}

static enum pr_code skip_scalar(struct pr_tok_json *j)
{
    static const char *const words[] = {"true", "false", "null"};
    const char *s = j->text + j->at;
    for (size_t i = 0; i < 3; i++) {
        size_t len = strlen(words[i]);
        if (j->n - j->at >= len && !memcmp(s, words[i], len)) {
            j->at += len;
            return PR_OK;
        }
    }
    size_t from = j->at;
    while (j->at < j->n && j->text[j->at] && strchr("+-.eE0123456789", j->text[j->at]))
        j->at++;
    return j->at > from ? PR_OK : pr_tok_json_fail(j, "a JSON value was expected");
}

/* One container level a call: recursion ends at PR_JSON_MAX_DEPTH. */
static enum pr_code skip(struct pr_tok_json *j, int depth)
{
    enum pr_code code;
    int c = pr_tok_json_peek(j);
    if (c == '"')
        return skip_string(j);
    if (c != '{' && c != '[')
        return skip_scalar(j);
    if (depth >= PR_JSON_MAX_DEPTH)
        return pr_fail_at(
            j->e, PR_E_LIMIT, (int64_t)j->at, "nested deeper than %d levels", PR_JSON_MAX_DEPTH);
    j->at++;
    bool more;
    for (size_t i = 0;;) {
        if ((code = pr_tok_json_next(j, c == '{' ? '}' : ']', &i, &more)) || !more)
            return code;
        if (c == '{') {
            if (pr_tok_json_peek(j) != '"')
                return pr_tok_json_fail(j, "a key was expected");
            if ((code = skip_string(j)) || (code = pr_tok_json_take(j, ':')))
                return code;
        }
        if ((code = skip(j, depth + 1)))
            return code;
    }
}

enum pr_code pr_tok_json_skip(struct pr_tok_json *j, struct pr_tok_span *ret)
{
    pr_tok_json_peek(j);
    ret->at = j->at;
    enum pr_code code = skip(j, 1);
    ret->n = j->at - ret->at;
    return code;
}
