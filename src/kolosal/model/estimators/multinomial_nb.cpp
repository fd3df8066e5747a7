#include <cmath>

#include "kolosal/model/discrete_naive_bayes.hpp"

namespace kolosal::model {
namespace {

struct MultinomialNbParams {
  double alpha = 1.0;
  bool fit_prior = true;
};

/// Naive Bayes of counts: a row is so many draws from the features, with the shares of its class.
///
/// Source: scikit-learn's MultinomialNB; Manning, Raghavan and Schuetze, Introduction to Information
/// Retrieval
///         (2008), chapter 13.
class MultinomialNb final : public DiscreteNaiveBayes {
 public:
  using Params = MultinomialNbParams;
  explicit MultinomialNb(Params params) : DiscreteNaiveBayes(params.fit_prior), params_(params) {}

 protected:
  double count_of(double cell, const std::string& column) const override {
    if (cell >= 0) return cell;
    throw Error(ErrorCode::kData,
                "multinomial_nb counts: column \"{}\" has a negative number; scale it to a range from 0, or "
                "use gaussian_nb: {:g}",
                column, cell);
  }

  LogProbabilities log_probabilities(const Counts& counts) const override {
    const std::size_t n = counts.n_classes;
    LogProbabilities out{std::vector<double>(n, 0.0), std::vector<double>(counts.sum.size())};
    std::vector<double> total(n, params_.alpha * static_cast<double>(counts.n_features));
    for (std::size_t i = 0; i < counts.sum.size(); ++i) total[i % n] += counts.sum[i];
    for (std::size_t i = 0; i < counts.sum.size(); ++i)
      out.coefficient[i] = std::log(counts.sum[i] + params_.alpha) - std::log(total[i % n]);
    return out;
  }

 private:
  Params params_;
};

ParamTable<MultinomialNbParams> table() {
  using P = MultinomialNbParams;
  return ParamTable<P>()
      .param("alpha", &P::alpha, "Added to the sum of every feature in every class.", log_range(1e-3, 100))
      .limits(1e-10, 1e9)
      .param("fit_prior", &P::fit_prior, "Start from the shares of the classes; otherwise all are alike.");
}

}  // namespace

EstimatorInfo multinomial_nb_info() {
  EstimatorInfo info;
  info.name = "multinomial_nb";
  info.summary = "Naive Bayes of counts, such as words of a text.";
  info.tasks = {data::Task::kBinary, data::Task::kMulticlass};
  info.handles_categories = info.handles_sparse = info.needs_nonnegative = true;
  return describe<MultinomialNb>(std::move(info), table());
}

}  // namespace kolosal::model
