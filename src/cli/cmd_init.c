/* proctor init: a base folder with its proctor.yaml. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/term.h"
#include "daemon/config.h"

#define MAX_FILE ((size_t)1 << 20)

static const char *const folders[] = {
    "data/validation",
    "queue/high",
    "queue/normal",
    "queue/low",
    "queue/unvalidated",
    "status",
    "logs",
};

static enum pr_code make_folders(const char *base_dir, struct pr_error *e)
{
    enum pr_code code = pr_mkdirs(base_dir, e);
    for (size_t i = 0; i < sizeof folders / sizeof *folders && !code; i++) {
        char *path = pr_path_join(base_dir, folders[i]);
        code = pr_mkdirs(path, e);
        pr_free(path);
    }
    /* Whoever keeps the run's checkpoints at the other usual place has no need of this one. */
    char *other = pr_path_join(base_dir, "current_model"),
         *current = pr_path_join(base_dir, "models/current_model");
    if (!code && !pr_path_exists(other))
        code = pr_mkdirs(current, e);
    pr_free(other);
    pr_free(current);
    return code;
}

/* Copies path to path.bak-TIME, a name that is still free; *ret is that name. */
static enum pr_code back_up(const char *path, char **ret, struct pr_error *e)
{
    char *text = NULL, time[32];
    size_t n;
    struct pr_str name = PR_STR_INIT(8192);
    enum pr_code code = pr_file_read(AT_FDCWD, path, MAX_FILE, &text, &n, e);
    if (code)
        return code;
    pr_clock_iso8601(pr_clock_utc_ms() / 1000 * 1000, time);
    int same = 0;
    do { /* 2026-11-24T01:02:03Z without its punctuation */
        pr_str_clear(&name);
        pr_str_printf(&name, "%s.bak-%.4s%.2s%.5s%.2s%.3s", path, time, time + 5, time + 8,
            time + 14, time + 17);
        if (same)
            pr_str_printf(&name, "-%d", same);
        same++;
    } while (pr_path_exists(pr_str_cstr(&name)));
    code = pr_file_write_atomic(pr_str_cstr(&name), text, n, e);
    if (!code)
        *ret = pr_str_take(&name);
    pr_str_done(&name);
    pr_free(text);
    return code;
}

static enum pr_code write_file(const char *path, const char *role, struct pr_error *e)
{
    const char *const set[1][2] = {{"machine.role", role}};
    struct pr_str text = PR_STR_INIT(MAX_FILE);
    pr_config_file(set, role ? 1 : 0, &text);
    enum pr_code code = pr_file_write_atomic(path, pr_str_cstr(&text), text.len, e);
    pr_str_done(&text);
    return code;
}

static void say_next(const char *base_dir, const char *path, const char *backup)
{
    struct pr_str out = PR_STR_INIT(1 << 16);
    pr_str_puts(&out, "wrote ");
    pr_term_clean(&out, path, strlen(path), 0);
    if (backup) {
        pr_str_puts(&out, "\nkept the old one as ");
        pr_term_clean(&out, backup, strlen(backup), 0);
    }
    pr_str_puts(&out,
        "\n\nNext:\n"
        "  1. Put examples with golden answers into data/validation, as *.jsonl: lines such as\n"
        "     {\"prompt\": \"2 + 2 =\", \"golden\": \"4\", \"difficulty\": \"easy\"}\n"
        "  2. Let the trainer write its checkpoints to models/current_model, or name its folder\n"
        "     as models.current in proctor.yaml.\n"
        "  3. See whether anything is amiss, and start:\n");
    static const char *const commands[] = {"doctor", "run"};
    for (size_t i = 0; i < 2; i++) {
        pr_str_printf(&out, "     proctor %s --base-dir ", commands[i]);
        pr_term_clean(&out, base_dir, strlen(base_dir), 0);
        pr_str_putc(&out, '\n');
    }
    pr_out_text(pr_str_cstr(&out), out.len);
    pr_str_done(&out);
}

static int run(const struct pr_args *a)
{
    struct pr_error e;
    if (pr_args_flag(a, "markdown")) {
        struct pr_str text = PR_STR_INIT(1 << 20);
        pr_config_markdown(&text);
        pr_out_text(pr_str_cstr(&text), text.len);
        pr_str_done(&text);
        return PR_EXIT_OK;
    }
    char *base_dir = pr_config_base_dir(pr_args_text(a, "base-dir"));
    char *path = pr_path_join(base_dir, "proctor.yaml"), *backup = NULL;
    bool there = pr_path_exists(path);
    enum pr_code code = PR_OK;
    if (there && !pr_args_flag(a, "force"))
        code = pr_fail(&e, PR_E_USAGE,
            "%s is there already; --force writes a new one and keeps this one beside it", path);
    if (!code)
        code = make_folders(base_dir, &e);
    if (!code && there)
        code = back_up(path, &backup, &e);
    if (!code)
        code = write_file(path, pr_args_text(a, "role"), &e);
    if (code)
        pr_say("init", "%s", e.message);
    else
        say_next(base_dir, path, backup);
    pr_free(base_dir);
    pr_free(path);
    pr_free(backup);
    return code ? PR_EXIT_REFUSED : PR_EXIT_OK;
}

static const struct pr_option options[] = {
    PR_OPTION_BASE_DIR,
    {"role", "all|training|inference",
        "what this machine does, as machine.role of proctor.yaml (default: all)", NULL,
        PR_OPT_CHOICE},
    {"force", NULL, "write a new proctor.yaml even where there is one, which is kept beside it",
        NULL, PR_OPT_FLAG},
    {"markdown", NULL, "print all keys of proctor.yaml as Markdown instead", NULL, PR_OPT_FLAG},
};

const struct pr_command pr_command_init = {
    .name = "init",
    .summary = "make a base folder with its proctor.yaml",
    .arguments = "",
    .about = "Writes proctor.yaml, with every key, its meaning, range and default in comments, and "
             "makes the folders that proctor and a trainer use: models/current_model, "
             "data/validation, queue, status and logs. Folders that are there already stay as "
             "they are.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = {{"Beside a training run", "proctor init --base-dir ~/TRAINING"},
        {"On a machine that only trains", "proctor init --role training"}},
    .run = run,
};
