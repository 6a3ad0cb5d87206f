/* Renders templates for the differential test: reads lines {"template","vars","now_ms"?} on stdin
 * and writes {"text"} or {"error","code"} for each. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "model/template.h"

static enum pr_code render(const json_t *line, struct pr_str *text, struct pr_error *e)
{
    const json_t *source = json_object_get(line, "template");
    struct pr_template_options options = {
        .now_utc_ms = json_integer_value(json_object_get(line, "now_ms"))};
    struct pr_template *t;
    enum pr_code code =
        pr_template_compile(json_string_value(source), json_string_length(source), &t, e);
    if (code)
        return code;
    code = pr_template_render(t, json_object_get(line, "vars"), &options, text, e);
    pr_template_free(t);
    return code;
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    while ((n = getline(&line, &cap, stdin)) > 0) {
        struct pr_error e;
        json_t *in, *out = json_object();
        struct pr_str text = PR_STR_INIT((size_t)64 << 20), dump = PR_STR_INIT((size_t)1 << 30);
        if (pr_json_parse(line, (size_t)n, 0, "stdin", &in, NULL, &e)) {
            fprintf(stderr, "%s\n", e.message);
            return 2;
        }
        enum pr_code code = render(in, &text, &e);
        if (code) {
            pr_json_set_str(out, "error", e.message);
            pr_json_set_str(out, "code", pr_code_name(code));
        } else {
            pr_json_set_strn(out, "text", pr_str_cstr(&text), text.len);
        }
        pr_json_dump(out, 0, 0, &dump);
        puts(pr_str_cstr(&dump));
        fflush(stdout);
        json_decref(in);
        json_decref(out);
        pr_str_done(&text);
        pr_str_done(&dump);
    }
    free(line);
    return 0;
}
