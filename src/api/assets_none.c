/* The assets of a build without the page. */
#include "api/assets.h"

const struct pr_api_asset *pr_api_assets(size_t *ret_n)
{
    *ret_n = 0;
    return NULL;
}
