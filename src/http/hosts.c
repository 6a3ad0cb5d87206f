/* See hosts.h. */
#include "http/hosts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_HOST 260

bool pr_host_is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool is_any(const char *address)
{
    struct in6_addr v6;
    return !strcmp(address, "0.0.0.0") ||
           (inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&v6));
}

/* The host without its port and brackets; false where it is none. */
static bool split(const char *host, char ret[MAX_HOST])
{
    const char *end;
    bool bracket = *host == '[';
    size_t n = bracket ? strcspn(host, "]") : strcspn(host, ":");
    end = host + n + (bracket && host[n] == ']');
    if (bracket && host[n] != ']')
        return false;
    if (*end && (*end != ':' || strspn(end + 1, "0123456789") != strlen(end + 1)))
        return false;
    host += bracket;
    n -= bracket;
    if (!n || n >= MAX_HOST)
        return false;
    memcpy(ret, host, n);
    ret[n] = 0;
    return true;
}

static bool same_address(const char *a, const char *b)
{
    struct in6_addr x, y;
    if (inet_pton(AF_INET6, a, &x) == 1 && inet_pton(AF_INET6, b, &y) == 1)
        return !memcmp(&x, &y, sizeof x);
    return !strcasecmp(a, b);
}

bool pr_host_is_ours(const char *host, const char *bind, const char *local, const json_t *names)
{
    char name[MAX_HOST];
    size_t i;
    const json_t *x;
    if (!host || !split(host, name))
        return false;
    if (pr_host_is_loopback(name) || !strcasecmp(name, "localhost") || same_address(name, bind))
        return true;
    if (is_any(bind) && local && same_address(name, local))
        return true;
    json_array_foreach (names, i, x)
        if (json_is_string(x) && !strcasecmp(json_string_value(x), name))
            return true;
    return false;
}

/* Where the port is left out it is the scheme's, in both.  https counts without TLS of our own too:
 * a proxy in front may speak it. */
static bool is_this_host(const char *origin, const char *host, bool tls)
{
    static const char http[] = "http://", https[] = "https://";
    char with_port[MAX_HOST + 20];
    bool secure = !strncasecmp(origin, https, sizeof https - 1);
    if (!secure && (tls || strncasecmp(origin, http, sizeof http - 1) != 0))
        return false;
    origin += secure ? sizeof https - 1 : sizeof http - 1;
    const char *port = secure ? ":443" : ":80";
    if (!strcasecmp(origin, host))
        return true;
    snprintf(with_port, sizeof with_port, "%.260s%s", origin, port);
    if (!strcasecmp(with_port, host))
        return true;
    snprintf(with_port, sizeof with_port, "%.260s%s", host, port);
    return !strcasecmp(with_port, origin);
}

bool pr_origin_is_ours(
    const char *origin, const char *fetch_site, const char *host, bool tls, bool by_cookie)
{
    if (fetch_site && strcmp(fetch_site, "same-origin") != 0 && strcmp(fetch_site, "none") != 0)
        return false;
    /* "null" is what a sandboxed frame or a local file says: never our page. */
    if (origin && (!host || !is_this_host(origin, host, tls)))
        return false;
    return !by_cookie || origin || (fetch_site && !strcmp(fetch_site, "same-origin"));
}
