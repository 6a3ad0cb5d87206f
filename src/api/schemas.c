/* The table of schemas; see schemas.h. */
#include "api/schemas.h"

static const struct pr_api_schema schemas[] = {
    {"Error", "{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{\"error\":{\"type\":"
              "\"object\","
              "\"required\":[\"code\",\"message\"],\"properties\":{\"code\":{\"type\":\"string\"},"
              "\"message\":{\"type\":\"string\"}}}}}"},
    {"Health", "{\"type\":\"object\",\"required\":[\"status\"],\"properties\":{\"status\":{"
               "\"const\":\"ok\"}}}"},
    {"Ready", "{\"type\":\"object\",\"required\":[\"ready\",\"reasons\"],\"properties\":{\"ready\":"
              "{\"type\":"
              "\"boolean\"},\"reasons\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}"},
    {"Session",
        "{\"type\":\"object\",\"required\":[\"signed_in\",\"token_required\"],\"properties\":{"
        "\"signed_in\":{\"type\":\"boolean\"},\"token_required\":{\"type\":\"boolean\"}}}"},
    {"Status",
        "{\"type\":\"object\",\"required\":[\"base_dir\",\"owner\",\"training\",\"systems\","
        "\"newest\","
        "\"checkpoints\",\"orders\",\"alerts\",\"gradebook\",\"live\",\"api\",\"panels\"],"
        "\"properties\":{\"base_dir\":{\"type\":\"string\"},\"owner\":{\"type\":[\"object\","
        "\"null\"]},"
        "\"training\":{\"type\":\"object\"},\"systems\":{\"type\":\"array\"},\"newest\":{\"type\":["
        "\"object\",\"null\"]},\"checkpoints\":{\"type\":\"array\"},\"orders\":{\"type\":\"array\"}"
        ","
        "\"alerts\":{\"type\":\"array\"},\"gradebook\":{\"type\":[\"object\",\"null\"]},\"live\":{"
        "\"type\":[\"object\",\"null\"]},\"api\":{\"type\":\"object\"},\"panels\":{\"type\":"
        "\"array\"}}}"},
};

const struct pr_api_schema *pr_api_schemas(size_t *ret_n)
{
    *ret_n = sizeof schemas / sizeof *schemas;
    return schemas;
}
