/* See page.h. */
#include "api/page.h"

#include <string.h>

#include "api/assets.h"
#include "base/alloc.h"

static const char *const index_paths[] = {"/", "/index.html", "/live_monitor_ui_v2.html"};
static const char absent[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta "
    "charset=\"utf-8\"><title>proctor</title></head>\n"
    "<body><h1>proctor</h1>\n<p>This build has no page in it (it was built without Node.js).</p>\n"
    "<p>The API is here: <a href=\"/api/status\">/api/status</a>, described by "
    "<a href=\"/api/openapi.json\">/api/openapi.json</a>.</p></body></html>\n";

struct pr_api_page {
    const struct pr_api_asset *assets;
    struct pr_api_blob **blobs; /* one each */
    size_t n;
    struct pr_api_blob *index; /* borrowed from blobs, or the one that says it is absent */
};

struct pr_api_page *pr_api_page_new(void)
{
    struct pr_api_page *p = pr_zalloc(sizeof *p);
    p->assets = pr_api_assets(&p->n);
    p->blobs = pr_zalloc((p->n + 1) * sizeof *p->blobs);
    for (size_t i = 0; i < p->n; i++) {
        const struct pr_api_asset *a = &p->assets[i];
        p->blobs[i] = pr_api_blob_asset(a->type, a->gz, a->gz_n, a->etag, true, a->immutable);
        if (!strcmp(a->path, "index.html"))
            p->index = p->blobs[i];
    }
    if (!p->index) {
        p->index = pr_api_blob_text("text/html; charset=utf-8", absent, sizeof absent - 1);
        p->index->page = true;
        p->blobs[p->n] = p->index;
    }
    return p;
}

void pr_api_page_free(struct pr_api_page *p)
{
    if (!p)
        return;
    for (size_t i = 0; i <= p->n; i++)
        pr_api_blob_unref(p->blobs[i]);
    pr_free(p->blobs);
    pr_free(p);
}

bool pr_api_page_is_there(const struct pr_api_page *p)
{
    return p->index != p->blobs[p->n];
}

struct pr_api_blob *pr_api_page_find(const struct pr_api_page *p, const char *path, size_t n)
{
    for (size_t i = 0; i < sizeof index_paths / sizeof *index_paths; i++)
        if (strlen(index_paths[i]) == n && !memcmp(index_paths[i], path, n))
            return p->index;
    for (size_t i = 0; i < p->n; i++)
        if (n == strlen(p->assets[i].path) + 1 && !memcmp(path + 1, p->assets[i].path, n - 1))
            return p->blobs[i];
    return NULL;
}
