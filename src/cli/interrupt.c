/* Signals, by a flag and a pipe that the handler writes to. */
#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/mapped.h"
#include "cli/commands.h"

static volatile sig_atomic_t seen, patient;
static int wake[2] = {-1, -1};

static void on_signal(int number)
{
    int err = errno;
    if (seen && !(patient && number == SIGTERM))
        _exit(PR_EXIT_STOPPED);
    seen = 1;
    if (write(wake[1], "", 1) < 0) {
        /* The flag alone is seen a pass later. */
    }
    errno = err;
}

void pr_interrupt_init(void)
{
    if (pipe2(wake, O_CLOEXEC | O_NONBLOCK))
        wake[0] = wake[1] = -1;
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&act.sa_mask);
    sigaction(SIGTERM, &act, NULL);
    struct sigaction old;
    /* A shell that starts us in the background without job control has SIGINT ignored: leave it. */
    if (!sigaction(SIGINT, NULL, &old) && old.sa_handler != SIG_IGN)
        sigaction(SIGINT, &act, NULL);
    act = (struct sigaction){.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &act, NULL);
}

static volatile sig_atomic_t mends;

static void on_sigbus(int number, siginfo_t *info, void *ctx)
{
    static const char text[] =
        "proctor: a file became shorter or unreadable while it was being read (SIGBUS): was it "
        "written over? Try again when nothing writes to it\n";
    (void)number, (void)ctx;
    if (mends && pr_mapped_mend(info->si_addr))
        return;
    if (write(2, text, sizeof text - 1) < 0) {
        /* Nobody hears it: the status says that something was wrong. */
    }
    _exit(PR_EXIT_REFUSED);
}

void pr_interrupt_init_sigbus(void)
{
    struct sigaction act = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
    sigemptyset(&act.sa_mask);
    sigaction(SIGBUS, &act, NULL);
}

void pr_interrupt_mend_sigbus(void)
{
    mends = 1;
    pr_interrupt_init_sigbus();
}

void pr_interrupt_once(void)
{
    patient = 1;
}

bool pr_interrupted(void)
{
    return seen != 0;
}

int pr_interrupt_fd(void)
{
    return wake[0];
}
