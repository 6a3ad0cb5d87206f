/* A net that holds values and computes nothing, in place of the real one: what is saved and
 * restored does not depend on how it was trained. */
#ifndef FAKE_NET_H
#define FAKE_NET_H

#include "train/net.h"
#include "train/optimizer.h"

/* The weights of a folder; r > 0: a LoRA of this rank on q_proj and v_proj, random. */
struct pr_net *fake_net(const char *dir, uint32_t r, double alpha);
/* Random values everywhere. */
void fake_net_shake(struct pr_net *n, uint64_t seed);
unsigned fake_net_changes(const struct pr_net *n); /* calls of pr_net_changed */
/* m and v random, v not negative. */
void fake_optimizer(struct pr_optimizer *o, struct pr_net *n, int64_t step);
void fake_optimizer_done(struct pr_optimizer *o);

#endif
