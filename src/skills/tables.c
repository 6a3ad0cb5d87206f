/* Tables: a small table and a question about it.  A level a kind of question: 1 a cell, 2 the
 * difference of two, 3 whose is the highest or lowest, 4 a column's total, 5 counting rows with a
 * condition, 6 a total with one, 7 counting with two, 8 the second highest or lowest, 9 a total
 * with two, 10 the category of the largest total.  Each has more than 10^6 questions. */
#include <stdio.h>
#include <string.h>

#include "skills/answer.h"
#include "skills/form.h"
#include "skills/names.h"
#include "skills/sentence.h"
#include "skills/table_text.h"

#define PHRASES 4
#define LL(x)   ((long long)(x))

enum kind {
    CELL,
    DIFFERENCE,
    EXTREME,
    TOTAL,
    COUNT,
    TOTAL_OF,
    COUNT_TWO,
    SECOND,
    TOTAL_TWO,
    LARGEST,
    N_KINDS
};

struct problem {
    enum kind kind;
    size_t phrase;
    bool table_first;
    struct pr_text_table t;
    /* What the question names: rows, columns of numbers, a category, a limit. */
    size_t row, row2, col, col2;
    char category[PR_TABLE_WORD];
    int64_t limit;
};

/* Slots: 0 a limit, 1 and 2 keys, 3 and 4 columns, 5 a category, 6 the name of the column of
 * categories, 7 that of the keys.  With `twins` every second phrasing asks for the lowest. */
static const struct {
    bool twins;
    const char *phrases[PHRASES];
} kinds[N_KINDS] = {
    [CELL] = {false,
        {"What is the {w3} of {w1}?", "Look up {w1}: {w3} = ?", "Which {w3} belongs to {w1}?"}},
    [DIFFERENCE] = {false, {"By how much do {w1} and {w2} differ in {w3}?",
                               "What is the difference in {w3} of {w1} and {w2}?"}},
    [EXTREME] = {true,
        {"Which {w7} has the highest {w3}?", "Which {w7} has the lowest {w3}?",
            "Name the {w7} with the most {w3}.", "Name the {w7} with the least {w3}."}},
    [TOTAL] = {false, {"What is the total of {w3}?", "Add up the column {w3}.",
                          "How much is {w3} in all rows together?"}},
    [COUNT] = {false,
        {"How many rows have {w3} above {d0}?", "Count each {w7} with more than {d0} in {w3}."}},
    [TOTAL_OF] = {false,
        {"What is the total of {w3} where {w6} is {w5}?", "Add up {w3} for the {w6} {w5}."}},
    [COUNT_TWO] = {false, {"How many rows have {w6} {w5} and {w3} above {d0}?",
                              "Count each {w7} of {w6} {w5} with more than {d0} in {w3}."}},
    [SECOND] = {true,
        {"Which {w7} has the second highest {w3}?", "Which {w7} has the second lowest {w3}?",
            "Name the {w7} in second place by most {w3}.",
            "Name the {w7} in second place by least {w3}."}},
    [TOTAL_TWO] = {false, {"What is the total of {w3} where {w6} is {w5} and {w4} above {d0}?",
                              "Add up {w3} for the {w6} {w5}, rows with {w4} over {d0} only."}},
    [LARGEST] = {false, {"Which {w6} has the largest total of {w3}?",
                            "Add up {w3} for each {w6}. Which is ahead?"}},
};

static bool lowest(const struct problem *p)
{
    return kinds[p->kind].twins && p->phrase % 2;
}

/* ---- answers ------------------------------------------------------------------------------- */

static bool names_category(enum kind k)
{
    return k == TOTAL_OF || k == COUNT_TWO || k == TOTAL_TWO;
}

/* Does row r count?  The conditions can be left out one by one. */
static bool counts(const struct problem *p, size_t r, bool category, bool limit)
{
    const struct pr_table_row *row = &p->t.rows[r];
    if (category && names_category(p->kind) && strcmp(row->category, p->category) != 0)
        return false;
    if (limit && (p->kind == COUNT || p->kind == COUNT_TWO))
        return row->x[p->col] > p->limit;
    return !limit || p->kind != TOTAL_TWO || row->x[p->col2] > p->limit;
}

static bool asks_total(enum kind k)
{
    return k == TOTAL || k == TOTAL_OF || k == TOTAL_TWO;
}

static int64_t number_with(const struct problem *p, bool category, bool limit)
{
    int64_t n = 0;
    for (size_t r = 0; r < p->t.n_rows; r++)
        if (counts(p, r, category, limit))
            n += asks_total(p->kind) ? p->t.rows[r].x[p->col] : 1;
    return n;
}

/* The row in this place by the column, 0 the highest (or lowest); n_rows: several share it. */
static size_t in_place(const struct problem *p, size_t place)
{
    for (size_t r = 0; r < p->t.n_rows; r++) {
        size_t ahead = 0, same = 0;
        for (size_t k = 0; k < p->t.n_rows; k++) {
            int64_t a = p->t.rows[k].x[p->col], b = p->t.rows[r].x[p->col];
            ahead += lowest(p) ? a < b : a > b;
            same += a == b;
        }
        if (ahead == place && same == 1)
            return r;
    }
    return p->t.n_rows;
}

static int64_t total_of(const struct problem *p, const char *category)
{
    int64_t n = 0;
    for (size_t r = 0; r < p->t.n_rows; r++)
        if (!strcmp(p->t.rows[r].category, category))
            n += p->t.rows[r].x[p->col];
    return n;
}

/* A row of the category with the largest total; n_rows: several share it. */
static size_t largest(const struct problem *p)
{
    size_t best = 0, n = p->t.n_rows;
    bool shared = false;
    for (size_t r = 1; r < n; r++) {
        int64_t a = total_of(p, p->t.rows[r].category), b = total_of(p, p->t.rows[best].category);
        bool own = !strcmp(p->t.rows[r].category, p->t.rows[best].category);
        if (a > b)
            best = r;
        shared = a > b ? false : shared || (a == b && !own);
    }
    return shared ? n : best;
}

/* The text asked for; NULL: a number is, or rows share the place. */
static const char *word_asked(const struct problem *p)
{
    size_t r = p->kind == LARGEST ? largest(p) : in_place(p, p->kind == SECOND);
    if (r == p->t.n_rows)
        return NULL;
    return p->kind == LARGEST ? p->t.rows[r].category : p->t.rows[r].key;
}

static bool asks_word(enum kind k)
{
    return k == EXTREME || k == SECOND || k == LARGEST;
}

static int64_t number_asked(const struct problem *p)
{
    int64_t a = p->t.rows[p->row].x[p->col], b = p->t.rows[p->row2].x[p->col];
    if (p->kind == CELL)
        return a;
    if (p->kind == DIFFERENCE)
        return a > b ? a - b : b - a;
    return number_with(p, true, true);
}

/* "Ann 17 + Ben 30 = 47", of rows that count. */
static void work_rows(const struct problem *p, struct pr_str *w)
{
    bool total = asks_total(p->kind), any = false;
    for (size_t r = 0; r < p->t.n_rows; r++) {
        const struct pr_table_row *row = &p->t.rows[r];
        if (!counts(p, r, true, true))
            continue;
        pr_str_puts(w, any ? (total ? " + " : ", ") : "Rows that count: ");
        pr_str_printf(w, "%s %lld", row->key, LL(row->x[p->col]));
        any = true;
    }
    pr_str_printf(w,
        !any    ? "No row counts: %lld"
        : total ? " = %lld"
                : ": %lld rows",
        LL(number_asked(p)));
}

static void work(const struct problem *p, struct pr_str *w)
{
    const char *column = p->t.number_names[p->col];
    const struct pr_table_row *a = &p->t.rows[p->row], *b = &p->t.rows[p->row2];
    pr_str_printf(w, "Column %s\n", column);
    if (p->kind == CELL || p->kind == DIFFERENCE)
        pr_str_printf(w, "Row %s: %lld\n", a->key, LL(a->x[p->col]));
    if (p->kind == DIFFERENCE) {
        int64_t x = a->x[p->col], y = b->x[p->col];
        pr_str_printf(w, "Row %s: %lld\n%lld - %lld = %lld\n", b->key, LL(y), LL(x > y ? x : y),
            LL(x > y ? y : x), LL(number_asked(p)));
    } else if (p->kind == LARGEST) {
        for (size_t r = 0; r < p->t.n_rows; r++) {
            size_t first = 0;
            while (strcmp(p->t.rows[first].category, p->t.rows[r].category) != 0)
                first++;
            if (first < r)
                continue;
            for (size_t k = r; k < p->t.n_rows; k++)
                if (!strcmp(p->t.rows[k].category, p->t.rows[r].category))
                    pr_str_printf(w, "%s%lld", k == r ? "" : " + ", LL(p->t.rows[k].x[p->col]));
            pr_str_printf(w, " = %lld for %s\n", LL(total_of(p, p->t.rows[r].category)),
                p->t.rows[r].category);
        }
    } else if (asks_word(p->kind)) {
        for (size_t i = 0; i <= (p->kind == SECOND); i++) {
            size_t r = in_place(p, i);
            if (r < p->t.n_rows)
                pr_str_printf(w, "Place %zu from the %s: %lld, %s\n", i + 1,
                    lowest(p) ? "lowest" : "highest", LL(p->t.rows[r].x[p->col]), p->t.rows[r].key);
        }
    } else if (p->kind != CELL) {
        work_rows(p, w);
    }
}

static bool answer(const void *q, struct pr_str *golden, struct pr_str *working)
{
    const struct problem *p = q;
    if (asks_word(p->kind) && !word_asked(p))
        return false;
    work(p, working);
    if (asks_word(p->kind))
        pr_str_puts(golden, word_asked(p));
    else
        pr_str_printf(golden, "%lld", LL(number_asked(p)));
    return true;
}

static bool right(const void *q, const char *golden, struct pr_skill_text a)
{
    (void)golden;
    const struct problem *p = q;
    const char *word = asks_word(p->kind) ? word_asked(p) : NULL;
    if (word)
        return pr_answer_same_word(a, word, strlen(word));
    return !asks_word(p->kind) && pr_answer_is_integer(a, number_asked(p), NULL);
}

static int level(const void *q)
{
    return (int)((const struct problem *)q)->kind + 1;
}

/* ---- text ---------------------------------------------------------------------------------- */

static void slot_name(struct pr_slot *slot, const char *name)
{
    pr_slot_text(slot, name, strlen(name));
}

static void write(const void *q, struct pr_str *out)
{
    const struct problem *p = q;
    struct pr_slot slots[PR_SLOTS] = {{0}};
    pr_slot_number(&slots[0], p->limit);
    slot_name(&slots[1], p->t.rows[p->row].key);
    slot_name(&slots[2], p->t.rows[p->row2].key);
    slot_name(&slots[3], p->t.number_names[p->col]);
    slot_name(&slots[4], p->t.number_names[p->col2]);
    slot_name(&slots[5], p->category);
    slot_name(&slots[6], p->t.category_name);
    slot_name(&slots[7], p->t.key_name);
    if (p->table_first) {
        pr_table_text_put(out, &p->t);
        pr_str_puts(out, "\n\n");
    }
    pr_sentence_write(out, kinds[p->kind].phrases[p->phrase], slots);
    if (!p->table_first) {
        pr_str_puts(out, "\n\n");
        pr_table_text_put(out, &p->t);
    }
}

static bool says(const struct pr_slot *slot, const char *name)
{
    return !slot->set || pr_skill_says(slot->s.s, slot->s.n, name, strlen(name));
}

/* The place of what the slot says among n names of `size` bytes; 0 where it is not set. */
static bool find(const struct pr_slot *slot, const char *names, size_t size, size_t n, size_t *ret)
{
    *ret = 0;
    while (*ret < n && !says(slot, names + *ret * size))
        ++*ret;
    return *ret < n;
}

static bool read_slots(const struct pr_slot *slots, struct problem *p)
{
    const struct pr_text_table *t = &p->t;
    p->limit = slots[0].x;
    if (!find(&slots[1], t->rows[0].key, sizeof t->rows[0], t->n_rows, &p->row) ||
        !find(&slots[2], t->rows[0].key, sizeof t->rows[0], t->n_rows, &p->row2) ||
        !find(&slots[3], t->number_names[0], PR_TABLE_WORD, t->n_numbers, &p->col) ||
        !find(&slots[4], t->number_names[0], PR_TABLE_WORD, t->n_numbers, &p->col2) ||
        !says(&slots[6], t->category_name) || !says(&slots[7], t->key_name) ||
        (slots[6].set && !t->has_category))
        return false;
    if (!slots[5].set)
        return true;
    /* A category that no row has is none of the table's. */
    size_t r;
    return find(&slots[5], t->rows[0].category, sizeof t->rows[0], t->n_rows, &r) &&
           pr_slot_copy(&slots[5], p->category, sizeof p->category);
}

static bool read(struct pr_skill_text t, void *ret)
{
    struct problem *p = ret;
    const char *gap = memmem(t.s, t.n, "\n\n", 2);
    if (!gap)
        return false;
    struct pr_skill_text first = {t.s, (size_t)(gap - t.s)}, last = {gap + 2, t.n - first.n - 2};
    bool table_first = pr_table_text_read(first, &p->t);
    if (!table_first && !pr_table_text_read(last, &p->t))
        return false;
    p->table_first = table_first;
    for (size_t k = 0; k < N_KINDS; k++)
        for (size_t i = 0; i < PHRASES && kinds[k].phrases[i]; i++) {
            struct pr_slot slots[PR_SLOTS] = {{0}};
            p->kind = (enum kind)k;
            p->phrase = i;
            if (!pr_sentence_which(table_first ? last : first, &kinds[k].phrases[i], 1, slots) &&
                read_slots(slots, p))
                return true;
        }
    return false;
}

/* ---- drawing ------------------------------------------------------------------------------- */

static const char *const numbers[] = {"points", "age", "price", "weight", "score", "hours",
    "visits", "height", "stock", "goals", "laps", "pages"};
#define N_NUMBERS  (sizeof numbers / sizeof *numbers)
#define CATEGORIES 4
static const struct {
    const char *name, *values[CATEGORIES];
} categories[] = {{"team", {"red", "blue", "green", "white"}},
    {"region", {"north", "south", "east", "west"}}, {"shift", {"early", "late", "night", "day"}},
    {"size", {"small", "medium", "large", "huge"}}, {"group", {"oak", "elm", "ash", "birch"}}};
#define N_CATEGORIES (sizeof categories / sizeof *categories)

static void set_name(char ret[PR_TABLE_WORD], const char *name)
{
    memcpy(ret, name, strlen(name) + 1);
}

static void draw_heading(struct pr_rng *rng, int lv, struct pr_text_table *t, size_t category)
{
    size_t from = (size_t)pr_rng_below(rng, N_NUMBERS);
    t->has_category = lv > 5 || pr_rng_below(rng, 2);
    t->n_numbers = lv == 9 || pr_rng_below(rng, 2) ? 2 : lv < 3 ? 3 : 1;
    set_name(t->category_name, t->has_category ? categories[category].name : "");
    for (size_t i = 0; i < t->n_numbers; i++)
        set_name(t->number_names[i], numbers[(from + i * (1 + from % 3)) % N_NUMBERS]);
}

/* n_rows: 0 for as many as the level has. */
static void draw_rows(
    struct pr_rng *rng, int lv, struct pr_text_table *t, size_t category, size_t n_rows)
{
    static const size_t least[] = {3, 3, 4, 4, 5, 6, 7, 6, 8, 7};
    static const char *const key_names[] = {
        [PR_PEOPLE] = "name", [PR_TOWNS] = "town", [PR_THINGS] = "item"};
    enum pr_names list = (enum pr_names)pr_rng_below(rng, 3);
    const char *keys[PR_TABLE_ROWS];
    t->n_rows = n_rows ? n_rows : least[lv - 1] + (size_t)pr_rng_below(rng, 3);
    pr_names_some(rng, list, keys, t->n_rows);
    set_name(t->key_name, key_names[list]);
    int64_t most = lv < 4 ? 99 : 60;
    for (size_t r = 0; r < t->n_rows; r++) {
        struct pr_table_row *row = &t->rows[r];
        set_name(row->key, keys[r]);
        const char *value = categories[category].values[pr_rng_below(rng, lv > 8 ? 3 : 4)];
        set_name(row->category, t->has_category ? value : "");
        for (size_t i = 0; i < t->n_numbers; i++)
            row->x[i] = pr_skill_between(rng, 1, most);
    }
}

static void draw(struct pr_rng *rng, int lv, const void *like, void *ret)
{
    const struct problem *old = like;
    struct problem *p = ret;
    size_t n = 0, category = (size_t)pr_rng_below(rng, N_CATEGORIES);
    p->kind = (enum kind)(lv - 1);
    while (n < PHRASES && kinds[p->kind].phrases[n])
        n++;
    p->phrase = old ? old->phrase : (size_t)pr_rng_below(rng, n);
    p->table_first = old ? old->table_first : pr_rng_below(rng, 2);
    p->t.format = old ? old->t.format : (enum pr_table_format)pr_rng_below(rng, PR_TABLE_N_FORMATS);
    draw_heading(rng, lv, &p->t, category);
    draw_rows(rng, lv, &p->t, category, old ? old->t.n_rows : 0);
    p->row = (size_t)pr_rng_below(rng, p->t.n_rows);
    /* Another row, where there is one: a table that is varied may have a single one. */
    p->row2 = p->t.n_rows > 1 ? (size_t)pr_rng_below(rng, p->t.n_rows - 1) : 0;
    p->row2 += p->t.n_rows > 1 && p->row2 >= p->row;
    p->col = (size_t)pr_rng_below(rng, p->t.n_numbers);
    p->col2 = p->kind == TOTAL_TWO ? 1 - p->col : 0;
    p->limit = pr_skill_between(rng, 10, 40);
    set_name(p->category, p->t.rows[p->row].category);
}

/* ---- slips --------------------------------------------------------------------------------- */

static void add(struct pr_slips *ret, const char *pattern, int64_t x, const char *why)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", LL(x));
    pr_slips_add(ret, pattern, text, "%s", why);
}

static void slips_word(const struct problem *p, struct pr_slips *ret)
{
    struct problem other = *p;
    char why[160];
    const char *column = p->t.number_names[p->col];
    if (p->kind == LARGEST) {
        other.kind = EXTREME;
        other.phrase = 0;
        size_t r = in_place(&other, 0);
        snprintf(why, sizeof why, "the highest single %s decided, not the total", column);
        if (r < p->t.n_rows)
            pr_slips_add(ret, "other_choice", p->t.rows[r].category, "%s", why);
        for (r = 0; r < p->t.n_rows; r++)
            pr_slips_add(ret, "other_choice", p->t.rows[r].category, "%s has a total %s of %lld",
                p->t.rows[r].category, column, LL(total_of(p, p->t.rows[r].category)));
        return;
    }
    for (size_t place = 0; place < 3; place++) {
        size_t r = in_place(p, place);
        if (r < p->t.n_rows)
            pr_slips_add(ret, "other_choice", p->t.rows[r].key, "%s with %s %lld is in place %zu",
                p->t.rows[r].key, column, LL(p->t.rows[r].x[p->col]), place + 1);
    }
    other.phrase ^= 1;
    size_t r = in_place(&other, p->kind == SECOND);
    if (r < p->t.n_rows)
        pr_slips_add(ret, "other_choice", p->t.rows[r].key, "the %s were looked for, not the %s",
            lowest(&other) ? "lowest" : "highest", lowest(p) ? "lowest" : "highest");
}

static void slips_cell(const struct problem *p, struct pr_slips *ret)
{
    const struct pr_table_row *a = &p->t.rows[p->row], *b = &p->t.rows[p->row2];
    char why[160];
    if (p->kind == DIFFERENCE) {
        snprintf(why, sizeof why, "%lld and %lld were added", LL(a->x[p->col]), LL(b->x[p->col]));
        add(ret, "wrong_operation", a->x[p->col] + b->x[p->col], why);
    }
    for (size_t i = 0; i < p->t.n_numbers; i++) {
        int64_t d = p->kind == CELL ? 0 : b->x[i];
        snprintf(why, sizeof why, "the column %s was read instead of %s", p->t.number_names[i],
            p->t.number_names[p->col]);
        add(ret, "other_choice", a->x[i] > d ? a->x[i] - d : d - a->x[i], why);
    }
    for (size_t r = p->row ? p->row - 1 : 0; r < p->t.n_rows && r <= p->row + 1; r++) {
        int64_t d = p->kind == CELL ? 0 : b->x[p->col], x = p->t.rows[r].x[p->col];
        snprintf(why, sizeof why, "the row of %s was read instead of %s", p->t.rows[r].key, a->key);
        if (r != p->row2 || p->kind == CELL)
            add(ret, "other_choice", x > d ? x - d : d - x, why);
    }
}

static void slips_rows(const struct problem *p, struct pr_slips *ret)
{
    char why[160];
    int64_t x = number_asked(p);
    if (names_category(p->kind)) {
        snprintf(why, sizeof why, "that %s is %s was left out", p->t.category_name, p->category);
        add(ret, "step_missing", number_with(p, false, true), why);
    }
    if (p->kind == COUNT_TWO || p->kind == TOTAL_TWO) {
        snprintf(why, sizeof why, "the limit %lld was left out", LL(p->limit));
        add(ret, "step_missing", number_with(p, true, false), why);
    }
    for (size_t i = 0; i < p->t.n_rows && asks_total(p->kind); i++) {
        size_t r = p->t.n_rows - 1 - i;
        snprintf(why, sizeof why, "%s with %lld was left out", p->t.rows[r].key,
            LL(p->t.rows[r].x[p->col]));
        if (counts(p, r, true, true))
            add(ret, "step_missing", x - p->t.rows[r].x[p->col], why);
    }
    if (asks_total(p->kind))
        return;
    snprintf(why, sizeof why, "rows not above %lld were counted", LL(p->limit));
    add(ret, "wrong_operation", number_with(p, true, false) - x, why);
    for (int by = -1; by <= 1; by += 2) {
        snprintf(why, sizeof why, "one row of %lld was %s", LL(x),
            by < 0 ? "missed" : "counted that does not count");
        if (x + by >= 0)
            add(ret, "off_by_one", x + by, why);
    }
}

static void slips(const void *q, struct pr_slips *ret)
{
    const struct problem *p = q;
    if (asks_word(p->kind))
        slips_word(p, ret);
    else if (p->kind == CELL || p->kind == DIFFERENCE)
        slips_cell(p, ret);
    else
        slips_rows(p, ret);
}

static const struct pr_form form = {
    .size = sizeof(struct problem),
    .draw = draw,
    .write = write,
    .read = read,
    .answer = answer,
    .level = level,
    .right = right,
    .slips = slips,
};

PR_FORM_SKILL(tables, "looking up, counting and adding in a small table");
