/* A host by ssh: one connection, over which a constant script answers questions.
 *
 * The script reads lines "OPERATION COUNT" and, for each path, a line of octal escapes (see
 * `encode`).  It answers:
 *
 *   at once        "proctor-source-1" NUL (anything before it is a login shell that prints)
 *   list 0 DIR     the entries of pr_listing_parse, then "end WORD" NUL
 *   head N FILE    exactly N bytes, filled up with zeros, then "ok" NUL or "gone" NUL
 *   sum 0 FILE     the hash NUL; NUL alone for a file that cannot be read; "none" NUL without any
 *                  of openssl, sha256sum, shasum
 *
 * And for pushing (push.c), with "ok" NUL, or "failed" NUL:
 *
 *   make 0 DIR       a folder in .incoming; what lies there for a week is removed
 *   move 0 DIR       DIR, which the next line names, gets it as its name; "there" NUL: it is taken
 *   drop 0 DIR       renamed to a hidden name, then removed
 *   room 0 DIR       kilobytes that are free where it lies, or would lie; "none": not known
 *
 * It is handed to the login shell in single quotes, so it holds none, nor a backslash before a
 * backslash (fish), nor a newline or '!' (csh). */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "transfer/store_internal.h"

#define HELLO        "proctor-source-1"
#define MAX_NOISE    4096
#define HASH_HOURS   12
#define SYNC_MINUTES 30 /* a slow disk takes what rsync left in memory */

static const char script[] =
    "exec sh -c '"
    "LC_ALL=C; export LC_ALL; unset CDPATH;"
    /* a name: printf turns \0ooo into bytes; the dot keeps newlines at its end */
    "name() { IFS= read -r v && v=$(printf %b. \"$v\") && v=${v%.}; };"
    "meta() { stat -c \"%s %Y\" \"./$1\" 2>/dev/null || stat -f \"%z %m\" \"./$1\" 2>/dev/null; };"
    "slow() { for d in *; do"
    "  if [ -d \"./$d\" ] && [ ! -h \"./$d\" ]; then printf \"d 0 0 %s\\0\" \"$d\";"
    "   for f in \"$d\"/*; do t=; [ -f \"./$f\" ] && t=f; [ -d \"./$f\" ] && t=d;"
    "    [ -h \"./$f\" ] && t=l;"
    "    if [ \"$t\" ]; then s=$(meta \"$f\") && printf \"%s %s %s\\0\" $t \"$s\" \"$f\"; fi;"
    "   done; fi; done; };"
    "list() { if find . -maxdepth 0 -printf \"\" 2>/dev/null; then"
    "  find . -mindepth 1 -maxdepth 2 -name \".*\" -prune -o"
    "   -printf \"%y %s %T@ %P\\0\" 2>/dev/null; else slow; fi; };"
    "printf \"" HELLO "\\0\";"
    "while read -r op k; do name; case $op in "
    "list) if ( cd -- \"$v\" && { list; :; } ) 2>/dev/null; then printf \"end ok\\0\";"
    "  elif [ -d \"$v\" ]; then printf \"end denied\\0\"; else printf \"end missing\\0\"; fi;; "
    "head) if [ -f \"$v\" ] && [ ! -h \"$v\" ] && [ -r \"$v\" ]; then"
    "  { head -c \"$k\" \"$v\"; head -c \"$k\" /dev/zero; } 2>/dev/null | head -c \"$k\";"
    "  printf \"ok\\0\";"
    "  else head -c \"$k\" /dev/zero; printf \"gone\\0\"; fi;; "
    /* coreutils hash at a fifth of the speed of openssl, which uses the CPU's own instructions */
    "sum) s=; if [ -f \"$v\" ] && [ ! -h \"$v\" ] && [ -r \"$v\" ]; then"
    "  for h in \"openssl dgst -sha256 -r\" sha256sum \"shasum -a 256\"; do"
    "   if [ ${#s} != 64 ]; then s=$($h 2>/dev/null <\"$v\"); s=${s%% *}; fi; done;"
    "  printf \"%s\\0\" \"${s:-none}\"; else printf \"\\0\"; fi;; "
    "make) mkdir -p \"$v\" 2>/dev/null && printf \"ok\\0\" || printf \"failed\\0\";"
    "  find \"${v%/*}\" -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {} + 2>/dev/null;; "
    "move) f=$v; name; d=${v%/*}; if [ -e \"$v\" ] || [ -h \"$v\" ]; then printf \"there\\0\"; else"
    "  sync \"$f\"/* \"$f\" 2>/dev/null || sync;"
    "  if mv -T \"$f\" \"$v\" 2>/dev/null || { [ ! -e \"$v\" ] && mv \"$f\" \"$v\" 2>/dev/null; };"
    "  then sync \"$d\" 2>/dev/null || sync; printf \"ok\\0\"; else printf \"failed\\0\"; fi; fi;; "
    "drop) g=${v%/*}/.gone-${v##*/}; rm -rf \"$g\" 2>/dev/null; if [ -h \"$v\" ]; then"
    "  printf \"failed\\0\"; elif [ ! -d \"$v\" ]; then printf \"ok\\0\"; else"
    "  mv \"$v\" \"$g\" 2>/dev/null && rm -rf \"$g\" 2>/dev/null && printf \"ok\\0\" ||"
    "  printf \"failed\\0\"; fi;; "
    /* what stands before the first part in per cent: device and folder may hold spaces */
    "room) p=none; set -f;"
    "  for w in $(df -Pk \"$v\" 2>/dev/null || df -Pk \"${v%/*}\" 2>/dev/null); do"
    "   case $w in [0-9]*%) break;; esac; p=$w; done; set +f; printf \"%s\\0\" \"$p\";; "
    "esac; done'";

static void encode(const char *path, struct pr_str *out)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
    for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
        if (strchr(plain, *p))
            pr_str_putc(out, (char)*p);
        else
            pr_str_printf(out, "\\0%03o", *p);
    }
    pr_str_putc(out, '\n');
}

static void ask(struct pr_store *s, const char *op, size_t k, const char *path)
{
    struct pr_str q = PR_STR_INIT((size_t)1 << 20);
    pr_str_printf(&q, "%s %zu\n", op, k);
    encode(path, &q);
    pr_talk_queue(&s->talk, pr_str_cstr(&q), q.len);
    pr_str_done(&q);
}

static int64_t deadline(const struct pr_store *s)
{
    return pr_clock_monotonic_ns() + (int64_t)s->timeout_s * 1000000000;
}

/* The connection failed: what did ssh say about it? */
static enum pr_code broken(
    struct pr_store *s, const char *doing, enum pr_code code, struct pr_error *e)
{
    if (code == PR_E_CANCELLED)
        return code;
    if (code == PR_E_LIMIT)
        return pr_wrap(e, code, "%s: %s", s->name, doing);
    code = pr_ssh_explain(s->name, pr_talk_errors(&s->talk), PR_E_IO, e);
    return pr_wrap(e, code, "%s", doing);
}

/* Skips nothing: a shell that prints would break rsync too. */
static enum pr_code greet(struct pr_store *s, struct pr_error *e)
{
    const char *hello;
    size_t n;
    int64_t patience = (int64_t)(s->ssh.connect_timeout_s + s->timeout_s) * 1000000000;
    enum pr_code code =
        pr_talk_entry(&s->talk, MAX_NOISE, pr_clock_monotonic_ns() + patience, &hello, &n, e);
    if (!code && strcmp(hello, HELLO) != 0)
        return pr_fail(e, PR_E_USAGE,
            "%s: its login shell prints something before it is asked ('%.60s'): silence "
            "~/.bashrc there for shells that are not interactive",
            s->name, hello);
    return code ? broken(s, "connecting", code, e) : PR_OK;
}

static enum pr_code connect_once(struct pr_store *s, struct pr_error *e)
{
    size_t n;
    if (s->talk.child.pid > 0)
        return PR_OK;
    char **argv = pr_ssh_argv(&s->ssh, &n);
    const char **all = pr_alloc((n + 4) * sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[i] = argv[i];
    all[n] = "--";
    all[n + 1] = s->ssh.host;
    all[n + 2] = script;
    all[n + 3] = NULL;
    enum pr_code code = pr_talk_start(&s->talk, all, s->stop, e);
    pr_free(all);
    pr_names_free(argv, n);
    if (code == PR_E_NOT_FOUND) /* which would read as "no such folder there" */
        return pr_fail(e, PR_E_USAGE, "ssh is not installed here (package openssh-client)");
    return code ? code : greet(s, e);
}

static enum pr_code end_of_list(const struct pr_store *s, const char *word, struct pr_error *e)
{
    if (!strcmp(word, "ok"))
        return PR_OK;
    if (!strcmp(word, "missing"))
        return pr_fail(e, PR_E_NOT_FOUND, "%s: there is no such folder there", s->name);
    return pr_fail(e, PR_E_USAGE, "%s: that folder may not be listed by this login", s->name);
}

static enum pr_code list_of(
    struct pr_store *s, const char *dir, struct pr_listing *ret, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT(s->limits.max_bytes);
    const char *entry;
    size_t n;
    enum pr_code code = connect_once(s, e);
    if (code)
        return code;
    ask(s, "list", 0, dir);
    for (int64_t until = deadline(s);;) {
        code = pr_talk_entry(&s->talk, 8192, until, &entry, &n, e);
        if (code || !strncmp(entry, "end ", 4))
            break;
        pr_str_append(&text, entry, n + 1);
        if (text.over) {
            code = pr_fail(e, PR_E_LIMIT,
                "the list is longer than %zu bytes; name the folder that holds the checkpoints and "
                "little else",
                text.max);
            break;
        }
    }
    if (code)
        code = broken(s, "listing", code, e);
    else if (!(code = end_of_list(s, entry + 4, e)) &&
             (code = pr_listing_parse(pr_str_cstr(&text), text.len, &s->limits, ret, e)))
        pr_wrap(e, code, "%s: its listing", s->name);
    pr_str_done(&text);
    return code;
}

static enum pr_code list(struct pr_store *s, struct pr_listing *ret, struct pr_error *e)
{
    return list_of(s, s->dir, ret, e);
}

enum pr_code pr_store_ssh_list(
    struct pr_store *s, const char *path, struct pr_listing *ret, struct pr_error *e)
{
    enum pr_code code = list_of(s, path, ret, e);
    if (code && code != PR_E_NOT_FOUND)
        pr_store_hang_up(s);
    return code;
}

static enum pr_code heads(struct pr_store *s, const char *checkpoint, struct pr_store_want *wants,
    size_t n_wants, struct pr_error *e)
{
    enum pr_code code = connect_once(s, e);
    if (code)
        return code;
    char *dir = pr_path_join(s->dir, checkpoint);
    for (size_t i = 0; i < n_wants; i++) {
        char *path = pr_path_join(dir, wants[i].name);
        ask(s, "head", wants[i].n, path);
        pr_free(path);
    }
    pr_free(dir);
    for (size_t i = 0; i < n_wants && !code; i++) {
        const char *bytes, *word;
        size_t n;
        int64_t until = deadline(s);
        code = pr_talk_take(&s->talk, wants[i].n, until, &bytes, e);
        char *copy = NULL;
        if (!code) {
            copy = pr_alloc(wants[i].n + 1);
            memcpy(copy, bytes, wants[i].n);
            copy[wants[i].n] = 0;
            code = pr_talk_entry(&s->talk, 16, until, &word, &n, e);
        }
        if (!code && !strcmp(word, "ok"))
            wants[i].bytes = copy;
        else
            pr_free(copy);
    }
    return code ? broken(s, "reading headers", code, e) : PR_OK;
}

static enum pr_code sums_begin(struct pr_store *s, const char *checkpoint, const char *const *names,
    size_t n_names, struct pr_error *e)
{
    (void)checkpoint, (void)names, (void)n_names; /* s->sum_paths has them */
    enum pr_code code = connect_once(s, e);
    for (size_t i = 0; i < s->n_sums && !code; i++)
        ask(s, "sum", 0, s->sum_paths[i]);
    return code ? code : pr_talk_push(&s->talk, e);
}

static bool is_hash(const char *word, size_t n)
{
    return n == PR_SHA256_HEX - 1 && strspn(word, "0123456789abcdef") == n;
}

static enum pr_code sums_end(
    struct pr_store *s, bool *ret_known, char (*ret)[PR_SHA256_HEX], struct pr_error *e)
{
    /* A dead connection ends by ServerAlive; a slow disk may take its time. */
    int64_t until = pr_clock_monotonic_ns() + (int64_t)HASH_HOURS * 3600 * 1000000000;
    enum pr_code code = PR_OK;
    bool known = true;
    if (s->talk.child.pid <= 0)
        return pr_fail(e, PR_E_IO, "%s: the connection is gone", s->name);
    for (size_t i = 0; i < s->n_sums && !code; i++) {
        const char *word;
        size_t n;
        code = pr_talk_entry(&s->talk, 80, until, &word, &n, e);
        if (code)
            break;
        known = known && strcmp(word, "none") != 0;
        ret[i][0] = 0;
        if (is_hash(word, n))
            memcpy(ret[i], word, n + 1);
    }
    if (code)
        return broken(s, "hashing", code, e);
    *ret_known = known;
    return PR_OK;
}

enum pr_code pr_store_ssh_do(struct pr_store *s, const char *op, const char *path, const char *to,
    char ret[16], struct pr_error *e)
{
    const char *word;
    size_t n;
    enum pr_code code = connect_once(s, e);
    if (code)
        return code;
    ask(s, op, 0, path);
    if (to) {
        struct pr_str second = PR_STR_INIT((size_t)1 << 16);
        encode(to, &second);
        pr_talk_queue(&s->talk, pr_str_cstr(&second), second.len);
        pr_str_done(&second);
    }
    int64_t until = pr_clock_monotonic_ns() + (int64_t)SYNC_MINUTES * 60 * 1000000000;
    if (!strcmp(op, "room")) /* a question like any other */
        until = deadline(s);
    code = pr_talk_entry(&s->talk, 16, until, &word, &n, e);
    if (code) {
        code = broken(s, op, code, e);
        pr_store_hang_up(s);
        return code;
    }
    memcpy(ret, word, n < 15 ? n + 1 : 15);
    ret[15] = 0;
    return PR_OK;
}

static void hang_up(struct pr_store *s)
{
    pr_talk_stop(&s->talk);
}

const struct pr_store_kind pr_store_ssh = {list, heads, sums_begin, sums_end, hang_up};
