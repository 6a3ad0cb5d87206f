/* How a server is brought to serve what the target is now: a table.
 *
 * To add a driver: a line in driver.c's table, its functions, its example in docs/deploy.md, its
 * name in the choices of deploy.driver (daemon/config_keys.c). */
#ifndef PR_DEPLOY_DRIVER_H
#define PR_DEPLOY_DRIVER_H

#include "deploy/ask.h"

struct pr_driver {
    const char *name;
    int agree;        /* percent of the answers that must be the graded ones, by default */
    bool fingerprint; /* its answers say which model gave them */
    /* What of the settings is missing; NULL: nothing is needed. */
    enum pr_code (*check)(const struct pr_deploy_settings *s, struct pr_error *e);
    /* The server (vllm: a second one, in a->slot) loads the target.  NULL: nothing to do. */
    enum pr_code (*reload)(const struct pr_ask *a, struct pr_error *e);
    /* After the probe went well: requests go to the new one, the old one (its slot; 0: none) ends.
     * NULL: nothing to do. */
    enum pr_code (*settle)(const struct pr_ask *a, int old_slot, struct pr_error *e);
    /* The probe did not go well, and the target is the old version again: requests go to the old
     * slot, the new one ends.  NULL: reload is called once more. */
    enum pr_code (*undo)(const struct pr_ask *a, int old_slot, struct pr_error *e);
};

/* NULL: there is none of that name. */
const struct pr_driver *pr_driver_find(const char *name);
/* Are the settings enough for it? */
PR_MUST_CHECK enum pr_code pr_driver_check(
    const struct pr_deploy_settings *s, const struct pr_driver **ret, struct pr_error *e);

/* ---- the functions of the table, by file ---- */
enum pr_code pr_driver_needs_url(const struct pr_deploy_settings *s, struct pr_error *e);
enum pr_code pr_driver_http_check(const struct pr_deploy_settings *s, struct pr_error *e);
enum pr_code pr_driver_proctor(const struct pr_ask *a, struct pr_error *e);
enum pr_code pr_driver_http(const struct pr_ask *a, struct pr_error *e);
enum pr_code pr_driver_sglang(const struct pr_ask *a, struct pr_error *e);
enum pr_code pr_driver_llama(const struct pr_ask *a, struct pr_error *e);
enum pr_code pr_driver_vllm_check(const struct pr_deploy_settings *s, struct pr_error *e);
enum pr_code pr_driver_vllm_start(const struct pr_ask *a, struct pr_error *e);
enum pr_code pr_driver_vllm_switch(const struct pr_ask *a, int old_slot, struct pr_error *e);
enum pr_code pr_driver_vllm_undo(const struct pr_ask *a, int old_slot, struct pr_error *e);

#endif
