/* Which cipher a transfer goes through. */
#ifndef PR_TRANSFER_CIPHER_H
#define PR_TRANSFER_CIPHER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "transfer/ssh.h"

/* ssh's own first choice takes twice the CPU time of AES-GCM where the CPU computes that, and on a
 * fast network the CPU is what a transfer waits for.  True where this CPU does, and neither the
 * user's configuration nor the options say anything of ciphers (`ssh -G` tells, which connects to
 * nothing). */
bool pr_ssh_takes_aes(const struct pr_ssh *ssh, const atomic_bool *stop);
/* The option to add then, behind those of the user: what else ssh would offer follows it, for a
 * host that knows it not. */
#define PR_SSH_AES "Ciphers=^aes128-gcm@openssh.com"

#endif
