#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kolosal/transform/level_rules_internal.hpp"
#include "kolosal/transform/target_outputs_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {

/// Base of the steps that replace each level of a category column by one number, or by one per class of the
/// target. do_fit() fills tables_; a fitted row may get another number than its level (see encode()).
///
/// Types:   category becomes float64 <name><suffix>, or <name><suffix>_<class>.
/// Unknown, missing: as the rules of the step say.
class LevelValues : public Transformer {
 protected:
  /// `step` and `suffix` outlive the object (literals).
  LevelValues(const char* step, const char* suffix, LevelRules rules)
      : rules_(std::move(rules)), step_(step), suffix_(suffix) {}

  struct Table {
    Levels levels;
    std::vector<double> value;  // slot x output
  };
  /// Changes the cells that output k of column c made of all rows.
  using Edit = std::function<void(std::size_t c, std::size_t k, std::vector<double>& cells)>;

  std::vector<Named> encode(const data::Frame& x, const Context& context, const Edit& edit = {}) const;

  /// Starts a fit: tables_ have levels and rules_ know them. counts: fitted rows by slot.
  CodeView begin_column(const data::Frame& x, std::size_t c, std::span<const std::uint32_t> rows,
                        std::vector<std::int64_t>& counts);

  LevelRules rules_;
  std::vector<Table> tables_;          // by column
  std::vector<std::int64_t> classes_;  // of the outputs; empty: one output
  std::size_t n_outputs() const { return classes_.empty() ? 1 : classes_.size(); }

 private:
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    return encode(x, context);
  }
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

  const char* step_;
  const char* suffix_;
};

}  // namespace kolosal::transform
