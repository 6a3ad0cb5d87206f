/* proctor report: the page as one file, for sharing. */
#include "api/report.h"
#include "base/alloc.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/term.h"

static void progress(void *ctx, size_t n)
{
    pr_progress_show(ctx, (double)n, 0, (double)n, "answers");
}

static enum pr_code make(const char *base_dir, struct pr_str *out, struct pr_error *e)
{
    struct pr_config c;
    struct pr_progress p;
    enum pr_code code = pr_config_load(base_dir, &c, e);
    if (code)
        return code;
    pr_progress_start(&p, "report", false);
    code = pr_api_report(&c, out, progress, &p, e);
    pr_progress_end(&p);
    pr_config_done(&c);
    return code;
}

static int run(const struct pr_args *a)
{
    struct pr_error e;
    struct pr_str out = PR_STR_INIT(PR_API_REPORT_MAX);
    const char *path = pr_args_text(a, "output");
    char *base_dir = pr_config_base_dir(pr_args_text(a, "base-dir"));
    enum pr_code code = pr_path_is_dir(base_dir)
                            ? make(base_dir, &out, &e)
                            : pr_fail(&e, PR_E_NOT_FOUND,
                                  "there is no base folder %s: `proctor init` makes one", base_dir);
    if (!code && path)
        code = pr_file_write_atomic(path, pr_str_cstr(&out), out.len, &e);
    if (code)
        pr_say("report", "%s", e.message);
    else if (path)
        pr_say("report", "wrote %s (%.1f MB)", path, (double)out.len / 1e6);
    else
        pr_out_text(pr_str_cstr(&out), out.len);
    pr_str_done(&out);
    pr_free(base_dir);
    return pr_out_status(code ? PR_EXIT_REFUSED : PR_EXIT_OK);
}

static const struct pr_option options[] = {
    PR_OPTION_BASE_DIR,
    {"output", "FILE", "where to write it; without it, to stdout", NULL, PR_OPT_TEXT},
};

const struct pr_command pr_command_report = {
    .name = "report",
    .summary = "write the page as one self-contained file, for sharing",
    .arguments = "",
    .about =
        "Writes the live page as it stands now into one HTML file: curves, checkpoints with their "
        "verdicts and the reasons, answers, calibration, comparison, curriculum. The file opens in "
        "any browser, without a network and without proctor; it loads nothing and sends nothing. "
        "It "
        "holds what the page shows first and what one click from there asks for: the newest 500 "
        "checkpoints, the reasons for 50 of them, and 200 answers of a kind.\n\n"
        "It only reads, with or without a running proctor. What the models answered, and your own "
        "validation examples, are in it: share it as you would share those.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = {{"One file to send to a colleague", "proctor report --output report.html"}},
    .run = run,
};
