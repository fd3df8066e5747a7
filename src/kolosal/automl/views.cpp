#include "kolosal/automl/views.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/pipeline/learned_steps.hpp"
#include "kolosal/transform/recipe.hpp"

namespace kolosal::automl {
namespace {

using data::ColumnType;
using transform::CategoryForm;
using transform::Filling;
using transform::LearnerFamily;
using transform::LongTails;
using transform::PlannerOptions;
using transform::PlanPurpose;

constexpr std::size_t kSampleRows = 50'000;
/// Filling from other columns or rows takes a time that grows faster than the table.
constexpr std::size_t kMostCellsToFill = 400'000;
/// Of texts that are scored. Each fold of each member keeps a weight for each term and class.
constexpr std::size_t kMostTextTerms = 10'000, kLeastTextTerms = 2'000, kTextWeights = 24'000;
constexpr std::size_t kOneHotLevels = 10;  // of the view that encodes larger categories by the target

/// Of a wide table: the numbers that differ most with the target, found in each fold anew.
constexpr std::int64_t kScreenedColumns = 100;

std::int64_t text_terms(const TableShape& shape) {
  const std::size_t n_outputs = shape.task == data::Task::kMulticlass ? shape.n_classes : 1;
  return static_cast<std::int64_t>(std::clamp(kTextWeights / n_outputs, kLeastTextTerms, kMostTextTerms));
}

/// The terms of the texts become scores before any other step sees the target, so that all views share them.
void add_text_scores(std::int64_t max_rows, transform::RecipePlan& plan) {
  transform::StepSpec step("linear_score", {{"max_rows", max_rows}}, {.types = "sparse"});
  step.info = pipeline::linear_score_step();
  const auto first = std::ranges::find_if(
      plan.steps, [](const transform::PlannedStep& planned) { return planned.spec.make()->uses_target(); });
  plan.steps.insert(
      first, {std::move(step),
              "What a linear model of the terms predicts, out of fold: trees cut one column at a time, "
              "and no single word tells much."});
}

View view_of(std::string name, const TableShape& shape, PlannerOptions options, bool is_screened) {
  options.purpose = PlanPurpose::kLearner;
  View out{.name = std::move(name),
           .family = options.learner,
           .plan = transform::plan_columns(shape.columns, true, options)};
  if (options.text_terms > 0 && options.learner == LearnerFamily::kTrees)
    add_text_scores(shape.made.score_rows, out.plan);
  if (is_screened)
    out.plan.steps.push_back(
        {transform::StepSpec("f_statistic", {{"choose", std::string("top_k")}, {"k", kScreenedColumns}},
                             {.types = "numeric"}),
         "Among so many columns most tell nothing; those that differ most with the target are kept."});
  auto steps = out.plan.specs();
  const auto first =
      std::ranges::find_if(steps, [](const transform::StepSpec& step) { return step.make()->uses_target(); });
  out.shared.assign(steps.begin(), first);
  out.per_fold.assign(first, steps.end());
  return out;
}

bool any_column(const TableShape& shape, auto&& is_so) { return std::ranges::any_of(shape.columns, is_so); }

double rarest_class(const data::TargetView& y) {
  if (y.task == data::Task::kRegression || y.values.empty()) return 1;
  std::vector<std::size_t> counts(std::max<std::size_t>(y.n_classes, 2));
  for (const double value : y.values) ++counts[static_cast<std::size_t>(value)];
  return static_cast<double>(std::ranges::min(counts)) / static_cast<double>(y.values.size());
}

void describe_target(const data::TargetView& y, TableShape& out) {
  if (y.task != data::Task::kRegression || y.values.empty()) return;
  const auto n = static_cast<double>(y.values.size());
  double mean = 0, square = 0, cube = 0;
  out.is_count = true;
  out.target_minimum = y.values.front();
  for (const double value : y.values) {
    mean += value / n;
    out.target_minimum = std::min(out.target_minimum, value);
    out.is_count &= value >= 0 && value == std::floor(value);
  }
  for (const double value : y.values) {
    const double apart = value - mean;
    square += apart * apart / n;
    cube += apart * apart * apart / n;
  }
  if (square > 0) out.target_skewness = cube / (square * std::sqrt(square));
}

}  // namespace

TableShape shape_of(const data::Frame& base, const data::TargetView& y, std::size_t n_train_rows,
                    const Context& context) {
  TableShape out;
  out.task = y.task;
  out.n_rows = n_train_rows;
  out.n_classes = y.n_classes;
  out.rarest_class = rarest_class(y);
  describe_target(y, out);
  std::vector<std::uint32_t> rows(base.n_rows());
  std::iota(rows.begin(), rows.end(), 0U);
  out.columns = profile::profile_columns(base, rows, kSampleRows, context);
  for (std::size_t i = 0; i < base.n_columns(); ++i) {
    const data::Column& column = base.column(i);
    if (column.type() == ColumnType::kCategory) {
      ++out.n_category;
      out.max_levels = std::max(out.max_levels, column.dictionary()->size());
    } else if (column.type() == ColumnType::kText) {
      ++out.n_text;
    } else {
      ++out.n_numeric;
    }
  }
  return out;
}

transform::RecipePlan base_plan() {
  const auto step = [](std::string name, ParamMap params, std::string types, std::string reason) {
    return transform::PlannedStep{
        transform::StepSpec(std::move(name), std::move(params), {.types = std::move(types)}),
        std::move(reason)};
  };
  transform::RecipePlan out;
  out.steps = {
      step("drop_constant", {}, "", "One value, or none, in all rows tells nothing."),
      step("drop_duplicate", {}, "", "Equal to an earlier column in every row."),
      step("drop_id_like", {}, "",
           "Only names the row: what is learned from it does not hold for another row."),
      step("date_parts", {{"differences", true}}, "time",
           "Learners take numbers; the time between two moments often tells more than either."),
  };
  return out;
}

std::vector<View> make_views(const TableShape& shape) {
  std::vector<View> out;
  const auto add = [&](std::string name, PlannerOptions options, bool is_screened = false) {
    out.push_back(view_of(std::move(name), shape, options, is_screened));
  };
  const auto trees = [](CategoryForm categories, bool pairs = false) {
    return PlannerOptions{.learner = LearnerFamily::kTrees, .categories = categories, .number_pairs = pairs};
  };
  const auto scored = [&](PlannerOptions options) {
    if (shape.made.text_scores()) options.text_terms = text_terms(shape);
    return options;
  };
  PlannerOptions encoded = scored(trees(CategoryForm::kLevelsAndMeans));
  // Small tables: target encoding overfits, save where a column has very many levels.
  encoded.min_encoded_levels = shape.n_rows < 3000 ? 50 : 3;
  add("native", trees(CategoryForm::kLevels));
  // Forests order levels by frequency: by the target's mean, as boosters do in each node, costs them 4 to 9 %
  // of RMSE where a number confounds the mean (diamonds).
  add("ranked", trees(CategoryForm::kRanks));
  if (shape.made.text_scores()) {
    add("scored", scored(trees(CategoryForm::kLevels)));
    add("ranked_scored", scored(trees(CategoryForm::kRanks)));
  }
  PlannerOptions crossed = encoded;
  crossed.category_pair_rows = shape.made.category_pair_rows;
  add("encoded", encoded);
  encoded.number_pairs = true;
  add("encoded_pairs", encoded);
  add("pairs", scored(trees(CategoryForm::kLevels, true)));
  add("encoded_only", scored(trees(CategoryForm::kMeans)));
  if (shape.made.category_pairs()) {
    add("crossed", crossed);
    crossed.number_pairs = true;
    add("crossed_pairs", crossed);
  }
  if (shape.is_wide() && shape.n_numeric > 0) add("screened", trees(CategoryForm::kLevels), true);

  PlannerOptions linear{.learner = LearnerFamily::kLinear, .tails = LongTails::kKeep};
  // A linear model on few rows learns nothing from very many hashed words, but pays for each.
  linear.text_width = shape.n_rows < 2000 ? 1 << 12 : shape.n_rows < 10'000 ? 1 << 14 : 1 << 15;
  add("linear", linear);
  if (shape.is_wide() && shape.n_numeric > 0) add("linear_screened", linear, true);
  if (any_column(shape, transform::has_long_tail)) {
    PlannerOptions power = linear;
    power.tails = LongTails::kPower;
    add("linear_power", power);
    PlannerOptions ranks = linear;
    ranks.tails = LongTails::kRanks;
    add("linear_ranks", ranks);
  }
  if (any_column(shape, [](const profile::ColumnProfile& c) {
        return c.type == ColumnType::kCategory && c.n_distinct > kOneHotLevels;
      })) {
    PlannerOptions means = linear;
    means.one_hot_levels = kOneHotLevels;
    add("linear_means", means);
  }
  const bool has_holes = any_column(shape, [](const profile::ColumnProfile& c) {
    return c.numbers && c.n_missing + c.numbers->n_infinite > 0;
  });
  if (has_holes && shape.n_numeric >= 2 && shape.n_rows * shape.n_numeric <= kMostCellsToFill) {
    PlannerOptions filled = linear;
    filled.filling = Filling::kRegression;
    add("linear_regressed", filled);
    filled.filling = Filling::kNeighbours;
    add("linear_neighbours", filled);
  }
  return out;
}

std::vector<std::string> interchangeable_views(std::span<const View> views) {
  std::vector<std::string> out;
  std::vector<nlohmann::json> seen;
  for (const View& view : views) {
    if (view.family != LearnerFamily::kTrees || view.name.starts_with("ranked")) continue;  // for forests
    auto steps = transform::Recipe(view.plan.specs()).to_json();
    if (std::ranges::find(seen, steps) != seen.end()) continue;
    seen.push_back(std::move(steps));
    out.push_back(view.name);
  }
  return out;
}

nlohmann::json to_json(const transform::RecipePlan& plan) {
  auto steps = transform::Recipe(plan.specs()).to_json();
  for (std::size_t i = 0; i < plan.steps.size(); ++i) steps[i]["reason"] = plan.steps[i].reason;
  nlohmann::json out = {{"steps", std::move(steps)}};
  if (!plan.notes.empty()) out["notes"] = plan.notes;
  return out;
}

}  // namespace kolosal::automl
