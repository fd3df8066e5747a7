#include "kolosal/transform/resampler.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/data/cell_buffer.hpp"

namespace kolosal::transform {

#define KOLOSAL_PLUGIN(name) ResamplerInfo name##_info();
#include "kolosal/transform/resamplers_catalog.inc"
#undef KOLOSAL_PLUGIN

namespace {

using data::Column;
using data::ColumnType;
using Made = ResamplePlan::Made;

std::vector<ResamplerInfo> read_catalog() {
  std::vector<ResamplerInfo> out;
#define KOLOSAL_PLUGIN(name) out.push_back(name##_info());
#include "kolosal/transform/resamplers_catalog.inc"
#undef KOLOSAL_PLUGIN
  std::ranges::sort(out, {}, &ResamplerInfo::name);
  return out;
}

// Whether the rows follow each other without a gap, as when all rows of a table are kept.
bool is_run(std::span<const std::uint32_t> rows) {
  for (std::size_t i = 1; i < rows.size(); ++i)
    if (rows[i] != rows[i - 1] + 1) return false;
  return !rows.empty();
}

template <typename T>
void write_cells(std::span<const T> cells, const ResamplePlan& plan, bool is_kept_run, std::span<T> out) {
  const std::size_t n_kept = plan.kept.size();
  if (is_kept_run)
    std::ranges::copy(cells.subspan(plan.kept.front(), n_kept), out.begin());
  else
    for (std::size_t i = 0; i < n_kept; ++i) out[i] = cells[plan.kept[i]];
  for (std::size_t i = 0; i < plan.made.size(); ++i) {
    const Made& made = plan.made[i];
    const auto from = static_cast<double>(cells[made.base]), to = static_cast<double>(cells[made.neighbour]);
    const double gap = to - from;  // overflows between the ends of the range of double
    const double cell = std::isfinite(gap) ? from + made.step * gap : from * (1 - made.step) + to * made.step;
    out[n_kept + i] = static_cast<T>(cell);
  }
}

// The cells of the kept rows, and of the bases of the made ones.
Column base_cells(const Column& column, const ResamplePlan& plan) {
  std::vector<std::uint32_t> rows = plan.kept;
  for (const Made& made : plan.made) rows.push_back(made.base);
  return column.take(rows);
}

std::int64_t between(std::int64_t from, std::int64_t to, double step) {
  const auto low = static_cast<long double>(from), high = static_cast<long double>(to);
  const long double value = std::round(low + static_cast<long double>(step) * (high - low));
  const auto [least, most] = std::minmax(from, to);
  if (value <= static_cast<long double>(least)) return least;
  if (value >= static_cast<long double>(most)) return most;
  return static_cast<std::int64_t>(value);
}

// int64, date, timestamp and bool cells. A made cell whose neighbour is missing is the base's.
Column whole_cells(const Column& column, const ResamplePlan& plan) {
  const Column bases = base_cells(column, plan);
  data::Bitmap valid;
  if (bases.n_missing() > 0) {
    valid = data::all_present(bases.size());
    for (std::size_t i = 0; i < bases.size(); ++i)
      if (bases.is_missing(i)) data::clear_bit(valid.data(), i);
  }
  const std::size_t n_kept = plan.kept.size();
  const auto is_between = [&](const Made& made) {
    return !column.is_missing(made.base) && !column.is_missing(made.neighbour);
  };
  if (column.type() == ColumnType::kBool) {
    const auto cells = column.bools();
    std::vector<std::uint8_t> out(bases.bools().begin(), bases.bools().end());
    for (std::size_t i = 0; i < plan.made.size(); ++i)
      if (is_between(plan.made[i]) && plan.made[i].step > 0.5)
        out[n_kept + i] = cells[plan.made[i].neighbour];
    return Column::from_bool(std::move(out), std::move(valid));
  }
  const auto cells = column.int64s();
  std::vector<std::int64_t> out(bases.int64s().begin(), bases.int64s().end());
  for (std::size_t i = 0; i < plan.made.size(); ++i) {
    const Made& made = plan.made[i];
    if (is_between(made)) out[n_kept + i] = between(cells[made.base], cells[made.neighbour], made.step);
  }
  if (column.type() == ColumnType::kDate) return Column::from_date(std::move(out), std::move(valid));
  if (column.type() == ColumnType::kTimestamp)
    return Column::from_timestamp(std::move(out), std::move(valid));
  return Column::from_int64(std::move(out), std::move(valid));
}

Column category_cells(const Column& column, const ResamplePlan& plan, const std::vector<std::int32_t>& made) {
  std::vector<std::int32_t> codes;
  for (const std::uint32_t row : plan.kept) codes.push_back(column.codes()[row]);
  codes.insert(codes.end(), made.begin(), made.end());
  return Column::from_category(std::move(codes), column.dictionary());
}

// Columns that are not floating point.
Column resampled_column(const Column& column, const ResamplePlan& plan, std::size_t c) {
  switch (column.type()) {
    case ColumnType::kBool:
    case ColumnType::kInt64:
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return whole_cells(column, plan);
    case ColumnType::kCategory:
      if (c < plan.codes.size() && !plan.codes[c].empty()) return category_cells(column, plan, plan.codes[c]);
      return base_cells(column, plan);
    case ColumnType::kFloat64:
    case ColumnType::kFloat32:
    case ColumnType::kText:
    case ColumnType::kSparse:
      break;
  }
  return base_cells(column, plan);
}

std::vector<Column> resampled_columns(const data::Frame& x, const ResamplePlan& plan,
                                      const Context& context) {
  std::vector<Column> out(x.n_columns());
  std::size_t n_doubles = 0, n_floats = 0;
  std::vector<std::size_t> place(x.n_columns());  // among the columns of its type
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    if (x.column(c).type() == ColumnType::kFloat64) place[c] = n_doubles++;
    if (x.column(c).type() == ColumnType::kFloat32) place[c] = n_floats++;
  }
  const std::size_t n = plan.kept.size() + plan.made.size();
  auto doubles = data::CellBuffer<double>::several(n_doubles, n);
  auto floats = data::CellBuffer<float>::several(n_floats, n);
  const bool is_kept_run = is_run(plan.kept);
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    const Column& column = x.column(c);
    if (column.type() == ColumnType::kFloat64) {
      auto& cells = doubles[place[c]];
      write_cells(column.float64s(), plan, is_kept_run, cells.cells());
      out[c] = std::move(cells).to_column(ColumnType::kFloat64);
    } else if (column.type() == ColumnType::kFloat32) {
      auto& cells = floats[place[c]];
      write_cells(column.float32s(), plan, is_kept_run, cells.cells());
      out[c] = std::move(cells).to_column(ColumnType::kFloat32);
    } else {
      out[c] = resampled_column(column, plan, c);
    }
  });
  return out;
}

}  // namespace

ResamplePlan Resampler::plan(const data::Frame& x, std::span<const std::uint32_t> rows,
                             const data::TargetView& y, const Context& context) const {
  KOLOSAL_ASSERT(y.values.size() == x.n_rows(), "the target has a value per row of the frame");
  if (needs_classes() && y.task == data::Task::kRegression)
    throw Error(ErrorCode::kInvalidParameter,
                "this resampler balances classes, but the target is a number; leave resampling out");
  return do_plan(x, rows, y, context);
}

Resampled Resampler::resample(const data::Frame& x, std::span<const std::uint32_t> rows,
                              const data::TargetView& y, const Context& context) const {
  const ResamplePlan decided = plan(x, rows, y, context);
  Resampled out{{x.names(), resampled_columns(x, decided, context)}, {}, {}};
  out.values.reserve(decided.kept.size() + decided.made.size());
  for (const std::uint32_t row : decided.kept) out.values.push_back(y.values[row]);
  for (const Made& made : decided.made) out.values.push_back(made.value);
  if (!y.weights.empty()) {
    for (const std::uint32_t row : decided.kept) out.weights.push_back(y.weights[row]);
    for (const Made& made : decided.made) out.weights.push_back(y.weights[made.base]);
  }
  return out;
}

const std::vector<ResamplerInfo>& resamplers() {
  static const std::vector<ResamplerInfo> catalog = read_catalog();
  return catalog;
}

const ResamplerInfo& resampler_info(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& info : resamplers()) {
    if (info.name == name) return info;
    known.push_back(info.name);
  }
  const std::string near = nearest_name(name, known);
  throw Error(ErrorCode::kInvalidParameter, "there is no resampler \"{}\"; {}", name,
              near.empty() ? fmt::format("known are {}", fmt::join(known, ", "))
                           : fmt::format("did you mean \"{}\"?", near));
}

std::unique_ptr<Resampler> make_resampler(std::string_view name, const ParamMap& params) {
  return resampler_info(name).make(params);
}

}  // namespace kolosal::transform
