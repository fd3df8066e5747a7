#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "kolosal/automl/made_features.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/target.hpp"
#include "kolosal/profile/profile.hpp"
#include "kolosal/transform/planner.hpp"

namespace kolosal::automl {

/// How a table looks to a learner: a plan for its family, of which the steps that learn without the target
/// are done once for all folds, and those from the first that uses it on within each fold.
struct View {
  std::string name;
  transform::LearnerFamily family = transform::LearnerFamily::kTrees;
  transform::RecipePlan plan;  ///< Both parts, with a reason per step.
  std::vector<transform::StepSpec> shared;
  std::vector<transform::StepSpec> per_fold;
};

/// What decides which views, learners and settings make sense.
struct TableShape {
  data::Task task = data::Task::kRegression;
  std::size_t n_rows = 0;  ///< of one training part
  std::size_t n_classes = 0;
  std::size_t n_numeric = 0;
  std::size_t n_category = 0;
  std::size_t n_text = 0;
  std::int32_t max_levels = 0;  ///< of any category column
  double rarest_class = 1;      ///< share of the rows; 1 for regression
  double target_minimum = 0;    ///< regression
  double target_skewness = 0;   ///< regression: third standardized moment
  bool is_count = false;        ///< regression: whole numbers from 0 on
  std::vector<profile::ColumnProfile> columns;
  MadeFeatures made;  ///< shape_of() leaves them out
  std::size_t n_columns() const { return n_numeric + n_category + n_text; }
  /// So many columns that a pass over them is what a fit pays for.
  bool is_wide() const { return n_columns() > 300; }
};

/// base: the table after the base steps.
TableShape shape_of(const data::Frame& base, const data::TargetView& y, std::size_t n_train_rows,
                    const Context& context);

/// Steps that every view starts from: unusable columns dropped, dates taken apart.
transform::RecipePlan base_plan();

/// The planner's first choice for each family, and the other choices that a search may try on such a table.
std::vector<View> make_views(const TableShape& shape);

/// Views of boosters that a trial may have in place of each other; none is the same as another.
std::vector<std::string> interchangeable_views(std::span<const View> views);

/// {"steps": [{"step": ..., "params": ..., "columns": ..., "reason": ...}, ...], "notes": [...]}
nlohmann::json to_json(const transform::RecipePlan& plan);

}  // namespace kolosal::automl
