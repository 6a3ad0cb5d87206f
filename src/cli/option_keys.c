/* See option_keys.h. */
#include "cli/option_keys.h"

enum pr_code pr_option_keys_set(const struct pr_args *a, const struct pr_option_key *keys, size_t n,
    struct pr_config *c, struct pr_error *e)
{
    for (size_t i = 0; i < n; i++) {
        const char *value = pr_args_text(a, keys[i].option);
        enum pr_code code = value ? pr_config_set(c, keys[i].key, value, e) : PR_OK;
        if (code)
            return pr_wrap(e, code, "--%s", keys[i].option);
    }
    return PR_OK;
}
