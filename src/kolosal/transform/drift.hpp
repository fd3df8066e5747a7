#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::transform {

/// How a column of later rows differs from the fitted ones.
struct ColumnDrift {
  std::string column;
  std::size_t n_rows = 0;          ///< Rows that were looked at.
  std::size_t n_out_of_range = 0;  ///< Numbers and moments under the least or over the greatest fitted one.
  std::size_t n_unseen = 0;        ///< Levels that no fitted row had.
  std::size_t n_missing = 0;       ///< Missing cells; infinities count as missing.
  double low = 0, high = 0;        ///< The fitted range.
  double fitted_missing_share = 0;

  double missing_share() const {
    return n_rows == 0 ? 0 : static_cast<double>(n_missing) / static_cast<double>(n_rows);
  }
  /// Whether the missing share is off by more than 5 % of the rows and three standard deviations.
  bool missing_drifts() const;
  /// One sentence: "age: 12 of 1000 rows are out of the fitted range, 0 to 80; missing in 31 % ...".
  std::string line() const;
};

struct DriftReport {
  std::size_t n_rows = 0;            ///< Rows that were looked at.
  std::vector<ColumnDrift> columns;  ///< Those that drift, in the order of the table.
};

/// Notes the ranges, levels and missing shares of fitted columns, and counts what differs in later ones.
///
/// Frames of up to 2^17 rows are counted whole. Of longer ones every fourth block of 4096 rows is, which
/// keeps the cost below a twentieth of a cheap transform. Columns with more than 65,536 levels and sparse
/// ones are not watched for new levels; text is watched for missing cells. Threads: count() and report() are
/// safe from many threads; the counters are atomic.
class DriftMonitor {
 public:
  /// Adds fitted rows; once, or per batch. All batches have the columns of the first.
  void gather(const data::Frame& x, std::span<const std::uint32_t> rows, const Context& context);
  /// Ends the fit.
  void finish();

  /// Counts the rows of x; columns that it lacks are passed over.
  void count(const data::Frame& x, const Context& context) const;
  DriftReport report() const;
  void forget_counts() const;

  void save(artifact::Node& node) const;
  static std::shared_ptr<const DriftMonitor> load(const artifact::Node& node);

  DriftMonitor();
  ~DriftMonitor();
  DriftMonitor(const DriftMonitor&) = delete;
  DriftMonitor& operator=(const DriftMonitor&) = delete;

 private:
  struct Watched;
  void start_counters();
  std::vector<Watched> columns_;
  std::size_t n_fitted_rows_ = 0;
};

}  // namespace kolosal::transform
