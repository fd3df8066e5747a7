#include <cctype>
#include <cmath>

#include "kolosal/transform/cell_hash_internal.hpp"
#include "kolosal/transform/kept_columns_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;
using data::TargetView;
using data::Task;

struct DropIdLikeParams {
  bool keep_trend = true;
  std::int64_t min_rows = 20;
};

bool all_distinct(std::vector<std::uint64_t> cells) {
  std::ranges::sort(cells);
  return std::ranges::adjacent_find(cells) == cells.end();
}

// One token such as A-0017 or a UUID: letters, digits and _ - . : # only. A text with blanks or slashes may
// tell something.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.' || c == ':' ||
           c == '#';
  });
}

bool is_key_text(const Column& column, std::span<const std::uint32_t> rows) {
  std::vector<std::uint64_t> hashes;
  bool digit = false;
  for (const std::uint32_t row : rows) {
    if (column.is_missing(row)) return false;
    const std::string text = column.cell_text(row);
    if (!is_token(text)) return false;
    digit |= std::ranges::any_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
    hashes.push_back(cell_hash(column, row));
  }
  return digit && all_distinct(std::move(hashes));
}

// Distinct, and either growing with the row number or dense: an index, a serial number.
bool is_key_number(const Column& column, std::span<const std::uint32_t> rows) {
  const auto cells = column.int64s();
  std::vector<std::uint64_t> values;
  bool ascending = true, descending = true;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (column.is_missing(rows[i])) return false;
    values.push_back(static_cast<std::uint64_t>(cells[rows[i]]));
    if (i == 0) continue;
    ascending &= cells[rows[i]] > cells[rows[i - 1]];
    descending &= cells[rows[i]] < cells[rows[i - 1]];
  }
  if (ascending || descending) return true;
  const auto [low, high] =
      std::ranges::minmax(values, {}, [](std::uint64_t v) { return static_cast<std::int64_t>(v); });
  // A random part of a shuffled 1..n has about n / share distinct numbers' range; features are rarely that
  // dense.
  return high - low <= 2 * values.size() && all_distinct(std::move(values));
}

// Share of the variance of v (in the order of the id) that the means of 20 consecutive blocks explain, as an
// F ratio.
double block_f_ratio(const std::vector<double>& v) {
  const std::size_t n = v.size(), n_blocks = std::min<std::size_t>(20, n / 5);
  if (n_blocks < 2) return 0;
  double mean = 0;
  for (const double value : v) mean += value / static_cast<double>(n);
  double between = 0, within = 0;
  for (std::size_t b = 0; b < n_blocks; ++b) {
    const std::size_t begin = b * n / n_blocks, end = (b + 1) * n / n_blocks;
    double block_mean = 0;
    for (std::size_t i = begin; i < end; ++i) block_mean += v[i] / static_cast<double>(end - begin);
    between += static_cast<double>(end - begin) * (block_mean - mean) * (block_mean - mean);
    for (std::size_t i = begin; i < end; ++i) within += (v[i] - block_mean) * (v[i] - block_mean);
  }
  if (!(within > 0)) return between > 0 ? 1e9 : 0;
  return between / static_cast<double>(n_blocks - 1) / (within / static_cast<double>(n - n_blocks));
}

// Whether the target depends on the order of the ids, as for rows in the order of time. A table that was
// merely sorted by its target does not count: there the id would give the answer away.
bool has_trend(const Column& column, std::span<const std::uint32_t> rows, const TargetView& y) {
  if (y.values.empty()) return false;
  const auto cells = column.int64s();
  std::vector<std::uint32_t> order(rows.begin(), rows.end());
  std::ranges::stable_sort(order, {}, [&](std::uint32_t row) { return cells[row]; });
  std::size_t n_up = 0, n_down = 0;
  for (std::size_t i = 1; i < order.size(); ++i) {
    n_up += y.values[order[i]] > y.values[order[i - 1]];
    n_down += y.values[order[i]] < y.values[order[i - 1]];
  }
  if (y.task == Task::kRegression ? n_up == 0 || n_down == 0 : n_up + n_down < 3 * y.n_classes) return false;
  const std::size_t n_tests = y.task == Task::kMulticlass ? y.n_classes : 1;
  for (std::size_t k = 0; k < n_tests; ++k) {
    std::vector<double> v;
    for (const std::uint32_t row : order)
      v.push_back(y.task == Task::kMulticlass ? static_cast<double>(y.values[row] == static_cast<double>(k))
                                              : y.values[row]);
    // 3.5 is beyond the 99.99 % point of F with 19 and 100 or more degrees of freedom; classes are tests of
    // their own.
    if (block_f_ratio(v) > 3.5) return true;
  }
  return false;
}

/// Drops columns that only name the row: integers that are all distinct and run along with the row number or
/// are dense, and texts or categories that are all distinct and one token with a digit ("A-0017"). The others
/// pass untouched; floats always.
///
/// keep_trend: such an integer stays when the target changes along it (rows in the order of time), but not
/// when the table
///             is just sorted by its target.
/// Missing:    a column with missing cells is no id.
/// Streams:    not: whether numbers run along with the rows depends on their order, and whether all are
/// distinct
///             is known when all are.
/// Edge:       below min_rows fitted rows nothing is dropped.
class DropIdLike final : public KeptColumns {
 public:
  explicit DropIdLike(DropIdLikeParams params) : params_(params) {}

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
              const Context& context) override {
    kept_.assign(x.n_columns(), 1);
    if (rows.size() < static_cast<std::size_t>(params_.min_rows)) return;
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const Column& column = x.column(c);
      bool drop = false;
      if (column.type() == ColumnType::kInt64)
        drop = is_key_number(column, rows) && !(params_.keep_trend && has_trend(column, rows, y));
      else if (column.type() == ColumnType::kText || column.type() == ColumnType::kCategory)
        drop = is_key_text(column, rows);
      kept_[c] = drop ? 0 : 1;
    });
  }

  DropIdLikeParams params_;
};

}  // namespace

TransformerInfo drop_id_like_info() {
  return describe<DropIdLike>(
      "drop_id_like", "Drop columns that only name the row: serial numbers and keys.", "int,text,category",
      ParamTable<DropIdLikeParams>()
          .param("keep_trend", &DropIdLikeParams::keep_trend,
                 "Keep a serial number along which the target changes (used when a target is given).")
          .param("min_rows", &DropIdLikeParams::min_rows, "With fewer training rows nothing is dropped.")
          .limits(2, 1e9));
}

}  // namespace kolosal::transform
