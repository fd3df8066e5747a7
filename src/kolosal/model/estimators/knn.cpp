#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <optional>

#include "kolosal/core/spares.hpp"
#include "kolosal/kernel/masked_distances.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/training_rows.hpp"
#include "kolosal/model/whole_points.hpp"

namespace kolosal::model {
namespace {

using data::ColumnType;
using kernel::kMaskedPoints;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

struct KnnParams {
  int n_neighbors = 5;
  std::string weights = "uniform";
  bool standardize = true;
};

/// The k nearest rows so far of one query, nearest first, and how many rows beside them are exactly as far as
/// the last: those share its places, so that the order of the rows does not matter.
struct Nearest {
  std::vector<double> distance;
  std::vector<std::uint32_t> row;
  std::vector<double> tied;  ///< n_outputs sums of weight * target, then the sum of weights
  std::size_t n_tied = 0;
  std::vector<double> sums;  ///< of the vote

  void clear(std::size_t n_outputs) {
    distance.clear();
    row.clear();
    tied.assign(n_outputs + 1, 0.0);
    n_tied = 0;
  }
};

/// The mean target, or the class shares, of the nearest training rows.
///
/// Distance: Euclidean over the cells that both rows have, stretched to all columns (nan_euclidean). Numbers
///           are scaled to variance 1 unless standardize is off; a category that differs counts 1.
/// Ties:     rows exactly as far as the k-th share the places that are left.
/// Missing:  native, as above; infinite numbers are missing, an unseen level differs from every other. A row
///           that has no cell in common with any training row gets the mean of the target.
/// Quantized: a model that was stored in whole numbers of 8 bits is compared in them (WholePoints).
/// Cost:     predict compares each row with every training row: n_rows * n_train * n_columns; the state is
///           8 bytes per cell, 16 in memory.
/// Source:   scikit-learn's KNeighborsClassifier and KNeighborsRegressor by brute force; row weights multiply
///           the weights of neighbours.
class Knn final : public Estimator {
 public:
  using Params = KnnParams;
  explicit Knn(Params params) : params_(std::move(params)) { by_distance(); }
  std::unique_ptr<RowEvaluator> row_evaluator() const override { return std::make_unique<Row>(*this); }

 protected:
  FitReport do_fit(const TrainingData& data, const Prepared*, RowSplit rows, const Context& context) override;
  void do_predict(const data::Frame& x, std::span<double> out, const Context& context) const override {
    predict_until(x, out, context, false);
  }
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

 private:
  struct Query {
    std::vector<double> cells;
    std::vector<std::uint32_t> has;  // features with a cell: numbers, then categories
    std::size_t n_numbers = 0;       // how many of them are numbers
    WholeRow whole;                  // the same in whole numbers, for points that are
  };

  class Row final : public RowEvaluator {
   public:
    explicit Row(const Knn& learner) : learner_(learner) {}
    void predict(std::span<const data::RowCell> row, std::span<double> out) const override {
      const auto scratch = spares_.take();
      learner_.read_query(row, scratch->query);
      scratch->nearest.clear(learner_.mean_.size());
      learner_.find_nearest({&scratch->query, 1}, {&scratch->nearest, 1}, Context(), false);
      learner_.vote(scratch->nearest, out);
    }

   private:
    struct Scratch {
      Query query;
      Nearest nearest;
    };
    const Knn& learner_;
    mutable Spares<Scratch> spares_;
  };

  bool by_distance() const {
    if (params_.weights == "distance") return true;
    if (params_.weights == "uniform") return false;
    throw Error(ErrorCode::kInvalidParameter, "knn: weights must be uniform or distance: {}",
                params_.weights);
  }
  std::size_t group_size() const { return columns_.size() * kMaskedPoints; }
  void order_columns(const data::Frame& x);
  std::vector<double> cells_of(const data::Frame& x, std::size_t feature) const;
  void unpack();
  bool predict_until(const data::Frame& x, std::span<double> out, const Context& context,
                     bool may_stop) const;
  std::vector<Query> queries_of(const data::Frame& x) const;
  void read_query(std::span<const data::RowCell> row, Query& out) const;
  void add_cell(std::size_t feature, double cell, Query& query) const;
  double group_distances(std::size_t group, const Query& query, double limit, double* out) const;
  bool find_nearest(std::span<const Query> queries, std::span<Nearest> nearest, const Context& context,
                    bool may_stop) const;
  void add_target(std::uint32_t row, double factor, std::span<double> sums) const;
  void admit(Nearest& nearest, double distance, std::uint32_t row) const;
  void vote(Nearest& nearest, std::span<double> out) const;

  Params params_;
  std::vector<std::uint32_t> columns_;  // of the frame, by feature: numbers first
  std::size_t n_numbers_ = 0;
  std::size_t n_rows_ = 0;
  std::vector<double> centre_, scale_;  // of the numbers
  std::vector<double> values_;          // groups of kMaskedPoints rows, feature by feature; 0 where missing
  std::vector<double> present_;         // 1 where values_ has a cell
  std::optional<WholePoints> whole_;    // in place of the two
  std::vector<double> target_;          // n_rows
  std::vector<double> weights_;         // n_rows, or empty
  std::vector<double> mean_;            // n_outputs
};

void Knn::order_columns(const data::Frame& x) {
  columns_.clear();
  for (const bool numeric : {true, false}) {
    for (std::size_t c = 0; c < x.n_columns(); ++c) {
      const ColumnType type = x.column(c).type();
      if (type == ColumnType::kSparse)
        throw Error(ErrorCode::kData, "knn takes numbers and categories: column \"{}\" is {}", x.name(c),
                    data::type_name(type));
      if ((type != ColumnType::kCategory) == numeric) columns_.push_back(static_cast<std::uint32_t>(c));
    }
    if (numeric) n_numbers_ = columns_.size();
  }
}

/// NaN where missing. Levels that fit never saw stay a code of their own.
std::vector<double> Knn::cells_of(const data::Frame& x, std::size_t feature) const {
  const data::Column& column = x.column(columns_[feature]);
  std::vector<double> cells(x.n_rows());
  if (column.type() == ColumnType::kCategory) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      cells[i] = column.codes()[i] == data::kMissingCode ? kMissing : column.codes()[i];
  } else {
    column.copy_numbers(std::span<double>(cells));
    for (double& cell : cells)
      if (std::isinf(cell)) cell = kMissing;
  }
  return cells;
}

FitReport Knn::do_fit(const TrainingData& data, const Prepared*, RowSplit rows, const Context& context) {
  order_columns(*data.x);
  whole_.reset();
  n_rows_ = rows.train.size();
  mean_ = mean_target(data.y, rows.train);
  target_ = target_of(data.y, rows.train);
  weights_ = weights_of(data.y, rows.train, false);
  centre_.assign(n_numbers_, 0.0);
  scale_.assign(n_numbers_, 1.0);
  values_.assign((n_rows_ + kMaskedPoints - 1) / kMaskedPoints * group_size(), kMissing);
  const data::Frame train = data.x->take(rows.train);
  context.parallel_blocks(columns_.size(), 1, [&](std::size_t f, std::size_t) {
    const std::vector<double> cells = cells_of(train, f);
    if (f < n_numbers_ && params_.standardize) {
      double n = 0, square = 0;
      for (const double cell : cells)
        if (!std::isnan(cell)) n += 1, centre_[f] += (cell - centre_[f]) / n;
      for (const double cell : cells)
        if (!std::isnan(cell)) square += (cell - centre_[f]) * (cell - centre_[f]);
      const double deviation = std::sqrt(square / n);
      if (deviation > 1e-12 * std::fabs(centre_[f]) && std::isfinite(deviation)) scale_[f] = deviation;
    }
    for (std::size_t i = 0; i < n_rows_; ++i)
      values_[i / kMaskedPoints * group_size() + f * kMaskedPoints + i % kMaskedPoints] =
          f < n_numbers_ ? (cells[i] - centre_[f]) / scale_[f] : cells[i];
  });
  unpack();

  FitReport report;
  report.valid_prediction.resize(rows.valid.size() * mean_.size());
  if (!predict_until(data.x->take(rows.valid), report.valid_prediction, context, true))
    throw Error(ErrorCode::kBudget, "the time ended before knn had compared the validation rows");
  return report;
}

/// From NaN where missing to values and what is present: nothing in the places after the last row.
void Knn::unpack() {
  present_.assign(values_.size(), 1.0);
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const std::size_t row = i / group_size() * kMaskedPoints + i % kMaskedPoints;
    if (std::isnan(values_[i]) || row >= n_rows_) values_[i] = present_[i] = 0;
  }
}

std::vector<Knn::Query> Knn::queries_of(const data::Frame& x) const {
  std::vector<Query> out(x.n_rows());
  for (Query& query : out) query.cells.resize(columns_.size());
  for (std::size_t f = 0; f < columns_.size(); ++f) {
    const std::vector<double> cells = cells_of(x, f);
    for (std::size_t i = 0; i < out.size(); ++i) add_cell(f, cells[i], out[i]);
  }
  if (whole_)
    for (Query& query : out) whole_->set_row(query.cells, query.has, query.whole);
  return out;
}

/// The smallest; all that are not above limit are in out then.
double Knn::group_distances(std::size_t group, const Query& query, double limit, double* out) const {
  if (whole_) return whole_->distances(group, query.whole, limit, out);
  const std::size_t at = group * group_size();
  return kernel::mixed_distances(query.cells.data(), query.has.data(), query.n_numbers, query.has.size(),
                                 values_.data() + at, present_.data() + at, out);
}

void Knn::add_cell(std::size_t feature, double cell, Query& query) const {
  if (std::isnan(cell)) return;
  query.cells[feature] = feature < n_numbers_ ? (cell - centre_[feature]) / scale_[feature] : cell;
  query.has.push_back(static_cast<std::uint32_t>(feature));
  if (feature < n_numbers_) ++query.n_numbers;
}

/// The same of one row.
void Knn::read_query(std::span<const data::RowCell> row, Query& out) const {
  out.cells.assign(columns_.size(), 0.0);
  out.has.clear();
  out.n_numbers = 0;
  for (std::size_t f = 0; f < columns_.size(); ++f) {
    const double cell = row[columns_[f]].number;
    const bool is_missing = f < n_numbers_ ? std::isinf(cell) : cell == data::kMissingCode;
    add_cell(f, is_missing ? kMissing : cell, out);
  }
  if (whole_) whole_->set_row(out.cells, out.has, out.whole);
}

/// False when it stopped by the deadline.
bool Knn::predict_until(const data::Frame& x, std::span<double> out, const Context& context,
                        bool may_stop) const {
  constexpr std::size_t kQueries = 32;
  std::atomic<bool> complete = true;
  context.parallel_blocks(x.n_rows(), kQueries, [&](std::size_t begin, std::size_t end) {
    const std::vector<Query> queries = queries_of(x.slice(begin, end - begin));
    std::vector<Nearest> nearest(queries.size());
    for (Nearest& n : nearest) n.clear(mean_.size());
    if (!find_nearest(queries, nearest, context, may_stop)) complete = false;
    for (std::size_t i = begin; i < end; ++i)
      vote(nearest[i - begin], out.subspan(i * mean_.size(), mean_.size()));
  });
  return complete;
}

bool Knn::find_nearest(std::span<const Query> queries, std::span<Nearest> nearest, const Context& context,
                       bool may_stop) const {
  constexpr std::size_t kGroupsPerPoll = 256;
  const auto k = static_cast<std::size_t>(params_.n_neighbors);
  double distances[kMaskedPoints];
  // Groups outside: one is read from memory once for all queries.
  for (std::size_t group = 0; group * kMaskedPoints < n_rows_; ++group) {
    if (may_stop && group % kGroupsPerPoll == 0 && context.should_stop()) return false;
    for (std::size_t q = 0; q < queries.size(); ++q) {
      const Query& query = queries[q];
      Nearest& best = nearest[q];
      const double limit = best.row.size() == k ? best.distance.back() : kInfinity;
      const double least = group_distances(group, query, limit, distances);
      if (least == kInfinity || least > limit) continue;
      for (std::size_t p = 0; p < kMaskedPoints; ++p)
        if (distances[p] < kInfinity && (best.row.size() < k || distances[p] <= best.distance.back()))
          admit(best, distances[p], static_cast<std::uint32_t>(group * kMaskedPoints + p));
    }
  }
  return true;
}

void Knn::admit(Nearest& nearest, double distance, std::uint32_t row) const {
  const bool is_full = nearest.row.size() == static_cast<std::size_t>(params_.n_neighbors);
  if (is_full && distance == nearest.distance.back()) {
    add_target(row, 1, nearest.tied);
    ++nearest.n_tied;
    return;
  }
  const auto place = std::upper_bound(nearest.distance.begin(), nearest.distance.end(), distance);
  nearest.row.insert(nearest.row.begin() + (place - nearest.distance.begin()), row);
  nearest.distance.insert(place, distance);
  if (!is_full) return;
  const double last = nearest.distance.back();
  const std::uint32_t last_row = nearest.row.back();
  nearest.distance.pop_back();
  nearest.row.pop_back();
  if (last == nearest.distance.back()) {
    add_target(last_row, 1, nearest.tied);
    ++nearest.n_tied;
  } else {
    std::fill(nearest.tied.begin(), nearest.tied.end(), 0.0);
    nearest.n_tied = 0;
  }
}

/// sums: n_outputs sums of factor * weight * target, then the sum of factor * weight.
void Knn::add_target(std::uint32_t row, double factor, std::span<double> sums) const {
  const double weight = weights_.empty() ? factor : factor * weights_[row];
  if (mean_.size() == 1)
    sums[0] += weight * target_[row];
  else
    sums[static_cast<std::size_t>(target_[row])] += weight;
  sums.back() += weight;
}

void Knn::vote(Nearest& nearest, std::span<double> out) const {
  std::copy(mean_.begin(), mean_.end(), out.begin());
  if (nearest.row.empty()) return;
  // A row at distance 0 is the answer: the others do not count (scikit-learn).
  const bool has_equal = nearest.distance[0] == 0;
  const auto weight_at = [&](double distance) {
    if (!by_distance()) return 1.0;
    if (has_equal) return distance == 0 ? 1.0 : 0.0;
    return std::sqrt(nearest.distance[0] / distance);  // 1 / distance, up to a factor
  };
  const double last = nearest.distance.back();
  const auto n_last = static_cast<double>(std::count(nearest.distance.begin(), nearest.distance.end(), last));
  const double share = n_last / (n_last + static_cast<double>(nearest.n_tied));
  std::vector<double>& sums = nearest.sums;
  sums.assign(nearest.tied.size(), 0.0);
  for (std::size_t i = 0; i < nearest.row.size(); ++i)
    add_target(nearest.row[i], weight_at(nearest.distance[i]) * (nearest.distance[i] == last ? share : 1.0),
               sums);
  for (std::size_t o = 0; o < sums.size(); ++o) sums[o] += weight_at(last) * share * nearest.tied[o];
  if (sums.back() > 0)
    for (std::size_t o = 0; o < out.size(); ++o) out[o] = sums[o] / sums.back();
}

void Knn::do_save(artifact::Node& node) const {
  std::vector<double> cells = whole_ ? whole_->cells() : values_;
  for (std::size_t i = 0; i < present_.size(); ++i)
    if (present_[i] == 0) cells[i] = kMissing;
  node.set("n_neighbors", static_cast<std::int64_t>(params_.n_neighbors));
  node.set("weights", params_.weights);
  node.set_array("columns", columns_);
  node.set_array("centre", centre_);
  node.set_array("scale", scale_);
  node.set_array("cells", cells);
  node.set_array("target", target_);
  node.set_array("row_weights", weights_);
  node.set_array("mean", mean_);
  if (whole_) node.set(WholePoints::kStepName, whole_->step());
}

void Knn::do_load(const artifact::Node& node) {
  const std::int64_t n_neighbors = node.get_int("n_neighbors");
  params_.n_neighbors = static_cast<int>(std::clamp<std::int64_t>(n_neighbors, 0, 1'000'000));
  params_.weights = node.get_string("weights");
  columns_ = node.get_vector<std::uint32_t>("columns");
  centre_ = node.get_vector<double>("centre");
  scale_ = node.get_vector<double>("scale");
  values_ = node.get_vector<double>("cells");
  target_ = node.get_vector<double>("target");
  weights_ = node.get_vector<double>("row_weights");
  mean_ = node.get_vector<double>("mean");
  n_numbers_ = centre_.size();
  n_rows_ = target_.size();
  const std::size_t n_columns = feature_names().size();
  const bool is_whole = n_neighbors == params_.n_neighbors && n_neighbors > 0 && n_rows_ > 0 &&
                        columns_.size() == n_columns &&
                        std::ranges::all_of(columns_, [&](std::uint32_t c) { return c < n_columns; }) &&
                        n_numbers_ <= n_columns && scale_.size() == n_numbers_ &&
                        mean_.size() == n_outputs() && (weights_.empty() || weights_.size() == n_rows_) &&
                        values_.size() == (n_rows_ + kMaskedPoints - 1) / kMaskedPoints * group_size() &&
                        (mean_.size() == 1 || std::ranges::all_of(target_, [&](double y) {
                           return y >= 0 && y < static_cast<double>(mean_.size());
                         }));
  if (!is_whole)
    throw Error(ErrorCode::kModel,
                "a model of nearest neighbours is damaged: {} cells of {} rows in {} columns", values_.size(),
                n_rows_, n_columns);
  by_distance();
  whole_.reset();
  if (!node.has(WholePoints::kStepName)) return unpack();
  const double step = node.get_double(WholePoints::kStepName);
  if (!WholePoints::fits(values_, columns_.size(), n_numbers_, step))
    throw Error(ErrorCode::kModel, "a model of nearest neighbours is damaged: steps of {}", step);
  whole_.emplace(values_, n_rows_, columns_.size(), n_numbers_, step);
  values_ = {};
  present_ = {};
}

ParamTable<KnnParams> table() {
  using P = KnnParams;
  return ParamTable<P>()
      .param("n_neighbors", &P::n_neighbors, "Neighbours that decide.", log_range(1, 100))
      .limits(1, 1e6)
      .param("weights", &P::weights, "uniform, or distance: a neighbour counts by 1 / distance.",
             choice({"uniform", "distance"}))
      .param("standardize", &P::standardize, "Scale numbers to variance 1 before measuring distances.");
}

}  // namespace

EstimatorInfo knn_info() {
  EstimatorInfo info;
  info.name = "knn";
  info.summary = "Mean of the target, or shares of the classes, of the nearest rows.";
  info.tasks = {data::Task::kBinary, data::Task::kMulticlass, data::Task::kRegression};
  info.handles_missing = info.handles_categories = true;
  return describe<Knn>(std::move(info), table());
}

}  // namespace kolosal::model
