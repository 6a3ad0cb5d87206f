/* The schemas of answers, by name.
 *
 * To add one: a line in the table of schemas.c, {name, JSON Schema (2020-12) as text}; a route
 * names it in its `schema`.  References are "#/components/schemas/NAME".  `schema_version` and `at`
 * are added to those that a route names; the others are parts.  tests/integration/api_server.py
 * checks every answer against its schema. */
#ifndef PR_API_SCHEMAS_H
#define PR_API_SCHEMAS_H

#include <stddef.h>

struct pr_api_schema {
    const char *name, *text;
};
const struct pr_api_schema *pr_api_schemas(size_t *ret_n);

#endif
