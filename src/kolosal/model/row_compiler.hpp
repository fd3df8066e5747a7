#pragma once

#include <memory>

#include "kolosal/data/frame.hpp"
#include "kolosal/model/estimator.hpp"

namespace kolosal::model {

/// An estimator whose row_evaluator() has to know of what types its columns are.
class RowCompiler {
 public:
  virtual ~RowCompiler() = default;
  /// header: columns of feature_names(), without rows. The estimator must outlive what is returned.
  virtual std::unique_ptr<RowEvaluator> compile_row(const data::Frame& header) const = 0;
};

}  // namespace kolosal::model
