/* Where the documents that decide come from: a table (source.c).
 *
 *   local              status/ of this base folder
 *   peer NAME          another machine's API, by its name in peers.machines
 *   [user@]host:DIR    status/ of a base folder there, over ssh
 *
 * What comes from elsewhere is bounded and only ever read as JSON. */
#ifndef PR_DEPLOY_SOURCE_H
#define PR_DEPLOY_SOURCE_H

#include <stdatomic.h>

#include "base/error.h"
#include "base/json.h"
#include "deploy/settings.h"

struct pr_deploy_documents {
    json_t *comparison, *regression; /* NULL: not there yet */
};
void pr_deploy_documents_done(struct pr_deploy_documents *d);

/* PR_E_USAGE: deploy.source is none of the three. */
PR_MUST_CHECK enum pr_code pr_deploy_documents_read(const struct pr_deploy_settings *s,
    const char *base_dir, const atomic_bool *stop, struct pr_deploy_documents *ret,
    struct pr_error *e);

/* Are the settings of one of the three, complete, and a host that ssh takes?  Nobody is asked.
 * PR_E_USAGE. */
PR_MUST_CHECK enum pr_code pr_deploy_source_check(
    const struct pr_deploy_settings *s, struct pr_error *e);

/* The name of "peer NAME"; NULL: it is another kind of source. */
const char *pr_deploy_source_peer(const char *source);

#endif
