/* What auto-deployment is told: section `deploy` with what else of proctor.yaml it needs. */
#ifndef PR_DAEMON_DEPLOY_CONFIG_H
#define PR_DAEMON_DEPLOY_CONFIG_H

#include "daemon/config.h"
#include "daemon/peer_list.h"

struct pr_deploy_config {
    struct pr_deploy_settings settings; /* borrows from the configuration and from what follows */
    struct pr_peer *peers;
    size_t n_peers;
    char *models, *url, *target;
};
/* Where `proctor serve` of this base folder listens: as its note says, else as it will; NULL: not
 * known before it does.  pr_free. */
char *pr_deploy_own_server(const struct pr_config *c);
/* c must outlive it. */
void pr_deploy_config_of(const struct pr_config *c, struct pr_deploy_config *ret);
void pr_deploy_config_done(struct pr_deploy_config *d);

#endif
