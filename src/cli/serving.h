/* What `proctor serve` does while it serves: swaps in what its folder becomes, and ends in order.
 */
#ifndef PR_CLI_SERVING_H
#define PR_CLI_SERVING_H

#include "cli/glance.h"
#include "serve/server.h"

struct pr_serving {
    struct pr_serve_server *server;
    const char *dir; /* the checkpoint's folder, or a link to it */
    bool watch;      /* swap in what comes to be there */
    /* the rest is its own; zero-initialise */
    struct pr_glance tried;  /* what was loaded or tried last */
    struct pr_glance looked; /* what the last look found … */
    int64_t rests_ns;        /* … and since when all do */
    int64_t retry_ns;        /* when one that failed is tried again; 0: it did not */
    char last[1024];         /* what was said last, not said again */
};

/* SIGHUP is noted from here on: it would end a program that still loads, or waits. */
void pr_serving_heed_hup(void);
/* Waits until there is something at dir: where nothing was deployed yet, something will be.  false:
 * told to end. */
bool pr_serving_wait(const char *dir);
/* Notes what is at dir now; before the server is made from it. */
void pr_serving_init(struct pr_serving *w, const char *dir, bool watch);
/* Until the first signal that ends.  SIGHUP loads the folder again. */
void pr_serving_run(struct pr_serving *w);

#endif
