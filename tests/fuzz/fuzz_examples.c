/* JSONL examples: arbitrary lines → examples → checks.  No line may crash, hang or read astray, and
 * what comes out must keep the promises of example.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "exam/example.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *ctx, const char *text)
{
    (void)ctx;
    if (!pr_utf8_valid(text, strlen(text)))
        abort();
}

/* The golden answer itself, and the line as an answer: both must be decided or refused. */
static void check(const struct pr_example *x, const char *line, size_t n)
{
    struct pr_error e;
    bool right = false;
    struct pr_answer a = {.example = x, .text = x->check.golden};
    enum pr_code code = pr_check_decide(&a, &right, &e);
    static const char *const certain[] = {
        "exact", "numeric", "choice", "json", "final_number", "verifier"};
    for (size_t i = 0; i < sizeof certain / sizeof *certain; i++)
        if (!strcmp(x->check.type->name, certain[i]) && !code && !right)
            abort(); /* the golden answer is right by every check that compares with it */
    if (pr_utf8_valid(line, n)) {
        a.text = (struct pr_text){line, n};
        (void)!pr_check_decide(&a, &right, &e);
        (void)pr_check_well_formed(&x->check, a.text);
    }
}

static void one_line(const char *line, size_t n)
{
    json_t *v = NULL;
    struct pr_error e;
    struct pr_arena arena = {0};
    struct pr_example x;
    /* Commands stay off: a fuzzer is no data set to run programs for. */
    struct pr_example_options o = {.warn = ignore};
    if (pr_json_parse(line, n, PR_JSON_LENIENT, NULL, &v, NULL, &e))
        return;
    if (!pr_example_parse(v, &o, &arena, &x, &e)) {
        if (!x.id || !x.difficulty || (!x.golden.s && !x.text.s) || (x.golden.s && !x.check.type))
            abort();
        if (x.golden.s)
            check(&x, line, n);
        pr_example_done(&x);
    }
    pr_arena_done(&arena);
    json_decref(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *s = (const char *)data, *end = s + size;
    while (s < end) {
        const char *nl = memchr(s, '\n', (size_t)(end - s));
        size_t n = (size_t)((nl ? nl : end) - s);
        char *line = pr_strndup(s, n); /* its own block, so that reading past it is seen */
        one_line(line, n);
        pr_free(line);
        s += n + 1;
    }
    return 0;
}
