/* proctor.yaml: any bytes are read or refused. */
#include <stdint.h>
#include <stdlib.h>

#include "daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pr_config c;
    struct pr_error e;
    if (pr_config_parse((const char *)data, size, "proctor.yaml", "/base", &c, &e))
        return 0;
    int64_t ms;
    if (!pr_config_parse_date(c.date, &ms) || c.max_new_tokens < 1 || !json_is_object(c.variables))
        abort();
    pr_config_done(&c);
    return 0;
}
