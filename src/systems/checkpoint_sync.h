/* The parts of checkpoint sync, for its own files and tests.
 *
 *   checkpoint_sync.c          the system: flags from the view, then the loop of `act`
 *   checkpoint_sync_rules.c    pure: names, back-off, resting, what is a copy
 *   checkpoint_sync_flags.c    what the gradebook says of local checkpoints
 *   checkpoint_sync_state.c    what is remembered between runs
 *   checkpoint_sync_look.c     a look at the source
 *   checkpoint_sync_choose.c   what of it is worth fetching
 *   checkpoint_sync_bring.c    one checkpoint comes
 *   checkpoint_sync_tidy.c     what lies in the place, and what is removed
 *   checkpoint_sync_status.c   the status document, and alerts
 */
#ifndef PR_SYSTEMS_CHECKPOINT_SYNC_H
#define PR_SYSTEMS_CHECKPOINT_SYNC_H

#include "base/rng.h"
#include "systems/move.h"
#include "systems/sync_settings.h"
#include "systems/system.h"
#include "transfer/fetch.h"
#include "transfer/listing.h"
#include "transfer/ready.h"
#include "transfer/retention.h"
#include "transfer/store.h"

#define PR_SYNC_SYSTEM "checkpoint-sync"

/* ---- rules (pure) ---- */

/* Milliseconds to the next try after `tries` failures in a row (at least 1): doubled each time, and
 * between half and all of that by u in [0, 1), so that many do not come at once. */
int64_t pr_sync_delay_ms(double base_s, double max_s, int64_t tries, double u);
/* Has a content that was first seen then rested for long enough?  A clock that was set back counts
 * as not. */
bool pr_sync_rests(int64_t since_ms, int64_t now_ms, double look_s);
/* How long it is until due_ms: 0 when that is past, and never more than the longest wait that there
 * is, since then the clock was set back. */
int64_t pr_sync_wait_ms(int64_t due_ms, int64_t now_ms, int64_t longest_ms);
/* The name here of a checkpoint whose own is taken by another content: "checkpoint-8.3fa2b1c0", of
 * the first eight digits of its content.  ret holds NAME_MAX + 1 bytes. */
void pr_sync_other_name(const char *name, const char *content, char ret[256]);
/* When it was trained: the latest time of its weights, by the source's clock. */
int64_t pr_sync_trained_ns(const struct pr_listed *l);
/* Is it a copy of `there`, by names, sizes and times of what is fetched?  Times agree to the second
 * where one side knows no more. */
bool pr_sync_is_copy(
    const struct pr_listed *here, const struct pr_listed *there, bool optimizer_state);

/* ---- what the gradebook says (leaves no reference to the view) ---- */

struct pr_sync_flag {
    char *path, *name; /* the folder; NULL: by fingerprint alone */
    unsigned flags;    /* enum pr_held_flags */
    double score;      /* of model comparison; NaN: none */
};
struct pr_sync_flags {
    struct pr_sync_flag *v;
    size_t n, cap;
    int64_t read_ns; /* pr_clock_monotonic_ns */
    char *unsure;    /* why it is not known what is deployed; NULL: it is */
};
PR_MUST_CHECK enum pr_code pr_sync_flags_read(
    struct pr_view *v, struct pr_sync_flags *ret, struct pr_error *e);
void pr_sync_flags_free(void *flags);

/* ---- the work of one run ---- */

struct pr_sync {
    const struct pr_move *m;
    const struct pr_sync_settings *s;
    const struct pr_sync_flags *flags;
    char *local_dir;
    struct pr_store *source;
    struct pr_store *far; /* where it is pushed to; NULL: fetched */
    char *place;          /* where checkpoints go, a folder of this machine; "" when far */
    json_t *state;        /* checkpoint_sync_state.c */
    struct pr_rng rng;
    struct pr_listing now;   /* of the source, as last looked */
    bool looked;             /* the last look succeeded: `now` is what lies there */
    bool *wanted;            /* of each of them; NULL: not decided yet */
    struct pr_listing there; /* of the place */
    uint64_t far_free;       /* bytes, when `there` was listed; UINT64_MAX: not known */
    bool refused;            /* a person must act */
    uint64_t short_bytes;    /* of room, for `short_name` */
    char short_name[256];
    json_t *transferring; /* owned; NULL: nothing is */
    int64_t told_ns, began_ns;
    uint64_t began_bytes, last_bytes;
    bool progressed; /* something came since the last failure */
    double look_ms;  /* that the last look took; NaN: there was none */
    bool next_run;   /* what is left waits for it: for newer flags */
    size_t n_copied; /* in this run */
    bool reused;     /* the source's connection is that of an earlier run, and not proved yet */
};

/* ---- state ---- */

/* {"seen": {NAME: {"content","since_ms","trained_ns","ready"|"incomplete"|"unreadable"}},
 *  "copied": [{"name","from","source","content","run","step","at_ms","bytes","trained_ns",
 *              "placed","adopted","another","removed"}],
 *  "coming": {NAME: as of copied, and "inode" of its folder in .incoming},
 *  "failed": {NAME: {"content","tries","next_ms","reason","code","disk_full","short"}},
 *  "host": {"tries","next_ms","reason","last_look_ms","last_success_ms"},
 *  "removed": [{"name","why","at","bytes"}]} */
void pr_sync_state_load(struct pr_sync *y);
PR_MUST_CHECK enum pr_code pr_sync_state_save(struct pr_sync *y, struct pr_error *e);
/* An object of the state, made where it is not there; borrowed. */
json_t *pr_sync_part(struct pr_sync *y, const char *name);
/* Of `copied`, borrowed: what came from this name of this source with this content; as what lies
 * here; NULL: none. */
json_t *pr_sync_copied_from(struct pr_sync *y, const char *from, const char *content);
json_t *pr_sync_copied_as(struct pr_sync *y, const char *name);
int64_t pr_sync_int(const json_t *o, const char *key);
const char *pr_sync_text(const json_t *o, const char *key); /* "" for none */

/* ---- steps: each PR_OK, or what stops the run (PR_E_CANCELLED, the state cannot be written) ----
 */

/* Lists the source and judges what rests.  *ret_ok false: the source failed, and is noted. */
PR_MUST_CHECK enum pr_code pr_sync_look(struct pr_sync *y, bool *ret_ok, struct pr_error *e);
/* A candidate's state in a word, for decisions and the status. */
enum pr_sync_state {
    PR_SYNC_CHANGING, /* seen once, or written to */
    PR_SYNC_INCOMPLETE,
    PR_SYNC_READY,
    PR_SYNC_COPIED,
    PR_SYNC_REMOVED, /* was copied, and removed here since */
    PR_SYNC_FAILED,  /* ready, and a try failed */
};
enum pr_sync_state pr_sync_state_of(struct pr_sync *y, const struct pr_listed *l);
/* Which of the source would retention keep, were they here?  Decided for all at once, and anew
 * before each that comes; is_wanted says it of one of y->now. */
void pr_sync_choose(struct pr_sync *y);
bool pr_sync_is_wanted(const struct pr_sync *y, const struct pr_listed *l);
/* Notes a failure of the source; `code` decides how soon it is tried again. */
void pr_sync_host_failed(struct pr_sync *y, const struct pr_error *why);

/* The newest that is ready, wanted and due; NULL: none.  *ret_next_ms: when the first that failed
 * is due, 0: none. */
const struct pr_listed *pr_sync_next(struct pr_sync *y, int64_t *ret_next_ms);
/* Brings it: what came of it is in the state. */
PR_MUST_CHECK enum pr_code pr_sync_bring(
    struct pr_sync *y, const struct pr_listed *l, struct pr_error *e);
/* Removes what retention lets go, for incoming_bytes of `coming` (NULL: of none) that are still to
 * come; nothing that is newer makes room for it. */
PR_MUST_CHECK enum pr_code pr_sync_tidy(
    struct pr_sync *y, const struct pr_listed *coming, uint64_t incoming_bytes, struct pr_error *e);

/* Lists the place: y->there. */
PR_MUST_CHECK enum pr_code pr_sync_look_at_place(struct pr_sync *y, struct pr_error *e);
/* Notes what lies there as what was put there, just now. */
void pr_sync_note_placed(struct pr_sync *y, json_t *copied);
/* checkpoint_sync_coming.c: `record` (what will be one of `copied`) is about to come into
 * .incoming; saves the state.  And at a look: those that are in their place by now are ours. */
PR_MUST_CHECK enum pr_code pr_sync_note_coming(
    struct pr_sync *y, json_t *record, struct pr_error *e);
void pr_sync_settle_coming(struct pr_sync *y);
/* Compares y->there with what was noted: where it is another by names, sizes and times, somebody
 * put it there, and it is never removed.  Returns how many that newly are. */
size_t pr_sync_check_placed(struct pr_sync *y);
/* Nothing may be removed, and why: what must stay is not known, or by flags that are too old (a pin
 * may have come since).  NULL: it may. */
const char *pr_sync_holds_back(const struct pr_sync *y);
bool pr_sync_is_stale(const struct pr_sync *y); /* by flags that are too old alone */
/* A line in the log. */
void PR_PRINTF(3, 4) pr_sync_note(const struct pr_sync *y, const char *event, const char *fmt, ...);

/* What lies in the place and was brought by sync, for retention; pr_free.  extra: those of the
 * source that may come, behind them. */
struct pr_held *pr_sync_held(struct pr_sync *y, bool extra, size_t *ret_n);
struct pr_retention_rule pr_sync_rule(const struct pr_sync *y);
bool pr_sync_is_there(const struct pr_sync *y, const char *name);

/* ---- status ---- */
json_t *pr_sync_document(struct pr_sync *y);
void pr_sync_alerts(struct pr_sync *y, struct pr_findings *f);
/* Shows it now. */
void pr_sync_tell(struct pr_sync *y);

#endif
