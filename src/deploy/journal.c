/* See journal.h. */
#include "deploy/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"

#define MAX_BYTES     ((size_t)64 << 20)
#define COMPACT_BYTES (4 << 20)
#define KEPT          1000
#define WHOLE         20 /* with questions, answers and the gate's figures */
#define WHOLE_BYTES   (16 << 20)
#define MAX_LINES     100000

const char *const pr_deploy_step_names[PR_DEPLOY_STEP_COUNT] = {
#define PR_X(name, text) text,
    PR_DEPLOY_STEPS(PR_X)
#undef PR_X
};

static bool find_step(const char *name, enum pr_deploy_step *ret)
{
    for (int i = 0; name && i < PR_DEPLOY_STEP_COUNT; i++)
        if (!strcmp(pr_deploy_step_names[i], name)) {
            *ret = (enum pr_deploy_step)i;
            return true;
        }
    return false;
}

bool pr_deployment_is_over(const struct pr_deployment *d)
{
    return d->step == PR_DEPLOY_DONE || d->step == PR_DEPLOY_ROLLED_BACK ||
           d->step == PR_DEPLOY_FAILED;
}

/* Takes a parsed line over; false: it is none of ours. */
static bool take(struct pr_journal *j, json_t *line)
{
    enum pr_deploy_step step;
    int64_t id = json_integer_value(json_object_get(line, "deployment"));
    struct pr_deployment *d = j->n ? &j->v[j->n - 1] : NULL;
    if (id < 1 || !find_step(json_string_value(json_object_get(line, "step")), &step))
        return false;
    if (!d || d->id != id) {
        if (step != PR_DEPLOY_INTENT)
            return false;
        PR_PUSH(j->v, j->n, j->cap, ((struct pr_deployment){.id = id, .plan = line}));
        d = &j->v[j->n - 1];
        d->began_at = json_string_value(json_object_get(line, "at"));
    }
    d->step = step;
    d->last = line;
    const char *reason = json_string_value(json_object_get(line, "reason"));
    if (reason)
        d->reason = reason;
    if (pr_deployment_is_over(d))
        d->ended_at = json_string_value(json_object_get(line, "at"));
    json_array_append_new(j->lines, line);
    return true;
}

static enum pr_code parse(struct pr_journal *j, const char *text, size_t n, struct pr_error *e)
{
    size_t number = 0;
    for (const char *p = text, *end; p < text + n; p = end + 1) {
        json_t *line = NULL;
        end = memchr(p, '\n', (size_t)(text + n - p));
        if (!end)
            return PR_OK; /* cut by a crash: that step is not known to have been made */
        number++;
        if (number > MAX_LINES)
            return pr_fail(e, PR_E_LIMIT, "%s: more than %d lines", j->path, MAX_LINES);
        enum pr_code code =
            pr_json_parse(p, (size_t)(end - p), PR_JSON_STRICT, NULL, &line, NULL, e);
        if (!code && !take(j, line)) {
            json_decref(line);
            code = pr_fail(e, PR_E_FORMAT, "no line of a journal");
        }
        if (code)
            return pr_wrap(e, PR_E_FORMAT,
                "%s:%zu (move the file away to begin anew; versions stay)", j->path, number);
    }
    return PR_OK;
}

enum pr_code pr_journal_read(const char *path, struct pr_journal *ret, struct pr_error *e)
{
    char *text = NULL;
    size_t n = 0;
    struct pr_error why;
    *ret = (struct pr_journal){.path = pr_strdup(path), .lines = json_array()};
    enum pr_code code = pr_file_read(AT_FDCWD, path, MAX_BYTES, &text, &n, &why);
    if (code == PR_E_NOT_FOUND)
        return PR_OK;
    if (code && e)
        *e = why;
    if (!code)
        code = parse(ret, text, n, e);
    pr_free(text);
    if (code)
        pr_journal_done(ret);
    return code;
}

void pr_journal_done(struct pr_journal *j)
{
    json_decref(j->lines);
    pr_free(j->path);
    pr_free(j->v);
    *j = (struct pr_journal){0};
}

/* What a crash left after the last whole line goes. */
static enum pr_code cut_torn(int fd, const char *path, struct pr_error *e)
{
    struct stat st;
    if (fstat(fd, &st))
        return pr_fail_errno(e, errno, "%s", path);
    off_t at = st.st_size;
    char c = 0;
    while (at > 0 && pread(fd, &c, 1, at - 1) == 1 && c != '\n')
        at--;
    if (at != st.st_size && ftruncate(fd, at))
        return pr_fail_errno(e, errno, "%s", path);
    return PR_OK;
}

static enum pr_code append(const char *path, const struct pr_str *line, struct pr_error *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return pr_fail_errno(e, errno, "%s", path);
    enum pr_code code = cut_torn(fd, path, e);
    int err = code ? 0 : pr_file_write_all(fd, line->data, line->len);
    if (!code && (err || (fsync(fd) && (err = errno))))
        code = pr_fail_errno(e, err, "%s", path);
    close(fd);
    return code;
}

enum pr_code pr_journal_put(struct pr_journal *j, int64_t deployment, enum pr_deploy_step step,
    const json_t *more, struct pr_error *e)
{
    char at[32];
    struct pr_str text = PR_STR_INIT((size_t)8 << 20);
    json_t *line = json_object();
    pr_clock_iso8601(pr_clock_utc_ms(), at);
    pr_json_set_str(line, "at", at);
    pr_json_set_int(line, "deployment", deployment);
    pr_json_set_str(line, "step", pr_deploy_step_names[step]);
    if (more)
        json_object_update_missing(line, (json_t *)(uintptr_t)more);
    pr_json_dump(line, 0, 0, &text);
    pr_str_putc(&text, '\n');
    enum pr_code code = text.over ? pr_fail(e, PR_E_LIMIT, "%s: a line of over 8 MB", j->path)
                                  : append(j->path, &text, e);
    if (code || !take(j, line))
        json_decref(line);
    pr_str_done(&text);
    return code;
}

/* A line without what only the newest are asked for. */
static json_t *slim(const json_t *line)
{
    static const char *const heavy[] = {"questions", "gate", "probe"};
    json_t *o = json_copy((json_t *)(uintptr_t)line);
    for (size_t i = 0; i < sizeof heavy / sizeof *heavy; i++)
        json_object_del(o, heavy[i]);
    return o;
}

static void put_line(struct pr_str *out, const json_t *line)
{
    pr_json_dump(line, 0, 0, out);
    pr_str_putc(out, '\n');
}

/* The deployment from which on lines are kept whole: of the last WHOLE what fits, the last always.
 */
static int64_t whole_from(const struct pr_journal *j)
{
    size_t bytes = 0, n = json_array_size(j->lines);
    int64_t from = j->v[j->n - 1].id, oldest = j->v[j->n > WHOLE ? j->n - WHOLE : 0].id;
    for (size_t i = n; i-- > 0;) {
        struct pr_str text = PR_STR_INIT(MAX_BYTES);
        const json_t *line = json_array_get(j->lines, i);
        int64_t id = json_integer_value(json_object_get(line, "deployment"));
        put_line(&text, line);
        bytes += text.len;
        pr_str_done(&text);
        if (id < oldest || bytes > WHOLE_BYTES)
            return id < from ? id + 1 : from;
    }
    return oldest;
}

enum pr_code pr_journal_compact(struct pr_journal *j, struct pr_error *e)
{
    struct stat st;
    struct pr_str text = PR_STR_INIT(MAX_BYTES);
    if (!j->n || stat(j->path, &st) || st.st_size < COMPACT_BYTES)
        return PR_OK;
    int64_t first = j->v[j->n > KEPT ? j->n - KEPT : 0].id, whole = whole_from(j);
    size_t i;
    const json_t *line;
    json_array_foreach (j->lines, i, line) {
        int64_t id = json_integer_value(json_object_get(line, "deployment"));
        json_t *shown = id >= whole ? json_incref((json_t *)(uintptr_t)line) : slim(line);
        if (id >= first)
            put_line(&text, shown);
        json_decref(shown);
    }
    enum pr_code code =
        text.over ? PR_OK : pr_file_write_atomic(j->path, pr_str_cstr(&text), text.len, e);
    pr_str_done(&text);
    return code;
}

const struct pr_deployment *pr_journal_last(const struct pr_journal *j)
{
    return j->n ? &j->v[j->n - 1] : NULL;
}

const struct pr_deployment *pr_journal_served(const struct pr_journal *j)
{
    for (size_t i = j->n; i-- > 0;)
        if (j->v[i].step == PR_DEPLOY_DONE)
            return &j->v[i];
    return NULL;
}
