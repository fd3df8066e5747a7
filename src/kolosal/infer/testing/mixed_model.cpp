#include "kolosal/infer/testing/mixed_model.hpp"

#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "kolosal/core/random.hpp"

namespace kolosal::infer::testing {

data::Frame mixed_table(std::size_t n_rows) {
  Rng rng(5);
  std::vector<double> number(n_rows), skewed(n_rows);
  std::vector<std::int64_t> whole(n_rows), moment(n_rows);
  std::vector<std::uint8_t> flag(n_rows);
  std::vector<std::int32_t> few(n_rows), many(n_rows);
  std::vector<std::optional<std::string>> text(n_rows);
  data::Bitmap valid = data::all_present(n_rows);
  for (std::size_t i = 0; i < n_rows; ++i) {
    number[i] = rng.below(9) == 0 ? std::numeric_limits<double>::quiet_NaN() : rng.normal();
    skewed[i] = rng.below(50) == 0 ? std::numeric_limits<double>::infinity() : std::exp(2 * rng.normal());
    whole[i] = static_cast<std::int64_t>(rng.below(50));
    moment[i] = static_cast<std::int64_t>(rng.below(1'000'000'000)) * 1'000'000'000;
    flag[i] = static_cast<std::uint8_t>(rng.below(2));
    few[i] = static_cast<std::int32_t>(rng.below(5)) - 1;
    many[i] = static_cast<std::int32_t>(rng.below(40));
    if (rng.below(6) != 0) text[i] = std::string(rng.below(2) ? "good" : "poor") + " word";
    if (rng.below(7) == 0) data::clear_bit(valid.data(), i);
  }
  std::vector<std::string> levels;
  for (int i = 0; i < 40; ++i) levels.push_back("level \"" + std::to_string(i) + "\"?");
  const auto dictionary = [](std::vector<std::string> texts) {
    return std::make_shared<const data::Dictionary>(std::move(texts));
  };
  using data::Column;
  data::Frame out;
  out.add("number", Column::from_float64(number));
  out.add("skewed", Column::from_float64(skewed));
  out.add("whole", Column::from_int64(whole, valid));
  out.add("moment", Column::from_timestamp(moment, valid));
  out.add("flag", Column::from_bool(flag));
  out.add("few", Column::from_category(few, dictionary({"a", "b", "c", "d"})));
  out.add("many", Column::from_category(many, dictionary(levels)));
  out.add("text", Column::from_texts(text));
  return out;
}

std::vector<double> mixed_target(const data::Frame& x, data::Task task) {
  std::vector<double> out;
  for (std::size_t i = 0; i < x.n_rows(); ++i) {
    const double given = x.column("number").number(i), number = std::isnan(given) ? 0 : given;
    const double signal = number + (x.column("few").codes()[i] == 2) + 0.02 * x.column("many").codes()[i];
    out.push_back(task == data::Task::kRegression ? signal
                  : task == data::Task::kBinary   ? signal > 0.6
                                                  : (signal > 0) + (signal > 1));
  }
  return out;
}

data::Frame plain_mixed_table(std::size_t n_rows) {
  const std::vector<std::string> names = {"number", "skewed", "whole", "flag", "few", "many"};
  return mixed_table(n_rows).select(names);
}

pipeline::Model mixed_model(data::Task task, const std::string& learner, const ParamMap& params,
                            const std::vector<transform::StepSpec>& steps) {
  const data::Frame x = plain_mixed_table(400);
  const auto target = mixed_target(x, task);
  pipeline::Model out;
  out.task = task;
  out.target = "y";
  if (task == data::Task::kBinary) out.classes = {"no", "yes"};
  if (task == data::Task::kMulticlass) out.classes = {"low", "mid", "high"};
  out.target_low = -2;
  out.target_high = 3;
  const data::TargetView y{task, target, {}, out.classes.size()};
  std::vector<std::uint32_t> rows(x.n_rows());
  std::iota(rows.begin(), rows.end(), 0U);
  out.schema = data::Schema::of(x);
  out.base = transform::Recipe({{"drop_constant"}});
  const data::Frame base = out.base.fit_transform(x, rows, y, Context());
  out.views["view"] = transform::Recipe({{"to_float"}});
  const data::Frame view = out.views["view"].fit_transform(base, rows, y, Context());
  pipeline::Pipeline pipeline(transform::Recipe(steps), learner, params);
  pipeline.fit(view, y, {rows, {}}, Context());
  pipeline::Member member{learner, 1, "view", {}};
  member.pipelines.push_back(std::move(pipeline));
  out.members.push_back(std::move(member));
  return out;
}

}  // namespace kolosal::infer::testing
