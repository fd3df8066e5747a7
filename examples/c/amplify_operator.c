/* An operator for ONNX models in a library of its own: Amplify of the domain kolosal.test, y = gain * x.
 *
 *   cc -O2 -shared -fPIC -I src/kolosal/infer examples/c/amplify_operator.c -o libamplify.so
 *   KOLOSAL_OPERATORS=./libamplify.so kolosal predict --model model.onnx --data table.csv */
#include <stdlib.h>

#include "kolosal_operator.h"

static int create(const kolosal_operator_host* host, void* node, void** state) {
  float* gain = malloc(sizeof *gain);
  if (gain == NULL) return 1;
  if (host->get_float(node, "gain", gain) != 0) {
    free(gain);
    host->fail(node, "the attribute gain is missing");
    return 1;
  }
  *state = gain;
  return 0;
}

static int compute(const kolosal_operator_host* host, void* state, void* call, const kolosal_tensor* inputs) {
  const float gain = *(const float*)state;
  const float* x = inputs[0].data;
  float* y = host->make_output(call, 0, inputs[0].dims, inputs[0].n_dims);
  if (y == NULL) return 1;
  size_t n = 1;
  for (size_t d = 0; d < inputs[0].n_dims; ++d) n *= (size_t)inputs[0].dims[d];
  for (size_t i = 0; i < n; ++i) y[i] = gain * x[i];
  return 0;
}

static const kolosal_element numbers[] = {KOLOSAL_ELEMENT_FLOAT32};
static const kolosal_operator operators[] = {
    {"kolosal.test", "Amplify", 1, 1, numbers, numbers, create, compute, free},
};

__attribute__((visibility("default"))) const kolosal_operator* kolosal_operators(uint32_t version,
                                                                                 size_t* n_operators) {
  *n_operators = version >= 1 ? 1 : 0;
  return operators;
}
