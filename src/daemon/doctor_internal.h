/* What doctor's checks share; for doctor*.c. */
#ifndef PR_DAEMON_DOCTOR_INTERNAL_H
#define PR_DAEMON_DOCTOR_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "daemon/config.h"
#include "systems/system.h"

enum pr_doctor_level { PR_DOCTOR_OK, PR_DOCTOR_NOTE, PR_DOCTOR_WARNING, PR_DOCTOR_ERROR };

struct pr_doctor {
    const char *base_dir;
    struct pr_config config; /* the defaults where proctor.yaml cannot be read */
    int64_t now_ms;
    json_t *checks;
    const char *name; /* of the check that runs */
    enum pr_doctor_level worst;
    bool there; /* the base folder */
    /* What earlier checks learnt for later ones. */
    bool owned;             /* a proctor runs on it */
    size_t n_folders;       /* of checkpoints */
    uint64_t largest_bytes; /* weights of the largest checkpoint; 0: none could be opened */
    char largest[128];      /* and its name */
    char newest[128];       /* the newest that could be opened */
    uint8_t tokenizer[32];  /* and its tokenizer's digest */
    bool has_tokenizer;
    char from_future[256]; /* a file that is newer than now; "": none */
};

/* One line of the report; remedy NULL: none is needed. */
void pr_doctor_say(struct pr_doctor *d, enum pr_doctor_level level, const char *remedy,
    const char *fmt, ...) PR_PRINTF(4, 5);
/* base_dir/name; pr_free. */
char *pr_doctor_path(const struct pr_doctor *d, const char *name);
/* The path, or the nearest folder above it that is there; pr_free. */
char *pr_doctor_nearest(const char *path);
/* Is this system, which is configured, left out on this machine?  Then the report says so. */
bool pr_doctor_leaves_out(struct pr_doctor *d, const struct pr_system *s);
/* Notes a file whose time is later than now. */
void pr_doctor_time(struct pr_doctor *d, const char *path, int64_t mtime_s);
/* The text of a file of /proc or /sys, whose size is not known before: NUL-terminated, cut at size
 * - 1 bytes; false where it cannot be read. */
bool pr_doctor_read(const char *path, char *buf, size_t size);
/* The number in a small file of /proc or /sys; false where there is none. */
bool pr_doctor_number(const char *path, uint64_t *ret);

/* The checks, in the order of the table in doctor.c. */
void pr_doctor_folder(struct pr_doctor *d);      /* doctor_folder.c */
void pr_doctor_filesystem(struct pr_doctor *d);  /* doctor_folder.c */
void pr_doctor_space(struct pr_doctor *d);       /* doctor_folder.c */
void pr_doctor_leftovers(struct pr_doctor *d);   /* doctor_folder.c */
void pr_doctor_status(struct pr_doctor *d);      /* doctor_folder.c */
void pr_doctor_owner(struct pr_doctor *d);       /* doctor_watch.c */
void pr_doctor_socket(struct pr_doctor *d);      /* doctor_watch.c */
void pr_doctor_gradebook(struct pr_doctor *d);   /* doctor_watch.c */
void pr_doctor_unit(struct pr_doctor *d);        /* doctor_watch.c */
void pr_doctor_checkpoints(struct pr_doctor *d); /* doctor_model.c */
void pr_doctor_reference(struct pr_doctor *d);   /* doctor_model.c */
void pr_doctor_suites(struct pr_doctor *d);      /* doctor_suites.c */
void pr_doctor_testing(struct pr_doctor *d);     /* doctor_suites.c */
void pr_doctor_curriculum(struct pr_doctor *d);  /* doctor_curriculum.c */
void pr_doctor_skills(struct pr_doctor *d);      /* doctor_skills.c */
void pr_doctor_peers(struct pr_doctor *d);       /* doctor_peers.c */
void pr_doctor_sync(struct pr_doctor *d);        /* doctor_sync.c */
void pr_doctor_deploy(struct pr_doctor *d);      /* doctor_deploy.c */
void pr_doctor_serve(struct pr_doctor *d);       /* doctor_serve.c */
void pr_doctor_alerts(struct pr_doctor *d);      /* doctor_watch.c */
void pr_doctor_cpu(struct pr_doctor *d);         /* doctor_machine.c */
void pr_doctor_memory(struct pr_doctor *d);      /* doctor_machine.c */
void pr_doctor_limits(struct pr_doctor *d);      /* doctor_machine.c */
void pr_doctor_inotify(struct pr_doctor *d);     /* doctor_machine.c */
void pr_doctor_sandbox(struct pr_doctor *d);     /* doctor_machine.c */
void pr_doctor_clock(struct pr_doctor *d);       /* doctor_machine.c */

#endif
