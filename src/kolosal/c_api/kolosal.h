#ifndef KOLOSAL_H
#define KOLOSAL_H

#include <stddef.h>
#include <stdint.h>

/* Predictions from a model file, for any language that can call C.
 *
 * A model is opened once and used from any number of threads. Every function that can fail returns a status;
 * kolosal_last_error() then says what is wrong, in the thread that called. Nothing is printed and no
 * exception leaves the library.
 *
 * Predictions are doubles, kolosal_n_outputs() for each row: the value (one per quantile where the model has
 * some), the probability of the second class, or one probability per class in the order of the schema. */

#if defined(__GNUC__)
#define KOLOSAL_API __attribute__((visibility("default")))
#else
#define KOLOSAL_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kolosal_model kolosal_model;

typedef enum kolosal_status {
  KOLOSAL_OK = 0,
  KOLOSAL_USAGE = 1,       /* a null pointer, or too little room for the answer */
  KOLOSAL_NOT_FOUND = 2,   /* no such file */
  KOLOSAL_IO = 3,          /* a file can not be read */
  KOLOSAL_DATA = 4,        /* rows that can not be used as asked */
  KOLOSAL_MODEL = 5,       /* a model file is damaged or too new */
  KOLOSAL_UNSUPPORTED = 6, /* this library or machine can not do it */
  KOLOSAL_MEMORY = 7,
  KOLOSAL_INTERNAL = 8 /* a bug of ours */
} kolosal_status;

/* The version of the library, "0.1.0". */
KOLOSAL_API const char* kolosal_version(void);

/* What went wrong last in this thread; "" when nothing did. Valid until the next call of this thread. */
KOLOSAL_API const char* kolosal_last_error(void);

/* Opens a model file. *model is to be closed by kolosal_close(); it is NULL after an error. */
KOLOSAL_API kolosal_status kolosal_open(const char* path, kolosal_model** model);

/* No thread may use the model any more. NULL is nothing to do. */
KOLOSAL_API void kolosal_close(kolosal_model* model);

/* Numbers per row of a prediction, and columns that a row has. */
KOLOSAL_API size_t kolosal_n_outputs(const kolosal_model* model);
KOLOSAL_API size_t kolosal_n_features(const kolosal_model* model);

/* JSON: {"task": ..., "target": ..., "classes": [...], "quantiles": [...], "threshold": ..., "columns":
 * [{"name":
 * ..., "type": ..., "levels": [...]}, ...]}. Valid until the model is closed. */
KOLOSAL_API const char* kolosal_schema(const kolosal_model* model);

/* Rows as JSON objects, one after another, with blanks, line ends or commas between them, perhaps in one
 * array. A row must have every column; null says that the value is not known. room: doubles that out can
 * hold. *n_rows: the rows that were predicted. After an error, rows before the one that it names are in out,
 * and *n_rows is their number. */
KOLOSAL_API kolosal_status kolosal_predict_json(const kolosal_model* model, const char* text, size_t length,
                                                double* out, size_t room, size_t* n_rows);

/* Rows as lines of CSV: commas, quotes where they are needed, and the numbers, dates and words for a missing
 * value that `kolosal predict` reads. has_header: whether the first line names the columns, in any order and
 * with others among them; else a line has every column, in the order of the schema. Blank lines are passed
 * over. room, n_rows, and what holds after an error: as above. */
KOLOSAL_API kolosal_status kolosal_predict_csv(const kolosal_model* model, const char* text, size_t length,
                                               int has_header, double* out, size_t room, size_t* n_rows);

/* Rows of numbers, row by row, `stride` values apart, in the order of the columns; NaN is missing. Categories
 * whose levels are numbers take those numbers. out: n_rows x n_outputs. Any number of rows: they are worked
 * on in parts of 65,536, so that memory does not grow with them. */
KOLOSAL_API kolosal_status kolosal_predict_matrix(const kolosal_model* model, const double* rows,
                                                  size_t n_rows, size_t stride, double* out);
KOLOSAL_API kolosal_status kolosal_predict_matrix_f32(const kolosal_model* model, const float* rows,
                                                      size_t n_rows, size_t stride, double* out);

/* A record batch through the Arrow C data interface, columns by name in any order. The array is taken over
 * and released, also after an error; the schema stays the caller's. n_threads: 0 for one per core. In parts,
 * as above. */
struct ArrowSchema;
struct ArrowArray;
KOLOSAL_API kolosal_status kolosal_predict_arrow(const kolosal_model* model, const struct ArrowSchema* schema,
                                                 struct ArrowArray* array, size_t n_threads, double* out,
                                                 size_t room);

#ifdef __cplusplus
}
#endif

#endif
