/* Times kolosal_predict_json() for one row at a time: row_latency libkolosal.so MODEL ROWS.jsonl SECONDS.
   Prints the number of calls, p50, p99 and p99.9 in microseconds, and the allocations of all calls after the
   first ones. glibc only: malloc() is counted by standing in front of it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kMostRows = 100000, kMostCalls = 5000000, kMostOutputs = 4096 };

typedef int (*open_call)(const char*, void**);
typedef int (*predict_call)(const void*, const char*, size_t, double*, size_t, size_t*);
typedef const char* (*error_call)(void);

static char* rows[kMostRows];
static size_t lengths[kMostRows];
static float took[kMostCalls];
static double out[kMostOutputs];

static size_t n_allocations;
void* __libc_malloc(size_t);
void* __libc_memalign(size_t, size_t);
void* malloc(size_t n_bytes) {
  ++n_allocations;
  return __libc_malloc(n_bytes);
}
void* aligned_alloc(size_t alignment, size_t n_bytes) {
  ++n_allocations;
  return __libc_memalign(alignment, n_bytes);
}

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static int ascending(const void* a, const void* b) {
  const float x = *(const float*)a, y = *(const float*)b;
  return (x > y) - (x < y);
}

static size_t read_rows(const char* path) {
  FILE* file = fopen(path, "r");
  size_t n = 0, room = 0;
  while (file != NULL && n < kMostRows) {
    const ssize_t length = getline(&rows[n], &room, file);
    if (length < 0) break;
    lengths[n++] = (size_t)length;
    room = 0;
  }
  if (file != NULL) fclose(file);
  return n;
}

int main(int n_arguments, char** arguments) {
  if (n_arguments != 5) return 2;
  void* const library = dlopen(arguments[1], RTLD_NOW);
  if (library == NULL) return fprintf(stderr, "%s\n", dlerror()), 1;
  const open_call open_model = (open_call)dlsym(library, "kolosal_open");
  const predict_call predict = (predict_call)dlsym(library, "kolosal_predict_json");
  const error_call last_error = (error_call)dlsym(library, "kolosal_last_error");
  const size_t n_rows = read_rows(arguments[3]);
  void* model = NULL;
  if (n_rows == 0 || open_model(arguments[2], &model) != 0)
    return fprintf(stderr, "%s\n", n_rows == 0 ? "no rows" : last_error()), 1;
  size_t n = 0, n_done = 0;
  for (int warm = 0; warm < 2; ++warm)
    for (size_t r = 0; r < n_rows; ++r)
      if (predict(model, rows[r], lengths[r], out, kMostOutputs, &n_done) != 0)
        return fprintf(stderr, "%s\n", last_error()), 1;
  const size_t allocated_before = n_allocations;
  const double end = now_us() + 1e6 * atof(arguments[4]);
  for (size_t r = 0; n < kMostCalls; r = (r + 1) % n_rows) {
    const double start = now_us();
    predict(model, rows[r], lengths[r], out, kMostOutputs, &n_done);
    const double stop = now_us();
    took[n++] = (float)(stop - start);
    if (stop > end) break;
  }
  const size_t allocated = n_allocations - allocated_before;
  qsort(took, n, sizeof *took, ascending);
  printf("%zu %.2f %.2f %.2f %zu\n", n, took[n / 2], took[n * 99 / 100], took[n * 999 / 1000], allocated);
  return 0;
}
