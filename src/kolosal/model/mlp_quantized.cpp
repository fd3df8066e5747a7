#include "kolosal/model/mlp_quantized.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/core/error.hpp"
#include "kolosal/kernel/integer_products.hpp"

namespace kolosal::model {

QuantizedWeights QuantizedWeights::of(std::span<const float> weights, std::size_t depth,
                                      std::size_t n_columns, int bits) {
  KOLOSAL_ASSERT(weights.size() == depth * n_columns && (bits == 8 || bits == 4),
                 "a matrix, and a known width");
  QuantizedWeights out{depth, n_columns, bits, {}, {}};
  const long most = bits == 8 ? 127 : 7;
  out.numbers.resize(weights.size());
  out.steps.assign(out.n_groups() * n_columns, 1.0F);
  std::vector<float> largest(n_columns), inverse(n_columns);
  for (std::size_t group = 0; group < out.n_groups(); ++group) {
    const std::size_t begin = group * out.group_depth(), end = std::min(begin + out.group_depth(), depth);
    std::ranges::fill(largest, 0.0F);
    for (std::size_t k = begin; k < end; ++k)
      for (std::size_t j = 0; j < n_columns; ++j)
        largest[j] = std::max(largest[j], std::fabs(weights[k * n_columns + j]));
    for (std::size_t j = 0; j < n_columns; ++j) {
      const float step = largest[j] / static_cast<float>(most);
      // Of numbers so small that a step vanishes nothing is left.
      const bool is_step = step > 0 && std::isfinite(1 / step);
      if (is_step) out.steps[group * n_columns + j] = step;
      inverse[j] = is_step ? 1 / step : 0;
    }
    for (std::size_t k = begin; k < end; ++k)
      for (std::size_t j = 0; j < n_columns; ++j) {
        const long q = std::lrintf(weights[k * n_columns + j] * inverse[j]);
        out.numbers[k * n_columns + j] = static_cast<std::int8_t>(std::clamp(q, -most, most));
      }
  }
  return out;
}

std::vector<float> QuantizedWeights::rounded() const {
  std::vector<float> out(numbers.size());
  for (std::size_t k = 0; k < depth; ++k)
    for (std::size_t j = 0; j < n_columns; ++j)
      out[k * n_columns + j] =
          static_cast<float>(numbers[k * n_columns + j]) * steps[k / group_depth() * n_columns + j];
  return out;
}

QuantizedLayer::QuantizedLayer(const QuantizedWeights& weights, float limit)
    : depth_(weights.depth),
      n_columns_(weights.n_columns),
      group_depth_(weights.group_depth()),
      n_groups_(weights.n_groups()),
      bits_(weights.bits),
      limit_(limit),
      steps_(weights.steps) {
  for (std::size_t group = 0; group < n_groups_; ++group) {
    const std::size_t begin = group * group_depth_, depth = std::min(group_depth_, depth_ - begin);
    const std::int8_t* const from = weights.numbers.data() + begin * n_columns_;
    if (bits_ == 8) {
      panels8_.resize(panels8_.size() + kernel::int8_panels_size(depth, n_columns_));
      kernel::pack_int8_panels(
          from, depth, n_columns_,
          panels8_.data() + panels8_.size() - kernel::int8_panels_size(depth, n_columns_));
    } else {
      panels4_.resize(panels4_.size() + kernel::int4_panels_size(depth, n_columns_));
      kernel::pack_int4_panels(
          from, depth, n_columns_,
          panels4_.data() + panels4_.size() - kernel::int4_panels_size(depth, n_columns_));
    }
  }
}

void QuantizedLayer::multiply(std::size_t group, const QuantizedScratch& scratch, std::size_t n_rows,
                              std::int32_t* sums) const {
  const std::size_t stride = kernel::padded_depth(depth_), begin = group * group_depth_;
  const std::size_t depth = std::min(group_depth_, depth_ - begin);
  // All groups but the last are of the same size.
  if (bits_ == 8)
    kernel::int8_products(scratch.inputs.data() + begin, stride, n_rows,
                          panels8_.data() + group * kernel::int8_panels_size(group_depth_, n_columns_), depth,
                          n_columns_, sums);
  else
    kernel::int4_products(scratch.inputs.data() + begin, stride, n_rows,
                          panels4_.data() + group * kernel::int4_panels_size(group_depth_, n_columns_), depth,
                          n_columns_, sums);
}

void QuantizedLayer::add(const float* x, std::size_t n_rows, float* out, QuantizedScratch& scratch) const {
  constexpr std::size_t kTogether = 16;  // their inputs and sums stay in the first cache
  for (std::size_t i = 0; i < n_rows; i += kTogether)
    add_rows(x + i * depth_, std::min(kTogether, n_rows - i), out + i * n_columns_, scratch);
}

void QuantizedLayer::add_rows(const float* x, std::size_t n_rows, float* out,
                              QuantizedScratch& scratch) const {
  const std::size_t stride = kernel::padded_depth(depth_), width = kernel::padded_columns(n_columns_);
  scratch.inputs.resize(n_rows * stride);
  scratch.sums.resize(n_rows * width);
  scratch.steps.resize(n_rows);
  for (std::size_t i = 0; i < n_rows; ++i) {
    const float* const row = x + i * depth_;
    const float limit = limit_ > 0 ? limit_ : kernel::largest_magnitude(row, depth_);
    const float inverse = 127 / limit;
    std::int8_t* const to = scratch.inputs.data() + i * stride;
    scratch.steps[i] = limit / 127;
    if (limit > 0 && std::isfinite(inverse))
      kernel::quantize_row(row, depth_, inverse, to);
    else
      std::fill_n(to, depth_, std::int8_t{0});
    std::fill(to + depth_, to + stride, std::int8_t{0});
  }
  for (std::size_t group = 0; group < n_groups_; ++group) {
    multiply(group, scratch, n_rows, scratch.sums.data());
    for (std::size_t i = 0; i < n_rows; ++i)
      kernel::add_scaled_sums(scratch.sums.data() + i * width, scratch.steps[i],
                              steps_.data() + group * n_columns_, n_columns_, out + i * n_columns_);
  }
}

}  // namespace kolosal::model
