/* functions.h -- the functions of vecmath.h as a table, one row each, and the loop that applies one to an array: what
 * nncore.kernels and the tests call.
 */
#ifndef NN_FUNCTIONS_H
#define NN_FUNCTIONS_H

#include "vecmath.h"

#define NN_FUNCTIONS(ROW) ROW(exp) ROW(expm1) ROW(log) ROW(log1p) ROW(tanh) ROW(sigmoid) ROW(softplus) ROW(erf) ROW(erfc)

#define NN_ENUM_ROW(name) NN_FUNCTION_##name,
enum { NN_FUNCTIONS(NN_ENUM_ROW) NN_N_FUNCTIONS };
#undef NN_ENUM_ROW
#define NN_NAME_ROW(name) #name,
static const char *const NN_FUNCTION_NAMES[] __attribute__((unused)) = {NN_FUNCTIONS(NN_NAME_ROW)};
#undef NN_NAME_ROW

/* y = f(x); n is a multiple of NN_V; x and y may be the same */
#define NN_APPLY_ROW(name)      \
    case NN_FUNCTION_##name:    \
        for (isize i = 0; i < n; i += NN_V) vstore(y + i, v##name(vload(x + i))); \
        break;
NN_FUNC void nn_apply_function(int function, real *y, const real *x, isize n)
{
    switch (function) { NN_FUNCTIONS(NN_APPLY_ROW) }
}
#undef NN_APPLY_ROW

#endif
