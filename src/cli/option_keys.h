/* Options that set a key of proctor.yaml for this run alone. */
#ifndef PR_CLI_OPTION_KEYS_H
#define PR_CLI_OPTION_KEYS_H

#include "cli/options.h"
#include "daemon/config.h"

struct pr_option_key {
    const char *option, *key;
};

/* Those that were given, into c.  A value that the key refuses is named by its option. */
PR_MUST_CHECK enum pr_code pr_option_keys_set(const struct pr_args *a,
    const struct pr_option_key *keys, size_t n, struct pr_config *c, struct pr_error *e);

#endif
