/* Landlock for files, seccomp for everything else: see sandbox.h.
 *
 * The filter allows what the engine uses (tables below) and answers EPERM to the rest, so that a
 * library that tries something needless goes on without it.  What only an attacker would call kills
 * the process.  clone3 answers ENOSYS: its flags lie in memory where a filter cannot see them, and
 * the C library then takes clone, whose flags are checked. */
#include "grader/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the header that distributions have. */
#define FS_TRUNCATE    (UINT64_C(1) << 14)
#define FS_IOCTL_DEV   (UINT64_C(1) << 15)
#define NET_BIND_TCP   (UINT64_C(1) << 0)
#define NET_CONNECT    (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT (UINT64_C(1) << 0)
#define SCOPE_SIGNAL   (UINT64_C(1) << 1)

struct ruleset_attr { /* as of ABI 6; an older kernel is told a shorter one */
    uint64_t fs, net, scoped;
};

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if SANITIZED
/* The leak checker stops the process from a traced clone, which the filter has no room for. */
static bool entered;
int __lsan_is_turned_off(void);
__attribute__((visibility("default"))) int __lsan_is_turned_off(void)
{
    return entered;
}
#endif

static const char *const no_devices[] = {NULL};
static const struct pr_sandbox_profile profiles[] = {
    {"cpu", no_devices},
};

const struct pr_sandbox_profile *pr_sandbox_profile(const char *name)
{
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
        if (!strcmp(profiles[i].name, name))
            return &profiles[i];
    return NULL;
}

/* --- Landlock --- */

static int landlock_abi(void)
{
    long abi =
        syscall(SYS_landlock_create_ruleset, NULL, 0, (unsigned)LANDLOCK_CREATE_RULESET_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* Every right that this kernel knows is taken away unless a rule gives it back. */
static struct ruleset_attr all_rights(int abi)
{
    struct ruleset_attr a = {.fs = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1}; /* the 13 of ABI 1 */
    if (abi >= 2)
        a.fs |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        a.fs |= FS_TRUNCATE;
    if (abi >= 4)
        a.net = NET_BIND_TCP | NET_CONNECT;
    if (abi >= 5)
        a.fs |= FS_IOCTL_DEV;
    if (abi >= 6)
        a.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
    return a;
}

static enum pr_code allow(
    int ruleset, const char *path, int flags, uint64_t rights, struct pr_error *e)
{
    int fd = open(path, O_PATH | O_CLOEXEC | flags);
    if (fd < 0)
        return PR_OK; /* what cannot be had needs no leave; whoever opens it says why not */
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    long r = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int err = errno;
    close(fd);
    return r ? pr_fail_errno(e, err, "sandbox: Landlock: %s", path) : PR_OK;
}

static enum pr_code landlock(int abi, const struct pr_sandbox_profile *profile,
    const char *const *folders, size_t n, struct pr_error *e)
{
    struct ruleset_attr a = all_rights(abi);
    size_t size = abi >= 6 ? sizeof a : abi >= 4 ? 2 * sizeof a.fs : sizeof a.fs;
    long ruleset = syscall(SYS_landlock_create_ruleset, &a, size, 0);
    if (ruleset < 0)
        return pr_fail_errno(e, errno, "sandbox: Landlock");
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < n && !code; i++)
        code = allow((int)ruleset, folders[i], O_DIRECTORY, FS_READ, e);
    for (size_t i = 0; profile->devices[i] && !code; i++)
        code = allow((int)ruleset, profile->devices[i], 0,
            LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | (a.fs & FS_IOCTL_DEV),
            e);
    if (!code && syscall(SYS_landlock_restrict_self, (int)ruleset, 0))
        code = pr_fail_errno(e, errno, "sandbox: Landlock");
    close((int)ruleset);
    return code;
}

/* --- seccomp --- */

/* What the engine, the C library and the sanitizers use, whatever the arguments.  A name that this
 * machine does not have is passed over. */
static const char *const allowed[] = {"read", "readv", "pread64", "preadv", "write", "writev",
    "close", "fstat", "newfstatat", "stat", "lstat", "statx", "lseek", "munmap", "mremap",
    "madvise", "brk", "faccessat", "faccessat2", "access", "readlink", "readlinkat", "getdents64",
    "getcwd", "poll", "ppoll", "futex", "set_robust_list", "rseq", "exit", "exit_group",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "getpid", "gettid", "getppid",
    "getuid", "geteuid", "getgid", "getegid", "gettimeofday", "clock_gettime", "clock_getres",
    "clock_nanosleep", "nanosleep", "sched_yield", "sched_getaffinity", "getrusage", "getrlimit",
    "sysinfo", "uname", "getrandom", "membarrier", "restart_syscall", "fadvise64"};

/* What nothing in a grader ever calls: whoever does is stopped for good. */
static const char *const deadly[] = {"ptrace", "process_vm_readv", "process_vm_writev", "bpf",
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "mount",
    "umount2", "pivot_root", "chroot", "reboot", "swapon", "swapoff", "perf_event_open", "keyctl",
    "add_key", "request_key", "userfaultfd", "io_uring_setup", "open_by_handle_at", "setns",
    "unshare", "move_mount", "open_tree", "fsopen", "fsmount", "iopl", "ioperm"};

#define RULE(action, name, ...)                                                                    \
    rule(f, action, name,                                                                          \
        sizeof(struct scmp_arg_cmp[]){__VA_ARGS__} / sizeof(struct scmp_arg_cmp),                  \
        (const struct scmp_arg_cmp[]){__VA_ARGS__})

/* 0, or a negative errno. */
static int rule(scmp_filter_ctx f, uint32_t action, const char *name, unsigned n,
    const struct scmp_arg_cmp *args)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || number < 0)
        return 0; /* not on this machine */
    return seccomp_rule_add_array(f, action, number, n, args);
}

/* Files are opened for reading alone. */
static int add_open(scmp_filter_ctx f)
{
    const uint64_t writes = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    int r = RULE(SCMP_ACT_ALLOW, "open", SCMP_A1(SCMP_CMP_MASKED_EQ, writes, O_RDONLY));
    return r ? r : RULE(SCMP_ACT_ALLOW, "openat", SCMP_A2(SCMP_CMP_MASKED_EQ, writes, O_RDONLY));
}

/* No memory that holds code is made. */
static int add_memory(scmp_filter_ctx f)
{
    int r = RULE(SCMP_ACT_ALLOW, "mmap", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return r ? r : RULE(SCMP_ACT_ALLOW, "mprotect", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* Threads, and nothing else that clone can make. */
static int add_threads(scmp_filter_ctx f)
{
    const uint64_t spaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                            CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    const uint64_t looked_at = spaces | CLONE_THREAD | CLONE_VM | CLONE_SIGHAND;
    int r = RULE(SCMP_ACT_ALLOW, "clone",
        SCMP_A0(SCMP_CMP_MASKED_EQ, looked_at, CLONE_THREAD | CLONE_VM | CLONE_SIGHAND));
    return r ? r : rule(f, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL);
}

/* Calls of which one use is harmless: signals to itself (abort), limits read, descriptors' flags.
 */
static int add_some(scmp_filter_ctx f)
{
    static const int commands[] = {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC};
    int r = RULE(SCMP_ACT_ALLOW, "tgkill", SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)(unsigned)getpid()));
    for (size_t i = 0; i < sizeof commands / sizeof *commands && !r; i++)
        r = RULE(SCMP_ACT_ALLOW, "fcntl", SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)commands[i]));
    if (!r)
        r = RULE(SCMP_ACT_ALLOW, "prlimit64", SCMP_A2(SCMP_CMP_EQ, 0));
    return r ? r : RULE(SCMP_ACT_ALLOW, "prctl", SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
}

static int add_all(scmp_filter_ctx f)
{
    int r = 0;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed && !r; i++)
        r = rule(f, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly && !r; i++)
        r = rule(f, SCMP_ACT_KILL_PROCESS, deadly[i], 0, NULL);
    if (!r)
        r = add_open(f);
    if (!r)
        r = add_memory(f);
    if (!r)
        r = add_threads(f);
    return r ? r : add_some(f);
}

static enum pr_code seccomp(struct pr_error *e)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!f)
        return pr_fail(e, PR_E_IO, "sandbox: seccomp cannot be set up");
    int r = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
    if (!r)
        r = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree: futex is frequent */
    if (!r)
        r = add_all(f);
    if (!r)
        r = seccomp_load(f);
    seccomp_release(f);
    return r ? pr_fail_errno(e, -r, "sandbox: seccomp") : PR_OK;
}

/* --- both --- */

static const char no_landlock[] =
    "no Landlock: Linux 5.13 or later with landlock among the LSMs (kernel parameter lsm=) is "
    "needed";

void pr_sandbox_support(struct pr_sandbox_support *ret)
{
    *ret = (struct pr_sandbox_support){
        .landlock_abi = landlock_abi(), .seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0};
    if (!ret->landlock_abi)
        snprintf(ret->why, sizeof ret->why, "%s", no_landlock);
    if (!ret->seccomp)
        snprintf(ret->why, sizeof ret->why, "no seccomp: the kernel needs CONFIG_SECCOMP_FILTER");
}

void pr_sandbox_limit_memory(uint64_t bytes)
{
    struct rlimit limit;
    if (SANITIZED || !bytes || getrlimit(RLIMIT_DATA, &limit))
        return;
    if (bytes < limit.rlim_max)
        limit.rlim_cur = limit.rlim_max = (rlim_t)bytes;
    setrlimit(RLIMIT_DATA, &limit);
}

enum pr_code pr_sandbox_enter(const struct pr_sandbox_profile *profile, const char *const *folders,
    size_t n_folders, char ret[160], struct pr_error *e)
{
    int abi = landlock_abi();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return pr_fail_errno(e, errno, "sandbox: no_new_privs");
    enum pr_code code = abi ? landlock(abi, profile, folders, n_folders, e) : PR_OK;
    if (!code)
        code = seccomp(e);
    if (code)
        return code;
#if SANITIZED
    entered = true;
#endif
    snprintf(ret, 160, "%s%s%s", abi ? "landlock+seccomp" : "seccomp", abi ? "" : "; ",
        abi ? "" : no_landlock);
    return PR_OK;
}
