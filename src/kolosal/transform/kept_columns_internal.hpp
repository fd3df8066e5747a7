#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {

class KeptRow final : public RowStep {
 public:
  explicit KeptRow(std::span<const std::uint8_t> kept) : kept_(kept) {}
  void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena&) const override {
    std::size_t at = 0;
    for (std::size_t c = 0; c < in.size(); ++c)
      if (kept_[c]) out[at++] = in[c];
  }

 private:
  std::span<const std::uint8_t> kept_;
};

/// Base of the steps that only drop columns: do_fit() says which of its columns stay.
///
/// Missing: cells of the columns that stay are not touched.
class KeptColumns : public Transformer {
 public:
  std::unique_ptr<RowStep> row_step(const data::Frame&) const override {
    return std::make_unique<KeptRow>(kept_);
  }

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
