#include <cmath>

#include "kolosal/core/spares.hpp"
#include "kolosal/model/discrete_naive_bayes.hpp"

namespace kolosal::model {
namespace {

struct BernoulliNbParams {
  double alpha = 1.0;
  double binarize = 0.0;
  bool fit_prior = true;
};

/// Naive Bayes of features that a row has or has not; one that it lacks counts too.
///
/// Source: scikit-learn's BernoulliNB; Manning, Raghavan and Schuetze, Introduction to Information Retrieval
///         (2008), chapter 13.
class BernoulliNb final : public DiscreteNaiveBayes {
 public:
  using Params = BernoulliNbParams;
  explicit BernoulliNb(Params params) : DiscreteNaiveBayes(params.fit_prior), params_(params) {}

 protected:
  double count_of(double cell, const std::string&) const override { return cell > params_.binarize ? 1 : 0; }

  LogProbabilities log_probabilities(const Counts& counts) const override {
    const std::size_t n = counts.n_classes;
    LogProbabilities out{std::vector<double>(n, 0.0), std::vector<double>(counts.sum.size())};
    for (std::size_t i = 0; i < counts.sum.size(); ++i) {
      const double p = (counts.sum[i] + params_.alpha) / (counts.weight[i % n] + 2 * params_.alpha);
      const double lacks = std::log1p(-p);
      out.coefficient[i] = std::log(p) - lacks;
      out.intercept[i % n] += lacks;
    }
    return out;
  }

  std::unique_ptr<RowEvaluator> row_evaluator() const override { return std::make_unique<Row>(*this); }
  void predict_raw(const LinearModel& model, const data::Frame& x, std::span<double> out,
                   const Context& context) const override {
    std::vector<data::Column> columns;
    for (std::size_t c = 0; c < x.n_columns(); ++c) columns.push_back(binarized(x, c));
    model.predict_raw(data::Frame(x.names(), std::move(columns)), out, context);
  }

  void save_more(artifact::Node& node) const override { node.set("binarize", params_.binarize); }
  void load_more(const artifact::Node& node) override { params_.binarize = node.get_double("binarize"); }

 private:
  /// The columns are not the model's: they are made 0 or 1 before.
  class Row final : public RowEvaluator {
   public:
    explicit Row(const BernoulliNb& learner) : learner_(learner) {}

    void predict(std::span<const data::RowCell> row, std::span<double> out) const override {
      const auto scratch = spares_.take();
      scratch->cells.assign(row.begin(), row.end());
      std::size_t n_entries = 0;
      for (const data::RowCell& cell : row) n_entries += cell.n;
      scratch->entries.resize(n_entries);
      data::SparseEntry* next = scratch->entries.data();
      for (std::size_t c = 0; c < row.size(); ++c) {
        data::RowCell& cell = scratch->cells[c];
        if (learner_.model().features.kind[c] == FeatureMap::Kind::kNumber) {
          if (std::isfinite(cell.number)) cell.number = cell.number > learner_.params_.binarize ? 1 : 0;
        } else if (learner_.model().features.kind[c] == FeatureMap::Kind::kSparse) {
          cell.entries = next;
          for (const data::SparseEntry& entry : row[c].sparse())
            *next++ = {entry.index,
                       static_cast<double>(entry.value) > learner_.params_.binarize ? 1.0F : 0.0F};
        }
      }
      learner_.model().predict_raw(scratch->cells, out);
      learner_.apply_link(out);
    }

   private:
    struct Scratch {
      std::vector<data::RowCell> cells;
      std::vector<data::SparseEntry> entries;
    };
    const BernoulliNb& learner_;
    mutable Spares<Scratch> spares_;
  };

  /// Numbers and sparse cells as 0 or 1.
  data::Column binarized(const data::Frame& x, std::size_t c) const {
    const data::Column& column = x.column(c);
    if (column.type() == data::ColumnType::kSparse) {
      const data::SparseView sparse = column.sparse();
      std::vector<std::int64_t> offsets = {0};
      std::vector<std::int32_t> indices;
      std::vector<float> values;
      for (std::size_t i = 0; i < x.n_rows(); ++i) {
        for (std::int64_t at = sparse.offsets[i]; at < sparse.offsets[i + 1]; ++at) {
          indices.push_back(sparse.indices[at]);
          values.push_back(static_cast<double>(sparse.values[at]) > params_.binarize ? 1 : 0);
        }
        offsets.push_back(static_cast<std::int64_t>(indices.size()));
      }
      return data::Column::from_sparse(std::move(offsets), std::move(indices), std::move(values),
                                       sparse.width);
    }
    if (!column.is_numeric()) return column;
    std::vector<double> cells;
    copy_present_numbers(x, c, 0, x.n_rows(), cells);
    for (double& cell : cells) cell = cell > params_.binarize ? 1 : 0;
    return data::Column::from_float64(std::move(cells));
  }

  Params params_;
};

ParamTable<BernoulliNbParams> table() {
  using P = BernoulliNbParams;
  return ParamTable<P>()
      .param("alpha", &P::alpha, "Added to the rows with and without each feature in every class.",
             log_range(1e-3, 100))
      .limits(1e-10, 1e9)
      .param("binarize", &P::binarize, "A row has a feature whose number is above this.")
      .limits(0, 1e300)
      .param("fit_prior", &P::fit_prior, "Start from the shares of the classes; otherwise all are alike.");
}

}  // namespace

EstimatorInfo bernoulli_nb_info() {
  EstimatorInfo info;
  info.name = "bernoulli_nb";
  info.summary = "Naive Bayes of features that a row has or has not.";
  info.tasks = {data::Task::kBinary, data::Task::kMulticlass};
  info.handles_categories = info.handles_sparse = true;
  return describe<BernoulliNb>(std::move(info), table());
}

}  // namespace kolosal::model
