/* Regular expressions; see regex.h. */
#include "exam/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/alloc.h"

#define MAX_PATTERN 65536

struct pr_regex {
    pcre2_code *code;
    pcre2_match_context *limits;
};

enum pr_code pr_regex_compile(
    const char *pattern, size_t n, bool ignore_case, struct pr_regex **ret, struct pr_error *e)
{
    if (n > MAX_PATTERN)
        return pr_fail(e, PR_E_LIMIT, "a regular expression of %zu bytes, at most %d are taken", n,
            MAX_PATTERN);
    int err;
    PCRE2_SIZE at;
    uint32_t flags =
        PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | (ignore_case ? PCRE2_CASELESS : 0);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, n, flags, &err, &at, NULL);
    if (!code) {
        char text[200] = "";
        pcre2_get_error_message(err, (PCRE2_UCHAR *)text, sizeof text);
        return pr_fail(e, PR_E_FORMAT, "regular expression: %s at its byte %zu", text, (size_t)at);
    }
    struct pr_regex *r = pr_zalloc(sizeof *r);
    r->code = code;
    r->limits = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(r->limits, 2000000);
    pcre2_set_depth_limit(r->limits, 20000);
    pcre2_set_heap_limit(r->limits, 32 * 1024); /* KiB */
    *ret = r;
    return PR_OK;
}

enum pr_code pr_regex_search(
    const struct pr_regex *r, const char *s, size_t n, bool *ret, struct pr_error *e)
{
    pcre2_match_data *m = pcre2_match_data_create(1, NULL);
    if (!m)
        return pr_fail(e, PR_E_MEMORY, "regular expression: no memory for a match");
    int rc = pcre2_match(r->code, (PCRE2_SPTR)s, n, 0, 0, m, r->limits);
    pcre2_match_data_free(m);
    if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH) {
        *ret = rc >= 0;
        return PR_OK;
    }
    char text[200] = "";
    pcre2_get_error_message(rc, (PCRE2_UCHAR *)text, sizeof text);
    return pr_fail(e, PR_E_LIMIT, "regular expression: %s", text);
}

void pr_regex_free(struct pr_regex *r)
{
    if (!r)
        return;
    pcre2_match_context_free(r->limits);
    pcre2_code_free(r->code);
    pr_free(r);
}
