#include "kolosal/infer/importers/onnx_notes.hpp"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "kolosal/core/error.hpp"

namespace kolosal::infer {
namespace {

using data::ColumnType;

constexpr const char* kQuantiles = "quantiles";
constexpr const char* kMoments = "moments";
constexpr const char* kBlockRows = "block_rows";

ColumnType moment_type(const std::string& name) {
  for (const ColumnType type : {ColumnType::kDate, ColumnType::kTimestamp})
    if (name == data::type_name(type)) return type;
  throw Error(ErrorCode::kModel, "the notes of the ONNX model have a column of type \"{}\"", name);
}

}  // namespace

std::string OnnxNotes::text() const {
  nlohmann::json out = nlohmann::json::object();
  if (!quantiles.empty()) out[kQuantiles] = quantiles;
  for (const auto& [column, type] : moments) out[kMoments][column] = data::type_name(type);
  if (block_rows > 0) out[kBlockRows] = block_rows;
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

OnnxNotes OnnxNotes::of(const OnnxModel& model) {
  OnnxNotes out;
  const auto found = model.metadata.find(kKey);
  if (found == model.metadata.end()) return out;
  try {
    const auto json = nlohmann::json::parse(found->second);
    if (json.contains(kQuantiles)) out.quantiles = json.at(kQuantiles).get<std::vector<double>>();
    out.block_rows = json.value(kBlockRows, std::size_t{0});
    if (json.contains(kMoments))
      for (const auto& [column, type] : json.at(kMoments).items())
        out.moments[column] = moment_type(type.get<std::string>());
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kModel, "the notes of the ONNX model are damaged: {}", error.what());
  }
  const bool is_rising =
      std::ranges::adjacent_find(out.quantiles, std::greater_equal<>()) == out.quantiles.end();
  if (!is_rising || !std::ranges::all_of(out.quantiles, [](double q) { return q > 0 && q < 1; }))
    throw Error(ErrorCode::kModel,
                "the notes of the ONNX model have quantiles that do not rise between 0 and 1");
  return out;
}

}  // namespace kolosal::infer
