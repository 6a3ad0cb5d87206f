/* From an example to tokens, with the definitions of docs/exam.md. */
#ifndef PR_EXAM_PROMPT_H
#define PR_EXAM_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "exam/example.h"
#include "model/checkpoint.h"

#define PR_PROMPT_NOW_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

struct pr_prompt_options {
    const json_t *template_vars; /* an object of further variables of the template; NULL: none */
    int64_t now_utc_ms;          /* what strftime_now shows; 0: PR_PROMPT_NOW_MS */
};

struct pr_prompter;

/* c is borrowed and must outlive it.  Fails when the tokenizer or the template cannot be read. */
PR_MUST_CHECK enum pr_code pr_prompter_new(struct pr_checkpoint *c,
    const struct pr_prompt_options *options, struct pr_prompter **ret, struct pr_error *e);
void pr_prompter_free(struct pr_prompter *p);

const struct pr_tokenizer *pr_prompter_tokenizer(const struct pr_prompter *p);
bool pr_prompter_has_template(const struct pr_prompter *p);
/* The first token that the template renders after an assistant turn's content, white space aside;
 * else eos_token; −1 for neither: the answer's tokens then end without one. */
int32_t pr_prompter_end_of_turn(const struct pr_prompter *p);
/* What ends a generation: generation_config.json's end tokens and the end of turn. */
const int32_t *pr_prompter_stops(const struct pr_prompter *p, size_t *ret_n);
/* Everything of the above that a grade depends on beyond the checkpoint: {"template","date",
 * "template_variables","end_of_turn","stop"}; a new reference. */
json_t *pr_prompter_settings(const struct pr_prompter *p);

/* Appends the text that is tokenized as the prompt: the rendered template with the generation
 * prompt, or the plain turns; for plain text the empty string.  PR_E_TEMPLATE when the template
 * raises. */
PR_MUST_CHECK enum pr_code pr_prompter_render(const struct pr_prompter *p,
    const struct pr_example *x, struct pr_str *out, struct pr_error *e);

/* The same of any turns (an array of messages, as the template takes them); vars: further variables
 * of the template, an object, before which those of the options give way; NULL: none.
 * PR_E_NOT_FOUND without a template. */
PR_MUST_CHECK enum pr_code pr_prompter_render_turns(const struct pr_prompter *p,
    const json_t *messages, const json_t *vars, struct pr_str *out, struct pr_error *e);

struct pr_prompt {
    struct pr_ids ids; /* the prompt, then the answer's tokens with the end of turn */
    size_t n_prompt;   /* tokens before the answer; 0 for plain text, whose first is not scored */
    bool think_open;   /* the generation prompt ends inside a <think> block */
};
void pr_prompt_done(struct pr_prompt *p);

/* Prompt and answer of an example; `answer` is its golden text, or one of its choices.  A plain
 * text gives its own tokens.  PR_E_FORMAT when a prompt has no tokens at all. */
PR_MUST_CHECK enum pr_code pr_prompter_build(const struct pr_prompter *p,
    const struct pr_example *x, struct pr_text answer, struct pr_prompt *ret, struct pr_error *e);

#endif
