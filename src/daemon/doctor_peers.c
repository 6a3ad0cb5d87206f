/* doctor: the other machines that are shown.  Nobody is asked: that a machine is away is the page's
 * to say. */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "daemon/doctor_internal.h"
#include "daemon/peer_list.h"

static bool is_loopback(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    size_t n = strcspn(host, ":/"), digits = strspn(host, "0123456789.");
    return (n == 9 && !strncmp(host, "localhost", 9)) ||
           (digits == n && !strncmp(host, "127.", 4)) || !strncmp(host, "[::1]", 5);
}

static void check(struct pr_doctor *d, const struct pr_peer *p)
{
    struct pr_error e;
    char *token = NULL;
    if (p->problem) {
        pr_doctor_say(
            d, PR_DOCTOR_ERROR, "correct it in proctor.yaml", "%s: %s", p->name, p->problem);
    } else if (p->token_file && pr_peer_token(p->token_file, &token, &e)) {
        pr_doctor_say(d, PR_DOCTOR_ERROR, "copy api.token of that machine there, mode 0600",
            "%s: token_file: %s", p->name, e.message);
    } else if (p->ca_file && access(p->ca_file, R_OK)) {
        pr_doctor_say(d, PR_DOCTOR_ERROR, "name a PEM file that can be read",
            "%s: ca_file: %s cannot be read", p->name, p->ca_file);
    } else if (token && strncmp(p->url, "https:", 6) && !is_loopback(p->url)) {
        pr_doctor_say(d, PR_DOCTOR_WARNING, "use https, or a tunnel to localhost",
            "%s: its token goes over the network for everybody on the way to read", p->name);
    } else {
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s is asked at %s", p->name, p->url);
    }
    pr_free(token);
}

void pr_doctor_peers(struct pr_doctor *d)
{
    struct pr_peer *v;
    size_t n;
    pr_peers_of(&d->config, &v, &n);
    for (size_t i = 0; i < n; i++)
        check(d, &v[i]);
    if (!n)
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "no other machine is configured (peers.machines)");
    pr_peers_free(v, n);
}
