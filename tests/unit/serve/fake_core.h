/* A core of the inference server that computes nothing: what an exchange does is said by its path.
 *
 *   /fixed   its answer is there at once          /later    … after a moment
 *   /echo    says how long the body was           /stream   20 pieces with pauses
 *   /never   no answer, ever                      /endless  a stream as fast as it is taken
 *   /stuck   one piece, then none                 /broken   a stream that breaks off
 *   /busy    429 with Retry-After                 /secret   401 before the body
 *   /once    wakes once, before it has said that there is nothing yet
 *   others   404 before the body
 *
 * The method DELETE is 405, POST allowed. */
#ifndef TEST_SERVE_FAKE_CORE_H
#define TEST_SERVE_FAKE_CORE_H

#include <stdatomic.h>

#include "serve/server.h"

#define FAKE_PIECES 20
#define FAKE_FIXED  "{\"answer\":\"of known length\"}"

struct fake_counts {
    atomic_int begun, alive;
    _Atomic long long read; /* bytes, of all */
};
extern struct fake_counts fake_counts;

/* A thread that wakes all exchanges again and again, whether there is something or not. */
void fake_start(void);
void fake_stop(void);

#endif
