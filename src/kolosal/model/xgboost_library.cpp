#include "kolosal/model/xgboost_library.hpp"

#include <algorithm>
#include <expected>
#include <string_view>

#include "kolosal/core/error.hpp"
#include "kolosal/core/log.hpp"
#include "kolosal/model/openmp_policy.hpp"

namespace kolosal::model {
namespace {

void log_line(const char* text) {
  std::string_view line = text;
  while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  if (!line.empty()) log::debug("xgboost", {{"text", line}});
}

template <typename Signature>
void assign(const Library& library, Signature*& function, const char* symbol) {
  function = library.function<Signature>(symbol);
}

}  // namespace

XgboostLibrary::XgboostLibrary(const Library& library) {
  assign(library, last_error, "XGBGetLastError");
  assign(library, register_log_callback, "XGBRegisterLogCallback");
  assign(library, set_global_config, "XGBSetGlobalConfig");
  assign(library, proxy_create, "XGProxyDMatrixCreate");
  assign(library, proxy_set_dense, "XGProxyDMatrixSetDataDense");
  assign(library, quantile_matrix_create, "XGQuantileDMatrixCreateFromCallback");
  assign(library, matrix_from_dense, "XGDMatrixCreateFromDense");
  assign(library, matrix_set_text, "XGDMatrixSetStrFeatureInfo");
  assign(library, matrix_set_info, "XGDMatrixSetInfoFromInterface");
  assign(library, matrix_free, "XGDMatrixFree");
  assign(library, booster_create, "XGBoosterCreate");
  assign(library, booster_set_param, "XGBoosterSetParam");
  assign(library, booster_update, "XGBoosterUpdateOneIter");
  assign(library, booster_predict, "XGBoosterPredictFromDMatrix");
  assign(library, booster_to_buffer, "XGBoosterSaveModelToBuffer");
  assign(library, booster_free, "XGBoosterFree");
}

const XgboostLibrary& XgboostLibrary::open() {
  static const std::expected<XgboostLibrary, std::string> opened =
      []() -> std::expected<XgboostLibrary, std::string> {
    wait_passively();
    static constexpr std::string_view kNames[] = {"libxgboost.so.3", "libxgboost.so"};
    const auto library = open_library(kNames);
    if (!library) return std::unexpected(library.error());
    try {
      return XgboostLibrary(*library);
    } catch (const Error& error) {
      return std::unexpected(std::string(error.what()));
    }
  }();
  if (!opened) throw Error(ErrorCode::kUnsupported, opened.error());
  return *opened;
}

const XgboostLibrary& XgboostLibrary::get() {
  const XgboostLibrary& library = open();
  // Both settings are variables of each thread.
  thread_local const bool quiet =
      library.register_log_callback(log_line) == 0 && library.set_global_config(R"({"verbosity": 0})") == 0;
  static_cast<void>(quiet);
  return library;
}

const std::string& XgboostLibrary::unavailable() {
  static const std::string reason = [] {
    try {
      open();
      return std::string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  }();
  return reason;
}

void XgboostLibrary::check(int code) const {
  if (code == 0) return;
  // The rest of the message is a stack trace.
  std::string text = last_error();
  text.resize(std::min(text.size(), text.find("\nStack trace")));
  if (text.find("bad_alloc") != std::string::npos)
    throw Error(ErrorCode::kMemory, "XGBoost ran out of memory; use fewer rows or a smaller max_bin");
  throw Error(ErrorCode::kInternal, "XGBoost: {}", text);
}

}  // namespace kolosal::model
