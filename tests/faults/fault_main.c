/* proctor with faults: the same program, that kills itself or stands still at a named moment, and
 * whose clock can be set back.
 *
 *   PROCTOR_FAULT=frame.half:3:grader   the third time that this point is reached in a grader
 *                                       (`daemon`: in any other process of proctor)
 *   PROCTOR_FAULT_HOLD=FILE             it does not die there, but waits until there is this file
 *   PROCTOR_FAULT_LOG=FILE              a line for the point it died at: "frame.half 3 grader PID"
 *   PROCTOR_CLOCK=FILE                  milliseconds to add to UTC, read again at every look
 *
 * The log is opened at the start: a grader's sandbox would not let it be opened later.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "cli/entry.h"

static enum pr_fault wanted = PR_FAULT_COUNT;
static long left;
static const char *role, *held_for;
static int log_fd = -1;
static char line[128];

static void tell(void)
{
    if (log_fd >= 0 && write(log_fd, line, strlen(line)) < 0)
        _exit(70);
}

static void hold(void)
{
    tell();
    while (access(held_for, F_OK))
        usleep(2000);
}

/* SIGKILL gives nothing a chance to tidy up; where the sandbox refuses to send it, a wild write
 * ends the process as abruptly. */
static void die(void)
{
    tell();
    kill(getpid(), SIGKILL);
    volatile int *nowhere = NULL;
    *nowhere = 1;
    _exit(71);
}

static void hook(enum pr_fault point)
{
    if (point != wanted || __atomic_sub_fetch(&left, 1, __ATOMIC_RELAXED) != 0)
        return;
    if (held_for)
        hold();
    else
        die();
}

static void read_fault(const char *own_role)
{
    char name[64], who[16];
    const char *text = getenv("PROCTOR_FAULT"), *log = getenv("PROCTOR_FAULT_LOG");
    if (!text || sscanf(text, "%63[^:]:%ld:%15s", name, &left, who) != 3 || strcmp(who, own_role))
        return;
    for (int i = 0; i < PR_FAULT_COUNT; i++)
        if (!strcmp(pr_fault_names[i], name))
            wanted = (enum pr_fault)i;
    if (wanted == PR_FAULT_COUNT) {
        fprintf(stderr, "no fault point '%s'\n", name);
        exit(2);
    }
    role = own_role;
    held_for = getenv("PROCTOR_FAULT_HOLD");
    snprintf(line, sizeof line, "%s %ld %s %d\n", name, left, role, (int)getpid());
    if (log)
        log_fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    pr_fault_hook = hook;
}

static int64_t real_monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t shifted_utc(void)
{
    struct timespec t;
    long long shift = 0;
    clock_gettime(CLOCK_REALTIME, &t);
    FILE *f = fopen(getenv("PROCTOR_CLOCK"), "r");
    if (f) {
        if (fscanf(f, "%lld", &shift) != 1)
            shift = 0;
        fclose(f);
    }
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + shift;
}

int main(int argc, char *argv[])
{
    static const struct pr_clock shifted = {real_monotonic, shifted_utc};
    bool grader = argc > 1 && !strcmp(argv[1], "grader");
    if (argc == 2 && !strcmp(argv[1], "--fault-points")) {
        for (int i = 0; i < PR_FAULT_COUNT; i++)
            puts(pr_fault_names[i]);
        return 0;
    }
    read_fault(grader ? "grader" : "daemon");
    if (getenv("PROCTOR_CLOCK") && !grader)
        pr_clock_override = &shifted;
    return pr_cli_main(argc, argv);
}
