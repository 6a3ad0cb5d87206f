/* The sandbox from inside: a process enters it and tries what it must not be able to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "compute/pool.h"
#include "grader/sandbox.h"
#include "watch.h"

static char *own, *other; /* the folder that may be read, and one that may not */
static bool has_landlock;

#define ALLOWED   0
#define REFUSED   1
#define NOT_SHUT  2
#define UNDECIDED 3

/* What became of an attempt: EPERM (seccomp) or EACCES (Landlock) is a refusal. */
static int outcome(long result)
{
    if (result >= 0)
        return ALLOWED;
    return errno == EPERM || errno == EACCES ? REFUSED : UNDECIDED;
}

static char *in(const char *folder, const char *name)
{
    return pr_path_join(folder, name);
}

static int read_own(void)
{
    char byte;
    int fd = open(in(own, "config.json"), O_RDONLY);
    return fd < 0 ? outcome(-1) : outcome(read(fd, &byte, 1));
}

static int list_own(void)
{
    char **names;
    size_t n;
    return pr_dir_list(own, &names, &n, NULL) ? REFUSED : ALLOWED;
}

static void *touch(void *seen)
{
    *(int *)seen = 1;
    return NULL;
}

static int make_a_thread(void)
{
    pthread_t t;
    int seen = 0;
    if (pthread_create(&t, NULL, touch, &seen) || pthread_join(t, NULL))
        return UNDECIDED;
    return seen ? ALLOWED : UNDECIDED;
}

static int make_a_pool(void)
{
    struct pr_pool *p;
    if (pr_pool_new(3, &p, NULL))
        return REFUSED;
    pr_pool_free(p);
    return ALLOWED;
}

static int read_passwd(void)
{
    return outcome(open("/etc/passwd", O_RDONLY));
}

static int read_by_way_of_own(void)
{
    return outcome(open(in(own, "../../../../../../../etc/passwd"), O_RDONLY));
}

static int read_other(void)
{
    return outcome(open(in(other, "config.json"), O_RDONLY));
}

static int read_own_memory_by_proc(void)
{
    return outcome(open("/proc/self/mem", O_RDONLY));
}

static int list_root(void)
{
    return outcome(open("/", O_RDONLY | O_DIRECTORY));
}

static int write_own(void)
{
    return outcome(open(in(own, "config.json"), O_WRONLY));
}

static int truncate_own(void)
{
    return outcome(open(in(own, "config.json"), O_RDONLY | O_TRUNC));
}

static int create_in_own(void)
{
    return outcome(open(in(own, "new"), O_RDONLY | O_CREAT, 0600));
}

static int create_nameless(void)
{
    return outcome(open("/tmp", O_TMPFILE | O_RDWR, 0600));
}

static int create_in_tmp(void)
{
    return outcome(creat("/tmp/proctor-test-sandbox", 0600));
}

static int unlink_own(void)
{
    return outcome(unlink(in(own, "config.json")));
}

static int make_a_folder(void)
{
    return outcome(mkdir("/tmp/proctor-test-sandbox", 0700));
}

static int rename_own(void)
{
    return outcome(rename(in(own, "config.json"), in(own, "other")));
}

static int change_mode(void)
{
    return outcome(chmod(in(own, "config.json"), 0777));
}

static int make_a_link(void)
{
    return outcome(symlink("/etc/passwd", in(own, "link")));
}

static int make_a_socket(void)
{
    return outcome(socket(AF_INET, SOCK_STREAM, 0));
}

static int make_a_unix_socket(void)
{
    return outcome(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int make_a_socket_pair(void)
{
    int fds[2];
    return outcome(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
}

static int start_a_program(void)
{
    static char path[] = "/bin/true";
    return outcome(execv(path, (char *[]){path, NULL}));
}

static int start_a_program_by_descriptor(void)
{
    static char name[] = "true";
    char *argv[] = {name, NULL};
    int fd = open(in(own, "config.json"), O_RDONLY);
    return outcome(syscall(SYS_execveat, fd, "", argv, NULL, AT_EMPTY_PATH));
}

static int make_a_process(void)
{
    return outcome(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
}

#if defined(SYS_fork)
static int make_a_process_by_fork(void)
{
    return outcome(syscall(SYS_fork));
}
#endif

static int signal_another(void)
{
    return outcome(kill(getppid(), 0));
}

static int signal_another_thread(void)
{
    return outcome(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int make_code(void)
{
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return outcome(p == MAP_FAILED ? -1 : 0);
}

static int make_memory_executable(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return outcome(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int raise_a_limit(void)
{
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    return outcome(setrlimit(RLIMIT_DATA, &all));
}

static int become_nicer_to_itself(void)
{
    return outcome(setpriority(PRIO_PROCESS, 0, -5));
}

static int change_folder(void)
{
    return outcome(chdir("/etc"));
}

static int control_a_device(void)
{
    return outcome(syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI: a byte into the terminal */, "x"));
}

static int share_memory(void)
{
    return outcome(syscall(SYS_memfd_create, "x", 0));
}

static int trace(void)
{
    return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int read_another_process(void)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {&byte, 1};
    return outcome(syscall(SYS_process_vm_readv, getppid(), &here, 1, &there, 1, 0));
}

static int load_a_bpf_program(void)
{
    return outcome(syscall(SYS_bpf, 0, NULL, 0));
}

static int make_a_namespace(void)
{
    return outcome(unshare(CLONE_NEWUSER));
}

static int mount_something(void)
{
    return outcome(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL));
}

static int set_up_io_uring(void)
{
    return outcome(syscall(SYS_io_uring_setup, 1, NULL));
}

#define DEADLY (-SIGSYS)
static const struct {
    const char *name;
    int (*attempt)(void);
    int expected;
    bool by_landlock; /* nothing else holds it */
} attempts[] = {
#define A(f, expected, by_landlock)                                                                \
    {                                                                                              \
#f, f, expected, by_landlock                                                               \
    }
    A(read_own, ALLOWED, false),
    A(list_own, ALLOWED, false),
    A(make_a_thread, ALLOWED, false),
    A(make_a_pool, ALLOWED, false),
    A(read_passwd, REFUSED, true),
    A(read_by_way_of_own, REFUSED, true),
    A(read_other, REFUSED, true),
    A(read_own_memory_by_proc, REFUSED, true),
    A(list_root, REFUSED, true),
    A(write_own, REFUSED, false),
    A(truncate_own, REFUSED, false),
    A(create_in_own, REFUSED, false),
    A(create_nameless, REFUSED, false),
    A(create_in_tmp, REFUSED, false),
    A(unlink_own, REFUSED, false),
    A(make_a_folder, REFUSED, false),
    A(rename_own, REFUSED, false),
    A(change_mode, REFUSED, false),
    A(make_a_link, REFUSED, false),
    A(make_a_socket, REFUSED, false),
    A(make_a_unix_socket, REFUSED, false),
    A(make_a_socket_pair, REFUSED, false),
    A(start_a_program, REFUSED, false),
    A(start_a_program_by_descriptor, REFUSED, false),
    A(make_a_process, REFUSED, false),
#if defined(SYS_fork)
    A(make_a_process_by_fork, REFUSED, false),
#endif
    A(signal_another, REFUSED, false),
    A(signal_another_thread, REFUSED, false),
    A(make_code, REFUSED, false),
    A(make_memory_executable, REFUSED, false),
    A(raise_a_limit, REFUSED, false),
    A(become_nicer_to_itself, REFUSED, false),
    A(change_folder, REFUSED, false),
    A(control_a_device, REFUSED, false),
    A(share_memory, REFUSED, false),
    A(trace, DEADLY, false),
    A(read_another_process, DEADLY, false),
    A(load_a_bpf_program, DEADLY, false),
    A(make_a_namespace, DEADLY, false),
    A(mount_something, DEADLY, false),
    A(set_up_io_uring, DEADLY, false),
};

/* The outcome in a process of its own: the exit status, or the negative signal that ended it. */
static int tried(int (*attempt)(void), bool inside)
{
    const char *folders[] = {own};
    char text[160];
    struct rlimit none = {0};
    int status;
    pid_t pid = fork();
    if (!pid) {
        setrlimit(RLIMIT_CORE, &none);
        if (inside && pr_sandbox_enter(pr_sandbox_profile("cpu"), folders, 1, text, NULL))
            _exit(NOT_SHUT);
        _exit(attempt());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void what_a_grader_must_not_do_it_cannot(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        if (attempts[i].by_landlock && !has_landlock) {
            print_message("skipped, no Landlock here: %s\n", attempts[i].name);
            continue;
        }
        int got = tried(attempts[i].attempt, true);
        if (got != attempts[i].expected)
            fail_msg("%s: %d, expected %d", attempts[i].name, got, attempts[i].expected);
    }
}

/* Else a refusal would say nothing about the sandbox. */
static void outside_the_sandbox_it_could(void **state)
{
    (void)state;
    static int (*const free_to_all[])(void) = {read_passwd, read_by_way_of_own, read_other,
        list_root, make_a_unix_socket, make_a_process, signal_another, make_code, change_folder,
        share_memory};
    for (size_t i = 0; i < sizeof free_to_all / sizeof *free_to_all; i++)
        assert_int_equal(tried(free_to_all[i], false), ALLOWED);
}

/* A kernel without Landlock, as far as this process can tell. */
static void hide_landlock(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        _exit(NOT_SHUT);
}

static int without_landlock(void)
{
    const char *folders[] = {own};
    char text[160];
    struct pr_sandbox_support s;
    hide_landlock();
    pr_sandbox_support(&s);
    if (s.landlock_abi || !strstr(s.why, "Landlock"))
        return UNDECIDED;
    if (pr_sandbox_enter(pr_sandbox_profile("cpu"), folders, 1, text, NULL))
        return NOT_SHUT;
    if (strncmp(text, "seccomp; no Landlock", 20) != 0)
        return UNDECIDED;
    return read_passwd() == ALLOWED && write_own() == REFUSED && make_a_socket() == REFUSED
               ? ALLOWED
               : UNDECIDED;
}

static void without_landlock_the_rest_holds_and_is_said(void **state)
{
    (void)state;
    assert_int_equal(tried(without_landlock, false), ALLOWED);
}

static void what_is_in_force_is_said(void **state)
{
    (void)state;
    struct pr_sandbox_support s;
    pr_sandbox_support(&s);
    assert_true(s.seccomp);
    assert_int_equal(s.landlock_abi > 0, s.why[0] == 0);
    assert_non_null(pr_sandbox_profile("cpu"));
    assert_null(pr_sandbox_profile("abacus"));
}

static int set_up(void **state)
{
    (void)state;
    struct pr_sandbox_support s;
    char *a = fixture("run_a/checkpoints/checkpoint-2886");
    pr_sandbox_support(&s);
    has_landlock = s.landlock_abi > 0;
    own = copy_folder(a, "checkpoint-1");
    other = fixture("run_a/checkpoints/checkpoint-4500");
    pr_free(a);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_copy(own);
    pr_free(other);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_grader_must_not_do_it_cannot),
        cmocka_unit_test(outside_the_sandbox_it_could),
        cmocka_unit_test(without_landlock_the_rest_holds_and_is_said),
        cmocka_unit_test(what_is_in_force_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
