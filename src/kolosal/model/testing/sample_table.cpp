#include "kolosal/model/testing/sample_table.hpp"

#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "kolosal/artifact/container.hpp"
#include "kolosal/core/random.hpp"

namespace kolosal::model {
namespace {

std::shared_ptr<const data::Dictionary> levels(std::size_t n) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back("level " + std::to_string(i));
  return std::make_shared<data::Dictionary>(std::move(out));
}

double target_of(data::Task task, std::size_t n_classes, double signal, Rng& rng) {
  if (task == data::Task::kRegression) return std::exp(0.5 * signal) * 10 + rng.uniform();
  if (task == data::Task::kBinary) return rng.uniform() < 1 / (1 + std::exp(-2 * signal)) ? 1 : 0;
  const double shifted = (signal + 0.5 * rng.normal() + 2) / 4 * static_cast<double>(n_classes);
  return std::floor(std::min(std::max(shifted, 0.0), static_cast<double>(n_classes) - 1));
}

std::vector<std::uint32_t> rows_where(std::size_t n, bool valid) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t r = 0; r < n; ++r)
    if ((r % 4 == 3) == valid) out.push_back(r);
  return out;
}

}  // namespace

std::vector<std::uint32_t> SampleTable::train_rows() const { return rows_where(y.size(), false); }
std::vector<std::uint32_t> SampleTable::valid_rows() const { return rows_where(y.size(), true); }
std::vector<std::uint32_t> SampleTable::all_rows() const {
  std::vector<std::uint32_t> out(y.size());
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

SampleTable sample_table(data::Task task, std::size_t n_rows, SampleOptions options) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  Rng rng(derive_seed(1, {"sample table", std::uint64_t{n_rows}, static_cast<std::uint64_t>(task)}));
  SampleTable out;
  out.task = task;
  out.n_classes = task == data::Task::kRegression ? 0 : task == data::Task::kBinary ? 2 : 4;
  std::vector<double> a(n_rows), b(n_rows);
  std::vector<std::int64_t> count(n_rows);
  std::vector<std::int32_t> code(n_rows);
  data::Bitmap valid = data::all_present(n_rows);
  const auto is_missing = [&] { return options.missing && rng.uniform() < 0.1; };
  for (std::size_t r = 0; r < n_rows; ++r) {
    a[r] = rng.normal();
    b[r] = rng.normal();
    count[r] = static_cast<std::int64_t>(rng.below(20));
    code[r] = static_cast<std::int32_t>(rng.below(12));
    double signal = a[r] + 0.5 * b[r] * (count[r] > 9 ? 1 : -1);
    if (options.categories) signal += code[r] % 3 == 0 ? 0.8 : -0.4;
    out.y.push_back(target_of(task, out.n_classes, signal, rng));
    if (options.nonnegative) a[r] = std::fabs(a[r]), b[r] = std::fabs(b[r]);
    if (is_missing()) a[r] = kNaN;
    if (is_missing()) b[r] = kNaN;
    if (is_missing()) data::clear_bit(valid.data(), r);
    if (is_missing()) code[r] = data::kMissingCode;
  }
  out.x.add("a", data::Column::from_float64(std::move(a)));
  out.x.add("b", data::Column::from_float32({b.begin(), b.end()}));
  out.x.add("count", data::Column::from_int64(std::move(count), options.missing ? valid : data::Bitmap()));
  if (options.categories) out.x.add("kind", data::Column::from_category(std::move(code), levels(12)));
  return out;
}

std::vector<std::byte> saved_bytes(const Estimator& estimator) {
  artifact::Node node;
  estimator.save(node);
  artifact::ContainerWriter writer;
  writer.add_node("estimator", node);
  return writer.bytes();
}

std::vector<double> predictions(const Estimator& estimator, const data::Frame& x, const Context& context) {
  std::vector<double> out(x.n_rows() * estimator.n_outputs());
  estimator.predict(x, out, context);
  return out;
}

}  // namespace kolosal::model
