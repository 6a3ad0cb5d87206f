/* proctor doctor: what could be wrong, and its remedy. */
#include "daemon/doctor.h"

#include <string.h>

#include "base/alloc.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/term.h"
#include "daemon/config.h"

#define LEVEL_COLUMNS 7
#define NAME_COLUMNS  15

static const char *text_of(const json_t *check, const char *key)
{
    const char *text = json_string_value(json_object_get(check, key));
    return text ? text : "";
}

static void pad(struct pr_str *out, const char *text, size_t columns)
{
    pr_term_clean(out, text, strlen(text), 0);
    for (size_t n = pr_term_columns(text, strlen(text)); n < columns; n++)
        pr_str_putc(out, ' ');
    pr_str_puts(out, "  ");
}

/* Text in lines of at most `width` columns, those after the first set in by `indent`. */
static void wrap(struct pr_str *out, const char *text, size_t indent, size_t width)
{
    struct pr_str plain = PR_STR_INIT(1 << 16);
    size_t column = indent;
    pr_term_clean(&plain, text, strlen(text), 0);
    for (const char *s = pr_str_cstr(&plain); *s;) {
        size_t n = strcspn(s, " "), columns = pr_term_columns(s, n);
        if (column > indent && column + 1 + columns > width) {
            pr_str_putc(out, '\n');
            for (column = 0; column < indent; column++)
                pr_str_putc(out, ' ');
        } else if (column > indent) {
            pr_str_putc(out, ' ');
            column++;
        }
        pr_str_append(out, s, n);
        column += columns;
        s += n + (s[n] == ' ');
    }
    pr_str_putc(out, '\n');
    pr_str_done(&plain);
}

static void print(const json_t *doc)
{
    const size_t indent = LEVEL_COLUMNS + NAME_COLUMNS + 4, width = pr_term_width(1);
    struct pr_str out = PR_STR_INIT(1 << 22);
    size_t i, counts[2] = {0};
    const json_t *check;
    json_array_foreach (json_object_get(doc, "checks"), i, check) {
        const char *level = text_of(check, "level"), *remedy = text_of(check, "remedy");
        pad(&out, level, LEVEL_COLUMNS);
        pad(&out, text_of(check, "name"), NAME_COLUMNS);
        wrap(&out, text_of(check, "text"), indent, width);
        if (*remedy) {
            for (size_t n = 0; n < indent; n++)
                pr_str_putc(&out, ' ');
            pr_str_puts(&out, "→ ");
            wrap(&out, remedy, indent + 2, width);
        }
        counts[0] += !strcmp(level, "error");
        counts[1] += !strcmp(level, "warning");
    }
    pr_str_printf(&out, "\n%zu error%s, %zu warning%s\n", counts[0], counts[0] == 1 ? "" : "s",
        counts[1], counts[1] == 1 ? "" : "s");
    pr_out_text(pr_str_cstr(&out), out.len);
    pr_str_done(&out);
}

static int run(const struct pr_args *a)
{
    char *base_dir = pr_config_base_dir(pr_args_text(a, "base-dir"));
    json_t *doc = pr_doctor(base_dir);
    bool errors = !strcmp(text_of(doc, "worst"), "error");
    if (pr_args_flag(a, "json"))
        pr_out_json(doc);
    else
        print(doc);
    json_decref(doc);
    pr_free(base_dir);
    return errors ? PR_EXIT_REFUSED : PR_EXIT_OK;
}

static const struct pr_option options[] = {
    PR_OPTION_BASE_DIR,
    {"json", NULL, "print the report as JSON", NULL, PR_OPT_FLAG},
};

const struct pr_command pr_command_doctor = {
    .name = "doctor",
    .summary = "check everything that could be wrong, and say the remedy",
    .arguments = "",
    .about =
        "Looks at proctor.yaml, the base folder and its disk, the gradebook, the checkpoints, the "
        "examples to grade on and to train probes on, what moves checkpoints (sync, deployment, "
        "the "
        "server), the machine and its limits. The machine that checkpoints come from or go to and "
        "the "
        "server are asked, with seconds of patience. Nothing is changed, and a proctor need not "
        "run."
        "\n\nA line a finding: ok, note (worth knowing), warning (something does not work as well "
        "as it could) or error (something does not work); the exit status is 1 where there is an "
        "error. --json prints {\"schema_version\",\"base_dir\",\"checks\":[{\"name\",\"level\","
        "\"text\",\"remedy\"}],\"worst\"}.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = {{"Before the first run", "proctor doctor --base-dir ~/TRAINING"},
        {"The errors alone, for a script",
            "proctor doctor --json | jq '.checks[] | select(.level == \"error\")'"}},
    .run = run,
};
