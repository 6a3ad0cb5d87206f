/* What the two halves of the safetensors reader share: safetensors_header.c fills the table of
 * tensors from the header's text, safetensors.c opens, maps and looks up. */
#ifndef PR_MODEL_SAFETENSORS_INTERNAL_H
#define PR_MODEL_SAFETENSORS_INTERNAL_H

#include "base/alloc.h"
#include "model/safetensors.h"

/* The reference implementation's limit on the header. */
#define PR_SAFETENSORS_MAX_HEADER 100000000u

struct pr_safetensors {
    struct pr_arena arena;     /* names */
    struct pr_tensor *tensors; /* by offset, then name */
    struct pr_tensor **by_name;
    size_t n, cap;
    struct pr_file_id id;
    const unsigned char *map; /* the whole file from byte 0; NULL where only the header was read */
    size_t map_len;
};

/* Fills s->tensors (sorted, without data pointers) and s->by_name from the JSON header, which
 * begins at byte 8 of a file of file_size bytes.  `name` starts messages. */
PR_MUST_CHECK enum pr_code pr_safetensors_header(struct pr_safetensors *s, const char *json,
    size_t n, uint64_t file_size, const char *name, struct pr_error *e);

/* Checks the 8-byte length field: PR_E_FORMAT past the limit, PR_E_INCOMPLETE where the file ends
 * before the header does. */
PR_MUST_CHECK enum pr_code pr_safetensors_length(const unsigned char field[8], size_t field_len,
    uint64_t file_size, const char *name, uint64_t *ret, struct pr_error *e);

#endif
