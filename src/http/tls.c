/* Certificate and key of TLS. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "http/front_internal.h"

#define MAX_PEM ((size_t)1 << 20)

static enum pr_code read_pem(
    const char *path, const char *name, bool secret, char **ret, struct pr_error *e)
{
    struct stat st;
    size_t n;
    if (secret && !stat(path, &st) && (st.st_mode & (S_IRWXG | S_IRWXO)))
        return pr_fail(e, PR_E_USAGE, "%s: %s: others may read it (mode %03o): chmod 600 it", name,
            path, (unsigned)(st.st_mode & 0777));
    enum pr_code code = pr_file_read(AT_FDCWD, path, MAX_PEM, ret, &n, e);
    return code ? pr_wrap(e, code, "%s", name) : PR_OK;
}

enum pr_code pr_front_read_tls(
    struct pr_front *f, const struct pr_front_options *o, struct pr_error *e)
{
    if (!o->tls_certificate && !o->tls_key)
        return PR_OK;
    if (!o->tls_certificate || !o->tls_key)
        return pr_fail(e, PR_E_USAGE, "%s and %s belong together: %s is missing",
            o->tls_certificate_name, o->tls_key_name,
            o->tls_certificate ? o->tls_key_name : o->tls_certificate_name);
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return pr_fail(e, PR_E_UNSUPPORTED,
            "%s: this machine's libmicrohttpd was built without TLS", o->tls_certificate_name);
    enum pr_code code =
        read_pem(o->tls_certificate, o->tls_certificate_name, false, &f->certificate, e);
    return code ? code : read_pem(o->tls_key, o->tls_key_name, true, &f->key, e);
}
