/* Judges: the user's own programs that decide about answers, over JSON Lines.
 *
 * A judge is asked {"id","messages","golden","answer"} a line and says {"correct": true|false}.  A
 * judge that crashes, answers something else or too late is stopped: which answer belongs to which
 * question could no longer be told.  The example stays ungraded; the next one starts it again. */
#include <string.h>

#include "base/subprocess.h"
#include "exam/checks.h"

#define MAX_REPLY    (1 << 20)
#define MAX_FAILURES 3 /* in a row; then the judge is not asked again */

struct judge {
    char *key; /* the argument list as JSON */
    struct pr_child child;
    int failures;
    struct judge *next;
};

struct pr_judges {
    struct judge *first;
};

struct pr_judges *pr_judges_new(void)
{
    return pr_zalloc(sizeof(struct pr_judges));
}

void pr_judges_free(struct pr_judges *j)
{
    if (!j)
        return;
    for (struct judge *c = j->first, *next; c; c = next) {
        next = c->next;
        pr_child_stop(&c->child);
        pr_free(c->key);
        pr_free(c);
    }
    pr_free(j);
}

static struct judge *find(struct pr_judges *j, const char *const *argv)
{
    json_t *list = json_array();
    struct pr_str key = PR_STR_INIT(1 << 24);
    for (size_t i = 0; argv[i]; i++)
        json_array_append_new(list, json_string(argv[i]));
    pr_json_dump(list, 0, 0, &key);
    json_decref(list);
    struct judge *c = j->first;
    while (c && strcmp(c->key, pr_str_cstr(&key)))
        c = c->next;
    if (!c) {
        c = pr_zalloc(sizeof *c);
        c->key = pr_str_take(&key);
        c->next = j->first;
        j->first = c;
    }
    pr_str_done(&key);
    return c;
}

static enum pr_code ask(struct judge *c, const char *const *argv, int timeout_ms,
    const json_t *question, bool *ret, struct pr_error *e)
{
    struct pr_str line = PR_STR_INIT((size_t)1 << 30);
    char *reply = NULL;
    json_t *v = NULL;
    bool correct = false;
    enum pr_code code = c->child.pid ? PR_OK : pr_child_start(&c->child, argv, e);
    if (code)
        return code;
    pr_json_dump(question, 0, 0, &line);
    if ((code = pr_child_ask(&c->child, line.data, line.len, timeout_ms, MAX_REPLY, &reply, e)))
        goto out;
    if ((code = pr_json_parse(reply, strlen(reply), PR_JSON_STRICT, "its answer", &v, NULL, e)) ||
        (code = pr_json_get_bool(v, "correct", true, &correct, e)))
        goto out;
    *ret = correct;
out:
    json_decref(v);
    pr_free(reply);
    pr_str_done(&line);
    return code;
}

enum pr_code pr_judges_ask(struct pr_judges *j, const char *const *argv, int timeout_ms,
    const json_t *question, bool *ret_correct, struct pr_error *e)
{
    struct judge *c = find(j, argv);
    if (c->failures >= MAX_FAILURES)
        return pr_fail(e, PR_E_UNSUPPORTED,
            "judge %s: failed %d times in a row and is not asked again", argv[0], MAX_FAILURES);
    enum pr_code code = ask(c, argv, timeout_ms, question, ret_correct, e);
    if (!code) {
        c->failures = 0;
        return PR_OK;
    }
    c->failures++;
    pr_child_stop(&c->child);
    return pr_wrap(e, code, "judge %s", argv[0]);
}
