/* Keys of rank_pattern and alpha_pattern: names, or regular expressions as PEFT takes them. */
#include <string.h>

#include "model/adapter.h"

#define SPECIAL "\\^$*+?{}[]()|"

enum pr_code pr_adapter_pattern_match(
    const char *key, const char *module, bool *ret, struct pr_error *e)
{
    size_t n = strlen(key), m = strlen(module);
    bool anchored = key[0] == '^';
    if (anchored) {
        key++;
        n--;
    }
    if (key[strcspn(key, SPECIAL)])
        return pr_fail(e, PR_E_UNSUPPORTED, "the pattern '%.200s' is not a name", key);
    *ret = n <= m && (n == m || (!anchored && module[m - n - 1] == '.'));
    for (size_t i = 0; *ret && i < n; i++) /* '.' stands for any character, as there */
        *ret = key[i] == '.' || key[i] == module[m - n + i];
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
