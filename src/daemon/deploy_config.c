/* See deploy_config.h. */
#include "daemon/deploy_config.h"

#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "deploy/source.h"

#define MAX_NOTE 65536

char *pr_deploy_own_server(const struct pr_config *c)
{
    struct pr_error ignored;
    struct pr_str url = PR_STR_INIT(4096);
    json_t *note = NULL;
    char *path = pr_path_join(c->base_dir, "status/serve.json");
    if (pr_json_read(AT_FDCWD, path, MAX_NOTE, 0, &note, &ignored))
        note = NULL;
    const char *at = json_string_value(json_object_get(note, "url"));
    size_t n = at ? strlen(at) : 0;
    if (n > 3 && !strcmp(at + n - 3, "/v1"))
        pr_str_append(&url, at, n - 3);
    else if (c->serve.port)
        pr_str_printf(&url, "http://127.0.0.1:%lld", (long long)c->serve.port);
    json_decref(note);
    pr_free(path);
    char *ret = url.len ? pr_str_take(&url) : NULL;
    pr_str_done(&url);
    return ret;
}

void pr_deploy_config_of(const struct pr_config *c, struct pr_deploy_config *ret)
{
    *ret = (struct pr_deploy_config){.settings = c->deploy};
    struct pr_deploy_settings *s = &ret->settings;
    const char *peer = pr_deploy_source_peer(s->source);
    s->bases = c->bases;
    s->n_bases = c->n_bases;
    s->template_vars = c->variables;
    char *usual = pr_path_join(c->base_dir, "models/current_model");
    ret->models = pr_path_absolute(c->current ? c->current : usual);
    pr_free(usual);
    s->models = ret->models;
    if (s->target)
        s->target = ret->target = pr_path_absolute(s->target);
    if (!s->url && s->driver && !strcmp(s->driver, "proctor"))
        s->url = ret->url = pr_deploy_own_server(c);
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
    pr_free(d->url);
    pr_free(d->target);
    *d = (struct pr_deploy_config){0};
}
