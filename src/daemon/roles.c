/* See roles.h. */
#include "daemon/roles.h"

#include <string.h>

unsigned pr_roles_of(const struct pr_config *c)
{
    return !strcmp(c->role, "training")    ? PR_ROLE_TRAINING
           : !strcmp(c->role, "inference") ? PR_ROLE_INFERENCE
                                           : PR_ROLE_ALL;
}

const char *pr_roles_left_out(const struct pr_config *c, const struct pr_system *s)
{
    size_t i;
    json_t *name;
    if (!(s->roles & pr_roles_of(c)))
        return "machine.role";
    json_array_foreach (c->disabled, i, name)
        if (json_is_string(name) && !strcmp(json_string_value(name), s->name))
            return "machine.disabled";
    return NULL;
}
