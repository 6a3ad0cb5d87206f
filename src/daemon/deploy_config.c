/* See deploy_config.h. */
#include "daemon/deploy_config.h"

#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "deploy/source.h"

void pr_deploy_config_of(const struct pr_config *c, struct pr_deploy_config *ret)
{
    *ret = (struct pr_deploy_config){.settings = c->deploy};
    struct pr_deploy_settings *s = &ret->settings;
    const char *peer = pr_deploy_source_peer(s->source);
    s->bases = c->bases;
    s->n_bases = c->n_bases;
    s->template_vars = c->variables;
    ret->models =
        c->current ? pr_strdup(c->current) : pr_path_join(c->base_dir, "models/current_model");
    s->models = ret->models;
    pr_peers_of(c, &ret->peers, &ret->n_peers);
    for (size_t i = 0; peer && i < ret->n_peers; i++) {
        const struct pr_peer *p = &ret->peers[i];
        if (strcmp(p->name, peer) != 0 || p->problem)
            continue;
        s->peer_url = p->url;
        s->peer_token_file = p->token_file;
        s->peer_ca_file = p->ca_file;
    }
}

void pr_deploy_config_done(struct pr_deploy_config *d)
{
    pr_peers_free(d->peers, d->n_peers);
    pr_free(d->models);
    *d = (struct pr_deploy_config){0};
}
