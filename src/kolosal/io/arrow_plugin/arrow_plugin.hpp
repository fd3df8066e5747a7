#pragma once

#include <cstddef>
#include <cstdint>

#include "kolosal/data/arrow_c.hpp"

// The border between the program and libkolosal_arrow.so, the one library that knows Arrow C++. Only C
// functions and plain structs cross it: no exception, no class, no allocation that the other side frees. All
// texts are UTF-8.
//
// Functions return kKolosalArrowOk or another status; then `error` holds the reason, cut to its size, always
// ended by 0.

extern "C" {

/// Grows with every change of this file; the program refuses a library of another version.
#define KOLOSAL_ARROW_ABI 1

enum KolosalArrowStatus {
  kKolosalArrowOk = 0,
  kKolosalArrowIo = 1,           ///< The system refused to read or write.
  kKolosalArrowData = 2,         ///< The file is damaged or not of this format, or a column is not there.
  kKolosalArrowMemory = 3,       ///< Memory ran out.
  kKolosalArrowUnsupported = 4,  ///< A valid file that uses what this Arrow can not read.
};

struct KolosalArrowError {
  char text[1024];
};

struct KolosalArrowReadOptions {
  const char* format;   ///< "parquet" or "arrow" (IPC file or stream, told apart by its first bytes)
  const char* path;     ///< Null: `data` is read.
  const void* data;     ///< Must live as long as the stream.
  std::size_t n_bytes;  ///< Of data.
  const char* const*
      columns;  ///< Names of the columns to read; null: all. They come in the order of the file.
  std::size_t n_columns;
  std::int32_t whole;        ///< Not 0: one batch of all rows, with one dictionary per column.
  std::int32_t n_threads;    ///< Threads that decoding may use, 1 or more.
  std::int64_t batch_rows;   ///< Not whole: the most rows of a batch; 0: by batch_bytes.
  std::int64_t batch_bytes;  ///< Not whole: about so many bytes in a batch, at 8 bytes a cell.
  std::int64_t max_rows;     ///< Whole: rows after so many may be left out; 0: no limit.
  std::int64_t limit_bytes;  ///< Whole: a table that would take more is refused; 0: no limit.
};

/// What is known before the first batch.
struct KolosalArrowFileInfo {
  std::int64_t n_rows;           ///< -1: unknown.
  std::int64_t estimated_bytes;  ///< Memory that the chosen columns of all rows take, about; -1: unknown.
};

/// A reader; its batches are struct arrays. The stream's get_last_error gives the reason when get_next fails.
int kolosal_arrow_open(const KolosalArrowReadOptions* options, ArrowArrayStream* out,
                       KolosalArrowFileInfo* info, KolosalArrowError* error);

/// Where a writer's bytes go, in order.
struct KolosalArrowSink {
  void* context;
  /// Takes all the bytes and returns 0, or returns another number when it can not; then the call that led
  /// here fails.
  int (*write)(void* context, const void* bytes, std::size_t n_bytes);
};

struct KolosalArrowWriter;

/// format: "parquet" (zstd), "arrow" (IPC file) or "arrow_stream" (IPC stream). The sink's context must
/// outlive the writer. Takes the schema over, also when it fails. Dictionaries of later batches may only grow
/// at their end ("arrow").
int kolosal_arrow_create(const KolosalArrowSink* sink, const char* format, ArrowSchema* schema,
                         KolosalArrowWriter** out, KolosalArrowError* error);
/// Takes the batch over, also when it fails.
int kolosal_arrow_write(KolosalArrowWriter* writer, ArrowArray* batch, KolosalArrowError* error);
/// Completes the file. The writer is still to be freed.
int kolosal_arrow_close(KolosalArrowWriter* writer, KolosalArrowError* error);
/// Frees a writer; one that is not closed writes nothing more. Null is fine.
void kolosal_arrow_free(KolosalArrowWriter* writer);

/// KOLOSAL_ARROW_ABI of the library.
int kolosal_arrow_abi(void);
/// The version of Arrow, as "26.0.1".
const char* kolosal_arrow_version(void);

}  // extern "C"
