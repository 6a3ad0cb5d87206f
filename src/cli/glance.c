/* See glance.h. */
#include "cli/glance.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* What else lies there (the trainer's state, a log) may change as it likes. */
static bool is_read(const char *name)
{
    static const char *const names[] = {"config.json", "generation_config.json", "tokenizer.json",
        "tokenizer_config.json", "special_tokens_map.json", "chat_template.json",
        "chat_template.jinja", "adapter_config.json", "model.safetensors.index.json"};
    static const char weights[] = ".safetensors";
    size_t n = strlen(name), m = sizeof weights - 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return name[0] != '.' && n > m && !strcmp(name + n - m, weights);
}

static void put_file(struct pr_sha256 *h, int fd, const char *name)
{
    struct stat st = {0}; /* one that is gone meanwhile counts as such */
    if (fstatat(fd, name, &st, 0))
        st = (struct stat){0};
    const uint64_t numbers[] = {st.st_dev, st.st_ino, (uint64_t)st.st_size,
        (uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec, (uint64_t)st.st_ctim.tv_sec,
        (uint64_t)st.st_ctim.tv_nsec};
    pr_sha256_update(h, name, strlen(name) + 1);
    pr_sha256_update(h, numbers, sizeof numbers);
}

bool pr_glance_at(const char *dir, struct pr_glance *ret)
{
    struct stat st;
    char **names = NULL;
    size_t n = 0;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = !fstat(fd, &st) && !pr_dir_list(dir, &names, &n, NULL);
    if (ok) {
        struct pr_sha256 *h = pr_sha256_new();
        for (size_t i = 0; i < n; i++)
            if (is_read(names[i]))
                put_file(h, fd, names[i]);
        *ret = (struct pr_glance){.dev = st.st_dev, .ino = st.st_ino};
        pr_sha256_final(h, ret->files);
    }
    pr_names_free(names, n);
    close(fd);
    return ok;
}

bool pr_glance_same_folder(const struct pr_glance *a, const struct pr_glance *b)
{
    return a->dev == b->dev && a->ino == b->ino;
}

bool pr_glance_same(const struct pr_glance *a, const struct pr_glance *b)
{
    return pr_glance_same_folder(a, b) && !memcmp(a->files, b->files, sizeof a->files);
}
