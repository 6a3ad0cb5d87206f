/* api_ask BASE_DIR: answers the addresses that come in, a line each, as JSON Lines:
 * {"ok": document} or {"code": number, "message": text}.  `schemas` is answered with all schemas.
 */
#include <stdio.h>
#include <string.h>

#include "api/schemas.h"
#include "asking.h"

static json_t *reply(struct asking *a, const char *line)
{
    json_t *o = json_object(), *doc = NULL;
    struct pr_error e = {0};
    enum pr_code code = PR_OK;
    if (!strcmp(line, "schemas"))
        doc = pr_api_schemas();
    else
        code = asking_get(a, line, &doc, &e);
    if (code) {
        pr_json_set_int(o, "code", code);
        pr_json_set_str(o, "message", e.message);
    } else {
        pr_json_set(o, "ok", doc);
    }
    return o;
}

int main(int argc, char *argv[])
{
    struct asking a;
    struct pr_error e;
    char line[9000];
    if (argc != 2)
        return 2;
    if (asking_open(argv[1], &a, &e)) {
        fprintf(stderr, "api_ask: %s\n", e.message);
        return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        struct pr_str text = PR_STR_INIT((size_t)1 << 30);
        line[strcspn(line, "\n")] = 0;
        json_t *o = reply(&a, line);
        pr_json_dump(o, 0, 0, &text);
        puts(pr_str_cstr(&text));
        fflush(stdout);
        pr_str_done(&text);
        json_decref(o);
    }
    asking_close(&a);
    return 0;
}
