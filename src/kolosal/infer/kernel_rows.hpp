#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "kolosal/artifact/container.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::infer {

/// The rows that a model keeps (pipeline/kept_rows.hpp), as its learners of trees get them: what their
/// kernels are timed on. Prepared when they are first asked for.
///
/// Threads: const use is safe from many threads.
class KernelRows {
 public:
  /// More are not looked at.
  static constexpr std::size_t kMost = 256;

  KernelRows(std::shared_ptr<const pipeline::Model> model,
             std::shared_ptr<const artifact::Container> container)
      : model_(std::move(model)), container_(std::move(container)) {}

  /// Row by row, in the order of feature_names(). Empty for a learner that has no trees, and when the rows
  /// can not be used: they are no part of what the model predicts.
  std::span<const double> of(const model::Estimator& learner) const;

 private:
  void prepare() const;

  std::shared_ptr<const pipeline::Model> model_;
  std::shared_ptr<const artifact::Container> container_;
  mutable std::once_flag once_;
  mutable std::map<const model::Estimator*, std::vector<double>> rows_;
};

}  // namespace kolosal::infer
