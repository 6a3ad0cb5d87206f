/* The table of drivers. */
#include "deploy/driver.h"

#include <string.h>

static enum pr_code needs_command(const struct pr_deploy_settings *s, struct pr_error *e)
{
    return json_array_size(s->command)
               ? PR_OK
               : pr_fail(e, PR_E_USAGE, "deploy.driver is command: set deploy.command");
}

static enum pr_code run_command(const struct pr_ask *a, struct pr_error *e)
{
    return pr_ask_command(a, "command", a->settings->command, e);
}

/* Servers that compute in bf16 on a GPU round differently from the grading engine, so that one of
 * five long answers may part from the graded one without anything being wrong. */
#define OTHER_NUMERICS 80

static const struct pr_driver drivers[] = {
    {.name = "none", .agree = OTHER_NUMERICS},
    {.name = "proctor",
        .agree = 100,
        .fingerprint = true,
        .check = pr_driver_needs_url,
        .reload = pr_driver_proctor},
    {.name = "command", .agree = OTHER_NUMERICS, .check = needs_command, .reload = run_command},
    {.name = "http",
        .agree = OTHER_NUMERICS,
        .check = pr_driver_http_check,
        .reload = pr_driver_http},
    {.name = "sglang",
        .agree = OTHER_NUMERICS,
        .check = pr_driver_needs_url,
        .reload = pr_driver_sglang},
    {.name = "llama-server",
        .agree = OTHER_NUMERICS,
        .check = pr_driver_needs_url,
        .reload = pr_driver_llama},
    {.name = "vllm",
        .agree = OTHER_NUMERICS,
        .check = pr_driver_vllm_check,
        .reload = pr_driver_vllm_start,
        .settle = pr_driver_vllm_switch,
        .undo = pr_driver_vllm_undo},
};

const struct pr_driver *pr_driver_find(const char *name)
{
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (!strcmp(drivers[i].name, name))
            return &drivers[i];
    return NULL;
}

enum pr_code pr_driver_check(
    const struct pr_deploy_settings *s, const struct pr_driver **ret, struct pr_error *e)
{
    const struct pr_driver *d = pr_driver_find(s->driver ? s->driver : "none");
    if (!d)
        return pr_fail(e, PR_E_USAGE, "deploy.driver: there is no '%s'", s->driver);
    *ret = d;
    return d->check ? d->check(s, e) : PR_OK;
}
