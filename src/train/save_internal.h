/* What the files of saving share; nobody else includes it.
 *
 * save.c puts a checkpoint together; save_place.c makes its folder, moves it into place and removes
 * old ones; save_source.c reads what is taken over from the start; save_config.c and save_adapter.c
 * write the JSON that describes the model; save_files.c writes plain files; save_weights.c writes
 * the tensors; save_state.c reads them back; save_newest.c finds where to go on. */
#ifndef PR_TRAIN_SAVE_INTERNAL_H
#define PR_TRAIN_SAVE_INTERNAL_H

#include "model/folder.h"
#include "model/safetensors_write.h"
#include "train/save.h"

#define PR_SAVE_JSON_MAX ((size_t)16 << 20) /* bytes of config.json and its like */
/* Of the files of which only proctor is a reader, or that may be larger: no more is written than is
 * read again. */
#define PR_SAVE_TRAINING_MAX  ((size_t)256 << 20)
#define PR_SAVE_INDEX_MAX     ((size_t)64 << 20)
#define PR_SAVE_STATE_FOLDER  "proctor"
#define PR_SAVE_STATE_FILE    "optimizer.safetensors"
#define PR_SAVE_TRAINING_FILE "training.json"
#define PR_SAVE_TRAINER_STATE "trainer_state.json"
#define PR_SAVE_SUMS          "sha256" /* key in PR_SAVE_TRAINING_FILE: {file: SHA-256 in hex} */
/* In PR_SAVE_STATE_FILE, before a parameter's name. */
#define PR_SAVE_M      "exp_avg."
#define PR_SAVE_V      "exp_avg_sq."
#define PR_SAVE_MASTER "master."

/* N of "checkpoint-N", else -1. */
int64_t pr_save_step_of(const char *name);

/* The folder of a checkpoint that is being written: OUT/.checkpoint-N.tmp. */
struct pr_save_place {
    const char *out, *start; /* borrowed */
    int out_fd, fd;          /* OUT, and the hidden folder */
    int64_t step;
    char name[40], hidden[40]; /* "checkpoint-N", ".checkpoint-N.tmp" */
};
/* PR_E_USAGE where checkpoint-N is there and not ours to replace, as in pr_save_check_places. */
PR_MUST_CHECK enum pr_code pr_save_place_begin(const char *out, int64_t step, const char *start,
    struct pr_save_place *ret, struct pr_error *e);
/* Syncs the hidden folder and moves it into its place; what lay there before is removed, unless it
 * is not ours: PR_E_USAGE. */
PR_MUST_CHECK enum pr_code pr_save_place_commit(struct pr_save_place *p, struct pr_error *e);
/* Removes the hidden folder. */
void pr_save_place_abandon(struct pr_save_place *p);
void pr_save_place_done(struct pr_save_place *p); /* closes */
/* Removes, or puts back, what was left under hidden names.  What --keep began to remove stands in
 * no save's way: where it cannot be removed that is a note. */
PR_MUST_CHECK enum pr_code pr_save_place_tidy(
    int out_fd, struct pr_notes *notes, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_save_sync(int dir_fd, const char *name, struct pr_error *e);

/* A new file, synced. */
PR_MUST_CHECK enum pr_code pr_save_write(
    int dir_fd, const char *name, const void *bytes, size_t n, struct pr_error *e);
/* PR_E_LIMIT, and no file, where it would have more than the max bytes that its reader accepts.
 * sums[name] = its SHA-256; sums NULL: not wanted. */
PR_MUST_CHECK enum pr_code pr_save_write_json(
    int dir_fd, const char *name, const json_t *v, size_t max, json_t *sums, struct pr_error *e);

struct pr_save_file {
    const char *name; /* static */
    char *bytes;      /* n */
    size_t n;
};
struct pr_save_source {
    char *place;                /* the real path of the folder */
    bool is_new;                /* config is a new model's */
    json_t *config;             /* config.json; NULL where an adapter is saved */
    json_t *adapter;            /* adapter_config.json of an adapter that is continued; NULL */
    struct pr_save_file *files; /* the tokenizer's and what else goes with a model, as they were */
    size_t n_files, cap;
    bool generation; /* generation_config.json is among them; never where an adapter is saved */
};
/* Writes the files that are carried over. */
PR_MUST_CHECK enum pr_code pr_save_carried(
    const struct pr_save_source *s, int dir_fd, struct pr_error *e);

/* config.json (and generation_config.json, where the source has none), or adapter_config.json. */
PR_MUST_CHECK enum pr_code pr_save_config(const struct pr_save *s, int dir_fd, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_save_adapter_config(
    const struct pr_save *s, int dir_fd, struct pr_error *e);
bool pr_save_is_adapter(const struct pr_net *net);

/* model.safetensors, its shards and their index, or adapter_model.safetensors; sums[name] = the
 * SHA-256 of each file of tensors. */
PR_MUST_CHECK enum pr_code pr_save_weights(
    const struct pr_save *s, int dir_fd, json_t *sums, struct pr_error *e);
/* PR_SAVE_STATE_FILE, in its folder. */
PR_MUST_CHECK enum pr_code pr_save_state(
    const struct pr_save *s, int dir_fd, json_t *sums, struct pr_error *e);
/* Is it the name of a file that pr_save_weights writes tensors into? */
bool pr_save_is_weights(const char *name);

#endif
