/* Writes a safetensors file: header first, then the tensors' data one after the other as they come,
 * so that memory holds a buffer and not the file. */
#ifndef PR_MODEL_SAFETENSORS_WRITE_H
#define PR_MODEL_SAFETENSORS_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/sha256.h"
#include "model/safetensors.h"

struct pr_safetensors_writer;

/* A tensor to come. */
struct pr_safetensors_entry {
    const char *name;
    enum pr_dtype dtype;
    uint32_t rank;
    uint64_t shape[PR_MAX_RANK];
};

/* Makes dir_fd/name, which may not be there yet, and writes its header: the n tensors in this order
 * and the metadata {key, value}.  Element sizes may not grow along the list, so that each tensor
 * lies aligned to its type; the data begins at a multiple of 64.  The disk space is asked for at
 * once.  PR_E_USAGE for a name that is there twice or is no UTF-8, PR_E_LIMIT for a header past the
 * format's maximum.  Strings are borrowed until close. */
PR_MUST_CHECK enum pr_code pr_safetensors_writer_open(int dir_fd, const char *name,
    const struct pr_safetensors_entry *v, size_t n, const char *const (*metadata)[2],
    size_t n_metadata, struct pr_safetensors_writer **ret, struct pr_error *e);
/* The next n elements of the tensor whose turn it is, rounded to its type (a float type, not F64);
 * never past its end. */
PR_MUST_CHECK enum pr_code pr_safetensors_writer_f32(
    struct pr_safetensors_writer *w, const float *values, size_t n, struct pr_error *e);
/* The same as bytes in the tensor's own type. */
PR_MUST_CHECK enum pr_code pr_safetensors_writer_bytes(
    struct pr_safetensors_writer *w, const void *bytes, size_t n, struct pr_error *e);
/* Checks that every tensor came whole, syncs, closes, and frees w whatever comes of it. ret_sha256,
 * if not NULL: of the whole file, in hex. */
PR_MUST_CHECK enum pr_code pr_safetensors_writer_close(
    struct pr_safetensors_writer *w, char ret_sha256[PR_SHA256_HEX], struct pr_error *e);
/* Gives up: closes and frees; what was written stays.  NULL is fine. */
void pr_safetensors_writer_drop(struct pr_safetensors_writer *w);

#endif
