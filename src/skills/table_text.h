/* Tables in questions: a column of keys, perhaps one of categories, columns of whole numbers. */
#ifndef PR_SKILLS_TABLE_TEXT_H
#define PR_SKILLS_TABLE_TEXT_H

#include "skills/text.h"

#define PR_TABLE_ROWS 12
#define PR_TABLE_COLS 4
#define PR_TABLE_WORD 16

enum pr_table_format { PR_TABLE_PIPES, PR_TABLE_CSV, PR_TABLE_SPACES, PR_TABLE_N_FORMATS };

struct pr_text_table {
    enum pr_table_format format;
    bool has_category; /* column 1 */
    size_t n_rows, n_numbers;
    char key_name[PR_TABLE_WORD], category_name[PR_TABLE_WORD];
    char number_names[PR_TABLE_COLS][PR_TABLE_WORD];
    struct pr_table_row {
        char key[PR_TABLE_WORD], category[PR_TABLE_WORD];
        int64_t x[PR_TABLE_COLS];
    } rows[PR_TABLE_ROWS];
};

void pr_table_text_put(struct pr_str *out, const struct pr_text_table *t);
/* Exactly as pr_table_text_put writes it; keys and names of columns differ from each other. */
bool pr_table_text_read(struct pr_skill_text text, struct pr_text_table *ret);

#endif
