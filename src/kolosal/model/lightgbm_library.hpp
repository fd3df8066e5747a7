#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "kolosal/core/library.hpp"
#include "kolosal/data/arrow_c.hpp"

namespace kolosal::model {

/// The functions of LightGBM's C interface that we call, declared here because a machine that only predicts
/// has no LightGBM. Each returns 0, or -1 with last_error() telling why; check() turns that into an Error.
///
/// Threads: data sets are read from many threads at once; a booster belongs to one thread at a time. How many
/// OpenMP threads a call uses is set for the calling thread by LightgbmScope, and never by LightGBM's
/// parameter num_threads: that one is a global of the library, which two fits at the same time would
/// overwrite for each other.
class LightgbmLibrary {
 public:
  using Handle = void*;

  /// The library, opened at the first call. @throws Error kUnsupported with the reason of unavailable().
  static const LightgbmLibrary& get();
  /// Why it can not be used on this machine; empty: it can. Opens the library at the first call.
  static const std::string& unavailable();

  /// @throws Error kMemory, kInternal with LightGBM's own message.
  void check(int code) const;

  const char* (*last_error)();
  int (*register_log_callback)(void (*callback)(const char*));
  int (*dataset_from_arrow)(std::int64_t n_chunks, const ArrowArray* chunks, const ArrowSchema* schema,
                            const char* params, Handle reference, Handle* out);
  int (*dataset_subset)(Handle dataset, const std::int32_t* rows, std::int32_t n_rows, const char* params,
                        Handle* out);
  int (*dataset_set_field)(Handle dataset, const char* field, const void* values, int n_values, int type);
  int (*dataset_free)(Handle dataset);
  int (*booster_create)(Handle train, const char* params, Handle* out);
  int (*booster_add_valid)(Handle booster, Handle valid);
  int (*booster_update)(Handle booster, int* is_finished);
  int (*booster_update_custom)(Handle booster, const float* gradient, const float* curvature,
                               int* is_finished);
  int (*booster_iteration)(Handle booster, int* out);
  /// Of the training rows (data_index 0) or those of a validation set (1 ...), output by output.
  int (*booster_prediction)(Handle booster, int data_index, std::int64_t* n_values, double* out);
  int (*booster_to_string)(Handle booster, int first_round, int n_rounds, int importance_type,
                           std::int64_t capacity, std::int64_t* length, char* out);
  int (*booster_predict)(Handle booster, const void* values, int type, std::int32_t n_rows,
                         std::int32_t n_columns, int row_major, int predict_type, int first_round,
                         int n_rounds, const char* params, std::int64_t* n_values, double* out);
  int (*booster_free)(Handle booster);
  // OpenMP's own, of the run-time that LightGBM is linked to; null when it was built without.
  void (*omp_set_num_threads)(int n_threads);
  int (*omp_get_max_threads)();

 private:
  explicit LightgbmLibrary(const Library& library);
};

inline constexpr int kLightgbmFloat32 = 0;
inline constexpr int kLightgbmFloat64 = 1;

/// Within it, LightGBM's calls on this thread use n_threads threads and do not print.
class LightgbmScope {
 public:
  LightgbmScope(const LightgbmLibrary& library, std::size_t n_threads);
  ~LightgbmScope();
  LightgbmScope(const LightgbmScope&) = delete;
  LightgbmScope& operator=(const LightgbmScope&) = delete;

 private:
  const LightgbmLibrary& library_;
  int previous_ = 0;
};

struct LightgbmDatasetDeleter {
  void operator()(void* handle) const noexcept { LightgbmLibrary::get().dataset_free(handle); }
};
struct LightgbmBoosterDeleter {
  void operator()(void* handle) const noexcept { LightgbmLibrary::get().booster_free(handle); }
};
using LightgbmDataset = std::unique_ptr<void, LightgbmDatasetDeleter>;
using LightgbmBooster = std::unique_ptr<void, LightgbmBoosterDeleter>;

}  // namespace kolosal::model
