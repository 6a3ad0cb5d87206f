/* proctor run: all systems of this machine, under one supervisor. */
#include "cli/watching.h"

static int run(const struct pr_args *a)
{
    return pr_watching(a, NULL);
}

static const struct pr_option options[] = {
    PR_OPTION_BASE_DIR,
    PR_OPTION_WATCH_ONCE,
    PR_OPTION_WATCH_JSON,
    PR_OPTION_WATCH_QUIET,
};

const struct pr_command pr_command_run = {
    .name = "run",
    .summary = "watch a training run: grade each checkpoint as it arrives",
    .arguments = "",
    .about =
        "Watches the base folder until it is stopped. A checkpoint that appears in "
        "models/current_model (or where models.current of proctor.yaml points to) is noticed "
        "within a second of being complete, graded once on the examples in data/validation, and "
        "judged by every system of this machine's role: machine.role and machine.disabled of "
        "proctor.yaml say which.\n\n"
        "Results appear in the base folder:\n"
        "  status/*.json    what each system last found; replaced whole, never half written\n"
        "  proctor.db       the gradebook: every graded example, decision and alert (SQLite)\n"
        "  logs/*.log       what happened, a line an event; on stderr too\n\n"
        "Ctrl-C or SIGTERM stops it within two seconds (ten where `proctor serve` has answers to "
        "end); what was graded stays graded, and the next "
        "start goes on from there. SIGHUP reads proctor.yaml again; a broken one is named in the "
        "log and changes nothing. 'proctor status' shows what goes on, 'proctor doctor' what could "
        "be wrong.\n\n"
        "A base folder has one 'proctor run'. A system started by itself beside it ('proctor "
        "regression-monitor') registers with it; where that was first, 'proctor run' registers "
        "there and takes over when it ends.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = {{"Make a base folder and watch it", "proctor init && proctor run"},
        {"Another base folder, results as JSON Lines", "proctor run --base-dir ~/RUN --json"},
        {"Grade what is there now, once", "proctor run --once"}},
    .run = run,
};
