/* What the tests of the inference server's sockets share: a server over the fake core, and a client
 * that writes what it is told and reads what comes. */
#ifndef TEST_SERVE_HTTP_CLIENT_H
#define TEST_SERVE_HTTP_CLIENT_H

#include "base/clock.h"
#include "fake_core.h"
#include "serve/http.h"

#define MAX_ANSWER ((size_t)1 << 20)
#define SECOND_NS  1000000000LL
/* For what happens at once: less than the shortest deadline (10 s), and enough on a busy machine.
 */
#define AT_ONCE_NS (8 * SECOND_NS)

extern struct pr_serve_http *http;

/* Set-up and teardown of a group; the latter fails where an exchange is left. */
int serve_start(void **state);
int serve_stop(void **state);

/* The server's clock, which is the system's put forward. */
extern _Atomic int64_t ahead_ns;
int64_t now_ns(void);
/* One that is refused before its body wakes the thread that looks at the deadlines. */
void put_forward(int seconds);

int open_to(int port); /* −1: nobody listens */
int dial(void);
void put(int fd, const char *text);
/* A head; `more` are lines of it. */
void post(int fd, const char *path, const char *more, size_t length);

struct answer {
    char text[MAX_ANSWER + 1];
    size_t n;
    bool ended; /* the server ended the connection */
};
extern struct answer *got; /* of the last answer_of */
/* Until `end` is there, the connection ends, or nothing comes for 5 s. */
const char *answer_of(int fd, const char *end);

void assert_has(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);
void assert_serves(void); /* somebody else is answered within a second */
/* Within a second, which is how soon the gone are found. */
bool becomes(atomic_int *what, int value);

#endif
