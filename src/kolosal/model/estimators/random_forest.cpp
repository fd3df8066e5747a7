#include "kolosal/model/bagged_forest.hpp"

namespace kolosal::model {

EstimatorInfo random_forest_info() {
  return bagged_forest_info(
      "random_forest", "Mean of deep trees, each grown on a bootstrap with a few columns per split.", false);
}

}  // namespace kolosal::model
