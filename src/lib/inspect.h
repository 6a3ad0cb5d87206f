/* What a file or folder is, and whether proctor takes it.
 *
 * To add a kind: its functions, a line in the table of inspect.c, malformed fixtures in
 * tests/fixtures/malformed with their line in MANIFEST.jsonl, and its facts in docs/libproctor.md.
 */
#ifndef PR_LIB_INSPECT_H
#define PR_LIB_INSPECT_H

#include <proctor.h>

#include "base/json.h"
#include "model/tokenizer.h" /* struct pr_notes */

/* A file's first bytes, for kinds that its name does not tell. */
struct pr_sniff {
    const char *name; /* last component */
    bool is_dir;
    char **names; /* of a folder: what lies in it */
    size_t n_names;
    const char *head; /* of a file: NUL-terminated */
    size_t n_head;
    uint64_t size;
};

struct pr_inspection {
    json_t *doc;           /* facts go in here */
    struct pr_notes notes; /* become "warnings" */
};

struct pr_kind {
    const char *name;
    bool (*by_name)(const struct pr_sniff *s);    /* certain */
    bool (*by_content)(const struct pr_sniff *s); /* asked when no name is certain */
    /* Fills facts and notes; an error is a refusal. */
    enum pr_code (*inspect)(const char *path, const struct proctor_options *options,
        struct pr_inspection *ret, struct pr_error *e);
};

enum pr_code pr_inspect_checkpoint(const char *path, const struct proctor_options *options,
    struct pr_inspection *ret, struct pr_error *e);
enum pr_code pr_inspect_safetensors(const char *path, const struct proctor_options *options,
    struct pr_inspection *ret, struct pr_error *e);
enum pr_code pr_inspect_tokenizer(const char *path, const struct proctor_options *options,
    struct pr_inspection *ret, struct pr_error *e);
enum pr_code pr_inspect_dataset(const char *path, const struct proctor_options *options,
    struct pr_inspection *ret, struct pr_error *e);
enum pr_code pr_inspect_trainer_state(const char *path, const struct proctor_options *options,
    struct pr_inspection *ret, struct pr_error *e);
enum pr_code pr_inspect_events(const char *path, const struct proctor_options *options,
    struct pr_inspection *ret, struct pr_error *e);

/* Adds "tensors", "parameters", "dtypes" {name: count} and "bytes" of a file's header to doc, on
 * top of what is there. */
struct pr_safetensors;
void pr_inspect_add_tensors(json_t *doc, const struct pr_safetensors *s);

#endif
