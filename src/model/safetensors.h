/* One safetensors file: header read with pread and checked, data mapped read-only.
 * Format: https://github.com/huggingface/safetensors (8-byte little-endian header length, JSON
 * header, one contiguous data buffer without gaps). */
#ifndef PR_MODEL_SAFETENSORS_H
#define PR_MODEL_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/file.h"
#include "compute/dtype.h"

#define PR_MAX_RANK 8

struct pr_tensor {
    const char *name;
    enum pr_dtype dtype;
    uint32_t rank;
    uint64_t shape[PR_MAX_RANK];
    uint64_t n; /* elements */
    uint64_t bytes;
    uint64_t offset;  /* of the data in the file, from byte 0 */
    const void *data; /* in the mapping; NULL where only the header was read.  The format promises
                       * no alignment: read elements with memcpy or unaligned loads, never through a
                       * float * */
};

struct pr_safetensors;

/* Opens dir_fd/name.  map: also maps the data (a mapped file that shrinks later raises SIGBUS,
 * base/mapped.h). Any breach of the format is PR_E_FORMAT with the field or byte offset.  A file
 * shorter than its header says is PR_E_INCOMPLETE ("… ends at byte N, the file has M"). */
PR_MUST_CHECK enum pr_code pr_safetensors_open(
    int dir_fd, const char *name, bool map, struct pr_safetensors **ret, struct pr_error *e);
/* The same checks on the first head_len bytes of a file of file_size bytes, the length field
 * included (fuzzing, remote headers).  PR_E_USAGE when they do not reach the header's end. */
PR_MUST_CHECK enum pr_code pr_safetensors_parse(const void *head, size_t head_len,
    uint64_t file_size, const char *name, struct pr_safetensors **ret, struct pr_error *e);
/* As open, from a descriptor that stays the caller's (it may be closed afterwards). */
PR_MUST_CHECK enum pr_code pr_safetensors_open_fd(
    int fd, const char *name, bool map, struct pr_safetensors **ret, struct pr_error *e);
void pr_safetensors_free(struct pr_safetensors *s);

size_t pr_safetensors_count(const struct pr_safetensors *s);
const struct pr_tensor *pr_safetensors_at(const struct pr_safetensors *s, size_t i); /* by offset */
const struct pr_tensor *pr_safetensors_find(const struct pr_safetensors *s, const char *name);
const struct pr_file_id *pr_safetensors_file_id(const struct pr_safetensors *s);
/* false: a page of it could not be read, and zeros took its place (base/mapped.h). */
bool pr_safetensors_is_whole(const struct pr_safetensors *s);
/* Tells the kernel that these mapped pages are not needed for now (they stay readable). */
void pr_safetensors_drop(const struct pr_safetensors *s, const void *data, size_t bytes);

#endif
