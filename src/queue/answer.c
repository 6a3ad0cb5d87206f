/* Golden answers against the verifiers of skills.
 *
 * An answer may come with an explanation, and a verifier takes the bare answer alone.  So the whole
 * answer, its last line and what follows "####" or "answer is" are tried; it counts as wrong only
 * when it is bare, or names its final answer itself, and the verifier takes none of them.  Whatever
 * else is written around an answer, nothing is claimed about it. */
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "queue/line.h"
#include "skills/skill.h"

#define MAX_QUESTION 4096
#define MAX_BARE     80

static struct pr_text trimmed(const char *s, size_t n)
{
    struct pr_text t;
    t.s = pr_utf8_trim(s, n, &t.n);
    return t;
}

/* What follows the last of the phrases that announce an answer; s NULL: there is none. */
static struct pr_text announced(struct pr_text t)
{
    static const char *const phrases[] = {"####", "answer is", "answer:", "answer:**"};
    struct pr_text best = {NULL, 0};
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        size_t n = strlen(phrases[i]);
        for (size_t at = t.n < n ? 0 : t.n - n + 1; at-- > 0;)
            if (!strncasecmp(t.s + at, phrases[i], n)) {
                const char *from = t.s + at + n;
                if (!best.s || from > best.s)
                    best = (struct pr_text){from, (size_t)(t.s + t.n - from)};
                break;
            }
    }
    if (best.s) {
        const char *line = memchr(best.s, '\n', best.n);
        best = trimmed(best.s, line ? (size_t)(line - best.s) : best.n);
    }
    return best;
}

static struct pr_text last_line(struct pr_text t)
{
    const char *line = t.n ? memrchr(t.s, '\n', t.n) : NULL;
    return line ? trimmed(line + 1, (size_t)(t.s + t.n - line) - 1) : t;
}

static bool takes(const struct pr_skill *k, struct pr_text q, struct pr_text a)
{
    if (!a.s || !a.n)
        return false;
    if (k->verify(q.s, q.n, a.s, a.n))
        return true;
    return a.s[a.n - 1] == '.' && k->verify(q.s, q.n, a.s, a.n - 1);
}

/* The one question and its answer; false where the line is anything else. */
static bool one_question(const struct pr_dialog *d, struct pr_text *q, struct pr_text *a)
{
    size_t at = d->n && d->v[0].role == PR_ROLE_SYSTEM;
    if (d->n != at + 2 || d->v[at].role != PR_ROLE_USER || d->v[at + 1].role != PR_ROLE_ASSISTANT ||
        !d->v[at].text.s || !d->v[at + 1].text.s)
        return false;
    *q = d->v[at].text;
    *a = d->v[at + 1].text;
    return q->n <= MAX_QUESTION;
}

void pr_line_check_answer(struct pr_line_result *r, const struct pr_dialog *d, struct pr_text skill)
{
    struct pr_text q, a;
    char name[64] = "";
    bool has, closed;
    if (!one_question(d, &q, &a))
        return;
    a = pr_think_split(a, &has, &closed);
    a = trimmed(a.s, a.n);
    struct pr_text named = announced(a), last = last_line(a);
    bool bare = a.n <= MAX_BARE && !memchr(a.s, '\n', a.n);
    if (!bare && (!named.s || named.n > MAX_BARE))
        return; /* nothing could be claimed: skills that know the question need not be looked for */
    if (skill.s && skill.n < sizeof name)
        memcpy(name, skill.s, skill.n);
    const struct pr_skill *k = pr_skill_knowing(*name ? name : NULL, q.s, q.n);
    if (!k || takes(k, q, a) || takes(k, q, named) || takes(k, q, last))
        return;
    struct pr_text shown = named.s && !bare ? named : a;
    pr_line_reason(r, PR_DEFECT_WRONG_ANSWER, "the verifier of skill '%s' refuses '%.*s'", k->name,
        (int)shown.n, shown.s);
}
