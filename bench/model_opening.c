/* Times kolosal_open() and the first row: model_opening libkolosal.so MODEL ROW.json TIMES COLD
   Each time what the processor has cached is driven out by other memory, and with COLD 1 the file's pages leave
   the page cache. Prints the medians in microseconds: open, first row, both, processor time of both; then the peak
   resident KiB. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { kMostTimes = 10000, kMostOutputs = 4096, kOtherBytes = 64 << 20 };

typedef int (*open_call)(const char*, void**);
typedef void (*close_call)(void*);
typedef int (*predict_call)(const void*, const char*, size_t, double*, size_t, size_t*);
typedef const char* (*error_call)(void);

static double took[4][kMostTimes];
static double out[kMostOutputs];
static char row[1 << 20];

static double now_us(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static int ascending(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return x < y ? -1 : x > y;
}

static void drive_out(const char* path, int cold, char* other, int time) {
  memset(other, time, kOtherBytes);
  if (!cold) return;
  const int file = open(path, O_RDONLY);
  if (file < 0) return;
  fdatasync(file);
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  close(file);
}

int main(int n_words, char** words) {
  if (n_words != 6) return 2;
  void* const library = dlopen(words[1], RTLD_NOW);
  if (library == NULL) return fprintf(stderr, "%s\n", dlerror()), 1;
  const open_call open_model = (open_call)dlsym(library, "kolosal_open");
  const close_call close_model = (close_call)dlsym(library, "kolosal_close");
  const predict_call predict = (predict_call)dlsym(library, "kolosal_predict_json");
  const error_call last_error = (error_call)dlsym(library, "kolosal_last_error");
  FILE* const rows = fopen(words[3], "rb");
  if (rows == NULL) return perror(words[3]), 1;
  const size_t length = fread(row, 1, sizeof row, rows);
  fclose(rows);
  const int n_times = atoi(words[4]), cold = atoi(words[5]);
  char* const other = malloc(kOtherBytes);
  if (n_times < 1 || n_times > kMostTimes || other == NULL) return 2;
  for (int i = 0; i < n_times; ++i) {
    drive_out(words[2], cold, other, i);
    void* model = NULL;
    size_t n_rows = 0;
    const double start = now_us(CLOCK_MONOTONIC), start_cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
    int status = open_model(words[2], &model);
    const double opened = now_us(CLOCK_MONOTONIC);
    if (status == 0) status = predict(model, row, length, out, kMostOutputs, &n_rows);
    const double end = now_us(CLOCK_MONOTONIC), end_cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
    if (status != 0) return fprintf(stderr, "%s\n", last_error()), 1;
    close_model(model);
    took[0][i] = opened - start;
    took[1][i] = end - opened;
    took[2][i] = end - start;
    took[3][i] = end_cpu - start_cpu;
  }
  for (int k = 0; k < 4; ++k) {
    qsort(took[k], (size_t)n_times, sizeof(double), ascending);
    printf("%.1f ", took[k][n_times / 2]);
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("%ld\n", usage.ru_maxrss);
  return 0;
}
