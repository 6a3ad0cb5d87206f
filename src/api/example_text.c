/* See example_text.h. */
#include "api/example_text.h"

#include <math.h>
#include <string.h>

#include "api/answers.h"
#include "base/utf8.h"

#define THINK       "<think>"
#define THINK_END   "</think>"
#define PER_MESSAGE 64 /* bytes beside its text */

static void set_text(
    json_t *o, const char *key, const char *s, size_t n, struct pr_api_text_budget *b)
{
    size_t most = b->each < b->left ? b->each : b->left;
    size_t taken = s ? (n < most ? n : most) : 0;
    b->left -= taken;
    pr_api_set_text(o, key, s, n, most);
}

static json_t *message_json(const json_t *turn, struct pr_api_text_budget *b)
{
    json_t *o = json_object();
    const json_t *content = json_object_get(turn, "content");
    const char *role = json_string_value(json_object_get(turn, "role"));
    struct pr_str other = PR_STR_INIT((size_t)1 << 30);
    pr_json_set_str(o, "role", role ? role : "user");
    if (content && !json_is_string(content) && !json_is_null(content))
        pr_json_dump(content, 0, 0, &other);
    if (other.len)
        set_text(o, "content", other.data, other.len, b);
    else
        set_text(o, "content", json_string_value(content), json_string_length(content), b);
    pr_str_done(&other);
    return o;
}

void pr_api_set_example(
    json_t *o, const struct pr_example *x, const char *digest, struct pr_api_text_budget *b)
{
    size_t i;
    const json_t *turn;
    json_t *messages = json_array();
    pr_json_set_str(o, "example", digest);
    set_text(o, "id", x->id, strlen(x->id), b);
    set_text(o, "skill", x->skill, x->skill ? strlen(x->skill) : 0, b);
    set_text(o, "difficulty", x->difficulty, strlen(x->difficulty), b);
    json_array_foreach (x->messages, i, turn) {
        if (b->left < PER_MESSAGE) { /* a million empty turns are long too */
            pr_json_set_bool(o, "messages_cut", true);
            break;
        }
        b->left -= PER_MESSAGE;
        json_array_append_new(messages, message_json(turn, b));
    }
    pr_json_set(o, "messages", messages);
    set_text(o, "text", x->text.s, x->text.n, b);
    set_text(o, "golden", x->golden.s, x->golden.n, b);
    pr_json_set_str(o, "check", x->golden.s && x->check.type ? x->check.type->name : NULL);
}

/* As answer.c has it: the block begins the output, or the prompt opened it already. */
static void set_think(json_t *o, const struct pr_grade *g, struct pr_api_text_budget *b)
{
    if (!g->think) {
        pr_json_set(o, "think", json_null());
        return;
    }
    json_t *t = json_object();
    pr_json_set(o, "think", t);
    if (!g->output) {
        pr_json_set_null(t, "text", "the texts of old grades are not kept");
        pr_json_set_bool(t, "closed", !(g->truncated && isnan(g->confidence)));
        return;
    }
    size_t n;
    const char *s = pr_utf8_trim(g->output, g->output_len, &n);
    const char *end = g->output + g->output_len;
    if (n >= sizeof THINK - 1 && !memcmp(s, THINK, sizeof THINK - 1))
        s += sizeof THINK - 1;
    else
        s = g->output;
    const char *close = memmem(s, (size_t)(end - s), THINK_END, sizeof THINK_END - 1);
    set_text(t, "text", s, (size_t)((close ? close : end) - s), b);
    pr_json_set_bool(t, "closed", close != NULL);
}

static const char *reason_of(const struct pr_grade *g)
{
    if (!g->graded)
        return g->reason ? g->reason : "not graded yet";
    return g->correct_reason ? g->correct_reason : g->loss_reason;
}

void pr_api_set_answer(json_t *o, const struct pr_grade *g, struct pr_api_text_budget *b)
{
    static const char *const copied[] = {"correct", "correct_reason", "confidence",
        "confidence_reason", "loss", "loss_reason", "finish", "truncated", "output_tokens"};
    json_t *line = pr_grade_line(g);
    set_text(o, "output", g->output, g->output_len, b);
    set_text(o, "answer", g->answer, g->answer_len, b);
    if (!g->answer)
        pr_json_set_str(o, "answer_reason",
            g->graded || g->reason ? json_string_value(json_object_get(line, "answer_reason"))
                                   : "not graded yet");
    set_think(o, g, b);
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        if (json_object_get(line, copied[i]))
            json_object_set(o, copied[i], json_object_get(line, copied[i]));
    pr_json_set_bool(o, "texts_dropped", g->texts_dropped);
    pr_json_set_bool(o, "graded", g->graded);
    pr_json_set_str(o, "reason", reason_of(g));
    json_decref(line);
}

/* ---- search ---- */

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool holds(const char *s, size_t n, const char *what, size_t what_n)
{
    for (size_t i = 0; s && i + what_n <= n; i++) {
        size_t k = 0;
        while (k < what_n && fold(s[i + k]) == fold(what[k]))
            k++;
        if (k == what_n)
            return true;
    }
    return false;
}

bool pr_api_example_holds(const struct pr_grade *g, const char *what)
{
    const struct pr_example *x = g->example;
    size_t i, n = strlen(what);
    const json_t *turn;
    json_array_foreach (x->messages, i, turn) {
        const json_t *content = json_object_get(turn, "content");
        if (holds(json_string_value(content), json_string_length(content), what, n))
            return true;
    }
    return holds(x->text.s, x->text.n, what, n) || holds(x->golden.s, x->golden.n, what, n) ||
           holds(g->output, g->output_len, what, n);
}
