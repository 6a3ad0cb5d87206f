/* What an answer looks like to a client of the OpenAI API: one document, or a stream of chunks as
 * server-sent events.  The model's fingerprint is in every one of them (system_fingerprint). */
#ifndef PR_SERVE_REPLY_H
#define PR_SERVE_REPLY_H

#include "base/str.h"
#include "serve/answer.h"

struct pr_serve_reply;

/* id: "chatcmpl-…"; model: the name that the client asked for; tokenizer, fingerprint, numerics: of
 * the model that answers.  All borrowed. */
struct pr_serve_reply_of {
    const struct pr_serve_request *request;
    const char *id, *model, *fingerprint, *numerics;
    const struct pr_tokenizer *tokenizer;
    int64_t created_s;
    size_t n_choices;
};
struct pr_serve_reply *pr_serve_reply_new(const struct pr_serve_reply_of *of);
void pr_serve_reply_free(struct pr_serve_reply *r);

/* As struct pr_serve_calls has them.  Of a stream, what is to be sent is appended to out. */
void pr_serve_reply_piece(struct pr_serve_reply *r, size_t choice, const char *text, size_t n,
    const struct pr_serve_token *tokens, size_t n_tokens, struct pr_str *out);
void pr_serve_reply_choice_over(
    struct pr_serve_reply *r, size_t choice, const char *finish, struct pr_str *out);
/* Of a stream the usage, where that is wanted, and "[DONE]"; else the whole document. */
void pr_serve_reply_over(
    struct pr_serve_reply *r, const struct pr_serve_usage *usage, struct pr_str *out);
/* A stream that fails ends with an error's event. */
void pr_serve_reply_error(const struct pr_serve_error *e, struct pr_str *out);

#endif
