/* A grade as a grader may send it: what is believed is possible, and comes back the same when it is
 * written again. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "grader/message.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || a == b;
}

static void write_again(const struct pr_grade *g, const char *digest)
{
    struct pr_example example = {0};
    struct pr_grade copy = *g, again;
    struct pr_error e;
    char back[65];
    json_t *m = json_object();
    copy.example = &example;
    pr_message_put_grade(m, &copy);
    pr_json_set_str(m, "example", digest);
    assert(!pr_message_get_grade(m, &again, back, &e));
    assert(!strcmp(back, digest) && same(again.loss, g->loss) && same(again.nll, g->nll));
    assert(again.answer_len == g->answer_len && again.correct == g->correct);
    assert(again.n_choices == g->n_choices && again.finish == g->finish);
    pr_grade_done(&again);
    json_decref(m);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    json_t *m = NULL;
    struct pr_grade g;
    struct pr_error e;
    char digest[65];
    if (pr_json_parse((const char *)data, size, PR_JSON_NUL, NULL, &m, NULL, &e))
        return 0;
    if (!pr_message_get_grade(m, &g, digest, &e)) {
        assert(strlen(digest) == 64 && !g.example);
        assert(isnan(g.loss) || (g.loss > -1 && g.answer_tokens > 0));
        assert(g.chosen < g.n_choices || !g.n_choices);
        write_again(&g, digest);
        pr_grade_done(&g);
    }
    json_decref(m);
    return 0;
}
