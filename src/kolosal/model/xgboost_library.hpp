#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "kolosal/core/library.hpp"

namespace kolosal::model {

/// The functions of XGBoost's C interface that we call, declared here because a machine that only predicts
/// has no XGBoost. Each returns 0, or -1 with last_error() telling why; check() turns that into an Error.
///
/// Threads: matrices are read from many threads at once; a booster belongs to one thread at a time and gets
/// its number of OpenMP threads as a parameter.
class XgboostLibrary {
 public:
  using Handle = void*;

  /// The library, opened at the first call; on each thread its log goes to ours.
  /// @throws Error kUnsupported with the reason of unavailable().
  static const XgboostLibrary& get();
  /// Why it can not be used on this machine; empty: it can. Opens the library at the first call.
  static const std::string& unavailable();

  /// @throws Error kMemory, kInternal with XGBoost's own message.
  void check(int code) const;

  const char* (*last_error)();
  int (*register_log_callback)(void (*callback)(const char*));
  int (*set_global_config)(const char* json);
  int (*proxy_create)(Handle* out);
  int (*proxy_set_dense)(Handle proxy, const char* array_interface);
  int (*quantile_matrix_create)(void* iterator, Handle proxy, Handle reference, void (*reset)(void*),
                                int (*next)(void*), const char* config, Handle* out);
  int (*matrix_from_dense)(const char* array_interface, const char* config, Handle* out);
  int (*matrix_set_text)(Handle matrix, const char* field, const char** values, std::uint64_t n);
  int (*matrix_set_info)(Handle matrix, const char* field, const char* array_interface);
  int (*matrix_free)(Handle matrix);
  int (*booster_create)(const Handle* matrices, std::uint64_t n, Handle* out);
  int (*booster_set_param)(Handle booster, const char* name, const char* value);
  int (*booster_update)(Handle booster, int round, Handle train);
  int (*booster_predict)(Handle booster, Handle matrix, const char* config, const std::uint64_t** shape,
                         std::uint64_t* n_dimensions, const float** out);
  int (*booster_to_buffer)(Handle booster, const char* config, std::uint64_t* length, const char** out);
  int (*booster_free)(Handle booster);

 private:
  explicit XgboostLibrary(const Library& library);
  static const XgboostLibrary& open();
};

struct XgboostMatrixDeleter {
  void operator()(void* handle) const noexcept { XgboostLibrary::get().matrix_free(handle); }
};
struct XgboostBoosterDeleter {
  void operator()(void* handle) const noexcept { XgboostLibrary::get().booster_free(handle); }
};
using XgboostMatrix = std::unique_ptr<void, XgboostMatrixDeleter>;
using XgboostBooster = std::unique_ptr<void, XgboostBoosterDeleter>;

}  // namespace kolosal::model
