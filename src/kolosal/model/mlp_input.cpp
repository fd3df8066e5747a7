#include "kolosal/model/mlp_input.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kolosal/core/error.hpp"

namespace kolosal::model {
namespace {

using data::Column;
using data::ColumnType;

constexpr double kCut = 8;  // deviations
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kMaxQuantileRows = 200'000;  // edges of more rows are those of every i-th one

struct Moments {
  double centre = 0;
  double scale = 1;
  bool missing = false;
};

/// Of the finite cells; computed on cells divided by the largest one, so that squares do not overflow.
Moments moments_of(const std::vector<double>& cells) {
  Moments out;
  double largest = 0, n = 0, sum = 0, squares = 0;
  for (const double cell : cells) {
    out.missing |= std::isnan(cell);
    if (std::isfinite(cell)) largest = std::max(largest, std::fabs(cell));
  }
  if (largest == 0) return out;
  for (const double cell : cells)
    if (std::isfinite(cell)) sum += cell / largest, ++n;
  const double mean = sum / n;
  for (const double cell : cells)
    if (std::isfinite(cell)) squares += (cell / largest - mean) * (cell / largest - mean);
  const double deviation = std::sqrt(squares / n);
  out.centre = mean * largest;
  if (deviation > 1e-12) out.scale = deviation * largest;
  return out;
}

float standardized(double cell, double centre, double scale) {
  return static_cast<float>(std::clamp((cell - centre) / scale, -kCut, kCut));
}

/// Values with the number of rows that hold them, ascending.
struct Distinct {
  std::vector<float> value;
  std::vector<double> weight;
};

Distinct distinct_of(std::vector<float> z) {
  std::ranges::sort(z);
  Distinct out;
  for (const float v : z) {
    if (out.value.empty() || v != out.value.back()) {
      out.value.push_back(v);
      out.weight.push_back(0);
    }
    ++out.weight.back();
  }
  return out;
}

/// Lets no value weigh more than one of n_bins equal shares of what is left: the zeros that most rows hold
/// would take all quantiles.
void cap_weights(std::vector<double>& weight, std::size_t n_bins) {
  constexpr int kSteps = 30;  // each brings the cap nearer to its limit by a factor of two or more
  for (int step = 0; step < kSteps; ++step) {
    const double cap = std::accumulate(weight.begin(), weight.end(), 0.0) / static_cast<double>(n_bins);
    if (std::ranges::all_of(weight, [&](double w) { return w <= cap; })) return;
    for (double& w : weight) w = std::min(w, cap);
  }
}

/// Quantiles at n_bins + 1 equal steps, without repeats; empty for fewer than two bins (the number itself
/// says as much).
std::vector<float> quantile_edges(std::vector<float> z, std::size_t n_bins) {
  std::erase_if(z, [](float v) { return std::isnan(v); });
  if (z.size() < 2 || n_bins < 2) return {};
  const std::size_t step = (z.size() + kMaxQuantileRows - 1) / kMaxQuantileRows;
  const auto [low, high] = std::ranges::minmax(z);
  std::vector<float> some;
  for (std::size_t i = 0; i < z.size(); i += step) some.push_back(z[i]);
  Distinct distinct = distinct_of(std::move(some));
  cap_weights(distinct.weight, n_bins);
  const double total = std::accumulate(distinct.weight.begin(), distinct.weight.end(), 0.0);
  std::vector<float> edges{low};
  double below = 0;
  for (std::size_t i = 0, b = 1; i < distinct.value.size(); ++i) {
    below += distinct.weight[i];
    for (; b < n_bins && below >= static_cast<double>(b) * total / static_cast<double>(n_bins); ++b)
      edges.push_back(distinct.value[i]);
  }
  edges.push_back(high);
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  return edges.size() < 3 ? std::vector<float>() : edges;
}

/// fastai's rule, at most 32.
std::size_t embedding_size(std::size_t n_levels) {
  const double size = std::ceil(1.6 * std::pow(static_cast<double>(n_levels), 0.56));
  return static_cast<std::size_t>(std::min(size, 32.0));
}

[[noreturn]] void damaged(const char* what) {
  throw Error(ErrorCode::kModel, "the input of a network is damaged: {}", what);
}

}  // namespace

void MlpInput::add_number(const Column& column, std::int32_t c, const Options& options) {
  std::vector<double> cells(column.size());
  column.copy_numbers(std::span<double>(cells));
  const Moments moments = moments_of(cells);
  Number number{c, moments.centre, moments.scale, moments.missing, {}};
  if (options.n_bins > 0) {
    std::vector<float> z(cells.size());
    for (std::size_t i = 0; i < z.size(); ++i) z[i] = standardized(cells[i], number.centre, number.scale);
    number.edges = quantile_edges(std::move(z), options.n_bins);
  }
  numbers_.push_back(std::move(number));
}

void MlpInput::add_category(const Column& column, std::int32_t c, const Options& options) {
  const auto n_levels = static_cast<std::size_t>(column.dictionary()->size());
  std::vector<std::uint8_t> seen(n_levels + 1);
  for (const std::int32_t code : column.codes())
    if (code != data::kUnseenCode)
      seen[code == data::kMissingCode ? n_levels : static_cast<std::size_t>(code)] = 1;
  Slots slots{c, -1, std::vector<std::int32_t>(n_levels + 1, -1)};
  std::int32_t n = 0;
  for (std::size_t level = 0; level <= n_levels; ++level)
    if (seen[level]) slots.slot[level] = n++;
  if (static_cast<std::size_t>(n) > options.max_onehot) {
    const auto count = static_cast<std::size_t>(n);
    slots.embedding = static_cast<std::int32_t>(embeddings_.size());
    embeddings_.push_back(
        {count, options.embedding_size > 0 ? options.embedding_size : embedding_size(count)});
  } else {
    for (std::int32_t& slot : slots.slot)
      if (slot >= 0) slot += static_cast<std::int32_t>(n_sparse_);
    n_sparse_ += static_cast<std::size_t>(n);
  }
  slots_.push_back(std::move(slots));
}

void MlpInput::add_sparse(const Column& column, std::int32_t c) {
  const data::SparseView view = column.sparse();
  std::vector<std::uint32_t> count(static_cast<std::size_t>(view.width));
  for (std::int64_t p = view.offsets[0]; p < view.offsets[column.size()]; ++p)
    ++count[static_cast<std::size_t>(view.indices[p])];
  std::vector<std::int32_t> order(count.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::int32_t i) { return count[static_cast<std::size_t>(i)]; });
  if (order.size() > kMaxSparse) order.resize(kMaxSparse);
  std::ranges::sort(order);
  Slots slots{c, -1, std::vector<std::int32_t>(count.size(), -1)};
  for (const std::int32_t i : order)
    if (count[static_cast<std::size_t>(i)] > 0)
      slots.slot[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(n_sparse_++);
  slots_.push_back(std::move(slots));
}

void MlpInput::count_fixed() {
  n_fixed_ = numbers_.size();
  for (const Number& number : numbers_)
    n_fixed_ += (number.has_indicator ? 1 : 0) + (number.edges.empty() ? 0 : number.edges.size() - 1);
}

MlpInput MlpInput::fit(const data::Frame& x, std::span<const std::uint32_t> rows, const Options& options) {
  MlpInput out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const Column column = x.column(c).take(rows);
    const auto place = static_cast<std::int32_t>(c);
    if (column.type() == ColumnType::kCategory)
      out.add_category(column, place, options);
    else if (column.type() == ColumnType::kSparse)
      out.add_sparse(column, place);
    else if (column.is_numeric())
      out.add_number(column, place, options);
    else
      throw Error(ErrorCode::kData,
                  "a network takes numbers, categories and sparse columns: column \"{}\" is {}", x.name(c),
                  data::type_name(column.type()));
  }
  out.count_fixed();
  return out;
}

void MlpInput::encode_number(const Column& column, std::size_t place, MlpRows& out) const {
  const Number& number = numbers_[place];
  std::vector<double> cells(out.n_rows);
  column.copy_numbers(std::span<double>(cells));
  for (std::size_t i = 0; i < out.n_rows; ++i)
    out.numbers[i * out.n_numbers + place] =
        std::isnan(cells[i]) ? kNaN : standardized(cells[i], number.centre, number.scale);
}

std::int32_t MlpInput::slot_of(const Slots& slots, std::int32_t code) {
  const auto n_levels = static_cast<std::int32_t>(slots.slot.size()) - 1;
  const std::int32_t level = code == data::kMissingCode ? n_levels : code < n_levels ? code : -1;
  return level < 0 ? -1 : slots.slot[static_cast<std::size_t>(level)];
}

void MlpInput::encode_row(std::span<const data::RowCell> row, const std::vector<data::ColumnType>& types,
                          MlpRows& out) const {
  out.n_rows = 1;
  out.n_numbers = numbers_.size();
  out.numbers.resize(out.n_numbers);
  out.embedded.resize(embeddings_.size());
  out.indices.clear();
  out.values.clear();
  for (std::size_t n = 0; n < numbers_.size(); ++n) {
    const Number& number = numbers_[n];
    const double cell = row[static_cast<std::size_t>(number.column)].number;
    out.numbers[n] = std::isnan(cell) ? kNaN : standardized(cell, number.centre, number.scale);
  }
  const auto add = [&](std::int32_t feature, float value) {
    if (feature < 0) return;
    out.indices.push_back(feature);
    out.values.push_back(value);
  };
  for (const Slots& slots : slots_) {
    const auto column = static_cast<std::size_t>(slots.column);
    if (types[column] == data::ColumnType::kSparse) {
      for (const data::SparseEntry& entry : row[column].sparse())
        if (entry.index < static_cast<std::int32_t>(slots.slot.size()))
          add(slots.slot[static_cast<std::size_t>(entry.index)], entry.value);
      continue;
    }
    const std::int32_t slot = slot_of(slots, static_cast<std::int32_t>(row[column].number));
    if (slots.embedding < 0)
      add(slot, 1.0F);
    else
      out.embedded[static_cast<std::size_t>(slots.embedding)] = slot;
  }
  out.offsets.assign({0, static_cast<std::int64_t>(out.indices.size())});
}

MlpRows MlpInput::encode(const data::Frame& x) const {
  MlpRows out;
  out.n_rows = x.n_rows();
  out.n_numbers = numbers_.size();
  out.numbers.resize(out.n_rows * out.n_numbers);
  out.embedded.resize(out.n_rows * embeddings_.size());
  out.offsets.reserve(out.n_rows + 1);
  for (std::size_t n = 0; n < numbers_.size(); ++n)
    encode_number(x.column(static_cast<std::size_t>(numbers_[n].column)), n, out);
  for (std::size_t i = 0; i < out.n_rows; ++i) {
    const auto add = [&](std::int32_t feature, float value) {
      if (feature < 0) return;
      out.indices.push_back(feature);
      out.values.push_back(value);
    };
    for (const Slots& slots : slots_) {
      const Column& column = x.column(static_cast<std::size_t>(slots.column));
      if (column.type() == ColumnType::kSparse) {
        const data::SparseView view = column.sparse();
        for (std::int64_t p = view.offsets[i]; p < view.offsets[i + 1]; ++p)
          if (view.indices[p] < static_cast<std::int32_t>(slots.slot.size()))
            add(slots.slot[static_cast<std::size_t>(view.indices[p])], view.values[p]);
        continue;
      }
      const std::int32_t slot = slot_of(slots, column.codes()[i]);
      if (slots.embedding < 0)
        add(slot, 1.0F);
      else
        out.embedded[i * embeddings_.size() + static_cast<std::size_t>(slots.embedding)] = slot;
    }
    out.offsets.push_back(static_cast<std::int64_t>(out.indices.size()));
  }
  return out;
}

void MlpInput::write_fixed(const MlpRows& rows, std::size_t row, float* out) const {
  const float* z = rows.numbers.data() + row * rows.n_numbers;
  float* next = out + numbers_.size();
  for (std::size_t n = 0; n < numbers_.size(); ++n) {
    const bool missing = std::isnan(z[n]);
    out[n] = missing ? 0.0F : z[n];
    if (numbers_[n].has_indicator) *next++ = missing ? 1.0F : 0.0F;
  }
  for (std::size_t n = 0; n < numbers_.size(); ++n) {
    const std::vector<float>& edges = numbers_[n].edges;
    for (std::size_t b = 0; b + 1 < edges.size(); ++b) {
      const float place = (z[n] - edges[b]) / (edges[b + 1] - edges[b]);
      *next++ = place > 0 ? std::min(place, 1.0F) : 0.0F;  // 0 for NaN
    }
  }
}

void MlpInput::add_terms(const MlpRows& rows, std::size_t row, std::vector<MlpTerm>& out) const {
  const float* const z = rows.numbers.data() + row * rows.n_numbers;
  const auto add = [&](std::size_t input, float factor) {
    out.push_back({static_cast<std::uint32_t>(input), factor});
  };
  std::size_t indicator = numbers_.size();
  for (std::size_t n = 0; n < numbers_.size(); ++n) {
    const bool missing = std::isnan(z[n]);
    if (missing && numbers_[n].has_indicator) add(indicator, 1);
    if (numbers_[n].has_indicator) ++indicator;
    if (!missing) add(n, z[n]);
  }
  std::size_t first_bin = indicator;  // those of a number are side by side
  for (std::size_t n = 0; n < numbers_.size(); ++n) {
    const std::vector<float>& edges = numbers_[n].edges;
    if (edges.empty()) continue;
    const std::size_t count = edges.size() - 1;
    if (z[n] > edges.front()) {  // not for NaN
      const auto above = std::ranges::upper_bound(edges, z[n]);
      const std::size_t bin = static_cast<std::size_t>(above - edges.begin()) - 1;  // the row's own
      if (bin > 0) add(n_fixed_ + first_bin - indicator + bin - 1, 1);
      if (bin < count && z[n] > edges[bin])
        add(first_bin + bin, std::min((z[n] - edges[bin]) / (edges[bin + 1] - edges[bin]), 1.0F));
    }
    first_bin += count;
  }
}

std::vector<std::size_t> MlpInput::n_bins() const {
  std::vector<std::size_t> out;
  for (const Number& number : numbers_) out.push_back(number.edges.empty() ? 0 : number.edges.size() - 1);
  return out;
}

void MlpInput::save(artifact::Node& node) const {
  std::vector<std::int32_t> column, n_edges, slot_column, n_slots, embedding, slot;
  std::vector<std::uint8_t> indicator;
  std::vector<double> centre, scale;
  std::vector<float> edges;
  for (const Number& number : numbers_) {
    column.push_back(number.column);
    centre.push_back(number.centre);
    scale.push_back(number.scale);
    indicator.push_back(number.has_indicator ? 1 : 0);
    n_edges.push_back(static_cast<std::int32_t>(number.edges.size()));
    edges.insert(edges.end(), number.edges.begin(), number.edges.end());
  }
  for (const Slots& slots : slots_) {
    slot_column.push_back(slots.column);
    embedding.push_back(slots.embedding);
    n_slots.push_back(static_cast<std::int32_t>(slots.slot.size()));
    slot.insert(slot.end(), slots.slot.begin(), slots.slot.end());
  }
  std::vector<std::int64_t> tables;
  for (const Embedding& table : embeddings_) {
    tables.push_back(static_cast<std::int64_t>(table.n_levels));
    tables.push_back(static_cast<std::int64_t>(table.size));
  }
  node.set_array("column", column);
  node.set_array("centre", centre);
  node.set_array("scale", scale);
  node.set_array("indicator", indicator);
  node.set_array("n_edges", n_edges);
  node.set_array("edges", edges);
  node.set_array("slot_column", slot_column);
  node.set_array("embedding", embedding);
  node.set_array("n_slots", n_slots);
  node.set_array("slot", slot);
  node.set_array("embedding_tables", tables);
  node.set("n_sparse", n_sparse_);
}

MlpInput MlpInput::load(const artifact::Node& node, std::size_t n_columns) {
  MlpInput out;
  const auto column = node.array<std::int32_t>("column"), n_edges = node.array<std::int32_t>("n_edges");
  const auto centre = node.array<double>("centre"), scale = node.array<double>("scale");
  const auto indicator = node.array<std::uint8_t>("indicator");
  const auto edges = node.array<float>("edges");
  const auto slot_column = node.array<std::int32_t>("slot_column");
  const auto embedding = node.array<std::int32_t>("embedding"), n_slots = node.array<std::int32_t>("n_slots");
  const auto slot = node.array<std::int32_t>("slot");
  const auto tables = node.array<std::int64_t>("embedding_tables");
  const std::int64_t n_sparse = node.get_int("n_sparse");
  if (centre.size() != column.size() || scale.size() != column.size() || indicator.size() != column.size() ||
      n_edges.size() != column.size() || embedding.size() != slot_column.size() ||
      n_slots.size() != slot_column.size() || column.size() + slot_column.size() != n_columns)
    damaged("the columns have different numbers of parts");
  if (tables.size() % 2 != 0 || n_sparse < 0 || n_sparse > (1 << 30)) damaged("the sizes");
  const auto check_column = [&](std::int32_t c) {
    if (c < 0 || static_cast<std::size_t>(c) >= n_columns) damaged("a column number");
    return c;
  };
  for (std::size_t t = 0; t < tables.size(); t += 2) {
    if (tables[t] < 1 || tables[t] > (1 << 30) || tables[t + 1] < 1 || tables[t + 1] > 4096)
      damaged("an embedding");
    out.embeddings_.push_back({static_cast<std::size_t>(tables[t]), static_cast<std::size_t>(tables[t + 1])});
  }
  std::size_t at = 0;
  for (std::size_t n = 0; n < column.size(); ++n) {
    const auto count = static_cast<std::size_t>(std::max(n_edges[n], 0));
    if (count > edges.size() - at) damaged("the bins");
    out.numbers_.push_back({check_column(column[n]),
                            centre[n],
                            scale[n],
                            indicator[n] != 0,
                            {edges.begin() + static_cast<std::ptrdiff_t>(at),
                             edges.begin() + static_cast<std::ptrdiff_t>(at + count)}});
    at += count;
  }
  at = 0;
  for (std::size_t s = 0; s < slot_column.size(); ++s) {
    const auto count = static_cast<std::size_t>(std::max(n_slots[s], 0));
    if (count > slot.size() - at || embedding[s] >= static_cast<std::int32_t>(out.embeddings_.size()))
      damaged("the levels");
    Slots slots{check_column(slot_column[s]), embedding[s], {}};
    const std::size_t limit = embedding[s] < 0
                                  ? static_cast<std::size_t>(n_sparse)
                                  : out.embeddings_[static_cast<std::size_t>(embedding[s])].n_levels;
    for (const std::int32_t value : slot.subspan(at, count)) {
      if (value < -1 || (value >= 0 && static_cast<std::size_t>(value) >= limit)) damaged("a level");
      slots.slot.push_back(value);
    }
    out.slots_.push_back(std::move(slots));
    at += count;
  }
  out.n_sparse_ = static_cast<std::size_t>(n_sparse);
  out.count_fixed();
  return out;
}

}  // namespace kolosal::model
