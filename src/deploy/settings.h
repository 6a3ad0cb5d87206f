/* What deploying can be told, as plain values: section `deploy` of proctor.yaml
 * (daemon/config_keys.c) fills them and says what each means to the user.  Strings are borrowed
 * from the configuration. */
#ifndef PR_DEPLOY_SETTINGS_H
#define PR_DEPLOY_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct pr_deploy_settings {
    char *target; /* the folder or symbolic link that is served; NULL: nothing is deployed */
    char *source; /* "local", "peer NAME", "[user@]host:BASE_DIR": whose documents decide */
    char *driver; /* "none", "proctor", "command", "http", "sglang", "llama-server", "vllm" */
    char *url;    /* of the server; NULL: none */
    char *api_key_file;
    char *model;      /* its name in requests; NULL: the target's last component */
    char *health_url; /* NULL: url + "/health" */
    json_t *command;  /* arrays: a program and its arguments; empty: none */
    json_t *start_command, *switch_command, *stop_command; /* of vllm */
    json_t *slots;                                         /* of vllm: two urls */
    char *http_method, *http_url, *http_body;              /* of http */
    int64_t probe_questions;                               /* 5; 0: health alone */
    int64_t probe_tokens; /* an answer that is asked for has at most so many: 64 */
    int64_t probe_agree;  /* percent of answers that must be equal; 0: as the driver says */
    double error_rate;    /* 0.05 */
    int64_t min_examples, min_steps, keep_versions, timeout_seconds;
    /* Not keys of the section: what else of the configuration deploying needs. */
    const char *(*bases)[2]; /* as pr_checkpoint_options */
    size_t n_bases;
    const char *models; /* models.current */
    const char *peer_url, *peer_token_file, *peer_ca_file;
    const json_t *template_vars; /* template.variables */
};

#endif
