/* Templates from hostile files: compile, then render with a few variables of every kind. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "model/template.h"

static const char variables[] =
    "{\"messages\":[{\"role\":\"user\",\"content\":\" Hi \\u00e9\\ud83d\\ude00\\n\"},"
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"function\":{\"name\":\"f\","
    "\"arguments\":{\"a\":[1,2.5,true,null]}}}]}],\"tools\":null,\"bos_token\":\"<s>\","
    "\"x\":[3,1,2],\"s\":\"a b,c\",\"n\":-7,\"f\":0.1,\"d\":{\"k\":\"v\",\"1\":2}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *vars;
    if (!vars && pr_json_parse(variables, strlen(variables), 0, "vars", &vars, NULL, NULL))
        __builtin_trap();
    struct pr_template *t;
    struct pr_error e;
    if (pr_template_compile((const char *)data, size, &t, &e))
        return 0;
    struct pr_template_options options = {.max_output = 1 << 16, .max_steps = 20000};
    struct pr_str out = PR_STR_INIT(1 << 17);
    enum pr_code code = pr_template_render(t, vars, &options, &out, &e);
    if (code && out.len)
        __builtin_trap();
    pr_str_done(&out);
    pr_template_free(t);
    return 0;
}
