#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/model/symmetric_table.hpp"

namespace kolosal::model {

/// A level of a symmetric tree: bins above `border` set the level's bit in the number of the leaf.
struct SymmetricSplit {
  std::uint32_t feature = 0;
  std::uint8_t border = 0;
  double gain = 0;  ///< What the level adds to the squared score, never negative.
};

/// What a tree is grown on.
struct SymmetricTask {
  std::size_t permutation = 0;            ///< Of the ordered features.
  std::span<const float> gradient;        ///< output by output, n_rows each: which way each row wants to go
  std::span<const float> weight;          ///< per row; empty: 1 each; 0: the row is left out
  std::span<const std::uint8_t> is_used;  ///< per feature
  double noise = 0;  ///< Standard deviation of what is added to the score of each feature.
  std::uint64_t seed = 0;
};

/// Grows symmetric trees: each level has one split, of all its nodes, chosen by the cosine between the
/// gradient and the leaf values that the split would give (CatBoost's score_function Cosine), of the best
/// border of each feature plus a normal number.
///
/// Cost:    a pass over the rows of the smaller child of each node per level and four features; the larger is
/// the difference. Where the histograms of all nodes would be large (many classes), each level sums all rows.
/// Sums are integers (gradients rounded to 2^-30 of the sum of their sizes), so they are the
/// same in any order.
/// Threads: features in parallel.
class SymmetricGrower {
 public:
  static constexpr std::size_t kMaxDepth = 8;  ///< A leaf is a byte.

  /// Histograms of all nodes that take more than most_kept_bytes are made anew at each level.
  SymmetricGrower(const SymmetricTable& table, std::size_t n_outputs, std::size_t depth, double l2,
                  std::size_t most_kept_bytes = 64UL << 20);

  /// Fewer levels than `depth` when no border divides any node; then perhaps none.
  std::vector<SymmetricSplit> grow(const SymmetricTask& task, const Context& context);
  /// Of the last tree, the leaf of each row, left out or not.
  std::span<const std::uint8_t> leaves() const { return leaf_; }

  /// Bytes of the histograms of all nodes of a tree.
  static std::size_t n_bytes(const SymmetricTable& table, std::size_t n_outputs, std::size_t depth);

 private:
  static constexpr std::size_t kBlock = 4096;  // rows

  struct Best {
    double score = -1;  // below 0: nothing to divide
    std::uint8_t border = 0;
  };
  void quantize(const SymmetricTask& task, const Context& context);
  void start_rows(const Context& context);
  /// Divides the nodes and lists the rows that the next level sums.
  void divide(const SymmetricSplit& split, std::size_t level, std::size_t permutation,
              const Context& context);
  /// Those of the smaller children; all when histograms are not kept.
  void list_rows(std::size_t level, const Context& context);
  void search_group(std::size_t group, std::size_t level, const SymmetricTask& task,
                    std::vector<std::int64_t>& scratch);
  void subtract(std::size_t group, std::size_t level);
  /// slots_apart: slots from one output to the next.
  Best best_border(const std::int64_t* cells, std::size_t group, std::size_t n_bins, std::size_t n_slots,
                   std::size_t slots_apart) const;
  std::int64_t* slot(std::size_t group, std::size_t output, std::size_t slot);
  std::size_t n_blocks() const { return (table_.n_rows() + kBlock - 1) / kBlock; }

  const SymmetricTable& table_;
  std::size_t n_outputs_, depth_;
  double l2_;
  std::size_t most_slots_;
  bool keeps_histograms_ = true;
  std::vector<std::vector<std::int64_t>> histogram_;  // per group: output, slot, cell
  std::vector<std::int64_t> value_;                   // output by output, per row
  double gradient_unit_ = 1, weight_unit_ = 1;        // integers per 1
  std::vector<std::uint8_t> leaf_;                    // per row
  std::vector<std::uint32_t> rows_;                   // listed rows, ascending
  std::vector<std::uint8_t> slots_;                   // and the slot each is added to
  std::size_t n_listed_ = 0;
  std::vector<std::uint32_t> block_count_;  // block, leaf: rows that are not left out
  std::vector<std::uint8_t> is_smaller_;    // per leaf
  std::vector<Best> best_;                  // per feature
};

}  // namespace kolosal::model
