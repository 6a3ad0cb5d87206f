/* A child process that is this program; see spawn.h. */
#include "daemon/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: only what is safe between fork and exec. */
static void become(const char *const *argv, int in, int out, int errors, pid_t parent)
{
    sigset_t none;
    struct sigaction plain = {.sa_handler = SIG_DFL};
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &plain, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(errors, 2) < 0)
        _exit(127);
    syscall(SYS_close_range, 3U, ~0U, 0U);
    execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    _exit(127);
}

enum pr_code pr_spawn_self(const char *const *argv, int in, int out, int errors, pid_t *ret_pid,
    int *ret_ended, struct pr_error *e)
{
    pid_t parent = getpid(), pid = fork();
    if (!pid)
        become(argv, in, out, errors, parent);
    int ended = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0U) : -1;
    if (ended < 0) {
        enum pr_code code = pr_fail_errno(e, errno, "a process cannot be started");
        if (pid > 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
        return code;
    }
    *ret_pid = pid;
    *ret_ended = ended;
    return PR_OK;
}
