/* What is about to come: noted before, so that a checkpoint which a killed sync had put in its
 * place is known as its own afterwards, and not taken for the user's.  The folder in .incoming is
 * renamed, so its inode tells it. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/file.h"
#include "systems/checkpoint_sync.h"
#include "transfer/fetch.h"

static bool inode_of(const char *folder, const char *name, char ret[48])
{
    struct stat st;
    char *path = pr_path_join(folder, name);
    bool there = !lstat(path, &st) && S_ISDIR(st.st_mode);
    pr_free(path);
    if (there)
        snprintf(
            ret, 48, "%llx:%llx", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return there;
}

enum pr_code pr_sync_note_coming(struct pr_sync *y, json_t *record, struct pr_error *e)
{
    char inode[48];
    if (y->far) /* its folders are not looked into: what was pushed and not noted is left alone */
        return PR_OK;
    const char *name = pr_sync_text(record, "name");
    char *incoming = pr_path_join(y->place, PR_INCOMING), *path = pr_path_join(incoming, name);
    struct pr_error ignored; /* the transfer says why it cannot write there */
    enum pr_code code = PR_OK;
    if (!pr_mkdirs(path, &ignored) && inode_of(incoming, name, inode)) {
        json_t *x = json_copy(record);
        pr_json_set_str(x, "inode", inode);
        pr_json_set(pr_sync_part(y, "coming"), name, x);
        code = pr_sync_state_save(y, e);
    }
    pr_free(path);
    pr_free(incoming);
    return code;
}

void pr_sync_settle_coming(struct pr_sync *y)
{
    json_t *all = pr_sync_part(y, "coming"), *x;
    const char *name;
    void *tmp;
    json_object_foreach_safe(all, tmp, name, x)
    {
        char inode[48];
        bool ours = !y->far && inode_of(y->place, name, inode) &&
                    !strcmp(inode, pr_sync_text(x, "inode")) && !pr_sync_copied_as(y, name);
        if (ours) {
            json_t *record = json_copy(x);
            json_object_del(record, "inode");
            json_array_append_new(pr_sync_part(y, "copied"), record);
            pr_sync_note_placed(y, record);
            pr_sync_note(y, "copied", "%s, by a run that was interrupted", name);
        }
        json_object_del(all, name);
    }
}
