/* What answers look like, as JSON Schema: for the OpenAPI document, and for tests, which hold every
 * answer against it. */
#ifndef PR_API_SCHEMAS_H
#define PR_API_SCHEMAS_H

#include "base/json.h"

/* {name: schema} of all answers and their parts, which refer to each other by
 * "#/components/schemas/<name>"; new reference. */
json_t *pr_api_schemas(void);
bool pr_api_schema_known(const char *name);

#endif
