/* proctor pin: what proctor deletes leaves a checkpoint alone, or no longer. */
#include "base/alloc.h"
#include "cli/commands.h"
#include "cli/term.h"
#include "daemon/acting.h"
#include "daemon/config.h"

static int pin(const char *base_dir, const char *which, bool remove)
{
    struct pr_error e;
    json_t *m = pr_act_message(remove ? "unpin" : "pin", "cli");
    pr_json_set_str(m, "checkpoint", which);
    enum pr_code code = pr_act_here(base_dir, m, &e);
    json_decref(m);
    if (code)
        pr_say("pin", "%s", e.message);
    return !code ? PR_EXIT_OK : code == PR_E_USAGE ? PR_EXIT_USAGE : PR_EXIT_REFUSED;
}

static int run(const struct pr_args *a)
{
    char *base_dir = pr_config_base_dir(pr_args_text(a, "base-dir"));
    int status = pin(base_dir, a->positional[0], pr_args_flag(a, "remove"));
    pr_free(base_dir);
    return status;
}

static const struct pr_option options[] = {
    PR_OPTION_BASE_DIR,
    {"remove", NULL, "unpin it", NULL, PR_OPT_FLAG},
};

const struct pr_command pr_command_pin = {
    .name = "pin",
    .summary = "keep what proctor would delete of a checkpoint",
    .arguments = "CHECKPOINT",
    .about = "The texts that a checkpoint answered are dropped when they are old "
             "(gradebook.texts_days); those of a pinned checkpoint stay. Its numbers stay in any "
             "case.\n\n"
             "CHECKPOINT is a folder's name or path, a step, or the first six or more digits of a "
             "fingerprint, as for `proctor why`. The proctor that runs on the base folder does it; "
             "where none runs, this command. It is noted in the gradebook's table `actions`.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_args = 1,
    .max_args = 1,
    .examples = {{"Keep the answers of one checkpoint", "proctor pin checkpoint-1200"},
        {"Let them go again", "proctor pin --remove checkpoint-1200"}},
    .run = run,
};
