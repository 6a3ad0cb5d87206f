/* proctor demo: the whole loop on a bare machine, in a folder of its own. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/demo.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/own_child.h"
#include "cli/term.h"
#include "daemon/server.h"

#define TURN_MS    250
#define STOP_MS    5000
#define NOTE_DIR   ".proctor"
#define NOTE_NAME  "demo.json"
#define NOTE       NOTE_DIR "/" NOTE_NAME
#define WATCH_LOG  "logs/demo-watch.log"
#define TRAIN_LOG  "logs/demo-train.log"
#define PROBES_LOG "logs/demo-curriculum.log"

#define QUOTE(x) #x
#define TEXT(x)  QUOTE(x)

/* When something is shown of the training. */
#define SAVE_EVERY "250"
#define DAMAGE_AT  1000 /* steps, at least */

static const char *const watch_args[] = {"run", "--base-dir", ".", NULL};
static const char *const train_args[] = {"train", "--from-scratch", "models/config.json",
    "--tokenizer", "models/tokenizer", "--queue", ".", "--out", PR_DEMO_TRAINER, "--steps",
    TEXT(PR_DEMO_STEPS), "--save-every", SAVE_EVERY, "--batch", TEXT(PR_DEMO_BATCH), "--lr",
    "0.003", "--schedule", "cosine", "--warmup", "100", "--weight-decay", "0.05", "--grad-clip",
    "1", "--seed", "1", "--status", "status/training_status.json", NULL};
static const char *const probe_args[] = {
    "curriculum-optimizer", "--base-dir", ".", "--budget", "100", NULL};

struct demo {
    struct pr_own_child watch, train, probes;
    struct pr_demo_shown shown;
    char *page; /* where the page is served; NULL: not known yet */
    bool live;
    int folder;       /* open for its lock; -1: not yet */
    int64_t until_ns; /* INT64_MAX: no limit */
};

/* ---- what is remembered between runs ---- */

static enum pr_code write_note(const struct demo *d, struct pr_error *e)
{
    json_t *o = json_object();
    struct pr_str text = PR_STR_INIT(1 << 16);
    pr_json_set_int(o, "schema_version", 1);
    pr_json_set_int(o, "damaged_step", d->shown.damaged);
    pr_json_set_bool(o, "trained", d->shown.trained);
    pr_json_dump(o, 2, 0, &text);
    enum pr_code code = pr_mkdirs(NOTE_DIR, e);
    if (!code)
        code = pr_file_write_atomic(NOTE, pr_str_cstr(&text), text.len, e);
    pr_str_done(&text);
    json_decref(o);
    return code;
}

static void remember(const struct demo *d)
{
    struct pr_error e;
    if (write_note(d, &e))
        pr_say("demo", "%s", e.message);
}

/* NULL: there is none; new reference. */
static json_t *read_note(void)
{
    json_t *o;
    struct pr_error ignored;
    return pr_json_read(AT_FDCWD, NOTE, 1 << 16, 0, &o, &ignored) ? NULL : o;
}

static void recall(struct demo *d)
{
    json_t *o = read_note();
    if (!o)
        return;
    d->shown.damaged = (int64_t)json_integer_value(json_object_get(o, "damaged_step"));
    d->shown.trained = json_is_true(json_object_get(o, "trained"));
    json_decref(o);
}

/* ---- whose folder it is ---- */

/* A temporary file of the note, as pr_file_write_atomic leaves one when it is killed. */
static bool is_begun_note(const char *name)
{
    static const char begin[] = NOTE_NAME ".tmp.";
    return !strncmp(name, begin, sizeof begin - 1);
}

/* Nothing is here, or what a demo that was killed before its note was there leaves. */
static enum pr_code is_free(bool *ret, struct pr_error *e)
{
    char **names;
    size_t n;
    struct stat st;
    enum pr_code code = pr_dir_list(".", &names, &n, e);
    if (code)
        return code;
    bool begun = n == 1 && !strcmp(names[0], NOTE_DIR) && !lstat(NOTE_DIR, &st);
    pr_names_free(names, n);
    *ret = !n;
    if (!begun || !S_ISDIR(st.st_mode))
        return PR_OK;
    if ((code = pr_dir_list(NOTE_DIR, &names, &n, e)))
        return code;
    *ret = true;
    for (size_t i = 0; i < n; i++)
        *ret = *ret && is_begun_note(names[i]);
    pr_names_free(names, n);
    return PR_OK;
}

/* A demo makes examples, a training and a damaged checkpoint: in a folder of the user's they would
 * be taken for his.  So it works in a folder that was empty, which its note tells from all others
 * before anything else is written there.  The lock is the folder's own and ends with the process.
 */
static enum pr_code claim(struct demo *d, const char *dir, struct pr_error *e)
{
    bool is_ours = false;
    d->folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->folder < 0)
        return pr_fail_errno(e, errno, "%s", dir);
    if (flock(d->folder, LOCK_EX | LOCK_NB))
        return errno == EWOULDBLOCK
                   ? pr_fail(e, PR_E_USAGE, "another 'proctor demo' runs in %s", dir)
                   : pr_fail_errno(e, errno, "%s", dir);
    json_t *note = read_note();
    bool own = json_is_object(note);
    json_decref(note);
    if (own)
        return PR_OK;
    enum pr_code code = is_free(&is_ours, e);
    if (code)
        return code;
    if (!is_ours)
        return pr_fail(e, PR_E_USAGE,
            "%s is not empty and no demo's: name a folder that is empty or does not exist, as in "
            "'proctor demo /tmp/demo'",
            dir);
    return write_note(d, e);
}

/* ---- its course ---- */

static void show(struct pr_str *text)
{
    if (text->len)
        pr_out_text(pr_str_cstr(text), text->len);
    pr_str_clear(text);
}

/* On a terminal one line at the bottom is kept up to date. */
static void show_line(const struct demo *d)
{
    struct pr_str line = PR_STR_INIT(4096), out = PR_STR_INIT(8192);
    if (!d->live)
        return;
    pr_demo_line(&d->shown, &line);
    pr_str_puts(&out, "\r");
    pr_term_clean(&out, pr_str_cstr(&line), line.len, pr_term_width(1) - 1);
    pr_str_puts(&out, "\033[K\r");
    pr_out_text(pr_str_cstr(&out), out.len);
    pr_str_done(&line);
    pr_str_done(&out);
}

static void clear_line(const struct demo *d, struct pr_str *text)
{
    if (d->live && text->len)
        pr_out_text("\r\033[K", 4);
}

/* The watch's API process says where it listens, a moment after its start. */
static void show_page(struct demo *d, struct pr_str *text)
{
    if (d->page || !(d->page = pr_server_page(".")))
        return;
    pr_str_puts(text, "        see it live: ");
    pr_term_clean(text, d->page, strlen(d->page), 200);
    pr_str_putc(text, '\n');
}

/* One look at everything: news, the damage when its time has come, the bar. */
static enum pr_code turn(struct demo *d, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT(1 << 20);
    enum pr_code code = PR_OK;
    show_page(d, &text);
    pr_demo_news(&d->shown, &text);
    int64_t newest = pr_demo_newest(&d->shown);
    if (!d->shown.damaged && newest >= DAMAGE_AT) {
        code = pr_demo_damage(newest, e);
        if (!code) {
            d->shown.damaged = newest + 1;
            remember(d);
            pr_str_printf(&text,
                "        checkpoint-%lld is put in: checkpoint-%lld with noise in its weights, as "
                "if training had blown up\n",
                (long long)newest + 1, (long long)newest);
        }
    }
    clear_line(d, &text);
    show(&text);
    show_line(d);
    pr_str_done(&text);
    if (!code && !pr_own_child_runs(&d->watch) && !pr_interrupted())
        code = pr_fail(e, PR_E_IO,
            "proctor run ended with status %d: " WATCH_LOG " in the demo's folder says why",
            d->watch.status);
    return code;
}

static void wait_a_little(void)
{
    struct pollfd stop = {.fd = pr_interrupt_fd(), .events = POLLIN};
    poll(&stop, 1, TURN_MS);
}

static bool goes_on(const struct demo *d)
{
    return !pr_interrupted() && pr_clock_monotonic_ns() < d->until_ns && pr_out_open();
}

static void announce(const char *const *args)
{
    struct pr_str out = PR_STR_INIT(1 << 14);
    pr_demo_command(&out, args);
    pr_str_puts(&out, " &\n");
    show(&out);
    pr_str_done(&out);
}

static enum pr_code training(struct demo *d, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    if (d->shown.trained)
        return PR_OK;
    announce(train_args);
    code = pr_own_child_start(&d->train, train_args, TRAIN_LOG, e);
    while (!code && goes_on(d) && pr_own_child_runs(&d->train)) {
        code = turn(d, e);
        wait_a_little();
    }
    if (!code && goes_on(d) && d->train.status)
        return pr_fail(e, PR_E_IO,
            "proctor train ended with status %d: " TRAIN_LOG " in the demo's folder says why",
            d->train.status);
    if (!code && goes_on(d)) {
        d->shown.trained = true;
        remember(d);
    }
    return code;
}

static bool last_is_shown(const struct demo *d)
{
    return pr_demo_newest(&d->shown) >= PR_DEMO_STEPS &&
           (!d->shown.damaged || pr_demo_has_row(&d->shown, d->shown.damaged));
}

static enum pr_code settle(struct demo *d, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    while (!code && goes_on(d) && !last_is_shown(d)) {
        code = turn(d, e);
        wait_a_little();
    }
    return code;
}

static enum pr_code probing(struct demo *d, struct pr_error *e)
{
    if (!goes_on(d))
        return PR_OK;
    announce(probe_args);
    enum pr_code code = pr_own_child_start(&d->probes, probe_args, PROBES_LOG, e);
    while (!code && goes_on(d) && !pr_demo_curriculum_over()) {
        code = turn(d, e);
        wait_a_little();
    }
    return code;
}

static enum pr_code course(struct demo *d, struct pr_error *e)
{
    enum pr_code code = pr_demo_make(e);
    if (code)
        return code;
    d->shown.began_ns = pr_clock_monotonic_ns();
    recall(d);
    announce(watch_args);
    if ((code = pr_own_child_start(&d->watch, watch_args, WATCH_LOG, e)) ||
        (code = training(d, e)) || (code = settle(d, e)) || (code = probing(d, e)))
        return code;
    return PR_OK;
}

/* Somebody who looks at the page has not seen the end yet. */
static void stay(struct demo *d, struct pr_str *text)
{
    struct pr_error e;
    if (!d->live || !d->page || !goes_on(d))
        return;
    pr_own_child_stop(&d->probes, STOP_MS);
    pr_str_printf(text, "\nThe watch goes on, and the page stays at %s until Ctrl-C.\n", d->page);
    show(text);
    while (goes_on(d) && !turn(d, &e))
        wait_a_little();
}

/* The trainer first: it writes a checkpoint, which the watch may still see. */
static void stop_all(struct demo *d)
{
    pr_own_child_stop(&d->probes, STOP_MS);
    pr_own_child_stop(&d->train, STOP_MS);
    pr_own_child_stop(&d->watch, STOP_MS);
}

static int run(const struct pr_args *a)
{
    struct demo d = {.live = pr_term_is(1), .folder = -1};
    struct pr_error e;
    struct pr_str text = PR_STR_INIT(1 << 20);
    const char *dir = a->n_positional ? a->positional[0] : "proctor-demo";
    double minutes = pr_args_real(a, "minutes", 0);
    d.until_ns = minutes > 0 ? pr_clock_monotonic_ns() + (int64_t)(minutes * 60e9) : INT64_MAX;
    enum pr_code code = pr_mkdirs(dir, &e);
    if (!code && chdir(dir))
        code = pr_fail_errno(&e, errno, "%s", dir);
    if (!code)
        code = claim(&d, dir, &e);
    if (!code) {
        pr_str_printf(&text, "$ cd %s\n", dir);
        show(&text);
        code = course(&d, &e);
    }
    if (code)
        stop_all(&d);
    if (code && code != PR_E_CANCELLED)
        pr_say("demo", "%s", e.message);
    else if (d.shown.n)
        pr_demo_summary(&d.shown, dir, &text);
    clear_line(&d, &text);
    show(&text);
    if (!code)
        stay(&d, &text);
    stop_all(&d);
    pr_str_done(&text);
    pr_free(d.page);
    pr_demo_shown_done(&d.shown);
    if (d.folder >= 0)
        close(d.folder);
    return code == PR_E_USAGE               ? PR_EXIT_USAGE
           : code && code != PR_E_CANCELLED ? PR_EXIT_REFUSED
           : pr_interrupted()               ? PR_EXIT_STOPPED
                                            : PR_EXIT_OK;
}

static const struct pr_option options[] = {
    {"minutes", "M", "end after so many minutes, whatever is reached", NULL, PR_OPT_REAL, 0.1, 1e6},
};

const struct pr_command pr_command_demo = {
    .name = "demo",
    .summary = "see the whole loop on this machine: a training from scratch, watched",
    .arguments = "[DIR]",
    .about =
        "Needs nothing but this program: no download, no GPU. In the folder DIR (by default "
        "proctor-demo; empty, not there yet, or a demo's) it makes problems of rising difficulty, "
        "a tokenizer and a small "
        "Qwen3-shaped model, trains that from scratch on the files of its queue, and runs the "
        "watch beside it. Each step is a "
        "command of proctor that it shows, so that it can be done again by hand.\n\n"
        "What there is to see: a row for each checkpoint as it is graded, with the loss falling "
        "and the accuracy rising, easy problems first; a checkpoint that is damaged on purpose and "
        "must be called critical; the ranking, the calibration; and in the end the curriculum "
        "optimizer's probes, whose verdict may well be 'undecided'. The trainer saves into a "
        "folder of "
        "its own, as if on another machine: checkpoint sync brings over what is complete, "
        "auto-deployment has the best one served, and in the end it is asked a question.\n\n"
        "The address that it prints is a page on which all of this can be watched as it happens; "
        "on a "
        "terminal it stays after the end, until Ctrl-C.\n\n"
        "It takes four to ten minutes on two CPU cores. Ctrl-C stops training and watch in good "
        "order; "
        "run again in the same place, it goes on.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_args = 1,
    .examples = {{"All of it", "proctor demo"},
        {"Somewhere else, for two minutes", "proctor demo /tmp/demo --minutes 2"}},
    .run = run,
};
