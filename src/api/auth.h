/* Who may ask: the token, the sessions of browsers that gave it once, and how often one may be
 * wrong. Any thread may call; a lock of its own guards it. */
#ifndef PR_API_AUTH_H
#define PR_API_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define PR_API_COOKIE        "proctor_session"
#define PR_API_SESSION_CHARS 64      /* 32 random bytes in hex */
#define PR_API_SESSION_S     2592000 /* 30 days since it was last used */

struct pr_api_auth;

/* Reads the token from path; where there is no file, makes one with 32 random bytes in hex, mode
 * 0600. PR_E_USAGE: a file that others may read, or that holds no token (16 to 256 printable
 * characters). */
PR_MUST_CHECK enum pr_code pr_api_auth_new(
    const char *path, struct pr_api_auth **ret, struct pr_error *e);
void pr_api_auth_free(struct pr_api_auth *a);

enum pr_api_verdict {
    PR_API_NOBODY, /* neither token nor session */
    PR_API_WRONG,  /* a token or a session that is none */
    PR_API_WAIT,   /* too many wrong ones from this address: even the right one is not looked at */
    PR_API_TOKEN,
    PR_API_SESSION,
};
/* The headers' values, NULL where they are not there.  Wrong tokens are counted by address: after
 * ten in a minute the address waits until that minute is over. */
enum pr_api_verdict pr_api_auth_check(struct pr_api_auth *a, const char *authorization,
    const char *cookie, const char *peer, int64_t now_ns);
/* The token in a login's body. PR_API_TOKEN: ret is a new session. */
enum pr_api_verdict pr_api_auth_login(struct pr_api_auth *a, const char *token, const char *peer,
    int64_t now_ns, char ret[PR_API_SESSION_CHARS + 1]);
void pr_api_auth_logout(struct pr_api_auth *a, const char *cookie);
/* Is the cookie's session there?  Counts nothing. */
bool pr_api_auth_has_session(struct pr_api_auth *a, const char *cookie, int64_t now_ns);

#endif
