/* Where a server of ours can be reached, as a small file for whoever started it with port 0:
 * status/api.json, status/serve.json. */
#ifndef PR_CLI_NOTE_H
#define PR_CLI_NOTE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"

/* Sets `key` to "http://HOST:PORT" + path, HOST being one that answers from this machine. */
void pr_note_set_url(
    json_t *note, const char *key, bool tls, const char *bind, int port, const char *path);
/* {"schema_version","pid","started_at"}: new reference. */
json_t *pr_note_new(void);
/* Writes it, atomically; its folder is made where it is not there. */
PR_MUST_CHECK enum pr_code pr_note_write(const char *path, const json_t *note, struct pr_error *e);
/* Removes it where it is of this process: another one may have been started meanwhile.  NULL is
 * fine. */
void pr_note_remove(const char *path);

#endif
