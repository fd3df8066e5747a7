#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kolosal/automl/problem.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/transform/recipe.hpp"

namespace kolosal::automl {

/// How a table looks to a learner: steps that learn without the target, done once for all folds, and steps
/// that use it, done within each fold.
struct View {
  std::string name;
  std::vector<transform::StepSpec> shared;
  std::vector<transform::StepSpec> per_fold;
};

/// What one trial fits: a learner with parameters on a view.
struct Candidate {
  std::string label;      ///< "lightgbm small"
  std::string estimator;  ///< registry name
  ParamMap params;
  std::string view;
  double cost = 1;  ///< Expected thread-seconds, relative to the other entries on this table.
};

/// Sizes that decide which entries make sense.
struct TableShape {
  data::Task task = data::Task::kRegression;
  std::size_t n_rows = 0;  ///< of one training part
  std::size_t n_classes = 0;
  std::size_t n_numeric = 0;
  std::size_t n_category = 0;
  std::size_t n_text = 0;
  std::int32_t max_levels = 0;  ///< of any category column
  std::size_t n_columns() const { return n_numeric + n_category + n_text; }
};

TableShape shape_of(const data::Frame& base, const data::TargetView& y, std::size_t n_train_rows);

/// Steps that every view starts from: unusable columns dropped, dates and texts taken apart.
std::vector<transform::StepSpec> base_steps();

/// The views that the portfolio's entries name.
std::vector<View> make_views(const TableShape& shape);

/// The entries in the order in which they are tried (docs/design/search.md tells where the order and the
/// settings come from). Entries that make no sense for the shape are left out.
std::vector<Candidate> make_portfolio(const TableShape& shape);

/// The baseline: fits at once, always.
Candidate constant_candidate();

}  // namespace kolosal::automl
