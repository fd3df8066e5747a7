#include "kolosal/transform/drift.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/kernel/column_ops.hpp"
#include "kolosal/transform/column_statistics_internal.hpp"
#include "kolosal/transform/level_counts_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;

constexpr std::size_t kCountedWhole = std::size_t{1} << 17;
constexpr std::size_t kBlockStep = 4;
constexpr std::size_t kMostLevels = 65'536;

bool has_range(ColumnType type) {
  return type == ColumnType::kInt64 || type == ColumnType::kFloat64 || type == ColumnType::kFloat32 ||
         type == ColumnType::kDate || type == ColumnType::kTimestamp || type == ColumnType::kBool;
}

struct Counters {
  std::atomic<std::size_t> rows{0}, out_of_range{0}, unseen{0}, missing{0};
};

struct Counts {
  std::size_t out_of_range = 0, unseen = 0, missing = 0;
};

}  // namespace

struct DriftMonitor::Watched {
  std::string name;
  ColumnType type = ColumnType::kFloat64;
  std::size_t n_missing = 0;  // of the fitted rows
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  LevelCounts gathered;  // within the fit
  Levels levels;         // those of fitted rows; too many: none, and not watched
  bool watches_levels = false;
  std::unique_ptr<Counters> counters;

  Counts count(const Column& column, std::size_t begin, std::size_t n) const;
};

DriftMonitor::DriftMonitor() = default;
DriftMonitor::~DriftMonitor() = default;

bool ColumnDrift::missing_drifts() const {
  if (n_rows == 0) return false;
  const double p = fitted_missing_share;
  const double deviation = std::sqrt(std::max(p * (1 - p), 1e-4) / static_cast<double>(n_rows));
  return std::abs(missing_share() - p) > 0.05 + 3 * deviation;
}

std::string ColumnDrift::line() const {
  std::vector<std::string> parts;
  if (n_out_of_range > 0)
    parts.push_back(fmt::format("{} of {} rows are out of the fitted range, {} to {}", n_out_of_range, n_rows,
                                low, high));
  if (n_unseen > 0)
    parts.push_back(fmt::format("{} of {} rows have a level that no fitted row had", n_unseen, n_rows));
  if (missing_drifts())
    parts.push_back(fmt::format("missing in {:.1f} % of the rows, but in {:.1f} % of the fitted ones",
                                100 * missing_share(), 100 * fitted_missing_share));
  return fmt::format("{}: {}", column, fmt::join(parts, "; "));
}

void DriftMonitor::gather(const data::Frame& x, std::span<const std::uint32_t> rows, const Context& context) {
  if (columns_.empty())
    for (std::size_t c = 0; c < x.n_columns(); ++c) {
      columns_.emplace_back();
      columns_.back().name = x.name(c);
      columns_.back().type = x.column(c).type();
    }
  n_fitted_rows_ += rows.size();
  std::vector<CellSource> numbers;
  std::vector<Watched*> of_number;
  for (Watched& watched : columns_) {
    const Column& column = x.column(watched.name);
    if (column.type() != watched.type)
      throw Error(ErrorCode::kData, "column \"{}\" is of type {} in one batch and {} in another",
                  watched.name, data::type_name(watched.type), data::type_name(column.type()));
    if (has_range(watched.type)) {
      numbers.emplace_back(column);
      of_number.push_back(&watched);
    } else if (watched.type == ColumnType::kCategory) {
      watched.gathered.add(rows.size() == column.size() ? column : column.take(rows));
    } else if (watched.type == ColumnType::kText) {
      for (const std::uint32_t row : rows) watched.n_missing += column.is_missing(row) ? 1U : 0U;
    }
  }
  const auto moments = moments_of(numbers, rows, context);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    of_number[i]->n_missing += rows.size() - moments[i].count;
    of_number[i]->low = std::min(of_number[i]->low, moments[i].low);
    of_number[i]->high = std::max(of_number[i]->high, moments[i].high);
  }
}

void DriftMonitor::finish() {
  for (Watched& watched : columns_) {
    if (watched.type != ColumnType::kCategory) continue;
    std::vector<std::int64_t> counts;
    watched.levels = watched.gathered.levels(counts);
    watched.n_missing = static_cast<std::size_t>(counts[Levels::slot(data::kMissingCode)]);
    watched.watches_levels = watched.levels.size() <= kMostLevels;
    if (!watched.watches_levels) watched.levels = Levels(std::make_shared<const data::Dictionary>());
    watched.gathered = {};
  }
  start_counters();
}

void DriftMonitor::start_counters() {
  for (Watched& watched : columns_) watched.counters = std::make_unique<Counters>();
}

Counts DriftMonitor::Watched::count(const Column& column, std::size_t begin, std::size_t n) const {
  Counts out;
  if (has_range(type)) {
    double buffer[kRowGrain];
    const auto found = kernel::count_range(CellSource(column).read(begin, n, buffer), low, high, n);
    out.missing = n - found.n_finite;
    if (low <= high) out.out_of_range = found.n_below + found.n_above;
  } else if (type == ColumnType::kText) {
    for (std::size_t row = begin; row < begin + n; ++row) out.missing += column.is_missing(row) ? 1U : 0U;
  }
  return out;
}

void DriftMonitor::count(const data::Frame& x, const Context& context) const {
  const std::size_t step = x.n_rows() > kCountedWhole ? kBlockStep : 1;
  const std::size_t n_blocks = (x.n_rows() + kRowGrain * step - 1) / (kRowGrain * step);
  context.parallel_blocks(columns_.size(), 1, [&](std::size_t c, std::size_t) {
    const Watched& watched = columns_[c];
    const auto found = x.find(watched.name);
    if (!found || x.column(*found).type() != watched.type) return;
    const Column& column = x.column(*found);
    Counts all;
    std::size_t n_rows = 0;
    for (std::size_t i = 0; i < n_blocks; ++i) {
      const std::size_t begin = i * step * kRowGrain, n = std::min(kRowGrain, x.n_rows() - begin);
      n_rows += n;
      if (watched.type == ColumnType::kCategory) {
        const Column block = column.slice(begin, n);
        const CodeView codes = watched.levels.codes(block);
        for (std::size_t row = 0; row < n; ++row) {
          all.missing += codes[row] == data::kMissingCode ? 1U : 0U;
          all.unseen += watched.watches_levels && codes[row] == data::kUnseenCode ? 1U : 0U;
        }
        continue;
      }
      const Counts part = watched.count(column, begin, n);
      all.out_of_range += part.out_of_range;
      all.missing += part.missing;
    }
    watched.counters->rows.fetch_add(n_rows, std::memory_order_relaxed);
    watched.counters->out_of_range.fetch_add(all.out_of_range, std::memory_order_relaxed);
    watched.counters->unseen.fetch_add(all.unseen, std::memory_order_relaxed);
    watched.counters->missing.fetch_add(all.missing, std::memory_order_relaxed);
  });
}

DriftReport DriftMonitor::report() const {
  DriftReport out;
  for (const Watched& watched : columns_) {
    ColumnDrift drift{.column = watched.name,
                      .n_rows = watched.counters->rows.load(),
                      .n_out_of_range = watched.counters->out_of_range.load(),
                      .n_unseen = watched.counters->unseen.load(),
                      .n_missing = watched.counters->missing.load(),
                      .low = watched.low,
                      .high = watched.high};
    if (n_fitted_rows_ > 0)
      drift.fitted_missing_share =
          static_cast<double>(watched.n_missing) / static_cast<double>(n_fitted_rows_);
    out.n_rows = std::max(out.n_rows, drift.n_rows);
    const bool watches_missing = watched.type != ColumnType::kSparse && n_fitted_rows_ > 0;
    if (drift.n_out_of_range > 0 || drift.n_unseen > 0 || (watches_missing && drift.missing_drifts()))
      out.columns.push_back(std::move(drift));
  }
  return out;
}

void DriftMonitor::forget_counts() const {
  for (const Watched& watched : columns_)
    for (auto* counter : {&watched.counters->rows, &watched.counters->out_of_range, &watched.counters->unseen,
                          &watched.counters->missing})
      counter->store(0);
}

void DriftMonitor::save(artifact::Node& node) const {
  node.set("n_fitted_rows", n_fitted_rows_);
  node.set("n_columns", columns_.size());
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    artifact::Node& child = node.add_child(fmt::format("column_{}", c));
    child.set("name", columns_[c].name);
    child.set("type", std::string(data::type_name(columns_[c].type)));
    child.set("n_missing", columns_[c].n_missing);
    child.set("low", columns_[c].low);
    child.set("high", columns_[c].high);
    child.set("watches_levels", columns_[c].watches_levels);
    if (columns_[c].watches_levels) columns_[c].levels.save(child);
  }
}

std::shared_ptr<const DriftMonitor> DriftMonitor::load(const artifact::Node& node) {
  auto out = std::make_shared<DriftMonitor>();
  out->n_fitted_rows_ = static_cast<std::size_t>(node.get_int("n_fitted_rows"));
  for (std::int64_t c = 0; c < node.get_int("n_columns"); ++c) {
    const artifact::Node& child = node.child(fmt::format("column_{}", c));
    Watched watched;
    watched.name = child.get_string("name");
    const auto type = data::type_from_name(child.get_string("type"));
    if (!type)
      throw Error(ErrorCode::kModel, "the model holds a column of unknown type \"{}\"",
                  child.get_string("type"));
    watched.type = *type;
    watched.n_missing = static_cast<std::size_t>(child.get_int("n_missing"));
    watched.low = child.get_double("low");
    watched.high = child.get_double("high");
    watched.watches_levels = child.get_bool("watches_levels");
    watched.levels =
        watched.watches_levels ? Levels::load(child) : Levels(std::make_shared<const data::Dictionary>());
    out->columns_.push_back(std::move(watched));
  }
  out->start_counters();
  return out;
}

}  // namespace kolosal::transform
