/* Which systems a machine runs: machine.role, machine.disabled, and the key that a system needs. */
#ifndef PR_DAEMON_ROLES_H
#define PR_DAEMON_ROLES_H

#include "daemon/config.h"
#include "systems/system.h"

/* enum pr_role, or-ed, of machine.role. */
unsigned pr_roles_of(const struct pr_config *c);
/* Why `proctor run` leaves a system out though it may be configured: the key of proctor.yaml,
 * "machine.role" or "machine.disabled"; NULL: it does not. */
const char *pr_roles_left_out(const struct pr_config *c, const struct pr_system *s);

#endif
