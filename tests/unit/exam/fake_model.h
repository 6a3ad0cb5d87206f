/* A model of a few lines in place of layer 2, so that grading is tested alone: it is linked instead
 * of the model library.
 *
 * A token is a byte, or one of <eot> (256, special, the end token), <think> (257), </think> (258).
 * The chat template "chat" is "[role]content<eot>\n" a turn ("spaced": a space before <eot>;
 * "thinks": the generation prompt opens a think block) and raises where a turn says RAISE.  The
 * model answers what follows "say:" in the last turn, then <eot>; its tokens have ln p = −0.01,
 * −0.02, −0.03 …  Every scored token has ln p = −0.5, but −0.1 where it is 'G'; a prompt that says
 * NAN gives no numbers. */
#ifndef FAKE_MODEL_H
#define FAKE_MODEL_H

#include "model/checkpoint.h"
#include "model/engine.h"

struct fake {
    const char *template; /* NULL: the model has none */
    bool changed;         /* its files changed while it was graded */
    bool wrong;           /* answers are wrong: an 'x' is put before each */
    uint32_t max_position;
};
extern struct fake fake;
struct pr_checkpoint *fake_checkpoint(void);
struct pr_engine *fake_engine(void);

#endif
