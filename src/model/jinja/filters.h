/* The filters that filters.c's table takes from elsewhere. */
#ifndef PR_JINJA_FILTERS_H
#define PR_JINJA_FILTERS_H

#include "model/jinja/strings.h"

J_FN(j_filter_batch);
J_FN(j_filter_dictsort);
J_FN(j_filter_first);
J_FN(j_filter_groupby);
J_FN(j_filter_items);
J_FN(j_filter_join);
J_FN(j_filter_last);
J_FN(j_filter_length);
J_FN(j_filter_list);
J_FN(j_filter_map);
J_FN(j_filter_max);
J_FN(j_filter_min);
J_FN(j_filter_reject);
J_FN(j_filter_rejectattr);
J_FN(j_filter_reverse);
J_FN(j_filter_select);
J_FN(j_filter_selectattr);
J_FN(j_filter_slice);
J_FN(j_filter_sort);
J_FN(j_filter_sum);
J_FN(j_filter_unique);

J_FN(j_filter_indent);
J_FN(j_filter_striptags);
J_FN(j_filter_title);
J_FN(j_filter_truncate);
J_FN(j_filter_urlencode);
J_FN(j_filter_wordcount);
J_FN(j_filter_xmlattr);

#endif
