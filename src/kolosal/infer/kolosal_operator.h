#ifndef KOLOSAL_OPERATOR_H
#define KOLOSAL_OPERATOR_H

#include <stddef.h>
#include <stdint.h>

/* Operators of your own for ONNX models, in a shared library.
 *
 * A library exports kolosal_operators(), which lists its operators. The environment variable
 * KOLOSAL_OPERATORS names the libraries, separated by colons; they are opened when a model has a node of an
 * operator that ONNX does not define. A library is code that runs in the process: name only those that you
 * trust.
 *
 * Threads: create() and destroy() of one node are called by one thread, those of several nodes perhaps at
 * once; compute() by several at once, with the same state. Memory: tensors belong to the caller and are valid
 * during the call. Numbers are dense, row by row. Errors: no exception may leave the library. fail() takes
 * the message; then return something else than 0. */

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header. Later versions add fields at the end of the host. */
#define KOLOSAL_OPERATOR_VERSION 1

/* Element types, as ONNX numbers them. */
typedef enum kolosal_element {
  KOLOSAL_ELEMENT_FLOAT32 = 1,
  KOLOSAL_ELEMENT_INT64 = 7,
  KOLOSAL_ELEMENT_FLOAT64 = 11
} kolosal_element;

typedef struct kolosal_tensor {
  kolosal_element element;
  size_t n_dims;
  const int64_t* dims;
  const void* data; /* of as many elements as the product of the dims */
} kolosal_tensor;

/* What the host does for an operator. */
typedef struct kolosal_operator_host {
  uint32_t version; /* of the host: KOLOSAL_OPERATOR_VERSION or later */
  /* In create(): an attribute of the node. Returns 0 when it is there. */
  int (*get_float)(const void* node, const char* name, float* value);
  int (*get_int)(const void* node, const char* name, int64_t* value);
  /* In compute(): memory for an output of these dims, to be filled; NULL when there is none. Each output must
   * be asked for once. */
  void* (*make_output)(void* call, size_t index, const int64_t* dims, size_t n_dims);
  /* In create() (call: the node) and compute(): why it can not be done. The text is copied. */
  void (*fail)(void* call, const char* message);
} kolosal_operator_host;

typedef struct kolosal_operator {
  const char* domain; /* as in the model: "my.company" */
  const char* name;   /* as in the model: "Amplify" */
  size_t n_inputs, n_outputs;
  const kolosal_element* inputs;  /* n_inputs */
  const kolosal_element* outputs; /* n_outputs */
  /* For a node of a model. *state may stay NULL. Returns 0, or something else after fail(). */
  int (*create)(const kolosal_operator_host* host, void* node, void** state);
  /* Returns 0, or something else after fail(). */
  int (*compute)(const kolosal_operator_host* host, void* state, void* call, const kolosal_tensor* inputs);
  void (*destroy)(void* state);
} kolosal_operator;

/* What a library exports: its operators, which live as long as the process. version: of the host. */
typedef const kolosal_operator* (*kolosal_operators_function)(uint32_t version, size_t* n_operators);
#define KOLOSAL_OPERATORS_SYMBOL "kolosal_operators"

#ifdef __cplusplus
}
#endif

#endif
