#include "kolosal/automl/testing/tables.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"

namespace kolosal::automl {

data::Column category_column(const std::vector<std::string>& cells) {
  std::vector<std::string> levels;
  std::vector<std::int32_t> codes;
  for (const std::string& cell : cells) {
    const auto at = std::ranges::find(levels, cell);
    codes.push_back(static_cast<std::int32_t>(at - levels.begin()));
    if (at == levels.end()) levels.push_back(cell);
  }
  return data::Column::from_category(std::move(codes), std::make_shared<const data::Dictionary>(levels));
}

data::Frame made_table(data::Task task, std::size_t n_rows, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<double> a, b, value;
  std::vector<std::string> c, label;
  for (std::size_t i = 0; i < n_rows; ++i) {
    const auto level = rng.below(3);
    a.push_back(rng.normal());
    b.push_back(rng.normal());
    c.push_back(level == 0 ? "red" : level == 1 ? "green" : "blue");
    const double signal = 2 * a[i] - b[i] + static_cast<double>(level) + 0.3 * rng.normal();
    value.push_back(10 + signal);
    if (task == data::Task::kBinary)
      label.push_back(signal > 1 ? "yes" : "no");
    else
      label.push_back(signal < 0 ? "low" : signal < 2 ? "mid" : "top");
    if (rng.below(10) == 0) b[i] = std::numeric_limits<double>::quiet_NaN();
  }
  data::Frame out;
  out.add("a", data::Column::from_float64(std::move(a)));
  out.add("b", data::Column::from_float64(std::move(b)));
  out.add("c", category_column(c));
  if (task == data::Task::kRegression)
    out.add("y", data::Column::from_float64(std::move(value)));
  else
    out.add("y", category_column(label));
  return out;
}

MadeTarget target_of(const data::Frame& table, data::Task task) {
  const data::Column& y = table.column("y");
  MadeTarget out{task, std::vector<double>(y.size()), 0};
  y.copy_numbers(out.values);
  if (task != data::Task::kRegression) out.n_classes = static_cast<std::size_t>(y.dictionary()->size());
  return out;
}

}  // namespace kolosal::automl
