/* See ready.h. */
#include "transfer/ready.h"

#include <string.h>

#include "model/checkpoint.h"
#include "transfer/skeleton.h"

bool pr_identity_equal(const struct pr_identity *a, const struct pr_identity *b)
{
    return a->step == b->step && !strcmp(a->run, b->run) && !strcmp(a->history, b->history) &&
           !strcmp(a->content, b->content);
}

enum pr_ready_state pr_ready_compare(const struct pr_listed *before, const struct pr_listed *now)
{
    return !before                       ? PR_READY_NEW
           : pr_listed_same(before, now) ? PR_READY_STILL
                                         : PR_READY_CHANGING;
}

/* Links are in no skeleton, which would then only say that files are missing. */
static void name_links(const struct pr_listed *l, struct pr_error *reason)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->files[i].kind == PR_LISTED_LINK) {
            pr_wrap(reason, reason->code, "%s is a symbolic link, which is not followed",
                l->files[i].name);
            return;
        }
}

static enum pr_code judge(const struct pr_store *s, const struct pr_listed *l,
    const struct pr_skeleton *k, struct pr_readiness *r, struct pr_error *e)
{
    struct pr_checkpoint_origin o;
    enum pr_code code = pr_checkpoint_complete(k->path, &r->complete, &r->reason, e);
    if (code || !r->complete)
        return code;
    code = pr_checkpoint_origin_in(k->path, pr_store_name(s), &o, e);
    if (code)
        return code;
    r->identity.step = o.step;
    memcpy(r->identity.run, o.run, sizeof o.run);
    memcpy(r->identity.history, o.history, sizeof o.history);
    pr_listed_hash(l, r->identity.content);
    return PR_OK;
}

enum pr_code pr_ready_check(struct pr_store *s, const struct pr_listing *listing, const char *name,
    const char *scratch, struct pr_readiness *ret, struct pr_error *e)
{
    const struct pr_listed *l = pr_listing_find(listing, name);
    struct pr_skeleton k = {0};
    struct pr_readiness r = {0};
    if (!l)
        return pr_fail(e, PR_E_NOT_FOUND, "%s: there is no %s there", pr_store_name(s), name);
    enum pr_code code = pr_skeleton_build(s, listing, l, scratch, &k, &r.reason);
    if (code == PR_E_INCOMPLETE) {
        r.unreadable = true;
        *ret = r;
        return PR_OK;
    }
    if (code) {
        if (e)
            *e = r.reason;
        return code;
    }
    code = judge(s, l, &k, &r, e);
    pr_skeleton_done(&k);
    if (code == PR_E_LIMIT) /* of what lies in it: no fault of the source */
        code = PR_E_UNSUPPORTED;
    if (code)
        return pr_wrap(e, code, "%s", pr_store_name(s));
    if (!r.complete)
        name_links(l, &r.reason);
    *ret = r;
    return PR_OK;
}
