/* What the files of arrivals share: places, the folders in them, and what is heard through inotify.
 *
 * A *place* is a folder that was named to us: it holds checkpoints, or is one.  An *item* is a
 * folder that is or may become a checkpoint: a child of a place, or the place itself.  An *other*
 * is a file or folder whose changes are only told.
 *
 * An item is looked at when something was heard of it (`due`), and at every scan.  A look takes the
 * folder's identity: a readdir and a stat a file; headers are read only when that changed. */
#ifndef PR_DAEMON_ARRIVALS_INTERNAL_H
#define PR_DAEMON_ARRIVALS_INTERNAL_H

#include <limits.h>

#include "base/sha256.h"
#include "daemon/arrivals.h"

#define PR_ARRIVALS_WATCHED 256      /* items that are not complete, heard through inotify */
#define PR_ARRIVALS_KEPT    16       /* complete ones, those that came last */
#define PR_ARRIVALS_POLLED  64       /* not complete and not heard: looked at every second */
#define PR_ARRIVALS_MAX     100000   /* folders of one place */
#define PR_ARRIVALS_SLICE   10000000 /* ns of work a turn */

/* ---- folders (arrivals_folder.c) ---- */

/* A folder as it is at one moment. */
struct pr_look {
    uint8_t identity[PR_SHA256_LEN]; /* over the files that matter to the model */
    int64_t newest_ms;               /* the latest ctime among them and the folder, UTC */
    bool config;                     /* there is a config.json or adapter_config.json */
    bool weights;                    /* there are *.safetensors */
    int64_t folder_ns;               /* mtime of the folder itself */
};
/* Returns 0 or an errno. */
int pr_look_at(const char *path, struct pr_look *ret);
/* Does a file of this name count for the identity? */
bool pr_look_counts(const char *name);
/* A hash over all that lies in a file or folder and its subfolders, one level; calls back for each
 * subfolder.  0 where there is nothing. */
uint64_t pr_look_signature(
    const char *path, void (*folder)(void *ctx, const char *path), void *ctx);

/* ---- items and places (arrivals_items.c) ---- */

enum pr_item_state {
    PR_ITEM_NEW,
    PR_ITEM_NONE, /* a folder that is no checkpoint (so far) */
    PR_ITEM_WAITING,
    PR_ITEM_COMPLETE
};

struct pr_place;
struct pr_item {
    struct pr_place *place;
    char *name;                    /* in the place; NULL: the place itself */
    int64_t step;                  /* of checkpoint-N, else -1 */
    uint8_t judged[PR_SHA256_LEN]; /* the identity that `state` was found for */
    uint8_t seen[PR_SHA256_LEN];   /* at the last look */
    int64_t seen_ns;               /* since when, monotonic */
    int64_t due_ns;                /* the next look; 0: at the next scan */
    int64_t folder_ns;             /* mtime of the folder at the last look */
    uint64_t why;                  /* hash of the reason last told */
    uint32_t round;                /* of the scan that looked at it last */
    uint8_t state;                 /* enum pr_item_state */
    uint8_t restless;              /* looks in a row that found it changing */
    bool told;                     /* `complete` or `waiting` was called and not yet `gone` */
    bool offered;                  /* `complete` was called for `judged` */
    bool watched, active;
};

struct pr_place {
    char *path;
    bool model_only;      /* the reference: never a holder */
    bool there, has_self; /* it exists; it is a model itself */
    uint64_t dev, ino;    /* of the folder where it is there */
    char *want;           /* what is waited for in the watched parent */
    struct pr_item self;
    struct pr_item **items; /* sorted by pr_item_order: the newest last */
    size_t n, cap;
    int64_t list_due_ns, listed_ns, list_cost_ns; /* due 0: not */
    size_t cursor;                                /* of the scan: items from here up are done */
};

/* By step, then name. */
int pr_item_order(int64_t a_step, const char *a, int64_t b_step, const char *b);
/* The entries of a place that may be checkpoints, in order; false where it is not there.  Notes in
 * the place what it is. */
struct pr_entry {
    char *name;
    int64_t step;
};
bool pr_place_entries(struct pr_place *p, struct pr_entry **ret, size_t *ret_n);
void pr_entries_free(struct pr_entry *v, size_t n);
/* Path of an item in a buffer; false when it is too long. */
bool pr_item_path(const struct pr_item *x, char ret[PATH_MAX]);

/* ---- inotify (arrivals_watch.c) ---- */

struct pr_other {
    char *path, *want;
    uint64_t signature;
    int64_t due_ns; /* to be told at; 0: not */
};

enum pr_watch_kind {
    PR_WATCH_PLACE,
    PR_WATCH_PLACE_PARENT,
    PR_WATCH_ITEM,
    PR_WATCH_OTHER,
    PR_WATCH_OTHER_PARENT
};
struct pr_watch {
    int wd;
    enum pr_watch_kind kind;
    void *owner;
};
struct pr_watches {
    int fd;       /* inotify, or an eventfd that never speaks */
    bool off;     /* no inotify at all */
    bool refused; /* a watch was refused since the last scan began */
    struct pr_watch *v;
    size_t n, cap, n_items; /* n_items: those of kind PR_WATCH_ITEM */
};
PR_MUST_CHECK enum pr_code pr_watches_init(struct pr_watches *w, bool off, struct pr_error *e);
void pr_watches_done(struct pr_watches *w);
/* Watches a folder for an owner; the same folder again changes nothing, another one takes the
 * earlier one's place unless `more`.  False where it is not watched. */
bool pr_watches_add(
    struct pr_watches *w, enum pr_watch_kind kind, void *owner, const char *path, bool more);
void pr_watches_drop(struct pr_watches *w, enum pr_watch_kind kind, const void *owner);
/* Watches the nearest parent that exists; *want becomes the name to wait for in it. */
void pr_watches_parent(
    struct pr_watches *w, enum pr_watch_kind kind, void *owner, const char *path, char **want);
/* Forgets a descriptor; `removed` false asks the kernel to forget it too.  Items that were heard
 * through it are marked as not watched. */
void pr_watches_forget(struct pr_watches *w, int wd, bool removed);

struct pr_arrivals {
    struct pr_arrivals_events events;
    struct pr_place *places;
    size_t n_places;
    struct pr_other *others;
    size_t n_others;
    struct pr_watches watches;
    int64_t scan_ns, settle_ns, next_scan_ns;
    bool scanning, scan_again; /* scan_again: something may have changed behind this scan */
    uint32_t round;
    struct pr_item **active; /* with a due look */
    size_t n_active, active_cap;
    struct pr_item *kept[PR_ARRIVALS_KEPT]; /* complete and watched, the earliest first */
    size_t n_kept;
    size_t n_complete, n_waiting;
    char path[PATH_MAX];
};

/* An item is looked at no later than at_ns. */
void pr_item_soon(struct pr_arrivals *a, struct pr_item *x, int64_t at_ns);
/* Takes in what inotify has to say: marks items, places and others. */
void pr_arrivals_hear(struct pr_arrivals *a);
/* Looks at an item and tells what is new about it.  `again`: what was found waiting is judged anew
 * though its files are the same, since its neighbours may have changed. */
void pr_item_look(struct pr_arrivals *a, struct pr_item *x, bool again);
/* It is not there any more, or no checkpoint: told, counted out, not watched. */
void pr_item_leave(struct pr_arrivals *a, struct pr_item *x);

#endif
