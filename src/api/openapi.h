/* The description of the API, made from the table that it is dispatched by. */
#ifndef PR_API_OPENAPI_H
#define PR_API_OPENAPI_H

#include "base/json.h"

/* OpenAPI 3.1.  New reference. */
json_t *pr_api_openapi(void);

#endif
