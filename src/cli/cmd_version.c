/* proctor version: the version, and what this build computes with. */
#include <proctor.h>

#include "cli/commands.h"
#include "cli/output.h"

static const struct pr_option options[] = {
    {"json", NULL, "as a JSON document", NULL, PR_OPT_FLAG},
};

static int run(const struct pr_args *a)
{
    if (pr_args_flag(a, "json")) {
        json_t *doc = json_object();
        pr_json_set_int(doc, "schema_version", 1);
        pr_json_set_str(doc, "version", proctor_version());
        pr_out_json(doc);
        json_decref(doc);
        return PR_EXIT_OK;
    }
    struct pr_str text = PR_STR_INIT(256);
    pr_str_printf(&text, "proctor %s\n", proctor_version());
    pr_out_text(pr_str_cstr(&text), text.len);
    pr_str_done(&text);
    return PR_EXIT_OK;
}

const struct pr_command pr_command_version = {
    .name = "version",
    .summary = "print the version",
    .arguments = "",
    .about = "Prints 'proctor' and its version.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = {{"Which proctor is this?", "proctor version"}},
    .run = run,
};
