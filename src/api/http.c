/* See http.h. */
#include "api/http.h"

#include <sys/resource.h>

#include "api/http_internal.h"
#include "base/alloc.h"
#include "daemon/log.h"

static void tick(void *ctx)
{
    struct pr_http *h = ctx;
    pr_api_events_tick(pr_api_events_of(h->api));
}

static void log_limit(const struct pr_http *h, size_t wanted)
{
    size_t most = pr_front_max_connections(h->front);
    if (most < wanted)
        pr_log(
            PR_LOG_WARN, "api", "descriptors", "max_connections=%zu instead_of=%zu", most, wanted);
}

enum pr_code pr_http_new(
    struct pr_api *api, const struct pr_config *config, struct pr_http **ret, struct pr_error *e)
{
    struct pr_http *h = pr_zalloc(sizeof *h);
    const struct pr_front_options o = {.bind = config->api.bind,
        .bind_key = "api.bind",
        .ports = {[PR_HTTP_API] = {.port = (int)config->api.port,
                      .key = "api.port",
                      .remedy = "api.port of proctor.yaml (or --port)"},
            [PR_HTTP_PAGE] = {.port = (int)config->api.page_port,
                .key = "api.page_port",
                .remedy = "api.page_port of proctor.yaml (or --page-port)"}},
        .n_ports = PR_HTTP_PORTS,
        .tls_certificate = config->api.tls_certificate,
        .tls_certificate_name = "api.tls_certificate",
        .tls_key = config->api.tls_key,
        .tls_key_name = "api.tls_key",
        .max_connections = (size_t)config->api.max_connections,
        .max_header = PR_API_MAX_HEADER,
        .ctx = h,
        .request = pr_http_on_request,
        .completed = pr_http_on_completed,
        .tick = tick};
    h->api = api;
    h->tls = config->api.tls_certificate != NULL;
    enum pr_code code = pr_front_new(&o, &h->front, e);
    if (code) {
        pr_free(h);
        return code;
    }
    log_limit(h, o.max_connections);
    *ret = h;
    return PR_OK;
}

void pr_http_stop(struct pr_http *h)
{
    pr_front_stop(h->front);
}

void pr_http_free(struct pr_http *h)
{
    if (!h)
        return;
    pr_front_free(h->front);
    pr_free(h);
}

int pr_http_port(const struct pr_http *h, enum pr_http_port which)
{
    return pr_front_port(h->front, (int)which);
}

bool pr_http_tls(const struct pr_http *h)
{
    return h->tls;
}
