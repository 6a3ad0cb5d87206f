/* See deploying.h. */
#include "cli/deploying.h"

#include "base/alloc.h"
#include "cli/output.h"
#include "cli/term.h"
#include "systems/auto_deployment.h"

static void show(void *ctx, const char *step, const char *version)
{
    const struct pr_deploying *d = ctx;
    pr_say(d->command, "%s %s", step, version);
}

int pr_deploying_init(struct pr_deploying *d, const struct pr_args *a)
{
    struct pr_error e;
    const char *target = pr_args_text(a, "target");
    char *base_dir = pr_config_base_dir(pr_args_text(a, "base-dir"));
    *d = (struct pr_deploying){.command = a->command->name};
    enum pr_code code = pr_config_load(base_dir, &d->config, &e);
    pr_free(base_dir);
    if (code) {
        d->config.base_dir = NULL;
        return pr_deploying_failed(d, &e);
    }
    if (target && pr_config_set(&d->config, "deploy.target", target, &e))
        return pr_deploying_failed(d, &e);
    pr_deploy_config_of(&d->config, &d->deploy);
    d->call = (struct pr_deploy_call){.settings = &d->deploy.settings, .step = show, .ctx = d};
    if (d->deploy.settings.target)
        return PR_EXIT_OK;
    pr_say(d->command, "deploy.target is not set in proctor.yaml, and no --target was given");
    return PR_EXIT_USAGE;
}

void pr_deploying_done(struct pr_deploying *d)
{
    pr_deploy_config_done(&d->deploy);
    if (d->config.base_dir)
        pr_config_done(&d->config);
}

int pr_deploying_failed(const struct pr_deploying *d, const struct pr_error *e)
{
    pr_say(d->command, "%s", e->message);
    return e->code == PR_E_CANCELLED ? PR_EXIT_STOPPED
           : e->code == PR_E_USAGE   ? PR_EXIT_USAGE
                                     : PR_EXIT_REFUSED;
}

static void say(const struct pr_deploying *d, const struct pr_deploy_outcome *o, const json_t *now)
{
    const char *version = json_string_value(json_object_get(now, "version"));
    const char *target = d->deploy.settings.target;
    struct pr_str s = PR_STR_INIT(65536);
    switch (o->end) {
    case PR_DEPLOY_END_DONE:
        pr_str_printf(&s, "%s is served at %s\n", version ? version : "it", target);
        break;
    case PR_DEPLOY_END_ALREADY:
        pr_str_printf(&s, "%s is served at %s already\n", version ? version : "it", target);
        break;
    case PR_DEPLOY_END_FAILED:
        pr_say(d->command, "nothing was changed: %s", o->reason);
        break;
    case PR_DEPLOY_END_ROLLED_BACK:
        pr_say(d->command, "rolled back in %.1f s: %s", o->seconds, o->reason);
        break;
    case PR_DEPLOY_END_BROKEN:
        pr_say(d->command, "%s", o->reason);
        break;
    }
    pr_out_text(pr_str_cstr(&s), s.len);
    pr_str_done(&s);
}

int pr_deploying_end(const struct pr_deploying *d, const struct pr_deploy_outcome *o, bool json)
{
    json_t *status = NULL;
    struct pr_error e;
    if (pr_deploy_status(&d->deploy.settings, &status, &e))
        return pr_deploying_failed(d, &e);
    if (json) {
        json_t *doc = pr_deploy_document(status, NULL);
        pr_out_json(doc);
        json_decref(doc);
        if (o->end >= PR_DEPLOY_END_FAILED)
            pr_say(d->command, "%s", o->reason);
    } else {
        say(d, o, json_object_get(status, "current"));
    }
    json_decref(status);
    return pr_out_status(o->end <= PR_DEPLOY_END_ALREADY ? PR_EXIT_OK : PR_EXIT_REFUSED);
}
