#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/model/estimator.hpp"
#include "kolosal/pipeline/splitter.hpp"

namespace kolosal::pipeline {

/// @throws Error kInvalidParameter for a learner that does not exist.
void check_learner(std::string_view who, const std::string& learner);

/// The importance that a learner, fitted on all rows, gives each column of x; they sum to 1 (or are all 0).
/// @throws Error kInvalidParameter for a learner that has no importances.
std::vector<double> importance_of(const std::string& learner, const data::Frame& x, const data::TargetView& y,
                                  const Context& context);

/// A learner fitted on the training rows of a split, and what it predicts.
struct FittedLearner {
  std::unique_ptr<model::Estimator> estimator;
  std::vector<double> importance;  ///< By column; empty when it has none.
};
FittedLearner fit_learner(const std::string& learner, const data::Frame& x, const data::TargetView& y,
                          std::span<const std::uint32_t> rows, const Context& context);

/// Loss of its predictions of rows of x: log loss, or mean squared error.
double loss_on(const FittedLearner& learner, const data::Frame& x, const data::TargetView& y,
               const Context& context);

/// A target of some rows that keeps its numbers.
struct TargetRows {
  TargetRows(const data::TargetView& y, std::span<const std::uint32_t> rows);
  data::TargetView view() const { return {task, values, weights, n_classes}; }

  data::Task task;
  std::size_t n_classes;
  std::vector<double> values, weights;
};

/// Folds of all rows of a table.
std::vector<Split> folds_of(const data::TargetView& y, std::size_t n_rows, std::size_t n_folds,
                            std::uint64_t seed);

}  // namespace kolosal::pipeline
