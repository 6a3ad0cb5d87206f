/* The interpreter: each line is read when it is run; before that all are gone through once without
 * running them, so that what is never reached must be in order too. */
#include "skills/code_run.h"

#include <string.h>

#include "skills/code_value.h"

#define MAX_DEPTH 4
#define MAX_STEPS 3000
#define INDENT    4

struct line {
    int indent; /* in levels */
    struct pr_skill_text text;
};

struct machine {
    struct line lines[PR_CODE_LINES];
    int n_lines, steps, loops;
    bool live, breaking;
    enum pr_code_reading how;
    struct pr_code_values values;
    struct pr_code_shape shape;
    struct pr_str *out, *trace;
};

static int run_block(struct machine *m, int at, int indent);

/* ---- lines --------------------------------------------------------------------------------- */

static bool split(struct machine *m, struct pr_skill_text code)
{
    while (code.n) {
        const char *end = memchr(code.s, '\n', code.n);
        size_t n = end ? (size_t)(end - code.s) : code.n, spaces = 0;
        while (spaces < n && code.s[spaces] == ' ')
            spaces++;
        if (m->n_lines == PR_CODE_LINES || spaces == n || spaces % INDENT ||
            spaces / INDENT > MAX_DEPTH)
            return false;
        m->lines[m->n_lines++] =
            (struct line){(int)(spaces / INDENT), {code.s + spaces, n - spaces}};
        code.s += n + (end != NULL);
        code.n -= n + (end != NULL);
    }
    return m->n_lines > 0 && !m->lines[0].indent;
}

/* The line behind the block that begins at `at`. */
static int block_end(const struct machine *m, int at, int indent)
{
    while (at < m->n_lines && m->lines[at].indent >= indent)
        at++;
    return at;
}

static void note(struct machine *m, int at, struct pr_skill_text what, int64_t value)
{
    if (m->live && m->trace)
        pr_str_printf(
            m->trace, "line %d: %.*s = %lld\n", at + 1, (int)what.n, what.s, (long long)value);
}

/* ---- statements: each takes the whole of its line; false: it is not one -------------------- */

/* What is from `from` to where t stands, without the blanks at its end. */
static struct pr_skill_text between(const char *from, struct pr_skill_text t)
{
    return pr_skill_trim(from, (size_t)(t.s - from));
}

static bool run_augmented(struct machine *m, int at, struct pr_skill_text t, int name)
{
    static const char *const ops[] = {" += ", " -= ", " *= ", " //= ", " %= "};
    static const char *const signs[] = {"+", "-", "*", "//", "%"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        int64_t old = 0, by, x = 0;
        if (!pr_skill_take(&t, ops[i]))
            continue;
        if (!pr_code_expression(&t, &m->values, m->live, &by) || t.n ||
            (m->live &&
                (!pr_code_get(&m->values, name, &old) || !pr_code_apply(signs[i], old, by, &x))))
            return false;
        if (!m->live && !m->shape.first_update)
            m->shape.first_update = at + 1;
        if (m->live && m->how != PR_CODE_NO_UPDATE) {
            pr_code_set(&m->values, name, x);
            if (m->trace)
                pr_str_printf(m->trace, "line %d: %s = %lld %s %lld = %lld\n", at + 1,
                    m->values.names[name], (long long)old, signs[i], (long long)by, (long long)x);
        }
        return true;
    }
    return false;
}

static bool run_pair(struct machine *m, int at, struct pr_skill_text t, int first)
{
    int64_t a, b;
    int second = pr_code_take_name(&t, &m->values);
    if (second < 0 || second == first || !pr_skill_take(&t, " = "))
        return false;
    const char *from = t.s;
    if (!pr_code_expression(&t, &m->values, m->live, &a) || !pr_skill_take(&t, ", "))
        return false;
    if (m->live && m->how == PR_CODE_ONE_BY_ONE)
        pr_code_set(&m->values, first, a);
    if (!pr_code_expression(&t, &m->values, m->live, &b) || t.n)
        return false;
    if (m->live) {
        pr_code_set(&m->values, first, a);
        pr_code_set(&m->values, second, b);
        if (m->trace)
            pr_str_printf(m->trace, "line %d: %s, %s = %.*s = %lld, %lld\n", at + 1,
                m->values.names[first], m->values.names[second], (int)(t.s - from), from,
                (long long)a, (long long)b);
    } else if (!m->shape.first_pair) {
        m->shape.first_pair = at + 1;
    }
    return true;
}

static bool run_assignment(struct machine *m, int at)
{
    struct pr_skill_text t = m->lines[at].text;
    const char *whole = t.s;
    int64_t x;
    int name = pr_code_take_name(&t, &m->values);
    if (name < 0)
        return false;
    if (!m->live)
        m->shape.assignments++;
    if (pr_skill_take(&t, ", "))
        return run_pair(m, at, t, name);
    if (!pr_skill_take(&t, " = "))
        return run_augmented(m, at, t, name);
    const char *right = t.s;
    if (!pr_code_expression(&t, &m->values, m->live, &x) || t.n)
        return false;
    if (!m->live)
        return true;
    pr_code_set(&m->values, name, x);
    /* "x = 3" says it all. */
    bool plain = strspn(right, "0123456789") >= (size_t)(t.s - right);
    if (plain && m->trace)
        pr_str_printf(m->trace, "line %d: %.*s\n", at + 1, (int)(t.s - whole), whole);
    else
        note(m, at, between(whole, t), x);
    return true;
}

static bool run_print(struct machine *m, int at)
{
    struct pr_skill_text t = m->lines[at].text;
    if (!pr_skill_take(&t, "print("))
        return false;
    struct pr_str own = PR_STR_INIT(256);
    bool ok = true;
    do {
        int64_t x = 0;
        ok = pr_code_expression(&t, &m->values, m->live, &x);
        pr_str_printf(&own, "%s%lld", own.len ? " " : "", (long long)x);
    } while (ok && pr_skill_take(&t, ", "));
    ok = ok && pr_skill_take(&t, ")") && !t.n && !own.over;
    if (ok && m->live && m->out) {
        pr_str_printf(m->out, "%s%s", m->out->len ? "\n" : "", own.data);
        if (m->trace)
            pr_str_printf(m->trace, "line %d: prints %s\n", at + 1, own.data);
    }
    pr_str_done(&own);
    return ok;
}

/* ---- blocks: each returns the line behind itself, -1: not in order -------------------------- */

static int run_if(struct machine *m, int at, int indent)
{
    bool taken = false, first = true;
    for (;; first = false) {
        struct pr_skill_text t = m->lines[at].text;
        bool holds = true, last = !first && pr_skill_take(&t, "else");
        if (!last) {
            const char *from;
            if (!pr_skill_take(&t, first ? "if " : "elif "))
                return first ? -1 : at;
            from = t.s;
            bool look = m->live && !taken;
            if (!pr_code_condition(&t, &m->values, look, &holds))
                return -1;
            if (look && m->trace)
                pr_str_printf(m->trace, "line %d: %.*s is %s\n", at + 1, (int)(t.s - from), from,
                    holds ? "true" : "false");
            if (first && m->how == PR_CODE_OTHER_BRANCH)
                holds = !holds;
        }
        if (!pr_skill_take(&t, ":") || t.n || at + 1 >= m->n_lines ||
            m->lines[at + 1].indent != indent + 1)
            return -1;
        int end = block_end(m, at + 1, indent + 1);
        if (!m->live || (holds && !taken))
            if (run_block(m, at + 1, indent + 1) < 0)
                return -1;
        taken = taken || holds;
        at = end;
        if (last || at >= m->n_lines || m->lines[at].indent != indent)
            return at;
    }
}

/* The numbers that a for goes through: range(…) or a list. */
struct rounds {
    int64_t from, to, by;
    int64_t list[16];
    int n; /* of the list; -1: a range */
};

static bool take_list(struct pr_skill_text *t, struct machine *m, struct rounds *r)
{
    r->n = 0;
    do {
        if (r->n == 16 || !pr_code_expression(t, &m->values, m->live, &r->list[r->n]))
            return false;
        r->n++;
    } while (pr_skill_take(t, ", "));
    return pr_skill_take(t, "]");
}

static bool take_rounds(struct pr_skill_text *t, struct machine *m, struct rounds *r)
{
    int64_t x[3];
    int n = 0;
    if (pr_skill_take(t, "["))
        return take_list(t, m, r);
    if (!pr_skill_take(t, "range("))
        return false;
    do {
        if (n == 3 || !pr_code_expression(t, &m->values, m->live, &x[n]))
            return false;
        n++;
    } while (pr_skill_take(t, ", "));
    *r = (struct rounds){n > 1 ? x[0] : 0, n > 1 ? x[1] : x[0], n > 2 ? x[2] : 1, {0}, -1};
    if (m->how == PR_CODE_END_INCLUDED)
        r->to += r->by;
    return pr_skill_take(t, ")") && (!m->live || r->by);
}

static bool round_at(const struct rounds *r, int64_t i, int64_t *ret)
{
    if (r->n >= 0) {
        *ret = i < r->n ? r->list[i] : 0;
        return i < r->n;
    }
    *ret = r->from + i * r->by;
    return r->by > 0 ? *ret < r->to : *ret > r->to;
}

static bool enter_loop(struct machine *m, int at, int *first)
{
    m->loops++;
    if (!m->live && m->loops > m->shape.loop_depth)
        m->shape.loop_depth = m->loops;
    if (!m->live && !*first)
        *first = at + 1;
    return at + 1 < m->n_lines && m->lines[at + 1].indent == m->lines[at].indent + 1;
}

static int run_for(struct machine *m, int at, int indent)
{
    struct pr_skill_text t = m->lines[at].text;
    struct rounds r = {.n = 0};
    int name = pr_skill_take(&t, "for ") ? pr_code_take_name(&t, &m->values) : -1;
    if (name < 0 || !pr_skill_take(&t, " in ") || !take_rounds(&t, m, &r) ||
        !pr_skill_take(&t, ":") || t.n || !enter_loop(m, at, &m->shape.first_for))
        return -1;
    int64_t x, after;
    bool ok = true;
    for (int64_t i = 0; m->live && ok && !m->breaking && round_at(&r, i, &x); i++) {
        if ((m->how == PR_CODE_ONE_ROUND && i) ||
            (m->how == PR_CODE_ONE_LESS && !round_at(&r, i + 1, &after)))
            break;
        pr_code_set(&m->values, name, x);
        note(
            m, at, (struct pr_skill_text){m->values.names[name], strlen(m->values.names[name])}, x);
        ok = ++m->steps < MAX_STEPS && run_block(m, at + 1, indent + 1) >= 0;
    }
    if (!m->live)
        ok = run_block(m, at + 1, indent + 1) >= 0;
    m->loops--;
    m->breaking = false;
    return ok ? block_end(m, at + 1, indent + 1) : -1;
}

static int run_while(struct machine *m, int at, int indent)
{
    bool ok = enter_loop(m, at, &m->shape.first_while);
    m->shape.whiles += !m->live;
    for (int i = 0; ok && !m->breaking; i++) {
        struct pr_skill_text t = m->lines[at].text;
        bool holds = false;
        pr_skill_take(&t, "while ");
        const char *from = t.s;
        if (!pr_code_condition(&t, &m->values, m->live, &holds))
            ok = false;
        int n = (int)(t.s - from);
        if (!ok || !pr_skill_take(&t, ":") || t.n) {
            ok = false;
            break;
        }
        if (m->live && m->trace)
            pr_str_printf(
                m->trace, "line %d: %.*s is %s\n", at + 1, n, from, holds ? "true" : "false");
        if ((m->live && !holds) || (m->how == PR_CODE_ONE_ROUND && i))
            break;
        ok = ++m->steps < MAX_STEPS && run_block(m, at + 1, indent + 1) >= 0;
        if (!m->live)
            break;
    }
    m->loops--;
    m->breaking = false;
    return ok ? block_end(m, at + 1, indent + 1) : -1;
}

static bool starts(struct pr_skill_text t, const char *word)
{
    return pr_skill_take(&t, word);
}

static bool run_break(struct machine *m, int at)
{
    struct pr_skill_text t = m->lines[at].text;
    if (!m->loops || !pr_skill_take(&t, "break") || t.n)
        return false;
    m->breaking = m->live;
    m->shape.breaks += !m->live;
    if (m->live && m->trace)
        pr_str_printf(m->trace, "line %d: break\n", at + 1);
    return true;
}

static int run_statement(struct machine *m, int at, int indent)
{
    struct pr_skill_text t = m->lines[at].text;
    if (++m->steps > MAX_STEPS)
        return -1;
    if (starts(t, "if ")) {
        if (!m->live && !m->shape.ifs++)
            m->shape.first_if = at + 1;
        return run_if(m, at, indent);
    }
    if (starts(t, "for "))
        return run_for(m, at, indent);
    if (starts(t, "while "))
        return run_while(m, at, indent);
    bool ok = starts(t, "print(")  ? run_print(m, at)
              : starts(t, "break") ? run_break(m, at)
                                   : run_assignment(m, at);
    return ok ? at + 1 : -1;
}

static int run_block(struct machine *m, int at, int indent)
{
    while (at >= 0 && at < m->n_lines && m->lines[at].indent == indent && !m->breaking)
        at = run_statement(m, at, indent);
    /* A line that is further in than its block belongs nowhere. */
    return at >= 0 && at < m->n_lines && m->lines[at].indent > indent && !m->breaking ? -1 : at;
}

bool pr_code_run(struct pr_skill_text code, enum pr_code_reading how, struct pr_str *out,
    struct pr_str *trace, struct pr_code_shape *shape, int *ret_steps)
{
    struct machine m = {.how = how, .out = out, .trace = trace};
    if (!split(&m, code) || run_block(&m, 0, 0) != m.n_lines)
        return false;
    m.live = true;
    m.steps = 0;
    if (shape)
        *shape = m.shape;
    bool ok = run_block(&m, 0, 0) == m.n_lines;
    if (ret_steps)
        *ret_steps = m.steps;
    return ok;
}
