#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {

/// Base of the steps that only drop columns: do_fit() says which of its columns stay.
///
/// Missing: cells of the columns that stay are not touched.
class KeptColumns : public Transformer {
 public:
  std::span<const std::uint8_t> kept_columns() const override { return kept_; }

 protected:
  std::vector<std::uint8_t> kept_;  ///< By column, 1 = stays.

 private:
  std::vector<Named> do_transform(const data::Frame& x, const Context&) const override {
    std::vector<Named> out;
    for (std::size_t c = 0; c < x.n_columns(); ++c)
      if (kept_[c]) out.push_back({x.name(c), x.column(c)});
    return out;
  }
  void do_save(artifact::Node& node) const override { node.set_array("kept", kept_); }
  void do_load(const artifact::Node& node) override {
    kept_ = node.get_vector<std::uint8_t>("kept");
    check_saved_size("drop", {kept_.size()}, input_columns().size());
  }
};

}  // namespace kolosal::transform
