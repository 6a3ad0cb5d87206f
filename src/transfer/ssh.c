/* See ssh.h. */
#include "transfer/ssh.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

static enum pr_code check_word(
    const char *what, const char *s, const char *also, struct pr_error *e)
{
    if (!*s || *s == '-')
        return pr_fail(e, PR_E_USAGE, "the %s '%s' %s", what, s,
            *s ? "begins with '-', which ssh would take for an option" : "is empty");
    for (const char *p = s; *p; p++) {
        bool word =
            (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        if (!word && !strchr(also, *p))
            return pr_fail(e, PR_E_USAGE,
                "the %s '%s' holds other characters than letters, digits and '%s'", what, s, also);
    }
    return PR_OK;
}

enum pr_code pr_ssh_check(const struct pr_ssh *ssh, struct pr_error *e)
{
    enum pr_code code = check_word("host", ssh->host, "._-:%", e);
    if (!code && ssh->user)
        code = check_word("user", ssh->user, "._-", e);
    if (!code && (ssh->port < 0 || ssh->port > 65535))
        code = pr_fail(e, PR_E_USAGE, "port %d: expected 1 to 65535", ssh->port);
    for (size_t i = 0; i < ssh->n_options && !code; i++) {
        const char *is = strchr(ssh->options[i], '=');
        if (!is || is == ssh->options[i] || strpbrk(ssh->options[i], "\r\n"))
            code = pr_fail(e, PR_E_USAGE, "the ssh option '%s' is not of the form Name=value",
                ssh->options[i]);
    }
    return code;
}

struct words {
    char **v;
    size_t n, cap;
};

static void add(struct words *w, const char *s)
{
    PR_PUSH(w->v, w->n, w->cap, pr_strdup(s));
}

static void add_option(struct words *w, const char *option)
{
    add(w, "-o");
    add(w, option);
}

char **pr_ssh_argv(const struct pr_ssh *ssh, size_t *ret_n)
{
    struct words w = {0};
    char number[64];
    add(&w, "ssh");
    add(&w, "-T"); /* no terminal, no X11, no agent over there */
    add(&w, "-x");
    add(&w, "-a");
    /* ssh goes by the first it sees of an option: what must be so comes before the user's, what is
     * only a default after. */
    add_option(&w, "BatchMode=yes");
    add_option(&w, "ClearAllForwardings=yes");
    for (size_t i = 0; i < ssh->n_options; i++)
        add_option(&w, ssh->options[i]);
    snprintf(number, sizeof number, "ConnectTimeout=%d", ssh->connect_timeout_s);
    add_option(&w, number);
    add_option(&w, "ServerAliveInterval=15");
    add_option(&w, "ServerAliveCountMax=3");
    if (ssh->port) {
        snprintf(number, sizeof number, "%d", ssh->port);
        add(&w, "-p");
        add(&w, number);
    }
    if (ssh->user) {
        add(&w, "-l");
        add(&w, ssh->user);
    }
    *ret_n = w.n;
    PR_PUSH(w.v, w.n, w.cap, NULL);
    return w.v;
}

void pr_rsync_quote(const char *argument, struct pr_str *out)
{
    pr_str_putc(out, '\'');
    for (; *argument; argument++) {
        if (*argument == '\'')
            pr_str_putc(out, '\'');
        pr_str_putc(out, *argument);
    }
    pr_str_putc(out, '\'');
}

/* What programs say, and what it means to the one who has to act. */
static const struct complaint {
    const char *said, *means;
    bool person; /* no later try helps */
} complaints[] = {
    {"REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its host key is not the one in known_hosts: if that machine was set up anew, remove the "
        "old key with `ssh-keygen -R HOST` and connect once by hand to check the new one; if not, "
        "somebody may be in between",
        true},
    {"Host key verification failed",
        "its host key is not known: connect once by hand with `ssh HOST` and check the key", true},
    {"Permission denied (",
        "the login is refused: `ssh -o BatchMode=yes HOST true` must work without a password (a "
        "key in ~/.ssh/authorized_keys there, an agent here)",
        true},
    {"Too many authentication failures",
        "the login is refused after too many keys: name one with IdentityFile in ~/.ssh/config",
        true},
    {"Bad configuration option", "ssh does not know one of the options that it was given", true},
    {"Could not resolve hostname", "there is no host of that name (or no name server)", false},
    {"rsync: command not found", "rsync is not installed there", true},
    {"rsync: not found", "rsync is not installed there", true},
    {"is your shell clean",
        "its login shell prints something before it is asked: silence ~/.bashrc there for shells "
        "that are not interactive",
        true},
    {"No space left on device", "no space is left: free some, or keep fewer checkpoints", false},
    {"Connection refused", "nothing listens there: is sshd running, is it the right port?", false},
    {"Connection timed out", "it does not answer: is it switched on, is the network there?", false},
    {"No route to host", "it cannot be reached: is the network there?", false},
};

enum pr_code pr_ssh_explain(
    const char *host, const char *said, enum pr_code otherwise, struct pr_error *e)
{
    size_t n = strlen(said);
    const char *tail = n > 300 ? said + n - 300 : said;
    for (size_t i = 0; i < sizeof complaints / sizeof *complaints; i++)
        if (strstr(said, complaints[i].said))
            return pr_fail(e, complaints[i].person ? PR_E_USAGE : otherwise, "%s: %s (%s)", host,
                complaints[i].means, tail);
    if (!n)
        return pr_fail(e, otherwise, "%s: the connection was cut off; it is tried again", host);
    return pr_fail(e, otherwise, "%s: %s", host, tail);
}
