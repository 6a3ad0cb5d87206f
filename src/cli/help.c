/* Help texts, made from the tables of commands and options. */
#include <string.h>

#include "cli/commands.h"
#include "cli/options.h"

/* The columns that n bytes of UTF-8 take: our own texts hold no wide or combining characters. */
static size_t columns(const char *s, size_t n)
{
    size_t c = 0;
    for (size_t i = 0; i < n; i++)
        c += ((unsigned char)s[i] & 0xc0) != 0x80;
    return c;
}

static void spaces(struct pr_str *out, size_t n)
{
    while (n--)
        pr_str_putc(out, ' ');
}

/* Appends the words of text[0, n), wrapped at width; the cursor stands at column `at`, further
 * lines begin at column `indent`. */
static void wrap(
    struct pr_str *out, const char *text, size_t n, size_t at, size_t indent, size_t width)
{
    bool first = true;
    for (size_t i = 0; i < n;) {
        size_t len = 0;
        while (i + len < n && text[i + len] != ' ')
            len++;
        size_t w = columns(text + i, len);
        if (!first && at + 1 + w > width) {
            pr_str_putc(out, '\n');
            spaces(out, indent);
            at = indent;
        } else if (!first) {
            pr_str_putc(out, ' ');
            at++;
        }
        pr_str_append(out, text + i, len);
        at += w;
        first = false;
        i += len;
        while (i < n && text[i] == ' ')
            i++;
    }
    pr_str_putc(out, '\n');
}

/* Paragraphs as struct pr_command's about describes them. */
static void paragraphs(struct pr_str *out, const char *text, size_t width)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (!n || !strncmp(text, "  ", 2)) {
            pr_str_append(out, text, n);
            pr_str_putc(out, '\n');
        } else {
            wrap(out, text, n, 0, 0, width);
        }
        text += n + (text[n] == '\n');
    }
}

#define OPTION_COLUMN 26

static void option_line(struct pr_str *out, const struct pr_option *o, size_t width)
{
    size_t from = out->len;
    pr_str_printf(out, "  --%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
    if (o->kind == PR_OPT_FILES)
        pr_str_puts(out, "…");
    size_t at = columns(pr_str_cstr(out) + from, out->len - from);
    if (at + 2 > OPTION_COLUMN) {
        pr_str_putc(out, '\n');
        at = 0;
    }
    spaces(out, OPTION_COLUMN - at);
    struct pr_str text = PR_STR_INIT(4096);
    pr_str_puts(&text, o->help);
    if (o->fallback)
        pr_str_printf(&text, " (default: %s)", o->fallback);
    wrap(out, pr_str_cstr(&text), text.len, OPTION_COLUMN, OPTION_COLUMN, width);
    pr_str_done(&text);
}

void pr_help_command(const struct pr_command *c, size_t width, struct pr_str *out)
{
    struct pr_str title = PR_STR_INIT(1024);
    pr_str_printf(&title, "proctor %s: %s", c->name, c->summary);
    wrap(out, pr_str_cstr(&title), title.len, 0, 4, width);
    pr_str_done(&title);
    pr_str_printf(out, "\nUsage: proctor %s%s%s%s\n\n", c->name, c->n_options ? " [options]" : "",
        *c->arguments ? " " : "", c->arguments);
    paragraphs(out, c->about, width);
    pr_str_puts(out, "\nOptions:\n");
    for (size_t i = 0; i < c->n_options; i++)
        option_line(out, &c->options[i], width);
    option_line(out, &(struct pr_option){"help", NULL, "this text", NULL, PR_OPT_FLAG}, width);
    pr_str_puts(out, "\nExamples:\n");
    for (size_t i = 0; i < PR_MAX_EXAMPLES && c->examples[i].command; i++)
        pr_str_printf(out, "  # %s\n  %s\n", c->examples[i].what, c->examples[i].command);
    pr_str_puts(out, "\nExit status: 0 done; 1 something in the input was refused (named on "
                     "stderr);\n2 wrong usage; 130 stopped by Ctrl-C.\n");
}

void pr_help_overview(size_t width, struct pr_str *out)
{
    size_t n;
    const struct pr_command *const *c = pr_commands(&n);
    pr_str_puts(out,
        "proctor looks after the training of language models: it examines checkpoints "
        "as\ntrainers leave them.\n\nUsage: proctor COMMAND [options] …\n\nCommands:\n");
    size_t column = 0;
    for (size_t i = 0; i < n; i++)
        if (strlen(c[i]->name) + 4 > column)
            column = strlen(c[i]->name) + 4;
    for (size_t i = 0; i < n; i++) {
        pr_str_printf(out, "  %-*s", (int)column - 2, c[i]->name);
        wrap(out, c[i]->summary, strlen(c[i]->summary), column, column, width);
    }
    pr_str_puts(out, "\nFirst steps:\n"
                     "  # What is this folder, and is it complete?\n"
                     "  proctor inspect models/checkpoint-100\n"
                     "  # Grade it on examples with known answers\n"
                     "  proctor eval models/checkpoint-100 --suite validation.jsonl --table\n\n"
                     "'proctor help COMMAND' explains a command, with examples.  Results are JSON "
                     "Lines on\nstdout; progress and messages go to stderr.\n");
}
