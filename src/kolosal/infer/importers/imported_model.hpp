#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/infer/importers/imported_learner.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::infer {

/// Formats of other programs, by what a file begins with.
enum class ForeignFormat { kLightgbmText, kXgboostJson, kXgboostUbjson, kOnnx };
/// "LightGBM text", "XGBoost JSON", "XGBoost UBJSON", "ONNX".
std::string_view format_name(ForeignFormat format);
/// The format of a file's bytes; nothing when it is none of them.
std::optional<ForeignFormat> foreign_format(std::span<const std::byte> file);
/// The same of a file; nothing when it can not be read.
std::optional<ForeignFormat> foreign_format(const std::filesystem::path& path);

/// A model of another program in our own form.
struct ImportedModel {
  pipeline::Model model;
  bool by_position = false;  ///< The file names no columns.
  /// "format", "version", "objective" where there is one, "runs_by", "notes".
  nlohmann::json about;
};

/// @throws Error kModel for a damaged file, kUnsupported for what can not be done.
ImportedModel import_model(ForeignFormat format, std::span<const std::byte> file);

// The importers, one per format.
ImportedModel import_lightgbm_text(std::string_view text);
ImportedModel import_xgboost(std::span<const std::byte> file, bool is_ubjson);
ImportedModel import_onnx(std::span<const std::byte> file);

/// The columns of a model as a file tells them.
struct ImportedColumns {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> levels;  ///< By column; empty: no category. May be shorter.
  std::vector<data::ColumnType> types;  ///< By column where it is no category; empty: all are numbers.

  data::ColumnType type(std::size_t column) const;
  /// f0, f1, ...
  static std::vector<std::string> numbered(std::size_t n, std::string_view prefix);
  /// @throws Error kModel for a name or a level that is there twice.
  data::Schema schema() const;
  LearnerShape shape(data::Task task, std::size_t n_outputs) const;
};

/// "0", "1", ...
std::vector<std::string> numbered_classes(std::size_t n);

/// A model of one learner. name: what members are called.
pipeline::Model single_learner_model(const ImportedColumns& columns, data::Task task,
                                     std::vector<std::string> classes, const std::string& name,
                                     pipeline::Pipeline pipeline);
/// A forest as the learner of our own that has such ones: "lightgbm", "xgboost".
pipeline::Pipeline registered_forest(const std::string& estimator, const LearnerShape& shape,
                                     const model::Forest& forest, std::span<const double> importance);

}  // namespace kolosal::infer
