/* proctor <system>: one command a system, made from the table of systems.
 *
 * Options are those that all of them take and the system's own; each is another way to say a key of
 * proctor.yaml.  So a system that is added to the table has its command. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/commands.h"
#include "cli/watching.h"

static int run(const struct pr_args *a)
{
    return pr_watching(a, pr_system_find(a->command->name));
}

static const struct pr_option shared[] = {
    PR_OPTION_BASE_DIR,
    {"interval", "S", "seconds between runs when nothing new was graded", NULL, PR_OPT_INT, 1,
        604800},
    PR_OPTION_WATCH_ONCE,
    PR_OPTION_WATCH_JSON,
    PR_OPTION_WATCH_QUIET,
};
#define N_SHARED (sizeof shared / sizeof *shared)

static const char about_all[] =
    "\n\nRuns until Ctrl-C or SIGTERM: whenever something new was graded, and at its interval. "
    "The first proctor on a base folder owns it; others register there, and one of them takes over "
    "when it ends, so that every system may be started by itself.";

/* Made once and kept: a command's texts live as long as the program. */
static char *text_of(const char *fmt, const char *name)
{
    struct pr_str s = PR_STR_INIT(1 << 16);
    for (; *fmt; fmt++) {
        if (*fmt == '@')
            pr_str_puts(&s, name);
        else
            pr_str_putc(&s, *fmt);
    }
    return pr_str_take(&s);
}

static const struct pr_option *options_of(const struct pr_system *s, const char *interval_help)
{
    struct pr_option *o = pr_zalloc((N_SHARED + s->n_options) * sizeof *o);
    memcpy(o, shared, sizeof shared);
    o[1].help = interval_help;
    for (size_t i = 0; i < s->n_options; i++) {
        const struct pr_system_option *x = &s->options[i];
        bool interval = !x->key;
        o[N_SHARED + i] = (struct pr_option){.name = x->name,
            .arg = x->arg,
            .help = x->help,
            .kind = interval ? shared[1].kind
                    : x->arg ? PR_OPT_TEXT
                             : PR_OPT_FLAG,
            .min = interval ? shared[1].min : 0,
            .max = interval ? shared[1].max : 0};
    }
    return o;
}

static struct pr_command command_of(const struct pr_system *s)
{
    struct pr_str about = PR_STR_INIT(1 << 16), interval = PR_STR_INIT(256);
    pr_str_printf(&about, "%s\n\nWrites status/%s.%s", s->about, s->status_file, about_all);
    pr_str_printf(&interval,
        "seconds between runs when nothing new was graded (default: machine.intervals of "
        "proctor.yaml, else %d)",
        s->interval_s);
    return (struct pr_command){.name = s->name,
        .summary = s->summary,
        .arguments = "",
        .about = pr_str_take(&about),
        .options = options_of(s, pr_str_take(&interval)),
        .n_options = N_SHARED + s->n_options,
        .examples = {{"What does it find now?", text_of("proctor @ --once", s->name)},
            {"The same as a JSON document", text_of("proctor @ --once --json", s->name)},
            {"By itself, looking once a minute", text_of("proctor @ --interval 60", s->name)}},
        .run = run};
}

const struct pr_command *pr_system_commands(size_t *ret_n)
{
    static struct pr_command *made;
    static size_t n;
    if (!made) {
        const struct pr_system *const *s = pr_systems(&n);
        made = pr_zalloc(n * sizeof *made);
        for (size_t i = 0; i < n; i++)
            made[i] = command_of(s[i]);
    }
    *ret_n = n;
    return made;
}
