/* A folder of a test's own, removed with all that is in it. */
#ifndef TEMP_FOLDER_H
#define TEMP_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"

static char temp_root[64];

static inline const char *temp_path(const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *p = paths[next++ % 8];
    snprintf(p, sizeof paths[0], "%s%s%s", temp_root, *name ? "/" : "", name);
    return p;
}

static inline void temp_write(const char *name, const void *bytes, size_t n)
{
    int fd = open(temp_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}

static inline void temp_text(const char *name, const char *text)
{
    temp_write(name, text, strlen(text));
}

static inline void temp_mkdir(const char *name)
{
    assert_int_equal(pr_mkdirs(temp_path(name), NULL), 0);
}

/* Copies a file of the fixtures. */
static inline void temp_copy(const char *fixture, const char *name)
{
    char path[1024], *bytes;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", PR_FIXTURES, fixture);
    assert_int_equal(pr_file_read(AT_FDCWD, path, 1 << 26, &bytes, &n, NULL), 0);
    temp_write(name, bytes, n);
    pr_free(bytes);
}

/* Copies every file of a folder of the fixtures into a new folder. */
static inline void temp_copy_folder(const char *fixture, const char *name)
{
    char path[1024], **names;
    size_t n;
    temp_mkdir(name);
    snprintf(path, sizeof path, "%s/%s", PR_FIXTURES, fixture);
    assert_int_equal(pr_dir_list(path, &names, &n, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        char from[512], to[512];
        snprintf(from, sizeof from, "%s/%s", fixture, names[i]);
        snprintf(to, sizeof to, "%s/%s", name, names[i]);
        temp_copy(from, to);
    }
    pr_names_free(names, n);
}

static inline void temp_cut(const char *name, off_t by)
{
    struct stat st;
    assert_int_equal(stat(temp_path(name), &st), 0);
    assert_int_equal(truncate(temp_path(name), st.st_size - by), 0);
}

static inline void temp_unlink(const char *name)
{
    assert_int_equal(unlink(temp_path(name)), 0);
}

static inline void temp_remove(const char *path)
{
    char **names;
    size_t n;
    struct stat st;
    if (!lstat(path, &st) && S_ISDIR(st.st_mode) && !pr_dir_list(path, &names, &n, NULL)) {
        for (size_t i = 0; i < n; i++) {
            char *p = pr_path_join(path, names[i]);
            temp_remove(p);
            pr_free(p);
        }
        pr_names_free(names, n);
        rmdir(path);
    } else {
        unlink(path);
    }
}

static inline int temp_setup(void **state)
{
    (void)state;
    snprintf(temp_root, sizeof temp_root, "/tmp/proctor-test-XXXXXX");
    return mkdtemp(temp_root) ? 0 : -1;
}

static inline int temp_teardown(void **state)
{
    (void)state;
    temp_remove(temp_root);
    return 0;
}

#endif
