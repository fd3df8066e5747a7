#include "kolosal/infer/testing/small_model.hpp"

#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/artifact/container.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::infer::testing {

data::Frame small_table(std::size_t n_rows) {
  std::vector<double> a, b;
  std::vector<std::int32_t> codes;
  for (std::size_t i = 0; i < n_rows; ++i) {
    a.push_back(i % 11 == 5 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(i * 7919 % 101));
    b.push_back(static_cast<double>(i * 104729 % 13) / 4 - 1);
    codes.push_back(static_cast<std::int32_t>(i * 31 % 5) - 1);
  }
  data::Frame out;
  out.add("a", data::Column::from_float64(std::move(a)));
  out.add("b", data::Column::from_float64(std::move(b)));
  out.add("c", data::Column::from_category(
                   std::move(codes),
                   std::make_shared<data::Dictionary>(std::vector<std::string>{"p", "q", "r", "s"})));
  return out;
}

void write_small_model(const std::string& path, const std::string& learner, std::uint64_t seed) {
  constexpr std::size_t kRows = 400;
  const data::Frame x = small_table(kRows);
  std::vector<double> target;
  for (std::size_t i = 0; i < kRows; ++i)
    target.push_back((x.column(1).float64s()[i] > 0) != (i % (7 + seed) == 0) ? 1 : 0);
  const data::TargetView y{data::Task::kBinary, target, {}, 2};
  std::vector<std::uint32_t> all(kRows);
  std::iota(all.begin(), all.end(), 0U);
  pipeline::Model model;
  model.task = data::Task::kBinary;
  model.target = "y";
  model.classes = {"no", "yes"};
  model.schema = data::Schema::of(x);
  model.base = transform::Recipe({{"impute"}});
  model.base.fit_transform(x, all, y, Context());
  const data::Frame prepared = model.base.transform(x, Context());
  model.views["v"] = transform::Recipe(std::vector<transform::StepSpec>());
  model.views["v"].fit_transform(prepared, all, y, Context());
  ParamMap params;
  if (learner == "random_forest") params["n_estimators"] = std::int64_t{10};
  pipeline::Pipeline fitted(transform::Recipe(std::vector<transform::StepSpec>()), learner, params);
  fitted.fit(prepared, y, {all, {}}, Context());
  pipeline::Member member{"voice", 1, "v", {}};
  member.pipelines.push_back(std::move(fitted));
  model.members.push_back(std::move(member));
  artifact::ContainerWriter writer;
  writer.add_json("manifest", {{"metric", "roc_auc"}});
  model.save(writer);
  writer.write(path, false);
}

CellTable::CellTable(const data::Frame& table) : n_columns_(table.n_columns()) {
  for (std::size_t row = 0; row < table.n_rows(); ++row)
    for (std::size_t c = 0; c < n_columns_; ++c)
      cells_.push_back(data::cell_of(table.column(c), row, arena_));
}

}  // namespace kolosal::infer::testing
