/* Channels: where alerts are sent (docs/alerts.md).
 *
 * To add a kind:
 *   1. a file src/daemon/channel_<kind>.c with one `const struct pr_channel_kind
 *      pr_channel_kind_<kind>`, whose `make` is pure: notices in, a message out;
 *   2. a line in PR_CHANNEL_KINDS, and the file in src/daemon/meson.build;
 *   3. its section in docs/alerts.md, its payload in tests/unit/daemon/test_channels.c.
 *
 * What is sent is hostile: texts name checkpoints and quote models.  `make` takes every text
 * through pr_channel_clean, which takes controls out and bounds it. */
#ifndef PR_DAEMON_CHANNELS_H
#define PR_DAEMON_CHANNELS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "daemon/config.h"
#include "gradebook/actions.h"

#define PR_CHANNEL_KINDS(X)                                                                        \
    X(webhook)                                                                                     \
    X(slack)                                                                                       \
    X(discord)                                                                                     \
    X(ntfy)                                                                                        \
    X(email)                                                                                       \
    X(command)

/* ---- what is configured ---- */

struct pr_channel {
    char *name;
    const struct pr_channel_kind *kind;
    unsigned levels;      /* 1 << enum pr_alert_level, or-ed */
    json_t *systems;      /* an array of names; NULL: all */
    bool resolved;        /* it is told of recoveries */
    char *url, *url_file; /* one of them, where the kind has one.  A url is a secret */
    char *token_file;     /* NULL: none */
    char *ca_file;        /* NULL: the system's */
    json_t *command;      /* an array: a program and its arguments */
    char *to, *from;      /* of email */
    int64_t timeout_seconds;
};
struct pr_channels {
    struct pr_channel *v;
    size_t n;
};
/* Those of c that can be used.  What is wrong with others, and with the other keys of alerts, is
 * appended to problems (an array of texts): it never stops anything. */
void pr_channels_read(const struct pr_config *c, struct pr_channels *ret, json_t *problems);
void pr_channels_done(struct pr_channels *c);
void pr_channel_copy(const struct pr_channel *c, struct pr_channel *ret);
void pr_channel_done(struct pr_channel *c);
const struct pr_channel *pr_channel_find(const struct pr_channels *c, const char *name);
bool pr_channel_takes(const struct pr_channel *c, const char *system, enum pr_alert_level level);
/* Of the kinds' keys, those that are files with secrets: are they there, and for their owner alone?
 * For `proctor doctor`; appends to problems. */
void pr_channels_check_files(const struct pr_channels *c, json_t *problems);

/* ---- what is said ---- */

struct pr_notice {
    int64_t delivery, alert; /* ids; 0: none */
    enum pr_delivery_kind kind;
    enum pr_alert_level level;
    const char *system, *key, *text;
    const char *checkpoint;        /* its folder's name; NULL: of none */
    int64_t raised_ms, cleared_ms; /* 0: not */
};
/* A message: of one notice, or of many when a storm is told at once. */
struct pr_message {
    const struct pr_notice *v;
    size_t n;            /* at least 1 */
    const char *channel; /* its name */
    const char *machine; /* this one's name */
    const char *page;    /* url of the page; NULL: not known */
    int64_t now_ms;
};

/* What a message says of where it comes from: this machine's name; the url of the page as far as it
 * is known, else "". */
void pr_channel_machine(char *ret, size_t size);
void pr_channel_page(const struct pr_config *c, char *ret, size_t size);

/* A message as it goes out: a request, or the stdin of a command. */
#define PR_OUTGOING_HEADERS 8
struct pr_outgoing {
    char *url;                          /* where it differs from the channel's; owned, NULL: not */
    char *headers[PR_OUTGOING_HEADERS]; /* owned; NULL ends them */
    struct pr_str body;
};
void pr_outgoing_header(struct pr_outgoing *o, const char *fmt, ...) PR_PRINTF(2, 3);
void pr_outgoing_json(struct pr_outgoing *o, json_t *document); /* steals it */
void pr_outgoing_done(struct pr_outgoing *o);

enum pr_channel_keys {      /* beside kind, levels, systems, resolved, timeout_seconds */
    PR_CHANNEL_URL = 1,     /* url or url_file, ca_file */
    PR_CHANNEL_TOKEN = 2,   /* token_file */
    PR_CHANNEL_COMMAND = 4, /* command */
    PR_CHANNEL_MAIL = 8,    /* to, from */
};
struct pr_channel_kind {
    const char *name;
    unsigned keys;
    /* url: the channel's, already read; NULL where it has none.  o is empty. */
    void (*make)(const struct pr_channel *c, const char *url, const struct pr_message *m,
        struct pr_outgoing *o);
};
#define PR_X(name) extern const struct pr_channel_kind pr_channel_kind_##name;
PR_CHANNEL_KINDS(PR_X)
#undef PR_X

/* ---- sending (channel_send.c): blocks, for worker threads ---- */

/* PR_OK: it was taken.  The message names no secret.  *ret_retry_after_s: -1, or what was asked
 * for. stop: NULL, or set by another thread to give up (PR_E_CANCELLED). */
PR_MUST_CHECK enum pr_code pr_channel_send(const struct pr_channel *c, const struct pr_message *m,
    const atomic_bool *stop, int *ret_retry_after_s, struct pr_error *e);

/* ---- texts (channel_text.c) ---- */

/* Appends s as one line of valid UTF-8 of at most max bytes, without control, bidirectional and
 * other invisible characters; what is longer ends with "…". */
void pr_channel_clean(struct pr_str *out, const char *s, size_t max);
/* The same into a string of its own; pr_free. */
char *pr_channel_cleaned(const char *s, size_t max);
/* "[CRITICAL] regression-monitor: checkpoint-1574", "[RESOLVED] …", "[23 ALERTS] …": one line;
 * pr_free. */
char *pr_message_title(const struct pr_message *m);
/* The texts, a line a notice, at most `lines` of them and `max` bytes; pr_free. */
char *pr_message_text(const struct pr_message *m, size_t lines, size_t max);
/* The worst of those that fire; info where all are resolved. */
enum pr_alert_level pr_message_level(const struct pr_message *m);
bool pr_message_resolved(const struct pr_message *m); /* all of them are */
/* "firing", "resolved", "test" …: of one notice. */
const char *pr_notice_status(const struct pr_notice *n);

#endif
