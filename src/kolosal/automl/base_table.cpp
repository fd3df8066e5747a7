#include "kolosal/automl/base_table.hpp"

#include <numeric>

#include "kolosal/automl/shift.hpp"
#include "kolosal/automl/views.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"

namespace kolosal::automl {

BaseTable make_base_table(Problem& problem, std::uint64_t seed, const Context& context) {
  std::vector<std::uint32_t> rows(problem.n_rows());
  std::iota(rows.begin(), rows.end(), 0U);
  BaseTable out;
  // Steps that drop every column leave one of zeros.
  const auto has_features = [&] {
    return out.frame.n_columns() != 1 || out.frame.name(0) != "no_feature" ||
           problem.features.find("no_feature");
  };
  out.plan = base_plan();
  const auto fit = [&] {
    out.recipe = transform::Recipe(out.plan.specs());
    out.recipe.watch_drift(true);  // it is the first to meet the columns of rows to come
    out.frame = out.recipe.fit_transform(problem.features, rows, problem.target_view(),
                                         context.with_seed(derive_seed(seed, {"base"})));
  };
  fit();
  if (has_features()) return out;
  std::erase_if(out.plan.steps, [](const auto& step) { return step.spec.name == "drop_id_like"; });
  fit();
  if (!has_features())
    throw Error(ErrorCode::kData, "no usable feature column is left: every column is constant or missing");
  problem.notes.emplace_back(
      "every usable column looks like an identifier (a running number, or a value of its own in each row); "
      "they are used "
      "nevertheless, since nothing else is there");
  return out;
}

void compare_test_rows(const data::Frame& test_rows, const transform::Recipe& base_steps,
                       const data::Frame& base, Problem& problem, const Context& context) {
  const data::Frame test = base_steps.transform(problem.schema.conform(test_rows), context);
  if (base_steps.drift()) base_steps.drift()->forget_counts();  // they are not rows of the future yet
  const Shift shift = measure_shift(base, test, context);
  if (shift.is_notable()) problem.notes.push_back(describe(shift));
}

}  // namespace kolosal::automl
