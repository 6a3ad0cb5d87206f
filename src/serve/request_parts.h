/* The fields of a request that have parts of their own; for request*.c.  false: e says why. */
#ifndef PR_SERVE_REQUEST_PARTS_H
#define PR_SERVE_REQUEST_PARTS_H

#include "serve/request.h"

/* [{"role","content": text or [{"type":"text","text"}…], …}…]: as templates take it, content a
 * text.  At least one; the parts of a content are joined. */
bool pr_serve_read_messages(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e);
/* A text, token ids, or a list of either. */
bool pr_serve_read_prompt(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e);
/* A text or a list of texts. */
bool pr_serve_read_stop(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e);

#endif
