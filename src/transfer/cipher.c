/* See cipher.h. */
#include "transfer/cipher.h"

#include <string.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "transfer/talk.h"

#define MAX_SAID ((size_t)1 << 16)
#define WAIT_NS  ((int64_t)5000000000)
#define LINE     "\nciphers "

static bool cpu_has_aes(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
    return getauxval(AT_HWCAP) & HWCAP_AES;
#else
    return false;
#endif
}

/* The ciphers that `ssh -G` says it would offer; NULL where it does not; pr_free. */
static char *ciphers(const char *const argv[], const atomic_bool *stop)
{
    struct pr_talk t = {0};
    struct pr_error ignored;
    const char *said;
    char *found = NULL;
    size_t n;
    if (!pr_talk_start(&t, argv, stop, &ignored) &&
        /* its text ends without a NUL: then all of it is in the buffer */
        pr_talk_entry(&t, MAX_SAID, pr_clock_monotonic_ns() + WAIT_NS, &said, &n, &ignored) ==
            PR_E_IO &&
        t.got.len > t.taken) {
        char *all = pr_strndup(t.got.data + t.taken, t.got.len - t.taken);
        const char *line = strstr(all, LINE);
        if (line)
            found = pr_strndup(line + strlen(LINE), strcspn(line + strlen(LINE), "\n"));
        pr_free(all);
    }
    pr_talk_stop(&t);
    return found;
}

bool pr_ssh_takes_aes(const struct pr_ssh *ssh, const atomic_bool *stop)
{
    static const char *const plain[] = {"ssh", "-F", "none", "-G", "host", NULL};
    size_t n;
    if (!cpu_has_aes())
        return false;
    char **argv = pr_ssh_argv(ssh, &n);
    const char **all = pr_alloc((n + 4) * sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[i] = argv[i];
    all[n] = "-G";
    all[n + 1] = "--";
    all[n + 2] = ssh->host;
    all[n + 3] = NULL;
    char *own = ciphers(plain, stop), *here = ciphers(all, stop);
    bool same = own && here && !strcmp(own, here) && strstr(own, "aes128-gcm@openssh.com");
    pr_free(own);
    pr_free(here);
    pr_free(all);
    pr_names_free(argv, n);
    return same;
}
