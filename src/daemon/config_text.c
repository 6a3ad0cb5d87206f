/* What is written from the table of keys: the commented default file and docs/configuration.md. */
#include <ctype.h>
#include <string.h>

#include "daemon/config_keys.h"

#define COLUMNS 88

/* Appends text in comment lines of at most COLUMNS bytes. */
static void comment(struct pr_str *out, const char *text)
{
    size_t column = 0;
    for (const char *s = text; *s;) {
        size_t n = strcspn(s, " ");
        if (column && column + 1 + n > COLUMNS) {
            pr_str_putc(out, '\n');
            column = 0;
        }
        pr_str_puts(out, column ? " " : "  # ");
        pr_str_append(out, s, n);
        column += (column ? 1 : 4) + n;
        s += n + (s[n] == ' ');
    }
    pr_str_putc(out, '\n');
}

static bool sentence_ends(const char *text)
{
    return strchr(".?!", text[strlen(text) - 1]);
}

static void words(const char *choices, struct pr_str *out)
{
    const char *last = strrchr(choices, '|');
    for (const char *c = choices; *c; c++)
        if (*c == '|')
            pr_str_puts(out, c == last ? " or " : ", ");
        else
            pr_str_putc(out, *c);
}

/* Meaning, range, and how a value looks that the default does not show. */
static void describe(const struct pr_config_key *k, struct pr_str *out)
{
    pr_str_putc(out, (char)toupper((unsigned char)k->help[0]));
    pr_str_printf(out, "%s%s Takes ", k->help + 1, sentence_ends(k->help) ? "" : ".");
    if (k->kind == PR_CONFIG_CHOICE)
        words(k->choices, out);
    else
        pr_config_key_expects(k, out);
    if (k->example)
        pr_str_printf(out, ", such as %s", k->example);
    pr_str_puts(out, ".");
}

void pr_config_file(const char *const (*set)[2], size_t n_set, struct pr_str *out)
{
    size_t n;
    const struct pr_config_key *keys = pr_config_keys(&n);
    const char *section = "";
    pr_str_puts(out, "# proctor's configuration.  Every key is optional, and what stands here are "
                     "the defaults: to change\n# one, remove the # in front of its name.  Folders "
                     "are relative to the one that this file lies in.\n");
    for (size_t i = 0; i < n; i++) {
        const struct pr_config_key *k = &keys[i];
        struct pr_str text = PR_STR_INIT(4096), name = PR_STR_INIT(200);
        const char *value = NULL;
        if (strcmp(section, k->section))
            pr_str_printf(out, "\n%s:\n", section = k->section);
        else
            pr_str_putc(out, '\n');
        describe(k, &text);
        comment(out, pr_str_cstr(&text));
        pr_str_printf(&name, "%s.%s", k->section, k->name);
        for (size_t s = 0; s < n_set; s++)
            if (!strcmp(set[s][0], pr_str_cstr(&name)))
                value = set[s][1];
        pr_str_printf(out, "  %s%s: %s\n", value ? "" : "#", k->name,
            value         ? value
            : k->fallback ? k->fallback
                          : "null");
        pr_str_done(&text);
        pr_str_done(&name);
    }
}

void pr_config_default_file(struct pr_str *out)
{
    pr_config_file(NULL, 0, out);
}

void pr_config_markdown(struct pr_str *out)
{
    size_t n;
    const struct pr_config_key *keys = pr_config_keys(&n);
    const char *section = "";
    pr_str_puts(out,
        "# Configuration\n\nMade from the program's own table by `proctor init --markdown`; a test "
        "keeps the two equal.\n\nproctor reads one file, `proctor.yaml` in the base folder.  Every "
        "key is optional.  Folders are relative to the\nbase folder, and `~/` is the home folder. "
        " A key that is not known or a value that does not fit is an error\nthat names the line.  "
        "`proctor init` writes the file with every key in comments; a running proctor reads it\n"
        "again on SIGHUP (`systemctl reload proctor`).\n");
    for (size_t i = 0; i < n; i++) {
        const struct pr_config_key *k = &keys[i];
        struct pr_str text = PR_STR_INIT(4096);
        if (strcmp(section, k->section))
            pr_str_printf(out, "\n## %s\n", section = k->section);
        describe(k, &text);
        pr_str_printf(
            out, "\n### %s.%s\n\n%s\n\nDefault: ", k->section, k->name, pr_str_cstr(&text));
        pr_str_printf(out, k->fallback ? "`%s`\n" : "%s\n", k->fallback ? k->fallback : "none");
        pr_str_done(&text);
    }
}
