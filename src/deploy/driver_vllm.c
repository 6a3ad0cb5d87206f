/* vLLM, which cannot change its model: a second server is started beside the first (blue/green),
 * probed there, then requests are switched to it, and the first is stopped. */
#include "deploy/driver.h"

enum pr_code pr_driver_vllm_check(const struct pr_deploy_settings *s, struct pr_error *e)
{
    const struct {
        const char *key;
        const json_t *value;
        size_t least;
    } needed[] = {{"start_command", s->start_command, 1}, {"switch_command", s->switch_command, 1},
        {"stop_command", s->stop_command, 1}, {"slots", s->slots, 2}};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (json_array_size(needed[i].value) < needed[i].least)
            return pr_fail(e, PR_E_USAGE, "deploy.driver is vllm: set deploy.%s%s", needed[i].key,
                needed[i].least == 2 ? " (the urls of two ports)" : "");
    return PR_OK;
}

static struct pr_ask in_slot(const struct pr_ask *a, int slot)
{
    struct pr_ask x = *a;
    x.slot = slot;
    x.url = json_string_value(json_array_get(a->settings->slots, (size_t)(slot - 1)));
    return x;
}

enum pr_code pr_driver_vllm_start(const struct pr_ask *a, struct pr_error *e)
{
    return pr_ask_command(a, "start_command", a->settings->start_command, e);
}

enum pr_code pr_driver_vllm_switch(const struct pr_ask *a, int old_slot, struct pr_error *e)
{
    struct pr_error ignored;
    enum pr_code code = pr_ask_command(a, "switch_command", a->settings->switch_command, e);
    if (code || !old_slot)
        return code;
    struct pr_ask old = in_slot(a, old_slot);
    /* That the old one still runs costs memory, and is no reason to go back. */
    (void)!pr_ask_command(&old, "stop_command", a->settings->stop_command, &ignored);
    return PR_OK;
}

enum pr_code pr_driver_vllm_undo(const struct pr_ask *a, int old_slot, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    if (old_slot) {
        struct pr_ask old = in_slot(a, old_slot);
        code = pr_ask_command(&old, "switch_command", a->settings->switch_command, e);
    }
    struct pr_error ignored;
    (void)!pr_ask_command(a, "stop_command", a->settings->stop_command, code ? &ignored : e);
    return code;
}
