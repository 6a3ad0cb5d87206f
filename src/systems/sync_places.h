/* The two ends of checkpoint sync, as its settings name them: for the system, and for doctor. */
#ifndef PR_SYSTEMS_SYNC_PLACES_H
#define PR_SYSTEMS_SYNC_PLACES_H

#include "systems/sync_settings.h"
#include "transfer/store.h"

/* sync.local_dir, else models.current, else the base folder's models/current_model; absolute;
 * pr_free. */
char *pr_sync_local_dir(const struct pr_sync_settings *s, const char *base_dir);
/* sync.remote_dir where it is of this machine: relative to the base folder, "~/" to the home;
 * absolute; pr_free. */
char *pr_sync_mounted_dir(const struct pr_sync_settings *s, const char *base_dir);
/* The other end, connected to nothing yet.  connect_s, answer_s: pr_store_options' time-outs, 0 the
 * usual; stop as there.  PR_E_USAGE: settings that make no sense. */
PR_MUST_CHECK enum pr_code pr_sync_open_remote(const struct pr_sync_settings *s,
    const char *base_dir, int connect_s, int answer_s, const atomic_bool *stop,
    struct pr_store **ret, struct pr_error *e);

#endif
