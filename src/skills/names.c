/* The lists of names. */
#include "skills/names.h"

static const char *const people[] = {"Ada", "Amir", "Anna", "Ben", "Carla", "Chen", "Clara", "Dara",
    "David", "Dina", "Elif", "Emma", "Erik", "Eva", "Farid", "Finn", "Greta", "Hana", "Hugo", "Ida",
    "Ines", "Ivan", "Jana", "Jonas", "Julia", "Kai", "Karim", "Lara", "Leo", "Lina", "Luca", "Maja",
    "Marta", "Mei", "Milo", "Nadia", "Nico", "Nora", "Omar", "Oskar", "Paul", "Petra", "Priya",
    "Rosa", "Sami", "Sara", "Tarek", "Theo", "Tilda", "Uma", "Vera", "Viktor", "Yara", "Zoe"};
static const char *const towns[] = {"Ahlen", "Alba", "Arden", "Belford", "Brenz", "Calder", "Corvo",
    "Dalen", "Denby", "Elster", "Exton", "Farley", "Fjord", "Galt", "Gorin", "Halden", "Hove",
    "Isen", "Jarrow", "Kelso", "Lund", "Lorne", "Marlow", "Mela", "Norden", "Oslo", "Ostra",
    "Perth", "Pisa", "Quorn", "Riga", "Rosen", "Selby", "Sorrel", "Tarn", "Turin", "Ulm", "Vado",
    "Weston", "Yarm"};
static const char *const things[] = {"apples", "badges", "balloons", "beads", "books", "bricks",
    "buttons", "candles", "cards", "coins", "eggs", "feathers", "figs", "flowers", "hats", "keys",
    "lemons", "marbles", "melons", "nuts", "onions", "oranges", "pears", "pebbles", "pencils",
    "plums", "ribbons", "roses", "shells", "spoons", "stamps", "stickers", "stones", "tickets",
    "tiles", "tulips"};

static const struct {
    const char *const *v;
    size_t n;
} lists[] = {
    [PR_PEOPLE] = {people, sizeof people / sizeof *people},
    [PR_TOWNS] = {towns, sizeof towns / sizeof *towns},
    [PR_THINGS] = {things, sizeof things / sizeof *things},
};

const char *pr_name_any(struct pr_rng *rng, enum pr_names list)
{
    return lists[list].v[pr_rng_below(rng, lists[list].n)];
}

void pr_names_some(struct pr_rng *rng, enum pr_names list, const char **ret, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t k = 0;
        ret[i] = pr_name_any(rng, list);
        while (ret[k] != ret[i])
            k++;
        i += k == i;
    }
}
