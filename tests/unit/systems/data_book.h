/* A gradebook and a base folder for the tests of self-correction and data generation: questions
 * with texts, a model that is a function, files of a queue. */
#ifndef PR_TESTS_SYSTEMS_DATA_BOOK_H
#define PR_TESTS_SYSTEMS_DATA_BOOK_H

#include "hand_made.h"
#include "queue/folder.h"

/* What the model answers; ret has room for 200 bytes.  false: it is cut off with that much. */
typedef bool data_model(const struct pr_example *x, char *ret);
data_model data_is_right, data_one_more, data_is_cut_off;

struct data_book {
    struct hand_made h;
    char dir[64]; /* the base folder */
    struct pr_view_data data;
    json_t *weights;
};
void data_book_init(struct data_book *b);
void data_book_done(struct data_book *b);
/* The same without a gradebook, for what needs none; quick. */
void data_folder_init(struct data_book *b);
void data_folder_done(struct data_book *b);
enum pr_code data_run_alone(
    struct data_book *b, const struct pr_system *s, struct pr_findings *ret, struct pr_error *e);

/* path is relative to the base folder; its folders are made.  The file is an hour old. */
void data_put(struct data_book *b, const char *path, const char *text);
char *data_read(struct data_book *b, const char *path); /* "" where there is none; pr_free */
bool data_has(struct data_book *b, const char *path);
/* Names of a folder that do not begin with '.', joined by ' '; pr_free. */
char *data_names(struct data_book *b, const char *path);
bool data_hidden(struct data_book *b, const char *path); /* has it names that begin with '.'? */
/* The JSON lines of a file; new reference. */
json_t *data_lines(struct data_book *b, const char *path);
/* n lines {"prompt":"a+b=","golden"} from a = first on, as text; pr_free. */
char *data_sums(int first, size_t n);

/* A suite of these lines (the texts of JSON objects). */
int64_t data_suite(struct data_book *b, const char *name, const char *const *lines, size_t n);
/* Stores what the model answers to all of the suite; confidence rises from 0.5 on. */
void data_grade(struct data_book *b, int64_t checkpoint, int64_t suite, data_model *model);
/* Runs the system, stores its findings and what it asks as the supervisor does; the suite that it
 * asked for, 0: as it was. */
int64_t data_run(struct data_book *b, const struct pr_system *s, struct pr_findings *ret);
/* Does its plan name the checkpoint and the suite? */
bool data_plans(struct data_book *b, const struct pr_system *s, int64_t checkpoint, int64_t suite);

/* A member by its path: "asking.examples". */
json_t *data_at(const struct pr_findings *f, const char *path);
int64_t data_int(const struct pr_findings *f, const char *path);
const char *data_text(const struct pr_findings *f, const char *path);

#endif
