#include "kolosal/model/estimators/elastic_net.hpp"

namespace kolosal::model {

/// elastic_net with the L1 penalty alone.
EstimatorInfo lasso_info() {
  EstimatorInfo info;
  info.name = "lasso";
  info.summary = "Least squares with an L1 penalty, which leaves useless features out.";
  info.tasks = {data::Task::kRegression};
  info.handles_categories = info.handles_sparse = true;
  info.params = ElasticNet::param_table().specs();
  info.make = [](const ParamMap& params) -> std::unique_ptr<Estimator> {
    ElasticNetParams read = ElasticNet::param_table().read(params, "lasso");
    read.l1_ratio = 1;
    return std::make_unique<ElasticNet>(read);
  };
  return info;
}

}  // namespace kolosal::model
