#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/io/table_reader.hpp"
#include "kolosal/io/table_writer.hpp"
#include "kolosal/service/fitted_recipe.hpp"
#include "kolosal/transform/planner.hpp"

namespace kolosal::service {

struct PreprocessRequest {
  std::filesystem::path data;
  std::filesystem::path output;  ///< "-": the standard output. Empty: nothing is written.
  io::ReadOptions read;
  io::WriteOptions write;
  std::string target;  ///< Passes untouched and is never an input; for steps that learn from it. "": none.
  std::string task = "auto";        ///< What the target is: auto, binary, multiclass, regression.
  std::vector<std::string> ignore;  ///< Pass untouched and are never an input.
  std::filesystem::path recipe;     ///< A plan (TOML), which is fitted, or a fitted recipe, which is applied.
  transform::RecipePlan plan;       ///< Used when `recipe` is empty. Without steps: the planner writes one.
  transform::LearnerFamily learner = transform::LearnerFamily::kLinear;  ///< For the planner.
  std::filesystem::path save_recipe;  ///< Where plan (.toml) and fitted recipe (.kolosal) go. Empty: nowhere.
  std::size_t max_features = 100'000;
};

/// What became of one step.
struct StepReport {
  std::string step;
  std::string reason;
  std::vector<std::string> columns;  ///< That it took. Empty: it found none and was skipped.
};

struct PreprocessReport {
  bool fitted = false;  ///< Else a fitted recipe was applied.
  std::size_t n_rows = 0;
  std::vector<std::string> columns;  ///< Of the output.
  transform::RecipePlan plan;
  std::vector<StepReport> steps;
  data::ConformReport conform;   ///< Of an applied recipe.
  transform::DriftReport drift;  ///< Of an applied recipe.
  std::vector<std::string> notes;
};

/// Fits a recipe on a table, or applies a fitted one, and writes the table it makes.
///
/// Columns: target and ignored columns come out as they went in (for CSV cell by cell; a cell that means
/// "missing" is empty), ignored ones first, the target last; between them is what the steps made. Sparse
/// columns come out as <name>_0, <name>_1, ...
/// Rows that are fitted get encodings out of fold where a step uses the target; rows without a target are
/// encoded, but nothing is learned from them.
/// Memory: a fitted recipe is applied batch by batch.
/// Files: the output and the recipe are there whole or not at all.
/// @throws Error kData for columns that differ from those of the fit, and for text in a number column (row,
/// column, value); kInvalidParameter for a step that names the target, or makes too many columns.
PreprocessReport preprocess_file(const PreprocessRequest& request, const Context& context);

nlohmann::json to_json(const PreprocessReport& report);
/// By column, those that drift.
nlohmann::json to_json(const transform::DriftReport& drift);

}  // namespace kolosal::service
