/* Names the pattern of each wrong answer on stdin, a JSON object {"question", "golden", "answer"} a
 * line, for comparison with a reference that is written in another language. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "mistakes/mistake.h"

static struct pr_text member(const json_t *line, const char *key)
{
    const json_t *v = json_object_get(line, key);
    return (struct pr_text){.s = json_string_value(v), .n = json_string_length(v)};
}

int main(void)
{
    char *text = NULL;
    size_t cap = 0;
    for (ssize_t n; (n = getline(&text, &cap, stdin)) > 0;) {
        json_t *line = NULL;
        struct pr_error e = {0};
        if (pr_json_parse(text, (size_t)n, PR_JSON_STRICT, "stdin", &line, NULL, &e)) {
            fprintf(stderr, "%s\n", e.message);
            return 1;
        }
        struct pr_mistake_case c = {.question = member(line, "question"),
            .golden = member(line, "golden"),
            .answer = member(line, "answer"),
            .output = member(line, "answer")};
        c.skill = pr_skill_knowing(NULL, c.question.s, c.question.n);
        struct pr_mistake_found found;
        pr_mistake_recognise(&c, &found);
        puts(pr_mistake_name(found.pattern));
        pr_free(found.why);
        json_decref(line);
    }
    free(text);
    return 0;
}
