/* What `proctor run` has served by processes of its own: `proctor api`, and `proctor serve` where
 * the configuration says so.  Started, started again when they end, stopped.
 *
 * What strangers send over HTTP is parsed in a process that opens the gradebook for reading alone,
 * or not at all; when it dies the watch goes on.  Where one cannot start (a port is taken) it is
 * tried again, less and less often, and its own log says why. */
#ifndef PR_DAEMON_SERVER_H
#define PR_DAEMON_SERVER_H

#include <stdbool.h>

#include "daemon/config.h"
#include "daemon/loop.h"

struct pr_server;
/* quiet: they say nothing on stderr.  `proctor api` is left out where api.enabled is false, or
 * where PROCTOR_API=0 is in the environment (tests, batch jobs); `proctor serve` where
 * serve.enabled is, or nothing says what is served. */
struct pr_server *pr_server_new(const struct pr_config *c, struct pr_loop *loop, bool quiet);
/* Follows a changed configuration: those that go by what changed end in order and are started
 * again. Does not wait for it. */
void pr_server_reload(struct pr_server *s, const struct pr_config *c);
/* Stops them: `proctor api` within two seconds, `proctor serve` within twelve, since it ends what
 * it has begun to answer.  NULL is fine. */
void pr_server_free(struct pr_server *s);

/* Where the page of this base folder is served now (status/api.json); NULL: nowhere.  pr_free. */
char *pr_server_page(const char *base_dir);

#endif
