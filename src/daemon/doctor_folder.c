/* doctor: the base folder, the disk that it lies on, and the files in it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "daemon/doctor_internal.h"

#define MB            ((uint64_t)1 << 20)
#define STALE_S       600 /* a temporary file that is older was left by a process that died */
#define MAX_STATUS    ((size_t)64 << 20)
#define TRAINING_FILE "training_status.json" /* the trainer's own, without schema_version */

/* Kinds of file systems that want a word, by statfs(2)'s number. */
static const struct {
    uint32_t type;
    const char *name;
    bool network, forgets;
} filesystems[] = {
    {0x6969, "NFS", true, false},
    {0xff534d42, "CIFS", true, false},
    {0xfe534d42, "SMB", true, false},
    {0x517b, "SMB", true, false},
    {0x01021997, "9P", true, false},
    {0x00c36400, "Ceph", true, false},
    {0x5346414f, "AFS", true, false},
    {0x0bd00bd0, "Lustre", true, false},
    {0x47504653, "GPFS", true, false},
    {0x19830326, "BeeGFS", true, false},
    {0x65735546, "FUSE", true, false},
    {0x01021994, "tmpfs", false, true},
    {0x858458f6, "ramfs", false, true},
    {0xef53, "ext4", false, false},
    {0x58465342, "XFS", false, false},
    {0x9123683e, "Btrfs", false, false},
    {0x2fc12fc1, "ZFS", false, false},
    {0x794c7630, "overlayfs", false, false},
    {0xf2f52010, "F2FS", false, false},
};
#define N_FILESYSTEMS (sizeof filesystems / sizeof *filesystems)

/* Index in the table, or N_FILESYSTEMS. */
static size_t filesystem_of(const char *path)
{
    struct statfs s;
    size_t i = 0;
    if (statfs(path, &s))
        return N_FILESYSTEMS;
    while (i < N_FILESYSTEMS && filesystems[i].type != (uint32_t)s.f_type)
        i++;
    return i;
}

void pr_doctor_folder(struct pr_doctor *d)
{
    static const char *const within[] = {"status", "logs"};
    struct stat st;
    if (stat(d->base_dir, &st)) {
        pr_doctor_say(d, PR_DOCTOR_ERROR, "proctor init makes one; --base-dir names another",
            "%s: %s", d->base_dir, strerror(errno));
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        pr_doctor_say(
            d, PR_DOCTOR_ERROR, "name a folder as --base-dir", "%s is no folder", d->base_dir);
        return;
    }
    d->there = true;
    bool writable = true;
    if (access(d->base_dir, R_OK | W_OK | X_OK)) {
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            errno == EROFS ? "mount it for writing" : "give it to the user that runs proctor",
            "%s: this user cannot write there: %s", d->base_dir, strerror(errno));
        writable = false;
    }
    for (size_t i = 0; i < sizeof within / sizeof *within; i++) {
        char *path = pr_doctor_path(d, within[i]);
        if (pr_path_exists(path) && access(path, R_OK | W_OK | X_OK)) {
            pr_doctor_say(d, PR_DOCTOR_ERROR, "give it to the user that runs proctor",
                "%s: this user cannot write there: %s", path, strerror(errno));
            writable = false;
        }
        pr_free(path);
    }
    if (writable)
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s can be written", d->base_dir);
    if (st.st_mode & S_IWOTH)
        pr_doctor_say(d, PR_DOCTOR_WARNING, "chmod o-w on it",
            "every user of this machine may change what is in %s", d->base_dir);
}

void pr_doctor_filesystem(struct pr_doctor *d)
{
    size_t i = filesystem_of(d->base_dir);
    if (i == N_FILESYSTEMS)
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "a kind that needs no remark");
    else if (filesystems[i].network)
        pr_doctor_say(d, PR_DOCTOR_WARNING,
            "keep the base folder on a local disk, and name the folder of the checkpoints as "
            "models.current; one proctor a base folder, never two machines",
            "%s may reach over the network: the gradebook's lock and its write-ahead log are "
            "reliable on one machine only",
            filesystems[i].name);
    else if (filesystems[i].forgets)
        pr_doctor_say(d, PR_DOCTOR_WARNING, "move the base folder to a disk",
            "%s lies in memory: the gradebook is lost when the machine restarts",
            filesystems[i].name);
    else
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s", filesystems[i].name);
    size_t models = d->config.current ? filesystem_of(d->config.current) : N_FILESYSTEMS;
    if (models < N_FILESYSTEMS && filesystems[models].network)
        pr_doctor_say(d, PR_DOCTOR_NOTE,
            "a smaller watch.scan_seconds finds checkpoints sooner where that matters",
            "models.current lies on %s, where what another machine writes is not reported: "
            "checkpoints are found by looking, every %lld s",
            filesystems[models].name, (long long)d->config.scan_seconds);
}

void pr_doctor_space(struct pr_doctor *d)
{
    struct statvfs s;
    if (statvfs(d->base_dir, &s)) {
        pr_doctor_say(d, PR_DOCTOR_WARNING, NULL, "%s: %s", d->base_dir, strerror(errno));
        return;
    }
    uint64_t unit = s.f_frsize, mb = s.f_bavail * unit / MB, all = s.f_blocks * unit / MB;
    bool inodes = s.f_files && s.f_favail < 1000;
    enum pr_doctor_level level = mb < 100 || (inodes && s.f_favail < 100) ? PR_DOCTOR_ERROR
                                 : mb < 1024 || inodes                    ? PR_DOCTOR_WARNING
                                                                          : PR_DOCTOR_OK;
    const char *remedy = level == PR_DOCTOR_OK ? NULL
                         : inodes ? "remove files: the file system has hardly room for new ones"
                                  : "make room: a full disk stops the gradebook";
    pr_doctor_say(d, level, remedy, "%llu MB of %llu MB are free", (unsigned long long)mb,
        (unsigned long long)all);
}

/* "x.tmp.AbC123", as pr_file_write_atomic names them. */
static bool is_temporary(const char *name)
{
    const char *tmp = strstr(name, ".tmp.");
    return tmp && strlen(tmp + 5) == 6;
}

/* Adds to *n those in a folder that no living process can be writing; *first is one of them. */
static void count_stale(struct pr_doctor *d, const char *folder, size_t *n, struct pr_str *first)
{
    char *path = pr_doctor_path(d, folder), **names;
    size_t n_names;
    if (!pr_dir_list(path, &names, &n_names, NULL)) {
        for (size_t i = 0; i < n_names; i++) {
            struct stat st;
            char *file = pr_path_join(path, names[i]);
            if (is_temporary(names[i]) && !lstat(file, &st) && S_ISREG(st.st_mode) &&
                st.st_mtime < d->now_ms / 1000 - STALE_S && !(*n)++)
                pr_str_puts(first, file);
            pr_free(file);
        }
        pr_names_free(names, n_names);
    }
    pr_free(path);
}

void pr_doctor_leftovers(struct pr_doctor *d)
{
    static const char *const folders[] = {"", "status", "data/testing", "logs"};
    struct pr_str first = PR_STR_INIT(8192);
    size_t n = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        count_stale(d, folders[i], &n, &first);
    if (n)
        pr_doctor_say(d, PR_DOCTOR_NOTE, "they can be removed",
            "%zu temporary file%s of a process that was killed, such as %s", n, n > 1 ? "s" : "",
            pr_str_cstr(&first));
    else
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "no stale temporary files");
    pr_str_done(&first);
}

/* One status file; false and a line in the report when it is not what it should be. */
static bool check_status(struct pr_doctor *d, const char *folder, const char *name)
{
    bool trainers = !strcmp(name, TRAINING_FILE);
    char *path = pr_path_join(folder, name);
    json_t *doc = NULL;
    struct pr_error e;
    struct stat st;
    int64_t version = 0;
    enum pr_code code =
        pr_json_read(AT_FDCWD, path, MAX_STATUS, trainers ? PR_JSON_NAN : PR_JSON_STRICT, &doc, &e);
    if (!code && !trainers)
        code = pr_wrap(
            &e, pr_json_get_int(doc, "schema_version", true, 1, 1, &version, &e), "%s", name);
    if (code)
        pr_doctor_say(d, trainers ? PR_DOCTOR_WARNING : PR_DOCTOR_ERROR,
            trainers ? "the trainer writes it: see that it does so whole, or not at all"
                     : "remove it: it is written anew when its system runs next",
            "%s", e.message);
    if (!stat(path, &st))
        pr_doctor_time(d, path, st.st_mtime);
    json_decref(doc);
    pr_free(path);
    return !code;
}

void pr_doctor_status(struct pr_doctor *d)
{
    char *folder = pr_doctor_path(d, "status"), **names;
    size_t n, good = 0, bad = 0;
    if (pr_dir_list(folder, &names, &n, NULL)) {
        pr_doctor_say(d, PR_DOCTOR_NOTE, NULL, "none yet");
        pr_free(folder);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(names[i]);
        if (len < 5 || strcmp(names[i] + len - 5, ".json"))
            continue;
        if (check_status(d, folder, names[i]))
            good++;
        else
            bad++;
    }
    if (!bad && good)
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%zu, all of them readable", good);
    else if (!bad)
        pr_doctor_say(d, PR_DOCTOR_NOTE, NULL, "none yet");
    pr_names_free(names, n);
    pr_free(folder);
}
