/* The manual page, made from the tables of commands and options as the help texts are. */
#include <string.h>

#include "cli/commands.h"
#include "cli/options.h"

/* Text in roff: a backslash and a dash are commands' characters, a dot that begins a line too. */
static void put_n(struct pr_str *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool begins = !out->len || out->data[out->len - 1] == '\n';
        if (begins && (s[i] == '.' || s[i] == '\''))
            pr_str_puts(out, "\\&");
        if (s[i] == '\\')
            pr_str_puts(out, "\\e");
        else if (s[i] == '-')
            pr_str_puts(out, "\\-");
        else
            pr_str_putc(out, s[i]);
    }
}

static void put(struct pr_str *out, const char *s)
{
    put_n(out, s, strlen(s));
}

static void line(struct pr_str *out, const char *s)
{
    put(out, s);
    pr_str_putc(out, '\n');
}

/* Paragraphs as struct pr_command's about describes them: a line that starts with two spaces is
 * kept as it is. */
static void paragraphs(struct pr_str *out, const char *text)
{
    bool kept = false;
    while (*text) {
        size_t n = strcspn(text, "\n");
        bool keep = !strncmp(text, "  ", 2);
        if (keep != kept)
            pr_str_puts(out, keep ? ".EX\n" : ".EE\n");
        kept = keep;
        if (!n) {
            pr_str_puts(out, ".PP\n");
        } else {
            put_n(out, text, n);
            pr_str_putc(out, '\n');
        }
        text += n + (text[n] == '\n');
    }
    if (kept)
        pr_str_puts(out, ".EE\n");
}

static void option(struct pr_str *out, const struct pr_option *o)
{
    pr_str_puts(out, ".TP\n.BR \\-\\-");
    put(out, o->name);
    if (o->arg) {
        pr_str_puts(out, " \" \\fI");
        put(out, o->arg);
        pr_str_puts(out, o->kind == PR_OPT_FILES ? "…\\fR\"" : "\\fR\"");
    }
    pr_str_putc(out, '\n');
    put(out, o->help);
    if (o->fallback) {
        pr_str_puts(out, " (default: ");
        put(out, o->fallback);
        pr_str_putc(out, ')');
    }
    pr_str_putc(out, '\n');
}

static void command(struct pr_str *out, const struct pr_command *c)
{
    pr_str_puts(out, ".SS proctor ");
    put(out, c->name);
    pr_str_puts(out, c->n_options ? " [options]" : "");
    if (*c->arguments) {
        pr_str_putc(out, ' ');
        put(out, c->arguments);
    }
    pr_str_putc(out, '\n');
    put(out, c->summary);
    pr_str_puts(out, ".\n.PP\n");
    paragraphs(out, c->about);
    for (size_t i = 0; i < c->n_options; i++)
        option(out, &c->options[i]);
    for (size_t i = 0; i < PR_MAX_EXAMPLES && c->examples[i].command; i++) {
        pr_str_puts(out, ".PP\n");
        put(out, c->examples[i].what);
        pr_str_puts(out, ":\n.PP\n.EX\n    ");
        line(out, c->examples[i].command);
        pr_str_puts(out, ".EE\n");
    }
}

/* What the tables do not hold: name, what it reads by, what it leaves. */
static const char *const files[][2] = {
    {"proctor.yaml", "the configuration; 'proctor init' writes one with every key explained"},
    {"models/current_model/", "where the trainer writes its checkpoints"},
    {"data/validation/", "the examples that checkpoints are graded on"},
    {"status/*.json", "what each system last found"},
    {"proctor.db", "the gradebook (SQLite): every graded example, decision and alert"},
    {"logs/*.log", "what happened, a line an event"},
};
static const char *const environment[][2] = {
    {"PROCTOR_BASE_DIR",
        "the base folder, where --base-dir is not given; else the nearest parent of the working "
        "folder that has a proctor.yaml, else ~/TRAINING"},
    {"PROCTOR_ISA", "the instruction set to compute with: portable, avx2, avx512, avx512bf16"},
    {"PROCTOR_API", "0: 'proctor run' starts neither API nor page"},
};

static void terms(struct pr_str *out, const char *const (*v)[2], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pr_str_puts(out, ".TP\n.I ");
        line(out, v[i][0]);
        line(out, v[i][1]);
    }
}

void pr_help_man(struct pr_str *out)
{
    size_t n;
    const struct pr_command *const *c = pr_commands(&n);
    pr_str_puts(out, ".\\\" Made from the program's own tables by `proctor help --man`.\n"
                     ".TH PROCTOR 1 \"\" \"proctor " PR_VERSION "\" \"User Commands\"\n"
                     ".SH NAME\nproctor \\- looks after the training of language models\n"
                     ".SH SYNOPSIS\n.B proctor\n.I COMMAND\n[options] …\n.SH DESCRIPTION\n");
    line(out,
        "proctor watches a folder into which a trainer saves checkpoints. It grades each one as "
        "soon as it is complete, on examples with known answers, and judges, ranks, calibrates "
        "and tests it; what it finds is in JSON files, in a gradebook, on a page and in an API.");
    pr_str_puts(out, ".PP\n");
    line(out, "Results are JSON Lines on stdout; progress and messages go to stderr.");
    pr_str_puts(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < n; i++)
        command(out, c[i]);
    pr_str_puts(out, ".SH FILES\nIn the base folder:\n");
    terms(out, files, sizeof files / sizeof *files);
    pr_str_puts(out, ".SH ENVIRONMENT\n");
    terms(out, environment, sizeof environment / sizeof *environment);
    pr_str_puts(out, ".SH EXIT STATUS\n");
    line(out, "0 done; 1 something in the input was refused (named on stderr); 2 wrong usage; 130 "
              "stopped by Ctrl-C.");
}
