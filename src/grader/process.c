/* A grader's process: see process.h. */
#include "grader/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"

extern char **environ;

#define TAIL 2048 /* bytes of stderr that are looked at */

/* The environment is the parent's only as far as the engine goes by it: tokens and passwords in it
 * are no business of a process that reads strangers' files. */
static bool passed_on(const char *entry)
{
    static const char *const starts[] = {"PROCTOR_", "HF_", "HUGGINGFACE_HUB_CACHE=", "HOME=",
        "XDG_CACHE_HOME=", "LANG=", "LC_ALL=", "LD_LIBRARY_PATH=", "MALLOC_", "ASAN_", "UBSAN_",
        "LSAN_", "TSAN_"};
    if (!strncmp(entry, "HF_TOKEN", 8))
        return false;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (!strncmp(entry, starts[i], strlen(starts[i])))
            return true;
    return false;
}

static char **environment(void)
{
    size_t n = 0, kept = 0;
    while (environ && environ[n])
        n++;
    char **v = pr_alloc((n + 1) * sizeof *v);
    for (size_t i = 0; i < n; i++)
        if (passed_on(environ[i]))
            v[kept++] = environ[i];
    v[kept] = NULL;
    return v;
}

/* A file of a fixed size: the child can neither make us wait for it nor fill memory. */
static int errors_file(void)
{
    int fd = memfd_create("proctor grader", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t)PR_PROCESS_ERRORS) ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)) {
        int err = errno;
        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

static int spawn(const char *const *argv, const int fds[3], pid_t *ret)
{
    static const char *const self[] = {"proctor", "grader", NULL}; /* as ps shows it */
    const char *const *args = argv ? argv : self;
    const char *program = argv ? argv[0] : "/proc/self/exe";
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    posix_spawn_file_actions_init(&fa);
    posix_spawnattr_init(&at);
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&fa, fds[i], i);
    posix_spawn_file_actions_addclosefrom_np(&fa, 3);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&at, &none);
    posix_spawnattr_setsigdefault(&at, &all);
    posix_spawnattr_setpgroup(&at, 0);
    posix_spawnattr_setflags(
        &at, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    char **env = environment();
    int err = posix_spawn(ret, program, &fa, &at, (char *const *)args, env);
    pr_free(env);
    posix_spawn_file_actions_destroy(&fa);
    posix_spawnattr_destroy(&at);
    return err;
}

enum pr_code pr_process_start(const char *const *argv, struct pr_process *ret, struct pr_error *e)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, errors = -1;
    pid_t pid;
    int err = 0;
    /* A socket for what we write: a grader that is gone is then an error and not a SIGPIPE. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) || pipe2(out, O_CLOEXEC) ||
        (errors = errors_file()) < 0)
        err = errno;
    if (!err)
        err = spawn(argv, (const int[3]){in[1], out[1], errors}, &pid);
    if (in[1] >= 0)
        close(in[1]);
    if (out[1] >= 0)
        close(out[1]);
    if (err) {
        const int rest[] = {in[0], out[0], errors};
        for (size_t i = 0; i < 3; i++)
            if (rest[i] >= 0)
                close(rest[i]);
        return pr_fail(e, PR_E_IO, "a grader cannot be started: %s", strerror(err));
    }
    fcntl(in[0], F_SETFL, O_NONBLOCK);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    *ret = (struct pr_process){.pid = pid, .to = in[0], .from = out[0], .errors = errors};
    return PR_OK;
}

bool pr_process_reap(struct pr_process *p, int *ret_status)
{
    pid_t r;
    do {
        r = waitpid(p->pid, ret_status, WNOHANG);
    } while (r < 0 && errno == EINTR);
    if (!r)
        return false;
    if (r < 0)
        *ret_status = 0; /* somebody else has reaped it: how it ended is lost */
    p->pid = 0;
    return true;
}

void pr_process_kill(const struct pr_process *p)
{
    if (p->pid > 0)
        kill(p->pid, SIGKILL);
}

void pr_process_close(struct pr_process *p)
{
    if (p->pid > 0) {
        pr_process_kill(p);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    const int fds[] = {p->to, p->from, p->errors};
    for (size_t i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    *p = (struct pr_process){.to = -1, .from = -1, .errors = -1};
}

/* What it wrote to stderr last, as one line; "" for nothing.  The file's offset is shared with the
 * child, which is as untrusted as the bytes: both are cut to what can be. */
static void last_words(const struct pr_process *p, struct pr_str *out)
{
    char text[TAIL];
    off_t end = lseek(p->errors, 0, SEEK_CUR);
    if (end <= 0)
        return;
    size_t n = (size_t)end < PR_PROCESS_ERRORS ? (size_t)end : PR_PROCESS_ERRORS;
    size_t from = n > TAIL ? n - TAIL : 0;
    ssize_t r = pread(p->errors, text, n - from, (off_t)from);
    while (r > 0 && (text[r - 1] == '\n' || !text[r - 1]))
        r--;
    for (ssize_t i = 0; i < r; i++) {
        if (text[i] == '\n')
            pr_str_puts(out, " | ");
        else
            pr_str_putc(out, text[i]);
    }
}

static const struct {
    int signal;
    const char *words;
} signals[] = {
    {SIGKILL, "killed: out of memory?"},
    {SIGSEGV, "a fault in reading memory"},
    {SIGABRT, "it gave up"},
    {SIGSYS, "it did what a grader may not do"},
    {SIGILL, "an instruction that this CPU lacks"},
    {SIGFPE, "arithmetic"},
    {SIGTERM, "asked to end"},
    {SIGXCPU, "out of CPU time"},
};

static const char *words_for(int signal)
{
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (signals[i].signal == signal)
            return signals[i].words;
    return "by a signal";
}

enum pr_grader_end pr_process_explain(
    const struct pr_process *p, int status, uint64_t max_memory, struct pr_error *ret_why)
{
    struct pr_str words = PR_STR_INIT(8 * TAIL);
    enum pr_grader_end how = PR_GRADER_DIED;
    last_words(p, &words);
    const char *text = pr_str_cstr(&words), *colon = words.len ? ": " : "";
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (signal == SIGBUS) { /* a mapped file that became shorter, or a disk that failed */
        how = PR_GRADER_CHANGED;
        pr_fail(ret_why, PR_E_CHANGED,
            "a file became shorter or unreadable while it was being read (SIGBUS)");
    } else if (signal == SIGABRT && max_memory && strstr(text, "out of memory")) {
        pr_fail(ret_why, PR_E_MEMORY, "no memory: its grader needs more than %llu MB",
            (unsigned long long)(max_memory >> 20));
    } else if (signal) {
        pr_fail(ret_why, PR_E_IO, "its grader died of signal %d (%s)%s%s", signal,
            words_for(signal), colon, text);
    } else {
        pr_fail(ret_why, PR_E_IO, "its grader ended with status %d%s%s", WEXITSTATUS(status), colon,
            text);
    }
    pr_str_done(&words);
    return how;
}
