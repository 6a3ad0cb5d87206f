/* The log: lines to stderr and to a file a system.
 *
 * A log must never be what stops the watch: nothing here can fail outwards.  Lines that could not
 * be written are counted, and the count is the first thing written once it works again. */
#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "base/utf8.h"
#include "daemon/notify.h"

#define MAX_FILES  32
#define MAX_LINE   8192
#define MAX_QUOTED 500
#define DAY_MS     86400000

static const struct {
    const char *name, *shown;
    int syslog; /* of syslog(3), as the journal reads it */
} levels[] = {
    [PR_LOG_DEBUG] = {"debug", "debug", 7},
    [PR_LOG_INFO] = {"info", "info ", 6},
    [PR_LOG_WARN] = {"warning", "warn ", 4},
    [PR_LOG_ERROR] = {"error", "error", 3},
};
#define N_LEVELS (sizeof levels / sizeof *levels)

struct file {
    char name[64]; /* of the system */
    int fd;        /* -1: could not be opened, tried again with each line */
    dev_t dev;
    ino_t ino;
    int64_t bytes, first_ms; /* size, and the time of its first line */
    uint64_t dropped;        /* lines since the last one that could be written */
    int dropped_errno;
    bool half; /* it ends in a piece of a line */
};

/* All of it is guarded by the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    struct pr_log_options o;
    char *folder; /* owned; NULL: no files */
    bool journal;
    struct file files[MAX_FILES];
    size_t n_files;
} the = {.o = {.level = PR_LOG_INFO}};

enum pr_log_level pr_log_level_of(const char *name)
{
    for (size_t i = 0; i < N_LEVELS; i++)
        if (!strcmp(name, levels[i].name))
            return (enum pr_log_level)i;
    return PR_LOG_INFO;
}

static void close_all(void)
{
    for (size_t i = 0; i < the.n_files; i++)
        if (the.files[i].fd >= 0)
            close(the.files[i].fd);
    the.n_files = 0;
    pr_free(the.folder);
    the.folder = NULL;
}

void pr_log_init(const struct pr_log_options *o)
{
    pthread_mutex_lock(&lock);
    close_all();
    the.o = *o;
    the.journal = pr_notify_journal();
    the.folder = o->folder && !the.journal ? pr_strdup(o->folder) : NULL;
    the.o.folder = NULL; /* borrowed */
    if (o->max_bytes <= 0)
        the.o.max_bytes = (int64_t)10 << 20;
    if (o->max_days <= 0)
        the.o.max_days = 7;
    if (o->keep <= 0)
        the.o.keep = 5;
    if (the.folder)
        (void)!pr_mkdirs(the.folder, NULL); /* without it each line counts as dropped */
    pthread_mutex_unlock(&lock);
}

void pr_log_done(void)
{
    pthread_mutex_lock(&lock);
    close_all();
    the.o = (struct pr_log_options){.level = PR_LOG_INFO};
    pthread_mutex_unlock(&lock);
}

static void path_of(const struct file *f, int number, struct pr_str *ret)
{
    pr_str_clear(ret);
    pr_str_printf(ret, "%s/%s.log", the.folder, f->name);
    if (number)
        pr_str_printf(ret, ".%d", number);
}

/* The time of the first line, which begins with it; now where the file does not say. */
static int64_t first_line_ms(int fd, int64_t now_ms)
{
    char text[24] = "";
    struct tm tm = {0};
    if (pread(fd, text, 19, 0) != 19 || !strptime(text, "%Y-%m-%dT%H:%M:%S", &tm))
        return now_ms;
    return (int64_t)timegm(&tm) * 1000;
}

static int open_file(struct file *f, int64_t now_ms)
{
    struct pr_str path = PR_STR_INIT(4096);
    struct stat st;
    path_of(f, 0, &path);
    /* Not through a link that somebody put there, and not blocking on a pipe. */
    int fd = open(pr_str_cstr(&path),
        O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0644);
    int err = fd < 0 ? errno : 0;
    pr_str_done(&path);
    if (!err && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
        close(fd);
        err = EINVAL;
    }
    if (err)
        return err;
    char last = '\n';
    if (st.st_size > 0)
        (void)!pread(fd, &last, 1, st.st_size - 1);
    f->fd = fd;
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->bytes = st.st_size;
    f->first_ms = st.st_size ? first_line_ms(fd, now_ms) : now_ms;
    f->half = last != '\n';
    return 0;
}

static void close_file(struct file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

/* x.log becomes x.log.1, x.log.1 becomes x.log.2 …; what is beyond `keep` goes. */
static void turn_over(struct file *f)
{
    struct pr_str from = PR_STR_INIT(4096), to = PR_STR_INIT(4096);
    int last = the.o.keep;
    do /* also those that an earlier, larger `keep` left */
        path_of(f, last++, &to);
    while (!unlink(pr_str_cstr(&to)));
    for (int i = the.o.keep; i > 0; i--) {
        path_of(f, i - 1, &from);
        path_of(f, i, &to);
        (void)!rename(pr_str_cstr(&from), pr_str_cstr(&to));
    }
    close_file(f);
    pr_str_done(&from);
    pr_str_done(&to);
}

/* Makes f ready for a line of n bytes: open, at its place, and not too large or old. */
static int prepare(struct file *f, size_t n, int64_t now_ms)
{
    if (f->fd >= 0) {
        struct pr_str path = PR_STR_INIT(4096);
        struct stat st;
        path_of(f, 0, &path);
        bool there = !lstat(pr_str_cstr(&path), &st) && st.st_dev == f->dev && st.st_ino == f->ino;
        pr_str_done(&path);
        if (!there)
            close_file(f);
        else
            f->bytes = st.st_size; /* another process may write to it, or somebody emptied it */
    }
    int err = f->fd < 0 ? open_file(f, now_ms) : 0;
    if (!err && f->bytes &&
        (f->bytes + (int64_t)n > the.o.max_bytes ||
            now_ms - f->first_ms >= the.o.max_days * DAY_MS)) {
        turn_over(f);
        err = open_file(f, now_ms);
    }
    return err;
}

static struct file *file_of(const char *system)
{
    size_t n = strlen(system);
    bool plain = n && n < sizeof the.files->name &&
                 strspn(system, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
    if (!plain)
        system = "proctor";
    for (size_t i = 0; i < the.n_files; i++)
        if (!strcmp(the.files[i].name, system))
            return &the.files[i];
    if (the.n_files == MAX_FILES)
        return &the.files[0];
    struct file *f = &the.files[the.n_files++];
    *f = (struct file){.fd = -1};
    snprintf(f->name, sizeof f->name, "%s", system);
    return f;
}

/* Writes all of it, or says why not; what was cut off is ended at the next write. */
static int put(struct file *f, const char *bytes, size_t n)
{
    ssize_t done;
    do
        done = write(f->fd, bytes, n);
    while (done < 0 && errno == EINTR);
    if (done > 0) {
        f->bytes += done;
        f->half = bytes[done - 1] != '\n';
    }
    return done == (ssize_t)n ? 0 : done < 0 ? errno : ENOSPC;
}

static void stamp(int64_t now_ms, enum pr_log_level level, struct pr_str *out)
{
    char time[32];
    pr_clock_iso8601(now_ms - now_ms % 1000, time);
    time[19] = 0; /* without its Z: every line has milliseconds, and the same width */
    pr_str_printf(out, "%s.%03dZ %s ", time, (int)(now_ms % 1000), levels[level].shown);
}

static void to_file(const char *system, const struct pr_str *line, int64_t now_ms)
{
    struct file *f = file_of(system);
    int err = prepare(f, line->len, now_ms);
    if (!err && f->half)
        err = put(f, "\n", 1);
    if (!err && f->dropped) {
        struct pr_str text = PR_STR_INIT(1000);
        char why[128];
        stamp(now_ms, PR_LOG_WARN, &text);
        pr_str_printf(&text, "log lines-dropped n=%llu reason=\"%s\"\n",
            (unsigned long long)f->dropped, strerror_r(f->dropped_errno, why, sizeof why));
        err = put(f, pr_str_cstr(&text), text.len);
        if (!err)
            f->dropped = 0;
        pr_str_done(&text);
    }
    if (!err)
        err = put(f, pr_str_cstr(line), line->len);
    if (err) {
        f->dropped++;
        f->dropped_errno = err;
        close_file(f); /* and opened anew next time */
    }
}

/* Appends text as one line's part: control characters, line ends and those that reorder text become
 * '?', what is no UTF-8 U+FFFD. */
static void clean(struct pr_str *out, const char *text, size_t n)
{
    struct pr_str valid = PR_STR_INIT(4 * MAX_LINE);
    pr_utf8_append_lossy(&valid, text, n);
    const char *s = pr_str_cstr(&valid);
    for (size_t i = 0; i < valid.len;) {
        uint32_t c;
        size_t len = pr_utf8_decode(s + i, &c);
        if (pr_utf8_is_printable(c))
            pr_str_append(out, s + i, len);
        else
            pr_str_putc(out, '?');
        i += len;
    }
    pr_str_done(&valid);
}

void pr_log(enum pr_log_level level, const char *system, const char *event, const char *fmt, ...)
{
    char text[MAX_LINE];
    struct pr_str line = PR_STR_INIT(8 * MAX_LINE);
    int saved = errno;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    int64_t now_ms = pr_clock_utc_ms();
    pthread_mutex_lock(&lock);
    if (level >= the.o.level && n >= 0) {
        stamp(now_ms, level, &line);
        size_t stamped = line.len;
        clean(&line, system, strlen(system));
        pr_str_putc(&line, ' ');
        clean(&line, event, strlen(event));
        if (n)
            pr_str_putc(&line, ' ');
        clean(&line, text, strlen(text));
        if ((size_t)n >= sizeof text)
            pr_str_puts(&line, "…");
        pr_str_putc(&line, '\n');
        if (!the.o.quiet && the.journal) { /* it has time and level of its own */
            (void)!dprintf(
                STDERR_FILENO, "<%d>%s", levels[level].syslog, pr_str_cstr(&line) + stamped);
        } else if (!the.o.quiet)
            (void)!write(STDERR_FILENO, pr_str_cstr(&line), line.len);
        if (the.folder)
            to_file(system, &line, now_ms);
    }
    pthread_mutex_unlock(&lock);
    pr_str_done(&line);
    errno = saved;
}

const char *pr_log_quote(const char *text)
{
    static _Thread_local char ring[4][4 * MAX_QUOTED + 8];
    static _Thread_local unsigned turn;
    struct pr_str out = PR_STR_INIT(sizeof *ring - 1);
    char *ret = ring[turn++ % 4];
    if (!text)
        text = "";
    size_t n = strnlen(text, MAX_QUOTED + 1);
    bool cut = n > MAX_QUOTED;
    if (cut) /* not inside a character */
        for (n = MAX_QUOTED; n && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    struct pr_str plain = PR_STR_INIT(4 * MAX_QUOTED);
    clean(&plain, text, n);
    pr_str_putc(&out, '"');
    for (const char *s = pr_str_cstr(&plain); *s; s++) {
        if (*s == '"' || *s == '\\')
            pr_str_putc(&out, '\\');
        pr_str_putc(&out, *s);
    }
    pr_str_puts(&out, cut ? "…\"" : "\"");
    snprintf(ret, sizeof *ring, "%s", pr_str_cstr(&out));
    pr_str_done(&plain);
    pr_str_done(&out);
    return ret;
}
