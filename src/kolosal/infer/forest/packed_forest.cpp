#include "kolosal/infer/forest/packed_forest.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"

namespace kolosal::infer {
namespace {

using kernel::kBlockRows;

constexpr std::array<std::string_view, kForestKernels> kNames = {"plain", "blocks", "lanes", "walk_rows",
                                                                 "walk_trees"};
/// Rows that a task of a thread takes at least.
constexpr std::size_t kTaskRows = 8 * kBlockRows;

}  // namespace

std::string_view kernel_name(ForestKernel kernel) { return kNames[static_cast<std::size_t>(kernel)]; }

ForestKernel kernel_of_name(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<ForestKernel>(i);
  std::string names;
  for (const std::string_view known : kNames) names += (names.empty() ? "" : ", ") + std::string(known);
  throw Error(ErrorCode::kInvalidParameter,
              "there is no forest kernel \"{}\" (KOLOSAL_KERNEL); there are: {}", name, names);
}

std::optional<ForestKernel> kernel_of_environment() {
  const char* const wanted = std::getenv("KOLOSAL_KERNEL");
  if (wanted == nullptr || *wanted == '\0') return std::nullopt;
  return kernel_of_name(wanted);
}

PackedForest::PackedForest(const model::Forest& forest, std::optional<ForestKernel> forced,
                           std::span<const double> reference_rows)
    : forest_(&forest),
      divisor_(forest.divisors()),
      forced_(forced),
      given_rows_(reference_rows.begin(), reference_rows.end()) {
  KOLOSAL_ASSERT(given_rows_.empty() || given_rows_.size() % n_features() == 0, "they are whole rows");
  for (std::atomic<int>& choice : chosen_) choice.store(-1, std::memory_order_relaxed);
  const std::vector<std::uint32_t> n_leaves = leaves_below(forest);
  if (n_leaves.size() != forest.feature.size()) return;
  features_ = BinnedFeatures::of(forest);
  if (!features_) return;
  walks_ = WalkProgram::of(forest, *features_);
  blocks_ = BlockProgram::of(forest, *features_, n_leaves);
  if (blocks_) lanes_ = LaneProgram::of(forest, *features_, *blocks_);
}

bool PackedForest::can_run(ForestKernel kernel) const {
  switch (kernel) {
    case ForestKernel::kPlain:
      return true;
    case ForestKernel::kBlockRows:
      return blocks_.has_value();
    case ForestKernel::kLanes:
      return lanes_.has_value();
    case ForestKernel::kWalkRows:
    case ForestKernel::kWalkTrees:
      return walks_.has_value();
  }
  return false;
}

std::vector<ForestKernel> PackedForest::kernels() const {
  std::vector<ForestKernel> out;
  for (std::size_t i = 0; i < kForestKernels; ++i)
    if (can_run(static_cast<ForestKernel>(i))) out.push_back(static_cast<ForestKernel>(i));
  return out;
}

std::size_t PackedForest::size_class(std::size_t n_rows) {
  return n_rows <= 1 ? 0 : n_rows < 8 ? 1 : n_rows < 64 ? 2 : n_rows < 1024 ? 3 : 4;
}

ForestKernel PackedForest::kernel_for(std::size_t n_rows) const {
  if (forced_ && can_run(*forced_)) return *forced_;
  std::atomic<int>& chosen = chosen_[size_class(n_rows)];
  if (const int known = chosen.load(std::memory_order_relaxed); known >= 0)
    return static_cast<ForestKernel>(known);
  // What is packed is never slower than the plain walk, and one row at a time never faster for many rows.
  std::vector<ForestKernel> candidates;
  for (const ForestKernel kernel : kernels()) {
    if (kernel == ForestKernel::kPlain) continue;
    const bool by_row = kernel == ForestKernel::kLanes || kernel == ForestKernel::kWalkTrees;
    if (by_row ? size_class(n_rows) < 3 : n_rows > 1) candidates.push_back(kernel);
  }
  ForestKernel best = ForestKernel::kPlain;
  if (candidates.size() == 1) best = candidates.front();
  if (candidates.size() > 1)
    best = time_kernels(kTimedRows[size_class(n_rows)], candidates).entries.front().kernel;
  chosen.store(static_cast<int>(best), std::memory_order_relaxed);
  return best;
}

std::vector<KernelTiming> PackedForest::timings() const {
  std::vector<KernelTiming> out;
  for (const std::size_t n_rows : kTimedRows) out.push_back(time_kernels(n_rows, kernels()));
  return out;
}

std::vector<double> PackedForest::reference_rows(std::size_t n_rows) const {
  std::vector<double> out(n_rows * n_features());
  if (!given_rows_.empty()) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = given_rows_[i % given_rows_.size()];
    return out;
  }
  Rng rng(0);
  for (std::size_t r = 0; r < n_rows; ++r)
    for (std::size_t f = 0; f < n_features(); ++f)
      out[r * n_features() + f] = features_ ? features_->sample(f, rng()) : rng.uniform();
  return out;
}

KernelTiming PackedForest::time_kernels(std::size_t n_rows, std::span<const ForestKernel> candidates) const {
  using Clock = std::chrono::steady_clock;
  // A few times as many rows, each with bins of its own: what the branch predictor has just seen does not
  // count.
  const std::size_t n_sets = n_rows < kBlockRows ? 8 : 1;
  const std::vector<double> rows = reference_rows(n_sets * n_rows);
  std::vector<double> out(n_rows * n_outputs());
  KernelTiming timing;
  timing.n_rows = n_rows;
  double fastest = std::numeric_limits<double>::infinity();
  for (const ForestKernel kernel : candidates) {
    ForestScratch scratch;
    double best = std::numeric_limits<double>::infinity();
    for (int repeat = 0; repeat < 3; ++repeat) {
      const auto start = Clock::now();
      for (std::size_t set = 0; set < n_sets; ++set)
        run(kernel, rows.data() + set * n_rows * n_features(), n_rows, n_features(), out, scratch);
      const std::chrono::duration<double, std::nano> took = Clock::now() - start;
      best = std::min(best, took.count() / static_cast<double>(n_sets * n_rows));
      if (repeat > 0 && best > 2 * fastest) break;  // it will not win
    }
    fastest = std::min(fastest, best);
    timing.entries.push_back({kernel, best});
  }
  std::stable_sort(timing.entries.begin(), timing.entries.end(),
                   [](const auto& a, const auto& b) { return a.ns_per_row < b.ns_per_row; });
  return timing;
}

void PackedForest::run_bins(ForestKernel kernel, const std::uint16_t* bins, std::size_t stride, std::size_t n,
                            std::span<double> out, ForestScratch& scratch) const {
  std::fill(out.begin(), out.end(), 0.0);
  double* const sums = out.data();
  switch (kernel) {
    case ForestKernel::kPlain:
      KOLOSAL_ASSERT(false, "the plain kernel has no bins");
      break;
    case ForestKernel::kBlockRows:
      KOLOSAL_ASSERT(stride == kernel::kMostBinned, "the bins are those of a block");
      blocks_->add(*features_, bins, n, sums, scratch.block);
      break;
    case ForestKernel::kLanes:
      for (std::size_t r = 0; r < n; ++r)
        lanes_->add(bins + r, stride, sums + r * n_outputs(), scratch.lanes);
      break;
    case ForestKernel::kWalkRows:
      walks_->gather(bins, stride, n, 0, scratch.walk);
      walks_->add_gathered(*features_, n, sums, scratch.walk);
      break;
    case ForestKernel::kWalkTrees:
      walks_->add_trees(*features_, bins, stride, n, sums, scratch.walk);
      break;
  }
  forest_->finish(out, divisor_);
}

template <typename T>
void PackedForest::run_plainly(const T* rows, std::size_t n_rows, std::size_t stride, std::span<double> out,
                               const Context& context) const {
  data::Frame x;
  for (std::size_t f = 0; f < n_features(); ++f) {
    std::vector<double> column(n_rows);
    for (std::size_t r = 0; r < n_rows; ++r) column[r] = static_cast<double>(rows[r * stride + f]);
    x.add(std::to_string(f), data::Column::from_float64(std::move(column)));
  }
  forest_->predict(x, out, context);
}

std::size_t PackedForest::task_rows(ForestKernel kernel, std::size_t n_rows, const Context& context) const {
  if (kernel != ForestKernel::kWalkRows) return kTaskRows;
  const std::size_t share = (n_rows / context.n_threads + kBlockRows) / kBlockRows * kBlockRows;
  return std::clamp(share, kTaskRows, std::max(kTaskRows, walks_->rows_together()));
}

template <typename BinRows>
void PackedForest::run_blocks(ForestKernel kernel, std::size_t n_rows, const BinRows& bin_rows,
                              std::span<double> out, ForestScratch& scratch) const {
  scratch.bins.resize(std::max(scratch.bins.size(), features_->n_columns() * kernel::kMostBinned));
  const std::size_t n_together = kernel == ForestKernel::kWalkRows ? walks_->rows_together() : kBlockRows;
  for (std::size_t first = 0; first < n_rows; first += n_together) {
    const std::size_t n_part = std::min(n_together, n_rows - first);
    const auto part = out.subspan(first * n_outputs(), n_part * n_outputs());
    if (n_part <= kBlockRows) {
      bin_rows(first, n_part);
      run_bins(kernel, scratch.bins.data(), kernel::kMostBinned, n_part, part, scratch);
      continue;
    }
    for (std::size_t r = 0; r < n_part; r += kBlockRows) {
      const std::size_t n = std::min(kBlockRows, n_part - r);
      bin_rows(first + r, n);
      walks_->gather(scratch.bins.data(), kernel::kMostBinned, n, r, scratch.walk);
    }
    std::ranges::fill(part, 0.0);
    walks_->add_gathered(*features_, n_part, part.data(), scratch.walk);
    forest_->finish(part, divisor_);
  }
}

template <typename T>
void PackedForest::run(ForestKernel kernel, const T* rows, std::size_t n_rows, std::size_t stride,
                       std::span<double> out, ForestScratch& scratch) const {
  if (kernel == ForestKernel::kPlain) return run_plainly(rows, n_rows, stride, out, {});
  if (n_rows == 1 && kernel != ForestKernel::kBlockRows) {
    scratch.bins.resize(std::max(scratch.bins.size(), features_->n_columns()));
    features_->bin_row(rows, scratch.bins.data());
    return run_bins(kernel, scratch.bins.data(), 1, 1, out, scratch);
  }
  run_blocks(
      kernel, n_rows,
      [&](std::size_t r, std::size_t n) {
        features_->bin_rows(rows + r * stride, stride, n, scratch.bins.data());
      },
      out, scratch);
}

template <typename T>
void PackedForest::predict_matrix(const T* rows, std::size_t n_rows, std::size_t stride,
                                  std::span<double> out, const Context& context) const {
  KOLOSAL_ASSERT(out.size() == n_rows * n_outputs(), "out has a number per output");
  if (n_rows == 0) return;
  const ForestKernel kernel = kernel_for(n_rows);
  if (kernel == ForestKernel::kPlain) return run_plainly(rows, n_rows, stride, out, context);
  context.parallel_blocks(n_rows, task_rows(kernel, n_rows, context),
                          [&](std::size_t begin, std::size_t end) {
                            ForestScratch scratch;
                            run(kernel, rows + begin * stride, end - begin, stride,
                                out.subspan(begin * n_outputs(), (end - begin) * n_outputs()), scratch);
                          });
}

void PackedForest::predict(const float* rows, std::size_t n_rows, std::size_t stride, std::span<double> out,
                           const Context& context) const {
  predict_matrix(rows, n_rows, stride, out, context);
}

void PackedForest::predict(const double* rows, std::size_t n_rows, std::size_t stride, std::span<double> out,
                           const Context& context) const {
  predict_matrix(rows, n_rows, stride, out, context);
}

void PackedForest::predict_row(const float* row, std::span<double> out, ForestScratch& scratch) const {
  run(kernel_for(1), row, 1, n_features(), out, scratch);
}

void PackedForest::predict_row(const double* row, std::span<double> out, ForestScratch& scratch) const {
  run(kernel_for(1), row, 1, n_features(), out, scratch);
}

void PackedForest::predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  KOLOSAL_ASSERT(out.size() == x.n_rows() * n_outputs(), "out has a number per output");
  forest_->check_columns(x);
  const std::size_t n_rows = x.n_rows();
  if (n_rows == 0) return;
  const ForestKernel kernel = kernel_for(n_rows);
  if (kernel == ForestKernel::kPlain) return forest_->predict(x, out, context);
  context.parallel_blocks(
      n_rows, task_rows(kernel, n_rows, context), [&](std::size_t begin, std::size_t end) {
        ForestScratch scratch;
        run_blocks(
            kernel, end - begin,
            [&](std::size_t r, std::size_t n) { features_->bin_rows(x, begin + r, n, scratch.bins.data()); },
            out.subspan(begin * n_outputs(), (end - begin) * n_outputs()), scratch);
      });
}

}  // namespace kolosal::infer
