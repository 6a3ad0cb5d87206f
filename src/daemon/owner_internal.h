/* What both sides of proctor.sock share; for owner.c and owner_client.c alone. */
#ifndef PR_DAEMON_OWNER_INTERNAL_H
#define PR_DAEMON_OWNER_INTERNAL_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/json.h"

#define PR_OWNER_LOCK   "proctor.lock"
#define PR_OWNER_SOCKET "proctor.sock"
/* Of one message to the owner, and of what may wait to be read by a peer. */
#define PR_OWNER_MAX_MESSAGE ((size_t)1 << 20)
#define PR_OWNER_MAX_KEPT    ((size_t)8 << 20)

/* The address of a socket in the base folder: its path where that fits into an address (107 bytes),
 * else by way of the folder's descriptor. */
void pr_owner_address(const char *base_dir, int dir_fd, const char *name, struct sockaddr_un *ret);
/* {"type": "hello","version","proctor","pid"}; new reference. */
json_t *pr_owner_hello(void);
/* Is the process at the other end of a connection ours?  Its pid in *ret_pid. */
bool pr_owner_same_user(int fd, pid_t *ret_pid);

#endif
