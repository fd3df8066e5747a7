#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kolosal/model/estimator.hpp"

namespace kolosal::model {

/// What a made-up table holds beside two float columns and an integer column.
struct SampleOptions {
  bool categories = true;    ///< a category column of 12 levels that matters
  bool missing = true;       ///< one cell in ten of each column is missing
  bool nonnegative = false;  ///< the float columns without their signs
};

/// A table with a target that its columns explain in part, for tests of learners. The same arguments give the
/// same table.
struct SampleTable {
  data::Frame x;
  data::Task task = data::Task::kRegression;
  std::size_t n_classes = 0;
  std::vector<double> y;
  std::vector<double> weights;  ///< Empty.

  TrainingData data() const { return {&x, {task, y, weights, n_classes}}; }
  /// Every fourth row is for validation.
  std::vector<std::uint32_t> train_rows() const;
  std::vector<std::uint32_t> valid_rows() const;
  std::vector<std::uint32_t> all_rows() const;
};

/// Regression targets are positive, so every objective may be tried.
SampleTable sample_table(data::Task task, std::size_t n_rows, SampleOptions options = {});

/// The saved form of a fitted learner as bytes.
std::vector<std::byte> saved_bytes(const Estimator& estimator);

/// predict() into a new vector.
std::vector<double> predictions(const Estimator& estimator, const data::Frame& x,
                                const Context& context = {});

}  // namespace kolosal::model
