#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::pipeline {

/// How wrong a model was on rows that it had not seen, sorted: what intervals and sets with a promised
/// coverage are made of (split conformal prediction; Vovk et al., 2005; Lei et al., 2018).
///
/// Score:  regression |y - prediction|; classes 1 - probability of the true class (the least ambiguous sets
///         of Sadinle, Lei and Wasserman, 2019: the smallest on average at a given coverage).
/// Promise: among rows like those of the scores, at least a share `level` has its target inside, whatever the
///         model. It is over all rows, not within each group of them.
/// Size:   the ranks of up to 1000 scores, then every n/1000-th and the last 100; a level takes the next
///         higher rank that is there.
class Conformal {
 public:
  Conformal() = default;
  /// Scores of rows with weight above 0 and finite predictions; each counts as one, whatever its weight.
  /// Shapes: prediction is n_rows x y.n_outputs(), out of fold.
  Conformal(const data::TargetView& y, std::span<const double> prediction);

  bool is_empty() const { return scores_.empty(); }
  std::size_t n_rows() const { return n_rows_; }

  /// The score that the share `level` of new rows does not exceed: of rank ceil((n + 1) * level).
  /// @throws Error kInvalidParameter: a level that is not between 0 and 1, or higher than n rows can promise.
  double score_at(double level) const;

  void save(artifact::Node& node) const;
  static Conformal load(const artifact::Node& node);

 private:
  std::size_t n_rows_ = 0;
  std::vector<std::uint64_t> ranks_;  // from 1, ascending; the last is n_rows_
  std::vector<double> scores_;        // of those ranks, ascending
};

/// The classes of one row whose probability is at least 1 - score, in their order; always the most probable
/// one. `row` is what a model gives: the probability of class 1, or of each class.
std::vector<std::size_t> conformal_set(std::span<const double> row, double score);

/// Names joined by "|"; a "|" or "\" within a name gets a "\" before it.
std::string joined_set(const std::vector<std::string>& classes, std::span<const std::size_t> members);

}  // namespace kolosal::pipeline
