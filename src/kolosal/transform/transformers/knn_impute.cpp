#include <algorithm>
#include <cmath>

#include "kolosal/kernel/masked_distances.hpp"
#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/infinities_internal.hpp"
#include "kolosal/transform/row_sample_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using kernel::kMaskedPoints;

struct KnnParams {
  std::int64_t n_neighbors = 5;
  std::string weights = "uniform";
  std::int64_t max_rows = 100'000;
  std::string infinities = "missing";
};

/// Fills a missing cell by the mean of its column over the nearest fitted rows that have it.
///
/// Distance: Euclidean over the columns that both rows have, scaled up to all columns. Columns count as they
///           are, so put a scaler before this step.
/// Types:    float32 stays float32, everything else becomes float64.
/// Missing:  NaN, and infinities as `infinities` says. A row that shares no present cell with any donor is
/// filled
///           with the column's mean.
/// Edge:     fewer donors than n_neighbors: all of them; a column without a fitted cell is filled with 0. Of
///           equally near rows the earlier one counts. Distances that overflow are none.
/// Cost:     rows with holes x fitted rows x columns; 16 bytes of state per fitted cell. max_rows bounds it.
/// Source:   agrees with scikit-learn's KNNImputer (nan_euclidean, keep_empty_features), which takes any of
/// equally
///           near rows.
class KnnImpute final : public Transformer {
 public:
  explicit KnnImpute(KnnParams params)
      : params_(std::move(params)),
        infinities_(params_.infinities),
        by_distance_(params_.weights == "distance") {}
  std::string made_types() const override { return "float,float32"; }

 private:
  struct Donor {
    double distance;
    double value;
  };
  struct Query;

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override;
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

  void pack(const std::vector<std::vector<double>>& columns);
  void find_donors(std::span<Query> queries) const;
  double fill_of(const std::vector<Donor>& donors, std::size_t column) const;

  KnnParams params_;
  Infinities infinities_;
  bool by_distance_;
  // Fitted cells in groups of kMaskedPoints rows: cell (row, c) is at
  // (row / kMaskedPoints * n_columns + c) * kMaskedPoints + row % kMaskedPoints. Rows that fill up the last
  // group have no present cell.
  std::vector<double> values_, present_;
  std::vector<double> mean_;
  std::size_t n_rows_ = 0;
};

// A row with holes.
struct KnnImpute::Query {
  std::size_t row = 0;
  std::vector<double> cells;
  std::vector<std::uint32_t> has, lacks;   // columns
  std::vector<std::vector<Donor>> donors;  // by place in lacks; nearest first
};

void KnnImpute::pack(const std::vector<std::vector<double>>& columns) {
  const std::size_t n_groups = (n_rows_ + kMaskedPoints - 1) / kMaskedPoints, n_columns = columns.size();
  values_.assign(n_groups * n_columns * kMaskedPoints, 0.0);
  present_.assign(values_.size(), 0.0);
  for (std::size_t c = 0; c < n_columns; ++c)
    for (std::size_t row = 0; row < n_rows_; ++row) {
      if (std::isnan(columns[c][row])) continue;
      const std::size_t at = (row / kMaskedPoints * n_columns + c) * kMaskedPoints + row % kMaskedPoints;
      values_[at] = columns[c][row];
      present_[at] = 1;
    }
}

void KnnImpute::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
                       const Context& context) {
  require_types(x, "knn_impute", "numeric");
  const auto taken =
      sample_rows(rows, static_cast<std::size_t>(params_.max_rows), context.seed, "knn_impute");
  infinities_.fit(x, rows);
  n_rows_ = taken.size();
  mean_.assign(x.n_columns(), 0.0);
  std::vector<std::vector<double>> columns(x.n_columns());
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    columns[c] = infinities_.cells_of(x, c, taken);
    // A mean of partial means does not overflow.
    double n = 0;
    for (const double cell : columns[c])
      if (!std::isnan(cell)) n += 1, mean_[c] += cell / n - mean_[c] / n;
  });
  pack(columns);
}

// Nearest first; of equally near ones the one that came first.
void keep_nearest(auto& donors, std::size_t most, double distance, double value) {
  if (donors.size() == most) {
    if (distance >= donors.back().distance) return;
    donors.pop_back();
  }
  const auto after =
      std::ranges::upper_bound(donors, distance, {}, [](const auto& donor) { return donor.distance; });
  donors.insert(after, {distance, value});
}

void KnnImpute::find_donors(std::span<Query> queries) const {
  const std::size_t n_columns = mean_.size(), group_size = n_columns * kMaskedPoints;
  const auto most = static_cast<std::size_t>(params_.n_neighbors);
  const auto worst_of = [&](const std::vector<Donor>& donors) {
    return donors.size() < most ? kInf : donors.back().distance;
  };
  std::vector<double> worst(queries.size(), kInf);  // a farther row is no donor of any column
  double distances[kMaskedPoints];
  // Groups outside: one is read from memory once for all queries.
  for (std::size_t begin = 0; begin < values_.size(); begin += group_size) {
    for (std::size_t q = 0; q < queries.size(); ++q) {
      Query& query = queries[q];
      const double least =
          kernel::masked_distances(query.cells.data(), query.has.data(), query.has.size(),
                                   values_.data() + begin, present_.data() + begin, distances);
      if (!(least < worst[q])) continue;
      for (std::size_t p = 0; p < kMaskedPoints; ++p) {
        if (!(distances[p] < worst[q])) continue;
        worst[q] = 0;
        for (std::size_t i = 0; i < query.lacks.size(); ++i) {
          const std::size_t at = begin + query.lacks[i] * kMaskedPoints + p;
          if (present_[at] != 0) keep_nearest(query.donors[i], most, distances[p], values_[at]);
          worst[q] = std::max(worst[q], worst_of(query.donors[i]));
        }
      }
    }
  }
}

double KnnImpute::fill_of(const std::vector<Donor>& donors, std::size_t column) const {
  if (donors.empty()) return mean_[column];
  const bool same_place = donors.front().distance == 0;  // such rows alone count
  double sum = 0, total = 0;
  for (const Donor& donor : donors) {
    double weight = 1;
    if (by_distance_) weight = same_place ? (donor.distance == 0 ? 1.0 : 0.0) : 1 / std::sqrt(donor.distance);
    total += weight;
    sum += weight / total * (donor.value - sum);
    if (!std::isfinite(sum)) return mean_[column];  // only of numbers beyond 1e307
  }
  return sum;
}

std::vector<Transformer::Named> KnnImpute::do_transform(const data::Frame& x, const Context& context) const {
  const std::size_t n_columns = x.n_columns();
  std::vector<std::vector<double>> cells(n_columns);
  context.parallel_blocks(n_columns, 1,
                          [&](std::size_t c, std::size_t) { cells[c] = infinities_.cells_of(x, c); });
  // 64 queries per block: their distances use a group of fitted rows while the group is in the cache.
  std::vector<std::uint32_t> with_holes;
  for (std::size_t row = 0; row < x.n_rows(); ++row)
    for (std::size_t c = 0; c < n_columns; ++c)
      if (std::isnan(cells[c][row])) {
        with_holes.push_back(static_cast<std::uint32_t>(row));
        break;
      }
  std::vector<std::vector<std::pair<std::uint32_t, double>>> fills(with_holes.size());
  context.parallel_blocks(with_holes.size(), 64, [&](std::size_t begin, std::size_t end) {
    std::vector<Query> queries(end - begin);
    for (std::size_t q = 0; q < queries.size(); ++q) {
      queries[q].row = with_holes[begin + q];
      queries[q].cells.resize(n_columns);
      for (std::uint32_t c = 0; c < n_columns; ++c) {
        const double cell = cells[c][queries[q].row];
        queries[q].cells[c] = cell;
        (std::isnan(cell) ? queries[q].lacks : queries[q].has).push_back(c);
      }
      queries[q].donors.resize(queries[q].lacks.size());
    }
    find_donors(queries);
    for (std::size_t q = 0; q < queries.size(); ++q)
      for (std::size_t i = 0; i < queries[q].lacks.size(); ++i)
        fills[begin + q].emplace_back(queries[q].lacks[i],
                                      fill_of(queries[q].donors[i], queries[q].lacks[i]));
  });
  for (std::size_t q = 0; q < fills.size(); ++q)
    for (const auto& [c, value] : fills[q]) cells[c][with_holes[q]] = value;
  auto columns = imputed_columns(x, std::move(cells), infinities_.keeps());
  std::vector<Named> out;
  for (std::size_t c = 0; c < n_columns; ++c) out.push_back({x.name(c), std::move(columns[c])});
  return out;
}

void KnnImpute::do_save(artifact::Node& node) const {
  std::vector<double> cells = values_;
  for (std::size_t i = 0; i < cells.size(); ++i)
    if (present_[i] == 0) cells[i] = kNaN;
  node.set_array("cells", cells);
  node.set_array("mean", mean_);
  node.set("n_rows", n_rows_);
  infinities_.save(node);
}

void KnnImpute::do_load(const artifact::Node& node) {
  values_ = node.get_vector<double>("cells");
  mean_ = node.get_vector<double>("mean");
  n_rows_ = static_cast<std::size_t>(node.get_int("n_rows"));
  check_saved_size("knn_impute", {mean_.size()}, input_columns().size());
  check_saved_size("knn_impute", {values_.size()},
                   (n_rows_ + kMaskedPoints - 1) / kMaskedPoints * mean_.size() * kMaskedPoints);
  present_.assign(values_.size(), 1.0);
  for (std::size_t i = 0; i < values_.size(); ++i)
    if (std::isnan(values_[i])) values_[i] = present_[i] = 0;
  infinities_.load(node, mean_.size());
}

}  // namespace

TransformerInfo knn_impute_info() {
  return describe<KnnImpute>(
      "knn_impute", "Fill missing numbers by the mean of the nearest rows that have them.", "numeric",
      ParamTable<KnnParams>()
          .param("n_neighbors", &KnnParams::n_neighbors, "Nearest rows whose mean fills a cell.")
          .limits(1, 10'000)
          .param("weights", &KnnParams::weights,
                 "uniform: all neighbours count the same; distance: by the inverse of their distance.",
                 choice({"uniform", "distance"}))
          .param("max_rows", &KnnParams::max_rows,
                 "Fitted rows that are kept as donors, drawn by the seed when there are more; 0 keeps all.")
          .limits(0, 1e9)
          .param("infinities", &KnnParams::infinities,
                 "Infinite cells: missing (filled), keep, clip (to the fitted range) or error.",
                 Infinities::choices()));
}

}  // namespace kolosal::transform
