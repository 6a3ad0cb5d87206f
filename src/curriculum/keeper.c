/* The keeper: see keeper.h and probe_child.h.  Runs after a fork without exec: system calls only,
 * no allocation, no locks. */
#include "curriculum/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OOM_SCORE   "700" /* of 1000: goes before graders and the training that is watched */
#define MS          INT64_C(1000000)
#define SLICE_MS    100  /* in which the program has its share of the CPUs */
#define GRACE_MS    500  /* between SIGTERM and SIGKILL */
#define LEFTOVER_MS 3000 /* until what cannot be killed is left alone */
#define FD_REPORT   3

struct keeper {
    const struct pr_keeper_plan *p;
    pid_t program; /* its process group too; 0: reaped */
    int status;
    bool halted, ending;
    int64_t kill_ns, turn_ns; /* when to kill; when to halt or go on */
};

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 * MS + t.tv_nsec;
}

static void report(int word, int value)
{
    struct pr_keeper_report r = {.word = word, .value = value};
    while (write(FD_REPORT, &r, sizeof r) < 0 && errno == EINTR)
        ;
}

/* ---- the program ---- */

static _Noreturn void become_program(const struct pr_keeper_plan *p, pid_t keeper)
{
    sigset_t none;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != keeper)
        _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(p->program, p->argv, p->env);
    report(PR_KEEPER_NO_EXEC, errno);
    _exit(127);
}

static void default_signals(void)
{
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
}

/* Descriptors 0 to 3 are the program's stdin, stdout, stderr and our report; nothing else stays.
 * All four come from above, so that none overwrites another. */
static bool arrange(const struct pr_keeper_plan *p)
{
    const int from[] = {p->null_fd, p->log_fd, p->log_fd, p->report_fd};
    int high[4];
    for (int i = 0; i < 4; i++)
        if ((high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 10)) < 0)
            return false;
    for (int i = 0; i < 4; i++)
        if (dup3(high[i], i, i == FD_REPORT ? O_CLOEXEC : 0) < 0)
            return false;
    close_range(FD_REPORT + 1, ~0U, 0);
    return true;
}

static void lower(const struct pr_keeper_plan *p)
{
    struct rlimit none = {0};
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (write(fd, OOM_SCORE, sizeof OOM_SCORE - 1) < 0) {
            /* As it was, then. */
        }
        close(fd);
    }
    if (p->nice && getpriority(PRIO_PROCESS, 0) < p->nice)
        setpriority(PRIO_PROCESS, 0, p->nice);
    setrlimit(RLIMIT_CORE, &none);
}

/* ---- what it leaves behind ---- */

static pid_t read_pid(const char *s, ssize_t n, ssize_t *at)
{
    pid_t pid = 0;
    while (*at < n && s[*at] == ' ')
        ++*at;
    for (; *at < n && s[*at] >= '0' && s[*at] <= '9'; ++*at)
        pid = pid * 10 + (s[*at] - '0');
    return pid;
}

/* Kills every child, those adopted included. */
static void kill_children(void)
{
    char text[4096];
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text), at = 0;
    if (fd >= 0)
        close(fd);
    if (n == (ssize_t)sizeof text) /* the last one may be cut; the next look has it */
        while (n && text[n - 1] != ' ')
            n--;
    for (pid_t pid; (pid = read_pid(text, n, &at)) > 0;)
        kill(pid, SIGKILL);
}

static bool reap(struct keeper *k)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return pid < 0; /* no child is left */
        if (pid == k->program) {
            k->status = status;
            k->program = 0;
        }
    }
}

static void kill_all(struct keeper *k, pid_t group)
{
    const struct timespec pause = {.tv_nsec = 2 * MS};
    int64_t end = now() + LEFTOVER_MS * MS;
    do {
        kill(-group, SIGKILL);
        kill_children();
        if (reap(k))
            return;
        nanosleep(&pause, NULL);
    } while (now() < end);
}

/* ---- watching over it ---- */

static void start_ending(struct keeper *k)
{
    if (k->ending)
        return;
    k->ending = true;
    k->kill_ns = now() + GRACE_MS * MS;
    kill(-k->program, SIGTERM);
    kill(-k->program, SIGCONT);
}

/* Halts the program, or lets it go on, when that is due. */
static void take_turn(struct keeper *k)
{
    int percent = k->p->cpu_percent;
    if (percent <= 0 || percent >= 100 || k->ending || now() < k->turn_ns)
        return;
    k->halted = !k->halted;
    kill(-k->program, k->halted ? SIGSTOP : SIGCONT);
    k->turn_ns = now() + SLICE_MS * MS * (k->halted ? 100 - percent : percent) / 100;
}

static struct timespec until(const struct keeper *k)
{
    bool shares = k->p->cpu_percent > 0 && k->p->cpu_percent < 100;
    int64_t ns = 1000 * MS, left = ns;
    if (k->ending)
        left = k->kill_ns - now();
    else if (shares)
        left = k->turn_ns - now();
    ns = left < 0 ? 0 : left < ns ? left : ns;
    return (struct timespec){
        .tv_sec = (time_t)(ns / (1000 * MS)), .tv_nsec = (long)(ns % (1000 * MS))};
}

/* Until the program has ended, or must. */
static void watch(struct keeper *k)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    while (k->program && !(k->ending && now() >= k->kill_ns)) {
        struct timespec t = until(k);
        int s = sigtimedwait(&set, NULL, &t);
        if (s == SIGUSR1 || getppid() != k->p->parent)
            return; /* nobody is left who could want its result */
        if (s == SIGTERM)
            start_ending(k);
        reap(k);
        if (k->program)
            take_turn(k);
    }
}

_Noreturn void pr_keeper_main(const struct pr_keeper_plan *p)
{
    struct keeper k = {.p = p, .status = SIGKILL}; /* until another is known */
    pid_t own = getpid();
    setpgid(0, 0);
    default_signals();
    prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_NAME, "proctor-probe");
    if (getppid() != p->parent || !arrange(p))
        _exit(1);
    lower(p);
    pid_t program = fork();
    if (!program)
        become_program(p, own);
    if (program < 0) {
        report(PR_KEEPER_NO_EXEC, errno);
        _exit(1);
    }
    setpgid(program, program); /* whichever of the two comes first */
    report(PR_KEEPER_STARTED, program);
    k.program = program;
    k.turn_ns = now() + SLICE_MS * MS * p->cpu_percent / 100;
    watch(&k);
    kill_all(&k, program);
    if (WIFEXITED(k.status))
        report(PR_KEEPER_EXITED, WEXITSTATUS(k.status));
    else
        report(PR_KEEPER_DIED, WTERMSIG(k.status));
    _exit(0);
}
