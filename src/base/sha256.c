/* SHA-256 over libcrypto, whose SHA-NI path hashes about 2 GB/s a core. */
#include "base/sha256.h"

#include <assert.h>
#include <openssl/evp.h>

static EVP_MD_CTX *ctx(struct pr_sha256 *h)
{
    return (EVP_MD_CTX *)h;
}

struct pr_sha256 *pr_sha256_new(void)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    int ok = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL);
    assert(ok && "libcrypto has SHA-256");
    (void)ok;
    return (struct pr_sha256 *)c;
}

void pr_sha256_update(struct pr_sha256 *h, const void *bytes, size_t n)
{
    EVP_DigestUpdate(ctx(h), bytes, n);
}

void pr_sha256_final(struct pr_sha256 *h, uint8_t ret[PR_SHA256_LEN])
{
    EVP_DigestFinal_ex(ctx(h), ret, NULL);
    EVP_MD_CTX_free(ctx(h));
}

void pr_sha256(const void *bytes, size_t n, uint8_t ret[PR_SHA256_LEN])
{
    struct pr_sha256 *h = pr_sha256_new();
    pr_sha256_update(h, bytes, n);
    pr_sha256_final(h, ret);
}

void pr_sha256_hex(const uint8_t digest[PR_SHA256_LEN], char ret[PR_SHA256_HEX])
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < PR_SHA256_LEN; i++) {
        ret[2 * i] = hex[digest[i] >> 4];
        ret[2 * i + 1] = hex[digest[i] & 15];
    }
    ret[2 * PR_SHA256_LEN] = 0;
}
