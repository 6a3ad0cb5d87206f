/* Turns of a conversation: messages and ShareGPT lists, ChatML text, roles.  Used by formats.c. */
#ifndef PR_EXAM_TURNS_H
#define PR_EXAM_TURNS_H

#include "exam/example.h"

/* Appends {"role","content"}. */
void pr_turns_add(json_t *turns, const char *role, const char *s, size_t n);
/* Appends the members of `list` (line's `key`): {"role","content"} or {"from","value"}; content is
 * a string, null beside tool calls, or a list of text parts.  Unknown roles are kept and warned. */
PR_MUST_CHECK enum pr_code pr_turns_read(struct pr_example_reader *r, const json_t *list,
    const char *key, json_t *turns, struct pr_error *e);
/* The role that chat templates know for a name ("gpt": "assistant"); NULL: unknown. */
const char *pr_turns_role(const char *name, size_t n);
/* Walks the turns of ChatML text, which is borrowed.  begin: false when the text is none.  next:
 * false at the end; body.s NULL: an open turn without text, which is a generation prompt and no
 * turn. */
struct pr_chatml {
    const char *s, *stop;
    bool left_out; /* text after a turn was passed over */
};
bool pr_chatml_begin(struct pr_chatml *c, struct pr_text text);
bool pr_chatml_next(struct pr_chatml *c, struct pr_text *ret_role, struct pr_text *ret_body);
/* Reads a ChatML conversation; false when the text is none. */
bool pr_turns_from_chatml(struct pr_example_reader *r, struct pr_text text, json_t *turns);
/* The last assistant turn becomes r->x->golden, those before it r->x->messages (a new array).
 * PR_E_FORMAT when there is none, or nothing before it. */
PR_MUST_CHECK enum pr_code pr_turns_finish(
    struct pr_example_reader *r, const json_t *turns, struct pr_error *e);
/* The contents of all turns, a line each: the prompt of a model without a template. */
struct pr_text pr_turns_text(struct pr_example_reader *r, const json_t *turns);

#endif
