#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/infer/forest/block_program.hpp"
#include "kolosal/infer/forest/lane_program.hpp"
#include "kolosal/infer/forest/walk_program.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/forest.hpp"

namespace kolosal::infer {

/// The ways to evaluate a forest. All give the same bytes as Forest::predict().
enum class ForestKernel : std::uint8_t {
  kPlain,      ///< Forest::predict(): any forest.
  kBlockRows,  ///< "blocks": 256 rows at once, every node compared with all of them.
  kLanes,      ///< "lanes": one row, 64 trees at once.
  kWalkRows,   ///< "walk_rows": from the root, 8 rows in flight; trees of any size.
  kWalkTrees,  ///< "walk_trees": one row, 8 trees in flight.
};
inline constexpr std::size_t kForestKernels = 5;
std::string_view kernel_name(ForestKernel kernel);
/// @throws Error kInvalidParameter with the names there are.
ForestKernel kernel_of_name(std::string_view name);
/// What the environment variable KOLOSAL_KERNEL asks for, or nothing. @throws Error as kernel_of_name().
std::optional<ForestKernel> kernel_of_environment();

/// What a forest's kernels cost with some number of rows.
struct KernelTiming {
  std::size_t n_rows = 0;
  struct Entry {
    ForestKernel kernel = ForestKernel::kPlain;
    double ns_per_row = 0;
  };
  std::vector<Entry> entries;  ///< fastest first
};

/// Buffers of one thread, kept between calls so that a call allocates nothing.
struct ForestScratch {
  std::vector<std::uint16_t> bins;
  std::vector<double> sums;  ///< of a forest that is not packed
  LaneScratch lanes;
  BlockScratch block;
  WalkScratch walk;
};

/// A forest prepared for serving: features binned without loss, trees laid out for each kernel that can take
/// them. The kernel is chosen by the number of rows: the fastest on reference rows, timed the first time that
/// so many rows come.
///
/// Shapes:  as Forest::predict(); the results are the same bytes, whatever kernel and number of threads.
/// Threads: const use is safe from many threads.
/// Memory:  about 40 bytes a node beside the forest, and up to 16 MiB where there are categories.
class PackedForest final : public model::Evaluator {
 public:
  /// forest must outlive this. forced: the kernel to use wherever it can take the forest. reference_rows: of
  /// the forest's features, row by row, to time the kernels on; empty: drawn from the thresholds.
  explicit PackedForest(const model::Forest& forest,
                        std::optional<ForestKernel> forced = kernel_of_environment(),
                        std::span<const double> reference_rows = {});

  void predict(const data::Frame& x, std::span<double> out, const Context& context) const override;
  /// n_rows rows, `stride` values apart, in the order of the forest's features.
  void predict(const float* rows, std::size_t n_rows, std::size_t stride, std::span<double> out,
               const Context& context) const;
  void predict(const double* rows, std::size_t n_rows, std::size_t stride, std::span<double> out,
               const Context& context) const;
  /// One row; allocates nothing when the scratch has been used before.
  void predict_row(const float* row, std::span<double> out, ForestScratch& scratch) const;
  void predict_row(const double* row, std::span<double> out, ForestScratch& scratch) const;

  /// Whether predict_row() is better than a frame of one row.
  bool has_row_path() const { return kernel_for(1) != ForestKernel::kPlain; }

  std::size_t n_features() const { return static_cast<std::size_t>(forest_->n_features); }
  std::size_t n_outputs() const { return static_cast<std::size_t>(forest_->n_outputs); }
  /// The kernels that can take this forest.
  std::vector<ForestKernel> kernels() const;
  bool can_run(ForestKernel kernel) const;
  ForestKernel kernel_for(std::size_t n_rows) const;
  /// Times every kernel with each number of rows that has a choice of its own.
  std::vector<KernelTiming> timings() const;

 private:
  /// Numbers of rows that have a choice of their own: up to 1, 7, 63, 1023, more.
  static constexpr std::array<std::size_t, 5> kTimedRows = {1, 4, 32, 256, 1024};
  static std::size_t size_class(std::size_t n_rows);

  template <typename T>
  void predict_matrix(const T* rows, std::size_t n_rows, std::size_t stride, std::span<double> out,
                      const Context& context) const;
  /// Rows that a task of a thread takes: some blocks, so that its buffers pay, and as many as walk together.
  std::size_t task_rows(ForestKernel kernel, std::size_t n_rows, const Context& context) const;
  /// All rows by this thread.
  template <typename T>
  void run(ForestKernel kernel, const T* rows, std::size_t n_rows, std::size_t stride, std::span<double> out,
           ForestScratch& scratch) const;
  /// The same; bin_rows(first, n) puts the bins of n rows into the scratch, column by column.
  template <typename BinRows>
  void run_blocks(ForestKernel kernel, std::size_t n_rows, const BinRows& bin_rows, std::span<double> out,
                  ForestScratch& scratch) const;
  /// Through Forest::predict().
  template <typename T>
  void run_plainly(const T* rows, std::size_t n_rows, std::size_t stride, std::span<double> out,
                   const Context& context) const;
  /// Bins of n rows, column by column, to predictions.
  void run_bins(ForestKernel kernel, const std::uint16_t* bins, std::size_t stride, std::size_t n,
                std::span<double> out, ForestScratch& scratch) const;
  KernelTiming time_kernels(std::size_t n_rows, std::span<const ForestKernel> candidates) const;
  std::vector<double> reference_rows(std::size_t n_rows) const;

  const model::Forest* forest_;
  std::vector<double> divisor_;
  std::optional<ForestKernel> forced_;
  std::vector<double> given_rows_;  // to time kernels on; empty: they are drawn
  std::optional<BinnedFeatures> features_;
  std::optional<BlockProgram> blocks_;
  std::optional<LaneProgram> lanes_;
  std::optional<WalkProgram> walks_;
  /// Per size class; -1 until it was timed. Two threads may time it at once: they store the same kind of
  /// answer, and any answer gives the same bytes.
  mutable std::array<std::atomic<int>, kTimedRows.size()> chosen_;
};

}  // namespace kolosal::infer
