/* The page's files, compressed into the program when it was built. */
#ifndef PR_API_ASSETS_H
#define PR_API_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

struct pr_api_asset {
    const char *path, *type; /* "index.html", "text/html; charset=utf-8" */
    const unsigned char *gz;
    size_t gz_n;
    const char *etag; /* with its quotes */
    bool immutable;   /* its name changes with its content */
};

/* Generated; of a build without the page (assets_none.c) there are none. */
const struct pr_api_asset *pr_api_assets(size_t *ret_n);

#endif
