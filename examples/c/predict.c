/* Predicts rows that come as JSON, one object a line, on the standard input.
 *
 *   cc -std=c11 predict.c -I src/kolosal/c_api -L build/release/lib -lkolosal -o predict
 *   ./predict model.kolosal < rows.jsonl
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>

#include "kolosal.h"

static int fail(const char* where) {
  fprintf(stderr, "%s: %s\n", where, kolosal_last_error());
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: predict MODEL < rows.jsonl\n");
    return 2;
  }
  kolosal_model* model = NULL;
  if (kolosal_open(argv[1], &model) != KOLOSAL_OK) return fail(argv[1]);

  const size_t width = kolosal_n_outputs(model);
  double* out = malloc(width * sizeof(double));
  char* line = NULL;
  size_t room = 0;
  int status = out == NULL;
  for (long number = 1; status == 0; ++number) {
    const ssize_t length = getline(&line, &room, stdin);
    if (length < 0) break;
    size_t n_rows = 0;
    if (kolosal_predict_json(model, line, (size_t)length, out, width, &n_rows) != KOLOSAL_OK) {
      fprintf(stderr, "line %ld: ", number);
      status = fail("not predicted");
    }
    for (size_t k = 0; k < width && n_rows == 1; ++k) printf(k + 1 < width ? "%.17g," : "%.17g\n", out[k]);
  }
  free(line);
  free(out);
  kolosal_close(model);
  return status;
}
