/* How ssh is called, and what its complaints mean. */
#ifndef PR_TRANSFER_SSH_H
#define PR_TRANSFER_SSH_H

#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

struct pr_ssh {
    char *host, *user; /* host NULL: none; user NULL: ssh's own choice */
    int port;          /* 0: likewise */
    char **options;    /* "Name=value" */
    size_t n_options;
    int connect_timeout_s;
};

/* Is this a host ("name", "10.0.0.1", "fe80::1", an alias of ~/.ssh/config) or a user that ssh and
 * rsync take for nothing else?  PR_E_USAGE with what is wrong: empty, a leading '-', or a byte
 * other than letters, digits and ". _ - : %" (a user: no ':' nor '%'). */
PR_MUST_CHECK enum pr_code pr_ssh_check(const struct pr_ssh *ssh, struct pr_error *e);

/* The arguments up to, not including, the host: {"ssh", "-T", …}, then NULL.  The strings are the
 * caller's: pr_names_free(argv, n). */
char **pr_ssh_argv(const struct pr_ssh *ssh, size_t *ret_n);

/* One argument as rsync's -e takes it, which splits at spaces by quotes of its own (no shell): in
 * single quotes, those within doubled. */
void pr_rsync_quote(const char *argument, struct pr_str *out);

/* Fills e with what `said` (stderr of ssh or rsync) means and what to do: PR_E_USAGE where a person
 * must act, else `otherwise`.  `host` is how messages name the other side. */
enum pr_code pr_ssh_explain(
    const char *host, const char *said, enum pr_code otherwise, struct pr_error *e);

#endif
