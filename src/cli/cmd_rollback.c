/* proctor rollback: what was served before is served again. */
#include "cli/deploying.h"

static int run(const struct pr_args *a)
{
    struct pr_deploying d;
    struct pr_deploy_outcome out;
    struct pr_error e;
    int status = pr_deploying_init(&d, a);
    if (!status) {
        enum pr_code code =
            pr_deploy_back(&d.call, a->n_positional ? a->positional[0] : NULL, &out, &e);
        status = code ? pr_deploying_failed(&d, &e)
                      : pr_deploying_end(&d, &out, pr_args_flag(a, "json"));
    }
    pr_deploying_done(&d);
    return status;
}

static const struct pr_option options[] = {
    PR_OPTION_DEPLOY_TARGET,
    PR_OPTION_DEPLOY_JSON,
    PR_OPTION_BASE_DIR,
};

const struct pr_command pr_command_rollback = {
    .name = "rollback",
    .summary = "serve the version before the present one again",
    .arguments = "[VERSION]",
    .about = "The target becomes VERSION, or what it was before the present one; the server loads "
             "it, and its health is waited for. It is the same procedure as a deployment: what "
             "fails is undone. `proctor deploy --list` shows the versions.\n\n"
             "Auto-deployment does not bring back what somebody went back from; `proctor deploy "
             "--force` does.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_args = 1,
    .examples = {{"Back to what was served before", "proctor rollback"},
        {"To one of the versions that are kept", "proctor rollback checkpoint-1200-0123456789ab"}},
    .run = run,
};
