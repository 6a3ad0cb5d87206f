/* Blocked causal attention over the paged KV cache: the kernels' matrix product twice, with
 * streaming softmax between (Milakov & Gimelshein 2018; Dao et al. 2022), a page of 64 keys at a
 * time. */
#ifndef PR_MODEL_ATTENTION_H
#define PR_MODEL_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

struct pr_forward;
struct pr_group;

/* Bytes of scratch that a thread needs. */
size_t pr_attention_scratch(const struct pr_forward *f);
/* Where the rotated queries of one kv head's group of heads lie for a row: (group, head_dim). */
char *pr_attention_query(const struct pr_forward *f, uint32_t kv_head, size_t row);
/* Attends all groups' rows to their pages; writes f->attn_out. */
void pr_attention_run(
    struct pr_forward *f, uint32_t layer, const struct pr_group *groups, uint32_t n_groups);

#endif
