/* peers.machines of proctor.yaml: the other machines that are shown, checked. */
#ifndef PR_DAEMON_PEER_LIST_H
#define PR_DAEMON_PEER_LIST_H

#include <stddef.h>

#include "base/error.h"
#include "daemon/config.h"

#define PR_MAX_PEERS 32

struct pr_peer {
    char *name;
    char *url;        /* without a slash at its end; "" where there is a problem with it */
    char *token_file; /* whole paths; NULL: none */
    char *ca_file;
    char *problem; /* why it is not asked; NULL: none */
};
/* All of them, those with a problem too: it is shown in their place.  pr_peers_free. */
void pr_peers_of(const struct pr_config *c, struct pr_peer **ret, size_t *ret_n);
void pr_peers_free(struct pr_peer *v, size_t n);

/* The token in a file: one word of at most 512 printable bytes.  Refused where others than its
 * owner may read it.  *ret: pr_free. */
PR_MUST_CHECK enum pr_code pr_peer_token(const char *path, char **ret, struct pr_error *e);

#endif
