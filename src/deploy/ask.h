/* Asking the server that is driven: JSON over HTTP, and programs of the user's. */
#ifndef PR_DEPLOY_ASK_H
#define PR_DEPLOY_ASK_H

#include <stdatomic.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "deploy/settings.h"

struct pr_ask {
    const struct pr_deploy_settings *settings;
    const char *path, *name, *version; /* what {path}, {name}, {version} stand for */
    int slot;                          /* 1 or 2, of vllm; else 0 */
    const char *url;                   /* of the server that is to be probed; NULL: none */
    const atomic_bool *stop;           /* NULL: never */
};

/* method NULL: GET without a body, POST with one.  The key of settings goes with it.  *ret is NULL
 * where the answer is no JSON; `said` (or NULL) gets the answer's beginning.  Any status is PR_OK.
 */
PR_MUST_CHECK enum pr_code pr_ask_json(const struct pr_ask *a, const char *method, const char *url,
    const char *body, int timeout_ms, int *ret_status, json_t **ret, struct pr_error *e);
/* What a document of an error says: OpenAI's form, SGLang's, or the first bytes; pr_free. */
char *pr_ask_said(int status, const json_t *answer);

/* "Authorization: Bearer KEY" of a file of one word; path NULL: *ret is NULL.  `what` names the key
 * in messages; pr_free. */
PR_MUST_CHECK enum pr_code pr_ask_bearer(
    const char *path, const char *what, char **ret, struct pr_error *e);

/* url + path; pr_free. */
char *pr_ask_url(const char *url, const char *path);

enum pr_fill { PR_FILL_PLAIN, PR_FILL_URL, PR_FILL_JSON };
/* `text` with {path}, {name}, {version}, {slot} and {url} filled in, so that a value stays one in
 * an argument, a url or a JSON string; pr_free. */
char *pr_ask_fill(const struct pr_ask *a, const char *text, enum pr_fill how);

/* Runs an array of a program and its arguments, filled in; no shell.  PR_E_IO with what it said
 * when its exit status is another than 0. */
PR_MUST_CHECK enum pr_code pr_ask_command(
    const struct pr_ask *a, const char *key, const json_t *command, struct pr_error *e);

#endif
