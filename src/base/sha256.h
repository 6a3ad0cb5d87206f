/* SHA-256, over OpenSSL's libcrypto. */
#ifndef PR_BASE_SHA256_H
#define PR_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define PR_SHA256_LEN 32
#define PR_SHA256_HEX 65 /* with the NUL */

struct pr_sha256; /* opaque */
struct pr_sha256 *pr_sha256_new(void);
void pr_sha256_update(struct pr_sha256 *h, const void *bytes, size_t n);
/* Writes the digest and frees h. */
void pr_sha256_final(struct pr_sha256 *h, uint8_t ret[PR_SHA256_LEN]);
/* One shot. */
void pr_sha256(const void *bytes, size_t n, uint8_t ret[PR_SHA256_LEN]);
/* Lower-case hexadecimal, NUL-terminated. */
void pr_sha256_hex(const uint8_t digest[PR_SHA256_LEN], char ret[PR_SHA256_HEX]);

#endif
