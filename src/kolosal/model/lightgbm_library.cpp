#include "kolosal/model/lightgbm_library.hpp"

#include <algorithm>
#include <string_view>

#include "kolosal/core/error.hpp"
#include "kolosal/core/log.hpp"
#include "kolosal/model/openmp_policy.hpp"

namespace kolosal::model {
namespace {

void log_line(const char* text) {
  std::string_view line = text;
  while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  if (!line.empty()) log::debug("lightgbm", {{"text", line}});
}

template <typename Signature>
void assign(const Library& library, Signature*& function, const char* symbol) {
  function = library.function<Signature>(symbol);
}

}  // namespace

LightgbmLibrary::LightgbmLibrary(const Library& library) {
  assign(library, last_error, "LGBM_GetLastError");
  assign(library, register_log_callback, "LGBM_RegisterLogCallback");
  assign(library, dataset_from_arrow, "LGBM_DatasetCreateFromArrow");
  assign(library, dataset_subset, "LGBM_DatasetGetSubset");
  assign(library, dataset_set_field, "LGBM_DatasetSetField");
  assign(library, dataset_free, "LGBM_DatasetFree");
  assign(library, booster_create, "LGBM_BoosterCreate");
  assign(library, booster_add_valid, "LGBM_BoosterAddValidData");
  assign(library, booster_update, "LGBM_BoosterUpdateOneIter");
  assign(library, booster_update_custom, "LGBM_BoosterUpdateOneIterCustom");
  assign(library, booster_iteration, "LGBM_BoosterGetCurrentIteration");
  assign(library, booster_prediction, "LGBM_BoosterGetPredict");
  assign(library, booster_to_string, "LGBM_BoosterSaveModelToString");
  assign(library, booster_predict, "LGBM_BoosterPredictForMat");
  assign(library, booster_free, "LGBM_BoosterFree");
  omp_set_num_threads = reinterpret_cast<void (*)(int)>(library.find("omp_set_num_threads"));
  omp_get_max_threads = reinterpret_cast<int (*)()>(library.find("omp_get_max_threads"));
}

const std::string& LightgbmLibrary::unavailable() {
  static const std::string reason = [] {
    try {
      get();
      return std::string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  }();
  return reason;
}

const LightgbmLibrary& LightgbmLibrary::get() {
  static const std::expected<LightgbmLibrary, std::string> opened =
      []() -> std::expected<LightgbmLibrary, std::string> {
    wait_passively();
    static constexpr std::string_view kNames[] = {"lib_lightgbm.so"};
    const auto library = open_library(kNames);
    if (!library) return std::unexpected(library.error());
    try {
      return LightgbmLibrary(*library);
    } catch (const Error& error) {
      return std::unexpected(std::string(error.what()));
    }
  }();
  if (!opened) throw Error(ErrorCode::kUnsupported, opened.error());
  return *opened;
}

void LightgbmLibrary::check(int code) const {
  if (code == 0) return;
  const std::string text = last_error();
  if (text.find("bad_alloc") != std::string::npos)
    throw Error(ErrorCode::kMemory, "LightGBM ran out of memory; use fewer rows or a smaller max_bin");
  throw Error(ErrorCode::kInternal, "LightGBM: {}", text);
}

LightgbmScope::LightgbmScope(const LightgbmLibrary& library, std::size_t n_threads) : library_(library) {
  // The callback is a variable of each thread.
  thread_local const bool registered = library.register_log_callback(log_line) == 0;
  static_cast<void>(registered);
  if (!library.omp_set_num_threads || !library.omp_get_max_threads) return;
  previous_ = library.omp_get_max_threads();
  library.omp_set_num_threads(static_cast<int>(std::max<std::size_t>(n_threads, 1)));
}

LightgbmScope::~LightgbmScope() {
  if (previous_ > 0) library_.omp_set_num_threads(previous_);
}

}  // namespace kolosal::model
