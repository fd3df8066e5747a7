#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/transform/column_choice.hpp"
#include "kolosal/transform/kept_columns_internal.hpp"

namespace kolosal::transform {

/// Base of the steps that score each column by itself against the target.
class ScoredColumns : public KeptColumns {
 public:
  explicit ScoredColumns(ChoiceParams choice) : choice_(std::move(choice)) {}
  bool uses_target() const override { return true; }

 protected:
  struct Score {
    double value = 0;
    double p = 1;
  };
  /// The scores of all columns of x, from the given rows.
  virtual std::vector<Score> scores(const data::Frame& x, std::span<const std::uint32_t> rows,
                                    const data::TargetView& y, const Context& context) const = 0;
  /// Keeps the columns that the choice takes by their scores: the end of a fit.
  void choose(const std::vector<Score>& scores);

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

  ChoiceParams choice_;
  std::vector<double> score_, p_value_;  ///< By input column; kept for reports.
};

/// Rows and targets of a task as classes 0 ... n - 1: as they are, or for regression the target cut into at
/// most n_bins bins of equally many rows (equal targets are in one bin). By position in rows.
std::vector<std::uint32_t> class_of_rows(std::span<const std::uint32_t> rows, const data::TargetView& y,
                                         std::size_t n_bins);

}  // namespace kolosal::transform
