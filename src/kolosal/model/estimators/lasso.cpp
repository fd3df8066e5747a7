#include "kolosal/model/estimators/elastic_net.hpp"

namespace kolosal::model {
namespace {

/// elastic_net with the L1 penalty alone.
ParamTable<ElasticNetParams> table() {
  using P = ElasticNetParams;
  return ParamTable<P>()
      .param("alpha", &P::alpha, "Strength of the penalty; used only without search_strength.")
      .limits(0, 1e12)
      .param("search_strength", &P::search_strength,
             "Try seven strengths and keep the best on the validation rows (or on a fifth of the training "
             "rows).")
      .param("standardize", &P::standardize, "Scale numbers to variance 1 before fitting.")
      .param("max_iter", &P::max_iter, "Most rounds over the coefficients per strength.")
      .limits(1, 1e6)
      .param("tol", &P::tol,
             "Converged when no coefficient moves the predictions by more than this share of the target's "
             "deviation.")
      .limits(0, 1);
}

}  // namespace

EstimatorInfo lasso_info() {
  EstimatorInfo info;
  info.name = "lasso";
  info.summary = "Least squares with an L1 penalty, which leaves useless features out.";
  info.tasks = {data::Task::kRegression};
  info.handles_categories = info.handles_sparse = true;
  info.params = table().specs();
  info.make = [](const ParamMap& params) -> std::unique_ptr<Estimator> {
    ElasticNetParams read = table().read(params, "lasso");
    read.l1_ratio = 1;
    return std::make_unique<ElasticNet>(read);
  };
  return info;
}

}  // namespace kolosal::model
