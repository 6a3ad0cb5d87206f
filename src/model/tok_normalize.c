/* Normalizers: a list of steps, each from a string to a string.  A step that changes nothing says
 * so, and the text is not copied. */
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "model/tok_internal.h"
#include "model/tok_unicode.h"

struct pr_tok_norm_step {
    /* Appends what becomes of s to out, or leaves out empty and sets *ret_same.  *front turns false
     * when the first character of s does not lead to the first of out. */
    enum pr_code (*run)(const struct pr_tok_norm_step *z, const char *s, size_t n,
        struct pr_str *out, bool *ret_same, bool *front, struct pr_error *e);
    enum pr_normal_form form;
    struct pr_tok_pattern *pattern;
    char *content; /* of Replace and Prepend */
    size_t content_n;
    bool left, right;
};

/* ---- Unicode forms ------------------------------------------------------------------------- */

/* NFC touches only stretches around characters that can combine; the rest is copied.  The stretch
 * begins at the character before them, unless a later Unicode made that one special. */
static enum pr_code run_nfc(const struct pr_tok_norm_step *z, const char *s, size_t n,
    struct pr_str *out, bool *ret_same, bool *front, struct pr_error *e)
{
    (void)z;
    (void)front;
    size_t copied = 0, before = 0;
    bool have_before = false;
    for (size_t i = 0; i < n;) {
        if ((uint8_t)s[i] < 0x80) {
            before = i++;
            have_before = true;
            continue;
        }
        uint32_t c;
        size_t len = pr_utf8_decode(s + i, &c);
        if (!(pr_tok_classes(c) & PR_TOK_NFC)) {
            before = i;
            have_before = !pr_tok_inert(c);
            i += len;
            continue;
        }
        size_t from = have_before ? before : i;
        for (; i < n; i += len) {
            len = pr_utf8_decode(s + i, &c);
            if (!(pr_tok_classes(c) & PR_TOK_NFC))
                break;
        }
        pr_str_append(out, s + copied, from - copied);
        enum pr_code code = pr_utf8_normalize(PR_NFC, s + from, i - from, out, e);
        if (code)
            return code;
        copied = i;
        have_before = false;
    }
    *ret_same = copied == 0;
    if (!*ret_same)
        pr_str_append(out, s + copied, n - copied);
    return PR_OK;
}

/* The other forms go to utf8proc between characters that must not. */
static enum pr_code run_form(const struct pr_tok_norm_step *z, const char *s, size_t n,
    struct pr_str *out, bool *ret_same, bool *front, struct pr_error *e)
{
    (void)front;
    size_t from = 0;
    *ret_same = false;
    for (size_t i = 0; i <= n;) {
        uint32_t c = 0;
        size_t len = i < n ? pr_utf8_decode(s + i, &c) : 1;
        if (i == n || pr_tok_inert(c)) {
            enum pr_code code =
                i > from ? pr_utf8_normalize(z->form, s + from, i - from, out, e) : PR_OK;
            if (code)
                return code;
            if (i < n)
                pr_str_append(out, s + i, len);
            from = i + len;
        }
        i += len;
    }
    return PR_OK;
}

/* ---- character by character ---------------------------------------------------------------- */

static void put_char(struct pr_str *out, uint32_t c)
{
    char buf[4];
    pr_str_append(out, buf, pr_utf8_encode(c, buf));
}

/* Lower case as Rust's char::to_lowercase: Unicode 17, one character alone. */
static void put_lower(struct pr_str *out, uint32_t c)
{
    static const struct {
        uint32_t lo, hi, add;
    } newer[] = {{0x1c89, 0x1c89, 1}, {0xa7cc, 0xa7cc, 1}, {0xa7da, 0xa7da, 1},
        {0xa7dc, 0xa7dc, 0x19b - 0xa7dcu}, {0xa7cb, 0xa7cb, 0x264 - 0xa7cbu},
        {0x10d50, 0x10d65, 32}, {0xa7ce, 0xa7ce, 1}, {0xa7d2, 0xa7d2, 1}, {0xa7d4, 0xa7d4, 1},
        {0x16ea0, 0x16eb8, 27}};
    if (c == 0x130) {
        pr_str_puts(out, "i\xcc\x87");
        return;
    }
    for (size_t i = 0; c >= 0x1c89 && i < sizeof newer / sizeof *newer; i++)
        if (c >= newer[i].lo && c <= newer[i].hi) {
            put_char(out, c + newer[i].add);
            return;
        }
    put_char(out, pr_utf8_lower(c));
}

static enum pr_code run_lower(const struct pr_tok_norm_step *z, const char *s, size_t n,
    struct pr_str *out, bool *ret_same, bool *front, struct pr_error *e)
{
    (void)z, (void)front, (void)e;
    *ret_same = false;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        i += pr_utf8_decode(s + i, &c);
        put_lower(out, c);
    }
    return PR_OK;
}

static enum pr_code run_strip_accents(const struct pr_tok_norm_step *z, const char *s, size_t n,
    struct pr_str *out, bool *ret_same, bool *front, struct pr_error *e)
{
    (void)z, (void)e;
    *ret_same = false;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t len = pr_utf8_decode(s + i, &c);
        if (!pr_tok_is_accent(c))
            pr_str_append(out, s + i, len);
        else if (i == 0)
            *front = false;
        i += len;
    }
    return PR_OK;
}

/* ---- whole strings ------------------------------------------------------------------------- */

static enum pr_code run_strip(const struct pr_tok_norm_step *z, const char *s, size_t n,
    struct pr_str *out, bool *ret_same, bool *front, struct pr_error *e)
{
    (void)e;
    size_t kept;
    const char *t = pr_utf8_trim(s, n, &kept);
    size_t from = z->left ? (size_t)(t - s) : 0;
    size_t to = z->right ? (size_t)(t - s) + kept : n;
    if (to < from) /* white space alone, stripped on one side */
        to = from;
    *ret_same = from == 0 && to == n;
    *front &= from == 0;
    if (!*ret_same)
        pr_str_append(out, s + from, to - from);
    return PR_OK;
}

static enum pr_code run_prepend(const struct pr_tok_norm_step *z, const char *s, size_t n,
    struct pr_str *out, bool *ret_same, bool *front, struct pr_error *e)
{
    (void)front, (void)e;
    *ret_same = n == 0;
    if (n) {
        pr_str_append(out, z->content, z->content_n);
        pr_str_append(out, s, n);
    }
    return PR_OK;
}

static enum pr_code run_replace(const struct pr_tok_norm_step *z, const char *s, size_t n,
    struct pr_str *out, bool *ret_same, bool *front, struct pr_error *e)
{
    struct pr_tok_matches m;
    size_t from, to, copied = 0;
    bool found, any = false;
    enum pr_code code;
    *ret_same = true;
    if (n == 0) /* no place for a match, not even for an empty one */
        return PR_OK;
    pr_tok_matches_start(&m, z->pattern, s, n);
    while (!(code = pr_tok_matches_next(&m, &from, &to, &found, e)) && found) {
        any = true;
        pr_str_append(out, s + copied, from - copied);
        pr_str_append(out, z->content, z->content_n);
        if (from == 0 && to > 0 && z->content_n == 0)
            *front = false;
        copied = to;
    }
    pr_tok_matches_done(&m);
    *ret_same = !any;
    if (any)
        pr_str_append(out, s + copied, n - copied);
    return code;
}

static enum pr_code run_bytes(const struct pr_tok_norm_step *z, const char *s, size_t n,
    struct pr_str *out, bool *ret_same, bool *front, struct pr_error *e)
{
    (void)z, (void)front, (void)e;
    *ret_same = false;
    pr_tok_bytes_map(s, n, out);
    return PR_OK;
}

/* ---- from JSON ----------------------------------------------------------------------------- */

enum kind {
    NFC,
    NFD,
    NFKC,
    NFKD,
    LOWERCASE,
    STRIP_ACCENTS,
    STRIP,
    REPLACE,
    PREPEND,
    BYTE_LEVEL,
    SEQUENCE,
    N_KINDS
};
static const char *const names[N_KINDS] = {"NFC", "NFD", "NFKC", "NFKD", "Lowercase",
    "StripAccents", "Strip", "Replace", "Prepend", "ByteLevel", "Sequence"};

static enum pr_code parse_step(
    const json_t *j, enum kind kind, struct pr_tok_norm_step *z, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    const char *text = NULL;
    if (kind <= NFKD)
        z->form = (enum pr_normal_form)(PR_NFC + (int)kind);
    if (kind == STRIP) {
        if ((code = pr_json_get_bool(j, "strip_left", true, &z->left, e)) == PR_OK)
            code = pr_json_get_bool(j, "strip_right", true, &z->right, e);
    } else if (kind == REPLACE || kind == PREPEND) {
        code = pr_json_get_str(j, kind == REPLACE ? "content" : "prepend", true, &text, e);
        if (!code && kind == REPLACE)
            code = pr_tok_pattern_parse(
                json_object_get(j, "pattern"), "normalizer: Replace", &z->pattern, e);
    }
    if (!code && text) {
        z->content = pr_strdup(text);
        z->content_n = strlen(text);
    }
    return code;
}

static enum pr_code parse(
    const json_t *j, struct pr_tok_normalizer *z, int depth, struct pr_error *e)
{
    static enum pr_code (*const runs[N_KINDS])(const struct pr_tok_norm_step *, const char *,
        size_t, struct pr_str *, bool *, bool *, struct pr_error *) = {run_nfc, run_form, run_form,
        run_form, run_lower, run_strip_accents, run_strip, run_replace, run_prepend, run_bytes,
        NULL};
    size_t kind;
    enum pr_code code = pr_tok_component_type(j, "normalizer", names, N_KINDS, &kind, e);
    if (code)
        return code;
    if (kind == SEQUENCE) {
        const json_t *list = json_object_get(j, "normalizers");
        if (!json_is_array(list) || depth > 16)
            return pr_fail(e, PR_E_FORMAT,
                "normalizer: Sequence: 'normalizers' is %s, a list was expected",
                pr_json_type_name(list));
        for (size_t i = 0; i < json_array_size(list); i++)
            if ((code = parse(json_array_get(list, i), z, depth + 1, e)))
                return code;
        return PR_OK;
    }
    if (z->n == PR_TOK_MAX_STAGES)
        return pr_fail(e, PR_E_LIMIT, "normalizer: more than %d steps", PR_TOK_MAX_STAGES);
    struct pr_tok_norm_step step = {.run = runs[kind]};
    code = parse_step(j, (enum kind)kind, &step, e);
    PR_PUSH(z->v, z->n, z->cap, step);
    return code;
}

enum pr_code pr_tok_normalizer_parse(
    const json_t *j, struct pr_tok_normalizer *ret, struct pr_error *e)
{
    return !j || json_is_null(j) ? PR_OK : parse(j, ret, 0, e);
}

void pr_tok_normalizer_done(struct pr_tok_normalizer *z)
{
    for (size_t i = 0; i < z->n; i++) {
        pr_tok_pattern_free(z->v[i].pattern);
        pr_free(z->v[i].content);
    }
    pr_free(z->v);
}

enum pr_code pr_tok_normalize(const struct pr_tok_normalizer *z, const char *s, size_t n,
    struct pr_str buf[2], struct pr_tok_text *ret, bool *ret_front, struct pr_error *e)
{
    int use = 0;
    *ret_front = true;
    for (size_t i = 0; i < z->n; i++) {
        bool same;
        pr_str_clear(&buf[use]);
        enum pr_code code = z->v[i].run(&z->v[i], s, n, &buf[use], &same, ret_front, e);
        if (code)
            return code;
        if (buf[use].over)
            return pr_fail(
                e, PR_E_LIMIT, "the normalized text is longer than %zu bytes", buf[use].max);
        if (same)
            continue;
        s = pr_str_cstr(&buf[use]);
        n = buf[use].len;
        use = !use;
    }
    *ret = (struct pr_tok_text){s, n};
    return PR_OK;
}
