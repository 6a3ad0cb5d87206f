/* Keys of rank_pattern and alpha_pattern: names, or regular expressions as PEFT takes them. */
#include <string.h>

#include "base/str.h"
#include "model/adapter.h"
#include "model/tok_internal.h" /* regular expressions with limits */

#define MAX_KEY     1024
#define MAX_KEYS    65536
#define MAX_REGEXES 64

/* A name's only special character is '.', which stands for any character there as well. */
static bool is_name(const char *key)
{
    return !key[strcspn(key, "\\^$*+?{}[]()|")];
}

static bool match_name(const char *key, const char *module)
{
    size_t n = strlen(key), m = strlen(module);
    if (n > m || (n < m && module[m - n - 1] != '.'))
        return false;
    for (size_t i = 0; i < n; i++)
        if (key[i] != '.' && key[i] != module[m - n + i])
            return false;
    return true;
}

static enum pr_code match_regex(const char *key, const char *module, bool *ret, struct pr_error *e)
{
    struct pr_tok_pattern *p = NULL;
    struct pr_str text = PR_STR_INIT(MAX_KEY + 32);
    pr_str_printf(&text, "\\A(.*\\.)?(%s)\\Z", key);
    enum pr_code code = pr_tok_pattern_regex(pr_str_cstr(&text), "as a regular expression", &p, e);
    pr_str_done(&text);
    if (code)
        return code;
    struct pr_tok_matches m;
    size_t from, to;
    pr_tok_matches_start(&m, p, module, strlen(module));
    code = pr_tok_matches_next(&m, &from, &to, ret, e);
    pr_tok_matches_done(&m);
    pr_tok_pattern_free(p);
    return code;
}

enum pr_code pr_adapter_pattern_match(
    const char *key, const char *module, bool *ret, struct pr_error *e)
{
    if (is_name(key)) {
        *ret = match_name(key, module);
        return PR_OK;
    }
    if (strlen(key) > MAX_KEY)
        return pr_fail(e, PR_E_LIMIT,
            "adapter_config.json: pattern '%.80s…' has %zu bytes, at most %d are accepted", key,
            strlen(key), MAX_KEY);
    enum pr_code code = match_regex(key, module, ret, e);
    return code ? pr_wrap(e, code, "adapter_config.json: pattern '%.200s'", key) : PR_OK;
}

enum pr_code pr_adapter_pattern_check(const json_t *pattern, const char *name, struct pr_error *e)
{
    size_t regexes = 0;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)pattern, key, value)
        regexes += !is_name(key);
    if (json_object_size(pattern) > MAX_KEYS || regexes > MAX_REGEXES)
        return pr_fail(e, PR_E_LIMIT,
            "'%s' has %zu keys, %zu of them regular expressions; at most %d and %d are accepted",
            name, json_object_size(pattern), regexes, MAX_KEYS, MAX_REGEXES);
    return PR_OK;
}

enum pr_code pr_adapter_pattern_find(
    const json_t *pattern, const char *module, double *ret, struct pr_error *e)
{
    const char *key;
    json_t *value;
    if (!pattern)
        return PR_OK;
    json_object_foreach ((json_t *)pattern, key, value) {
        bool yes = false;
        enum pr_code code = pr_adapter_pattern_match(key, module, &yes, e);
        if (code)
            return code;
        if (yes) {
            *ret = json_number_value(value);
            return PR_OK;
        }
    }
    return PR_OK;
}
