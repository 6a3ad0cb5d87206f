/* What `proctor deploy` and `proctor rollback` share. */
#ifndef PR_CLI_DEPLOYING_H
#define PR_CLI_DEPLOYING_H

#include "cli/commands.h"
#include "daemon/deploy_config.h"
#include "deploy/deploy.h"

struct pr_deploying {
    const char *command;
    struct pr_config config;
    struct pr_deploy_config deploy;
    struct pr_deploy_call call;
};
/* Reads the configuration, with --target; 0, or the exit status after saying why. */
int pr_deploying_init(struct pr_deploying *d, const struct pr_args *a);
void pr_deploying_done(struct pr_deploying *d);

/* Says how it ended, on stdout with `json` as the status document; returns the exit status. */
int pr_deploying_end(const struct pr_deploying *d, const struct pr_deploy_outcome *o, bool json);
/* Says e and returns the exit status. */
int pr_deploying_failed(const struct pr_deploying *d, const struct pr_error *e);

#define PR_OPTION_DEPLOY_TARGET                                                                    \
    {                                                                                              \
        "target", "FOLDER", "what is served (default: deploy.target of proctor.yaml)", NULL,       \
            PR_OPT_TEXT                                                                            \
    }
#define PR_OPTION_DEPLOY_JSON                                                                      \
    {                                                                                              \
        "json", NULL, "print a JSON document in place of text", NULL, PR_OPT_FLAG                  \
    }

#endif
