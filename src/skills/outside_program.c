/* A skill that is a program: a line of JSON on its stdin, a line back on its stdout.  It stays
 * between requests; one that died is started again, PR_SOURCE_RESTARTS times in all. */
#include <string.h>

#include "base/alloc.h"
#include "base/subprocess.h"
#include "skills/source_kinds.h"

struct program {
    char **argv; /* NULL-terminated */
    struct pr_child child;
    int timeout_ms, starts;
};

static enum pr_code start(struct program *p, struct pr_error *e)
{
    if (p->child.pid)
        return PR_OK;
    if (p->starts > PR_SOURCE_RESTARTS)
        return pr_fail(
            e, PR_E_IO, "'%s' died %d times and is not started again", p->argv[0], p->starts);
    enum pr_code code = pr_child_start(&p->child, (const char *const *)p->argv, e);
    p->starts++;
    return code;
}

/* One request and its answer.  A program that died without one is asked again; one that is too slow
 * or says too much is ended, and the request fails. */
static enum pr_code ask(struct program *p, struct pr_str *line, char **ret, struct pr_error *e)
{
    enum pr_code code;
    do {
        code = start(p, e);
        if (code)
            break;
        code = pr_child_ask(
            &p->child, pr_str_cstr(line), line->len, p->timeout_ms, PR_SOURCE_MAX_ANSWER, ret, e);
        if (code)
            code = pr_wrap(e, code, "'%s'", p->argv[0]);
    } while (code == PR_E_IO && p->starts <= PR_SOURCE_RESTARTS);
    if (!code && p->child.buf.len) { /* whose answer would the next line be? */
        pr_free(*ret);
        pr_child_stop(&p->child);
        code = pr_fail(e, PR_E_FORMAT, "'%s' wrote more than one line", p->argv[0]);
    }
    pr_str_done(line);
    return code;
}

static enum pr_code info(void *own, struct pr_source_info *ret, struct pr_error *e)
{
    struct pr_str line = PR_STR_INIT(64);
    char *text;
    bool verifies;
    pr_str_puts(&line, "{\"type\":\"info\"}");
    enum pr_code code = ask(own, &line, &text, e);
    if (code)
        return code;
    code = pr_outside_info(text, strlen(text), ret, &verifies, e);
    pr_free(text);
    return code;
}

static enum pr_code generate(void *own, size_t count, int level, uint64_t seed,
    struct pr_source_problems *ret, struct pr_error *e)
{
    struct pr_str line = PR_STR_INIT(256);
    char *text;
    pr_outside_put_generate(&line, "generate", count, level, seed);
    enum pr_code code = ask(own, &line, &text, e);
    if (code)
        return code;
    code = pr_outside_problems(text, strlen(text), count, ret, e);
    pr_free(text);
    return code;
}

static enum pr_code verify(void *own, const char *prompt, const char *answer,
    enum pr_source_verdict *ret, char **ret_reason, struct pr_error *e)
{
    struct pr_str line = PR_STR_INIT(16 * PR_SOURCE_MAX_TEXT);
    char *text;
    pr_outside_put_verify(&line, "verify", prompt, answer);
    enum pr_code code = ask(own, &line, &text, e);
    if (code)
        return code;
    code = pr_outside_verdict(text, strlen(text), ret, ret_reason, e);
    pr_free(text);
    return code;
}

static void done(void *own)
{
    struct program *p = own;
    pr_child_stop(&p->child);
    for (size_t i = 0; p->argv[i]; i++)
        pr_free(p->argv[i]);
    pr_free(p->argv);
    pr_free(p);
}

struct pr_skill_source *pr_source_program(const char *name, const char *const *argv, int timeout_ms)
{
    static const struct pr_source_kind kind = {info, generate, verify, done};
    struct program *p = pr_zalloc(sizeof *p);
    size_t n = 0;
    while (argv[n])
        n++;
    p->argv = pr_zalloc((n + 1) * sizeof *p->argv);
    for (size_t i = 0; i < n; i++)
        p->argv[i] = pr_strdup(argv[i]);
    p->timeout_ms = timeout_ms;
    return pr_source_new(name, &kind, p);
}
