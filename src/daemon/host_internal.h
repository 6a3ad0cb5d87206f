/* What the files of host.h share: host.c (starting, signals, taking over), host_own.c (as owner),
 * host_found.c, host_guests.c (the owner's peers), host_link.c (registered with an owner). */
#ifndef PR_DAEMON_HOST_INTERNAL_H
#define PR_DAEMON_HOST_INTERNAL_H

#include "daemon/host.h"
#include "daemon/loop.h"
#include "daemon/owner.h"
#include "daemon/server.h"
#include "daemon/supervisor.h"

struct guest;

/* One of this process's own systems. */
struct host_job {
    struct pr_host *host;
    const struct pr_system *system;
    struct pr_job *job; /* as owner, while it runs */
    bool wanted;        /* by the configuration as it is now */
    bool finished;      /* once: done */
    char *said;         /* the last line that the log has of it; owned */
};

struct pr_host {
    const struct pr_host_options *o;
    struct pr_config config; /* as last read well */
    struct pr_loop *loop;
    struct host_job *jobs; /* one a system of the table */
    size_t n_jobs;
    /* as owner */
    struct pr_owner *owner;
    struct pr_supervisor *supervisor;
    struct guest *guests;
    /* registered */
    int link_fd; /* -1: not */
    struct pr_frames link;
    /* both */
    struct pr_server *server; /* of `proctor run` alone */
    struct pr_timer settle, watchdog, tick;
    struct pr_timer answer; /* set while an owner was asked and has not answered */
    int tries;              /* to settle, since it was last settled */
    int64_t unsettled_ns;   /* since when it is not */
    bool settled_before, ready, stopping;
    enum pr_code code; /* how it ends */
    struct pr_error why;
};

/* Ends the loop; the first call counts.  fmt NULL: without a message. */
void host_end(struct pr_host *h, enum pr_code code, const char *fmt, ...) PR_PRINTF(3, 4);
/* Looks for a place again, in a moment. */
void host_unsettled(struct pr_host *h);
/* Is the owner or registered. */
void host_settled(struct pr_host *h, const char *as);
/* What one of this process's systems found, from the supervisor or the owner. */
void host_found(struct host_job *j, const json_t *document, bool waiting, const char *failed);
void host_finished(struct host_job *j);
/* `proctor run` that is there to stay: a base folder has one. */
bool host_is_run(const struct pr_host *h);
json_t *host_message(const char *type);

/* Takes the folder: PR_E_LIMIT when another process has it. */
PR_MUST_CHECK enum pr_code host_own(struct pr_host *h, struct pr_error *e);
void host_disown(struct pr_host *h);
/* Reads proctor.yaml again; as owner, goes on by it. */
void host_reload(struct pr_host *h);
/* Starts the log as the configuration says. */
void host_log(const struct pr_host *h);
/* Marks the jobs that the configuration wants. */
void host_choose_jobs(struct pr_host *h);

/* The owner's events. */
void host_guest_message(void *ctx, struct pr_peer *p, const json_t *message);
void host_guest_left(void *ctx, struct pr_peer *p);
void host_guests_free(struct pr_host *h);

/* Registers with the owner. */
PR_MUST_CHECK enum pr_code host_link(struct pr_host *h, struct pr_error *e);
void host_unlink(struct pr_host *h);
void host_link_ask_state(struct pr_host *h);

#endif
