/* The table itself; commands.h says how to add to it. */
#include "cli/commands.h"

#include <string.h>

#include "lib/suggest.h"

static const struct pr_command *const table[] = {
#define PR_X(name) &pr_command_##name,
    PR_COMMANDS(PR_X)
#undef PR_X
};
static const char *const names[] = {
#define PR_X(name) #name,
    PR_COMMANDS(PR_X)
#undef PR_X
};
#define N_COMMANDS (sizeof table / sizeof *table)

const struct pr_command *const *pr_commands(size_t *ret_n)
{
    *ret_n = N_COMMANDS;
    return table;
}

const struct pr_command *pr_command_find(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (!strcmp(table[i]->name, name))
            return table[i];
    return NULL;
}

const char *pr_command_suggest(const char *name)
{
    return pr_suggest(name, names, N_COMMANDS);
}
