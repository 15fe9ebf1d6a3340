/* What the tests need to know of the toy model: see ToyModel.c. */
#ifndef LATHE_TEST_RUNTIME_TOY_TOYMODEL_H
#define LATHE_TEST_RUNTIME_TOY_TOYMODEL_H

#include "runtime/abi/model_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  TOY_WIDTH = 4,
  TOY_VOCABULARY = 11,
  TOY_LAYERS = 2,
  TOY_CONTEXT = 200,
  TOY_SLOTS = 4,
  TOY_DECODE_ROWS = 3,
  TOY_PREFILL_ROWS = 8,
  TOY_LOGIT_ROWS = 5,
  TOY_TABLE_FLOATS = 16 * TOY_WIDTH, /* weights.bin: the embedding, rows padded to 16, ... */
  TOY_SCALE_FLOATS = 16              /* ... and the layers' scales, padded to 64 bytes */
};
#define TOY_FAIL 99.0f /* an embedding that starts with this makes kernel toy_append fail with code 7 */
#define TOY_BUILD_ID 0x70796f74u

extern const lathe_model toyModel __asm__("lathe_model"); /* in C, the symbol's name is the type's already */

#ifdef __cplusplus
}
#endif

#endif
