#pragma once

#include <span>
#include <string>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::transform {

/// What an imputer does with infinite cells: they are "missing", so they are filled; "keep": they stay, and
/// nothing is learned from them; "clip": they become the least or the greatest finite number that was fitted;
/// "error": they are refused.
class Infinities {
 public:
  explicit Infinities(std::string how) : how_(std::move(how)) {}
  static ParamRange choices() { return choice({"missing", "keep", "clip", "error"}); }

  /// Columns that are no numbers are not looked at.
  /// @throws Error kData for an infinite cell of these rows, when they are refused.
  void fit(const data::Frame& x, std::span<const std::uint32_t> rows);
  /// The same batch by batch, and what another one was fitted on.
  void begin_fit(std::size_t n_columns);
  void add(const data::Frame& batch);
  void merge(const Infinities& other);
  /// Cells of column c (all rows) with NaN for what is to be filled or not to be learned from.
  /// @throws Error kData naming column and row, when infinities are refused.
  std::vector<double> cells_of(const data::Frame& x, std::size_t c) const;
  /// The same for some rows, which alone are looked at.
  std::vector<double> cells_of(const data::Frame& x, std::size_t c,
                               std::span<const std::uint32_t> rows) const;
  /// Whether infinite cells are as missing ones.
  bool are_missing() const { return how_ == "missing"; }
  /// Whether infinite cells come out as they went in.
  bool keeps() const { return how_ == "keep"; }

  void save(artifact::Node& node) const;
  void load(const artifact::Node& node, std::size_t n_columns);

 private:
  void add_cell(const data::Frame& x, std::size_t c, std::size_t row, double cell);
  void replace(const data::Frame& x, std::size_t c, std::size_t row, double& cell) const;

  std::string how_;
  std::vector<double> lowest_,
      highest_;  // of the finite fitted cells; NaN without any. "clip" alone has them.
};

/// The columns that an imputer gives, float32 where x has float32: all cells come from `cells`, except that
/// with keep_infinities the infinite ones of x stay.
std::vector<data::Column> imputed_columns(const data::Frame& x, std::vector<std::vector<double>> cells,
                                          bool keep_infinities);

}  // namespace kolosal::transform
