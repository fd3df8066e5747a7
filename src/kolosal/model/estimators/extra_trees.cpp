#include "kolosal/model/bagged_forest.hpp"

namespace kolosal::model {

EstimatorInfo extra_trees_info() {
  return bagged_forest_info("extra_trees", "Mean of deep trees whose thresholds are drawn at random.", true);
}

}  // namespace kolosal::model
