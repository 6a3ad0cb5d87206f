/* What checkpoint sync can be told: section `sync` of proctor.yaml, as plain values. */
#ifndef PR_SYSTEMS_SYNC_SETTINGS_H
#define PR_SYSTEMS_SYNC_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

struct pr_sync_settings {
    char *remote_host; /* NULL: remote_dir is of this machine, or mounted */
    char *remote_dir;  /* NULL: nothing is synced */
    char *remote_user; /* NULL: as ssh's configuration says */
    int64_t remote_port;
    json_t *ssh_options; /* an array of "Name=value" */
    char *local_dir;     /* NULL: `current`, else models/current_model of the base folder */
    const char *current; /* models.current, borrowed; NULL: none */
    int64_t keep, keep_best;
    bool optimizer_state, push;
    double bandwidth_mb; /* MB (10^6 bytes) a second; 0: no limit */
    char *compress;      /* "none", "zstd" */
    double reserve_gb;
    double look_seconds; /* between two looks that must find the same */
    double retry_seconds, retry_max_seconds;
};

#endif
