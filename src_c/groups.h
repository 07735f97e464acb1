/* groups.h -- sums over the rows of a batch.
 *
 * A chain of a million additions in float32 has rounded a million times. So the rows of a batch form groups of NN_GROUP, by
 * their position in the batch; each group is one chain, and the groups' sums are added in a fixed binary tree:
 * the largest power of two that is less than their number, and the rest, each likewise. An error grows with the logarithm
 * of the number of rows then (pairwise summation: Higham, Accuracy and Stability of Numerical Algorithms, section 4.2).
 * Who computes a group, and when, cannot change a bit. A batch of one group is one chain.
 */
#ifndef NN_GROUPS_H
#define NN_GROUPS_H

#include "vec.h"

#define NN_GROUP 256
#define NN_LEVELS 48 /* of the tree: enough for any number of rows */

/* The tree, group after group, as a binary counter: level l keeps a sum of 2^l groups until the next 2^l are known. */
typedef struct {
    isize before; /* groups of the batch before those at hand */
    int last;     /* whether the batch ends with those at hand */
    real *levels; /* what is kept, level after level, `step` values apart */
    isize step;
} nn_tree;

NN_INLINE isize nn_group_count(isize n_rows) { return n_rows <= NN_GROUP ? 1 : (n_rows + NN_GROUP - 1) / NN_GROUP; }

/* how many levels a tree of so many groups needs */
NN_INLINE isize nn_level_count(isize n_groups)
{
    isize n = 0;
    while ((n_groups - 1) >> n) n++;
    return n;
}

NN_INLINE int nn_tree_ends(const nn_tree *tree, isize group, isize n_groups) { return tree->last && group == n_groups - 1; }

/* whether sums of a group at hand are those of the batch */
NN_INLINE int nn_tree_is_leaf(const nn_tree *tree, isize group, int ends) { return ends && tree->before + group == 0; }

/* Take in sums (n) of a group; levels: where those of the lowest level are kept. If the batch ends there, they become the
 * sums of the batch. */
NN_FUNC void nn_tree_add(const nn_tree *tree, isize group, int ends, real *levels, real *sums, isize n)
{
    const isize g = tree->before + group;
    for (isize i = 0; i < n; i += NN_V) {
        vec sum = vload(sums + i);
        isize level = 0;
        for (; g >> level; level++) {
            if (g >> level & 1) sum = vload(levels + level * tree->step + i) + sum;
            else if (!ends) break;
        }
        vstore(ends ? sums + i : levels + level * tree->step + i, sum);
    }
}

/* ------------------------------------------------------------------------------------------------- down a column */

/* Names the rows `row` .. `stop` - 1 of each group. */
#define NN_EACH_GROUP(n_rows) \
    for (isize group = 0, n_groups = nn_group_count(n_rows), row = 0, stop; \
         group < n_groups && ((stop = n_rows - row < NN_GROUP ? n_rows : row + NN_GROUP), 1); group++, row = stop)

/* sums of one vector, over all rows of a batch at once */
typedef struct {
    nn_tree tree;
    real levels[NN_LEVELS * NN_V];
} nn_pile;

NN_INLINE void nn_pile_begin(nn_pile *pile) { pile->tree = (nn_tree){0, 1, pile->levels, NN_V}; }

NN_INLINE vec nn_pile_add(nn_pile *pile, isize group, isize n_groups, vec sum)
{
    real sums[NN_V];
    if (n_groups == 1) return sum;
    vstore(sums, sum);
    nn_tree_add(&pile->tree, group, group == n_groups - 1, pile->levels, sums, NN_V);
    return vload(sums);
}

#endif
