/* Requests of the OpenAI API: POST /v1/chat/completions and /v1/completions.
 *
 * What a request asks for and cannot have is refused, never passed over: a field that nobody knows,
 * or that would change the answer and is not supported, is an error that names it. */
#ifndef PR_SERVE_REQUEST_H
#define PR_SERVE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "model/sample.h"

enum pr_serve_kind { PR_SERVE_CHAT, PR_SERVE_COMPLETION };

#define PR_SERVE_MAX_CHOICES 128
#define PR_SERVE_MAX_STOPS   16
#define PR_SERVE_MAX_STOP    256 /* bytes of one */
#define PR_SERVE_MAX_PROMPTS 128

/* An error as the API answers it: {"error":{"message","type","param","code"}}. */
struct pr_serve_error {
    int status;       /* of HTTP */
    const char *type; /* "invalid_request_error" */
    const char *code; /* "model_not_found"; NULL: null */
    char param[64];   /* the field; "": null */
    char message[512];
};
void pr_serve_refuse(struct pr_serve_error *e, int status, const char *code, const char *param,
    const char *fmt, ...) PR_PRINTF(5, 6);
json_t *pr_serve_error_json(const struct pr_serve_error *e); /* new reference */

/* A prompt of a completion: text, or token ids. */
struct pr_serve_prompt {
    char *text; /* NULL: ids */
    size_t n;   /* bytes, or ids */
    int32_t *ids;
};

struct pr_serve_request {
    enum pr_serve_kind kind;
    char *model;
    json_t *messages; /* chat: an array of {"role","content": text, …} as templates take it */
    json_t *template_vars;           /* an object; NULL: none */
    struct pr_serve_prompt *prompts; /* completion */
    size_t n_prompts;
    int64_t max_tokens; /* −1: as many as there is room for */
    size_t n;           /* choices of each prompt */
    bool stream, include_usage;
    char *stop[PR_SERVE_MAX_STOPS];
    size_t n_stop;
    struct pr_sampling sampling; /* seed: drawn by the server where has_seed is false */
    bool has_seed, logprobs;
    uint32_t top_logprobs;
};

/* Reads a request's body.  false: e says why (status 400). */
bool pr_serve_request_read(enum pr_serve_kind kind, const char *body, size_t n,
    struct pr_serve_request *ret, struct pr_serve_error *e);
void pr_serve_request_done(struct pr_serve_request *r); /* zeroed is fine */

#endif
