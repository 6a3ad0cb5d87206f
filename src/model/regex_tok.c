/* Patterns: literals, classes of characters, regular expressions by PCRE2.  This is the only file
 * that includes pcre2.h.  The pattern and the text are untrusted: compilation and matching have
 * limits, and what passes them is an error, never a wrong split. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "model/tok_internal.h"
#include "model/tok_onig.h"

#define MAX_PATTERN    65536
#define MATCH_LIMIT    10000000u /* as Oniguruma's retry limit */
#define HEAP_LIMIT_KIB 262144u
#define JIT_STACK_MAX  ((size_t)1 << 20)

struct pr_tok_pattern {
    enum { LITERAL, CLASS, REGEX } kind;
    char *literal;
    size_t literal_n;
    bool (*is)(uint32_t c);
    pr_tok_match_fn *match; /* for a known pattern; else code */
    pcre2_code *code;
    pcre2_match_context *context;
};

static enum pr_code refuse(
    const struct pr_tok_onig *o, int error, size_t at, const char *where, struct pr_error *e)
{
    PCRE2_UCHAR text[160];
    pcre2_get_error_message(error, text, sizeof text);
    size_t from = at < o->n ? o->source[at] : o->n ? o->source[o->n - 1] + 1u : 0;
    return pr_fail(e, PR_E_FORMAT, "%s: the regular expression does not compile at offset %zu: %s",
        where, from, (const char *)text);
}

static enum pr_code compile(
    struct pr_tok_pattern *p, const struct pr_tok_onig *o, const char *where, struct pr_error *e)
{
    int error;
    PCRE2_SIZE at;
    pcre2_compile_context *cc = pcre2_compile_context_create(NULL);
    pcre2_set_newline(cc, PCRE2_NEWLINE_LF);
    pcre2_set_max_pattern_length(cc, 16 * MAX_PATTERN);
    p->code = pcre2_compile((PCRE2_SPTR)pr_str_cstr(&o->text), o->text.len,
        PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_DUPNAMES, &error,
        &at, cc);
    pcre2_compile_context_free(cc);
    if (!p->code)
        return refuse(o, error, at, where, e);
    pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE); /* without it the interpreter runs */
    p->context = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(p->context, MATCH_LIMIT);
    pcre2_set_depth_limit(p->context, MATCH_LIMIT);
    pcre2_set_heap_limit(p->context, HEAP_LIMIT_KIB);
    return PR_OK;
}

enum pr_code pr_tok_pattern_regex(
    const char *regex, const char *where, struct pr_tok_pattern **ret, struct pr_error *e)
{
    size_t n = strlen(regex);
    if (n > MAX_PATTERN)
        return pr_fail(e, PR_E_LIMIT, "%s: a regular expression of %zu bytes, at most %d are taken",
            where, n, MAX_PATTERN);
    struct pr_tok_pattern *p = pr_zalloc(sizeof *p);
    enum pr_code code = PR_OK;
    p->kind = REGEX;
    p->match = pr_tok_match_known(regex);
    if (!p->match) {
        struct pr_tok_onig o;
        if (!pr_tok_onig_rewrite(regex, n, &o))
            code = pr_fail(e, PR_E_UNSUPPORTED,
                "%s: the regular expression uses && or a negated class within a class (offset "
                "%zu), "
                "which proctor does not know",
                where, o.bad);
        else
            code = compile(p, &o, where, e);
        pr_tok_onig_done(&o);
    }
    if (code)
        pr_tok_pattern_free(p);
    else
        *ret = p;
    return code;
}

struct pr_tok_pattern *pr_tok_pattern_literal(const char *s, size_t n)
{
    struct pr_tok_pattern *p = pr_zalloc(sizeof *p);
    p->kind = LITERAL;
    p->literal = pr_strndup(s, n);
    p->literal_n = n;
    return p;
}

struct pr_tok_pattern *pr_tok_pattern_class(bool (*is)(uint32_t c))
{
    struct pr_tok_pattern *p = pr_zalloc(sizeof *p);
    p->kind = CLASS;
    p->is = is;
    return p;
}

enum pr_code pr_tok_pattern_parse(
    const json_t *j, const char *where, struct pr_tok_pattern **ret, struct pr_error *e)
{
    const json_t *regex = json_object_get(j, "Regex"), *text = json_object_get(j, "String");
    if (json_object_size(j) == 1 && json_is_string(text)) {
        *ret = pr_tok_pattern_literal(json_string_value(text), json_string_length(text));
        return PR_OK;
    }
    if (json_object_size(j) != 1 || !json_is_string(regex))
        return pr_fail(e, PR_E_FORMAT,
            "%s: 'pattern' is %s, {\"String\": …} or {\"Regex\": …} was expected", where,
            pr_json_type_name(j));
    return pr_tok_pattern_regex(json_string_value(regex), where, ret, e);
}

void pr_tok_pattern_free(struct pr_tok_pattern *p)
{
    if (!p)
        return;
    pr_free(p->literal);
    pcre2_code_free(p->code);
    pcre2_match_context_free(p->context);
    pr_free(p);
}

pr_tok_match_fn *pr_tok_pattern_matcher(const struct pr_tok_pattern *p)
{
    return p->kind == REGEX ? p->match : NULL;
}

void pr_tok_matches_start(
    struct pr_tok_matches *m, const struct pr_tok_pattern *p, const char *s, size_t n)
{
    *m = (struct pr_tok_matches){.p = p, .s = s, .n = n, .last = SIZE_MAX};
    if (p->code)
        m->data = pcre2_match_data_create(1, NULL);
}

void pr_tok_matches_done(struct pr_tok_matches *m)
{
    pcre2_match_data_free(m->data);
}

static enum pr_code search_regex(
    struct pr_tok_matches *m, size_t *ret_from, size_t *ret_to, bool *ret_found, struct pr_error *e)
{
    PCRE2_SPTR s = (PCRE2_SPTR)m->s;
    int rc = pcre2_match(m->p->code, s, m->n, m->at, PCRE2_NO_UTF_CHECK, m->data, m->p->context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter keeps its stack on the heap */
        rc = pcre2_match(
            m->p->code, s, m->n, m->at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, m->data, m->p->context);
    *ret_found = rc >= 0;
    if (rc == PCRE2_ERROR_NOMATCH)
        return PR_OK;
    if (rc < 0) {
        PCRE2_UCHAR text[160];
        pcre2_get_error_message(rc, text, sizeof text);
        return pr_fail(e, PR_E_LIMIT, "the tokenizer's regular expression gives up on the text: %s",
            (const char *)text);
    }
    const PCRE2_SIZE *ov = pcre2_get_ovector_pointer(m->data);
    *ret_from = ov[0];
    *ret_to = ov[1] > ov[0] ? ov[1] : ov[0]; /* \K can turn them round */
    return PR_OK;
}

static void search_class(
    struct pr_tok_matches *m, size_t *ret_from, size_t *ret_to, bool *ret_found)
{
    *ret_found = false;
    for (size_t at = m->at; at < m->n;) {
        uint32_t c;
        size_t len = pr_utf8_decode(m->s + at, &c);
        if (m->p->is(c)) {
            *ret_from = at;
            *ret_to = at + len;
            *ret_found = true;
            return;
        }
        at += len;
    }
}

static enum pr_code search(
    struct pr_tok_matches *m, size_t *ret_from, size_t *ret_to, bool *ret_found, struct pr_error *e)
{
    const struct pr_tok_pattern *p = m->p;
    if (p->kind == CLASS) {
        search_class(m, ret_from, ret_to, ret_found);
        return PR_OK;
    }
    if (p->kind == REGEX && !p->match)
        return search_regex(m, ret_from, ret_to, ret_found, e);
    if (p->match) {
        *ret_found = m->at < m->n;
        *ret_from = m->at;
        *ret_to = *ret_found ? m->at + p->match(m->s + m->at, m->n - m->at) : m->at;
        return PR_OK;
    }
    const char *found = memmem(m->s + m->at, m->n - m->at, p->literal, p->literal_n);
    *ret_found = found != NULL;
    *ret_from = found ? (size_t)(found - m->s) : 0;
    *ret_to = *ret_from + p->literal_n;
    return PR_OK;
}

enum pr_code pr_tok_matches_next(
    struct pr_tok_matches *m, size_t *ret_from, size_t *ret_to, bool *ret_found, struct pr_error *e)
{
    *ret_found = false;
    while (m->at <= m->n) {
        enum pr_code code = search(m, ret_from, ret_to, ret_found, e);
        if (code || !*ret_found)
            return code;
        if (*ret_to > *ret_from || *ret_to != m->last) {
            m->at = m->last = *ret_to;
            return PR_OK;
        }
        /* An empty match behind the last one is not taken; go on one character later. */
        uint32_t c;
        m->at += m->at < m->n ? pr_utf8_decode(m->s + m->at, &c) : 1;
        *ret_found = false;
    }
    return PR_OK;
}
