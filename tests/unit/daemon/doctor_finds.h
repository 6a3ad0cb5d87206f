/* What doctor says of the test's own folder (temp_folder.h), and that it changes nothing there. */
#ifndef DOCTOR_FINDS_H
#define DOCTOR_FINDS_H

#include "../model/temp_folder.h"
#include "base/str.h"
#include "daemon/doctor.h"

/* The names in the folder, in one text. */
static inline char *listing(void)
{
    struct pr_str text = PR_STR_INIT(1 << 16);
    char **names;
    size_t n;
    assert_int_equal(pr_dir_list(temp_path(""), &names, &n, NULL), PR_OK);
    for (size_t i = 0; i < n; i++)
        pr_str_printf(&text, "%s ", names[i]);
    pr_names_free(names, n);
    return pr_str_take(&text);
}

/* Looks; how many lines of this check have this level and these words.  *ret: json_decref. */
static inline size_t look_for(const char *name, const char *level, const char *words, json_t **ret)
{
    char *before = listing();
    json_t *doc = pr_doctor(temp_path("")), *check;
    char *after = listing();
    size_t i, found = 0;
    assert_string_equal(before, after);
    json_array_foreach (json_object_get(doc, "checks"), i, check) {
        const char *text = json_string_value(json_object_get(check, "text"));
        if (!strcmp(json_string_value(json_object_get(check, "name")), name) &&
            !strcmp(json_string_value(json_object_get(check, "level")), level) &&
            strstr(text, words))
            found++;
    }
    pr_free(before);
    pr_free(after);
    *ret = doc;
    return found;
}

/* Expects such a line. */
static inline void finds_in(const char *name, const char *level, const char *words)
{
    json_t *doc;
    if (!look_for(name, level, words, &doc)) {
        char *text = json_dumps(json_object_get(doc, "checks"), JSON_INDENT(1));
        fail_msg("no %s '%s' in %s", level, words, text);
    }
    json_decref(doc);
}

/* Expects none of this level. */
static inline void finds_not(const char *name, const char *level)
{
    json_t *doc;
    if (look_for(name, level, "", &doc)) {
        char *text = json_dumps(json_object_get(doc, "checks"), JSON_INDENT(1));
        fail_msg("%s of '%s' in %s", level, name, text);
    }
    json_decref(doc);
}

#endif
