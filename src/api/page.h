/* The page and its files. */
#ifndef PR_API_PAGE_H
#define PR_API_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/blob.h"

struct pr_api_page;
struct pr_api_page *pr_api_page_new(void);
void pr_api_page_free(struct pr_api_page *p);
bool pr_api_page_is_there(const struct pr_api_page *p); /* was it built in? */
/* The file at this path of n bytes (borrowed); NULL: none of the page's. */
struct pr_api_blob *pr_api_page_find(const struct pr_api_page *p, const char *path, size_t n);

#endif
