/* What the tests of the server without its sockets share: one that is open, and a client that asks
 * it and reads what comes. */
#ifndef TEST_SERVE_SERVER_CLIENT_H
#define TEST_SERVE_SERVER_CLIENT_H

#include <pthread.h>

#include "base/json.h"
#include "serve/server.h"

#define MODEL_A   PR_FIXTURES "/models/qwen3-tiny"
#define MODEL_B   PR_FIXTURES "/models/qwen3-tiny-untied"
#define KEY       "a-key-of-the-test"
#define MAX_TOKEN 24

/* One that goes on until it is cancelled or the model's positions end. */
#define LONG                                                                                       \
    "{\"model\":\"default\",\"prompt\":\"Once\",\"n\":16,\"max_tokens\":900,\"temperature\":1,"    \
    "\"seed\":3,"                                                                                  \
    "\"stream\":true}"

/* Of MODEL_A, on one thread. */
struct pr_serve_server *open_server(struct pr_serve_server_options o);

struct client {
    struct pr_serve_exchange *x;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
    struct pr_serve_answer_head head;
    char fingerprint[65];
    struct pr_str body;
    int end; /* what the last read gave */
};

/* body NULL: none. */
void ask_as(struct client *c, struct pr_serve_server *s, const char *method, const char *path,
    const char *body, const char *authorization);
/* Reads until `least` bytes came, or all. */
void read_some(struct client *c, size_t least);
void read_all(struct client *c);
void end_client(struct client *c);
/* The whole answer's document; the status is checked. */
json_t *ask(
    struct pr_serve_server *s, const char *method, const char *path, const char *body, int status);
/* Does /metrics have this line? */
bool has_line(struct pr_serve_server *s, const char *line);
/* Until so many answers are under way: those that were cancelled go before the next pass. */
void wait_answers(struct pr_serve_server *s, int n);

/* o[a], o[a][b]; b may be NULL. */
const char *text_at(const json_t *o, const char *a, const char *b);
void fingerprint_of(const char *dir, char ret[65]);
/* Of a greedy completion of MAX_TOKEN tokens. */
void make_body(char ret[300], const char *model, const char *prompt, const char *more);

#endif
