/* The questions of the skill `deduction`, as a value: statements about kinds ("All toves are
 * zorks.") or about facts ("If the tove is red, then the zork is not tall."), and a question. */
#ifndef PR_SKILLS_DEDUCTION_FORM_H
#define PR_SKILLS_DEDUCTION_FORM_H

#include "skills/skill.h"
#include "skills/text.h"

#define PR_LOGIC_NAMES      16
#define PR_LOGIC_STATEMENTS 24
#define PR_LOGIC_TEXT       16
#define PR_LOGIC_ATOMS      10 /* of facts: all their combinations are looked at */

enum pr_logic_kind {
    PR_LOGIC_ALL, /* about kinds: names 0 and 1 */
    PR_LOGIC_NO,
    PR_LOGIC_SOME,
    PR_LOGIC_SOME_NOT,
    PR_LOGIC_FACT, /* about facts, each of which may be denied */
    PR_LOGIC_IF,
    PR_LOGIC_IF_BOTH,
    PR_LOGIC_OR,
    PR_LOGIC_XOR,
    PR_LOGIC_ONLY_IF,
    PR_LOGIC_IFF,
    PR_LOGIC_NOT_BOTH,
    PR_LOGIC_N_KINDS
};
struct pr_literal {
    int name;
    bool negated;
};
struct pr_statement {
    enum pr_logic_kind kind;
    struct pr_literal v[3];
};
/* What is asked: does it follow; is it possible (kinds); is it so (facts). */
enum pr_logic_ask { PR_LOGIC_FOLLOWS, PR_LOGIC_POSSIBLE, PR_LOGIC_IS };

struct pr_logic {
    bool facts; /* else kinds */
    int n_names, n;
    char names[PR_LOGIC_NAMES][2][PR_LOGIC_TEXT]; /* noun, and of facts the adjective */
    struct pr_statement v[PR_LOGIC_STATEMENTS];
    enum pr_logic_ask ask;
    struct pr_statement question;
    int form;  /* how it is asked */
    bool hint; /* the possible answers are named */
};

bool pr_logic_take(struct pr_skill_text t, struct pr_logic *ret);
void pr_logic_put(const struct pr_logic *q, struct pr_str *out);
void pr_logic_put_statement(
    const struct pr_logic *q, const struct pr_statement *s, struct pr_str *out);
/* A random way to ask. */
void pr_logic_phrase(struct pr_rng *rng, struct pr_logic *q);
int pr_logic_literals(enum pr_logic_kind kind);

enum pr_verdict { PR_VERDICT_NO, PR_VERDICT_YES, PR_VERDICT_UNKNOWN };
/* By inference over all statements (deduction_kinds.c, deduction_facts.c); appends the reasons to
 * working where it is not NULL.  false: the statements contradict each other. */
bool pr_logic_kinds(const struct pr_logic *q, enum pr_verdict *ret, struct pr_str *working);
bool pr_logic_facts(const struct pr_logic *q, enum pr_verdict *ret, struct pr_str *working);

#endif
