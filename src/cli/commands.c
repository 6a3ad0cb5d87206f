/* The table itself; commands.h says how to add to it. */
#include "cli/commands.h"

#include <string.h>

#include "base/alloc.h"
#include "lib/suggest.h"

/* The systems' commands come where the table says "run": after it. */
static const struct pr_command *const fixed[] = {
#define PR_X(name) &pr_command_##name,
    PR_COMMANDS(PR_X)
#undef PR_X
};
#define N_FIXED (sizeof fixed / sizeof *fixed)

/* Made at first use and kept; commands are looked up on the main thread alone. */
static const struct pr_command **table;
static const char **names;
static size_t n_commands;

static void add(const struct pr_command *c)
{
    table[n_commands] = c;
    names[n_commands++] = c->name;
}

static void make_table(void)
{
    size_t n;
    const struct pr_command *systems = pr_system_commands(&n);
    if (table)
        return;
    table = pr_alloc((N_FIXED + n) * sizeof *table);
    names = pr_alloc((N_FIXED + n) * sizeof *names);
    for (size_t i = 0; i < N_FIXED; i++) {
        add(fixed[i]);
        for (size_t k = 0; fixed[i] == &pr_command_run && k < n; k++)
            add(&systems[k]);
    }
}

const struct pr_command *const *pr_commands(size_t *ret_n)
{
    make_table();
    *ret_n = n_commands;
    return table;
}

const struct pr_command *pr_command_find(const char *name)
{
    make_table();
    for (size_t i = 0; i < n_commands; i++)
        if (!strcmp(table[i]->name, name))
            return table[i];
    return NULL;
}

const char *pr_command_suggest(const char *name)
{
    make_table();
    return pr_suggest(name, names, n_commands);
}
