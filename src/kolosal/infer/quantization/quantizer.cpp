#include "kolosal/infer/quantization/quantizer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "kolosal/core/error.hpp"
#include "kolosal/core/half_floats.hpp"
#include "kolosal/core/param.hpp"

namespace kolosal::infer {
namespace {

constexpr std::array<std::pair<QuantizedType, std::string_view>, 6> kNames = {{
    {QuantizedType::kInt8, "int8"},
    {QuantizedType::kUint8, "uint8"},
    {QuantizedType::kInt16, "int16"},
    {QuantizedType::kInt4, "int4"},
    {QuantizedType::kFloat16, "float16"},
    {QuantizedType::kBfloat16, "bfloat16"},
}};

bool is_float(QuantizedType type) {
  return type == QuantizedType::kFloat16 || type == QuantizedType::kBfloat16;
}

struct Limits {
  std::int32_t low, high;
};

Limits limits_of(QuantizedType type) {
  switch (type) {
    case QuantizedType::kInt8:
      return {-128, 127};
    case QuantizedType::kUint8:
      return {0, 255};
    case QuantizedType::kInt16:
      return {-32768, 32767};
    case QuantizedType::kInt4:
      return {-8, 7};
    case QuantizedType::kFloat16:
    case QuantizedType::kBfloat16:
      break;
  }
  return {0, 0};
}

/// Symmetric steps leave out the lowest value of the signed types of 8 and 16 bits, so that as many lie on
/// either side of 0; int4 has too few to spare.
Limits step_limits(QuantizedType type, bool is_symmetric) {
  Limits out = limits_of(type);
  if (is_symmetric && (type == QuantizedType::kInt8 || type == QuantizedType::kInt16)) ++out.low;
  return out;
}

std::size_t bytes_of(QuantizedType type, std::size_t n) {
  if (type == QuantizedType::kInt4) return (n + 1) / 2;
  return type == QuantizedType::kInt8 || type == QuantizedType::kUint8 ? n : 2 * n;
}

void store(QuantizedType type, std::size_t i, std::int32_t q, std::vector<std::byte>& data) {
  const auto bits = static_cast<std::uint32_t>(q);
  if (type == QuantizedType::kInt4) {
    data[i / 2] |= static_cast<std::byte>((bits & 0xFU) << (i % 2 * 4));
  } else if (bytes_of(type, 1) == 1) {
    data[i] = static_cast<std::byte>(bits & 0xFFU);
  } else {
    data[2 * i] = static_cast<std::byte>(bits & 0xFFU);
    data[2 * i + 1] = static_cast<std::byte>((bits >> 8) & 0xFFU);
  }
}

std::uint32_t load_bits(const QuantizedNumbers& numbers, std::size_t i) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(numbers.data[at]); };
  if (numbers.type == QuantizedType::kInt4) return (byte(i / 2) >> (i % 2 * 4)) & 0xFU;
  if (bytes_of(numbers.type, 1) == 1) return byte(i);
  return byte(2 * i) | byte(2 * i + 1) << 8;
}

std::int32_t load(const QuantizedNumbers& numbers, std::size_t i) {
  const std::uint32_t bits = load_bits(numbers, i);
  switch (numbers.type) {
    case QuantizedType::kInt4:
      return static_cast<std::int32_t>(bits ^ 8U) - 8;
    case QuantizedType::kInt8:
      return static_cast<std::int8_t>(bits);
    case QuantizedType::kInt16:
      return static_cast<std::int16_t>(bits);
    default:
      return static_cast<std::int32_t>(bits);
  }
}

void check_numbers(std::span<const float> values, bool takes_infinities) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (takes_infinities ? std::isnan(values[i]) : !std::isfinite(values[i]))
      throw Error(ErrorCode::kInvalidParameter,
                  "can not quantize: number {} of {} is {}; fill what is missing before", i + 1,
                  values.size(), values[i]);
}

std::size_t channel_length(std::size_t n, std::size_t n_channels) {
  if (n_channels == 0 || n % n_channels != 0)
    throw Error(ErrorCode::kInvalidParameter,
                "can not quantize: {} numbers are not {} channels of equal length", n, n_channels);
  return n / n_channels;
}

/// Shares of a distribution, with a little of the others' weight where there is none (as onnxruntime does, so
/// that the divergence is finite). Empty: there is no weight at all, or too little.
std::vector<double> smoothed(const std::vector<std::int64_t>& counts) {
  constexpr double kShare = 1e-4;
  const auto n_zero = std::ranges::count(counts, 0);
  const auto n_other = static_cast<std::ptrdiff_t>(counts.size()) - n_zero;
  if (n_other == 0) return {};
  const double taken = kShare * static_cast<double>(n_zero) / static_cast<double>(n_other);
  std::vector<double> out;
  double total = 0;
  for (const std::int64_t count : counts) {
    out.push_back(count == 0 ? kShare : static_cast<double>(count) - taken);
    if (!(out.back() > 0)) return {};
    total += out.back();
  }
  for (double& share : out) share /= total;
  return out;
}

double divergence(const std::vector<std::int64_t>& p_counts, const std::vector<std::int64_t>& q_counts) {
  const auto p = smoothed(p_counts), q = smoothed(q_counts);
  if (p.empty() || q.empty()) return std::numeric_limits<double>::infinity();
  double out = 0;
  for (std::size_t i = 0; i < p.size(); ++i) out += p[i] * std::log(p[i] / q[i]);
  return out;
}

/// What is left of counts when groups of bins become one each: every bin that was not empty gets an equal
/// part.
std::vector<std::int64_t> merged(std::span<const std::int64_t> counts,
                                 const std::vector<std::int64_t>& reference, std::size_t n_groups) {
  const std::size_t size = counts.size() / n_groups;
  std::vector<std::int64_t> out(counts.size(), 0);
  for (std::size_t g = 0; g < n_groups; ++g) {
    const std::size_t begin = g * size, end = begin + size;
    const std::size_t last = g + 1 == n_groups ? counts.size() : end;  // the last group takes what is over
    std::int64_t sum = 0, n_used = 0;
    for (std::size_t i = begin; i < last; ++i) sum += counts[i];
    for (std::size_t i = begin; i < end; ++i) n_used += reference[i] != 0 ? 1 : 0;
    for (std::size_t i = begin; i < end && n_used > 0; ++i) out[i] = sum / n_used;
  }
  return out;
}

}  // namespace

std::string_view quantized_type_name(QuantizedType type) {
  return std::ranges::find(kNames, type, [](const auto& pair) { return pair.first; })->second;
}

QuantizedType quantized_type_from_name(std::string_view name) {
  for (const auto& [type, known] : kNames)
    if (known == name) return type;
  throw Error(ErrorCode::kInvalidParameter,
              "there is no quantized type \"{}\"; known are int8, uint8, int16, int4, float16, bfloat16",
              name);
}

Quantizer::Quantizer(QuantizerOptions options) : options_(options) {
  if (!(options.percentile > 50 && options.percentile <= 100))
    throw Error(ErrorCode::kInvalidParameter, "percentile must be above 50 and at most 100, not {}",
                options.percentile);
  if (options.n_bins < 2 || options.n_quantized_bins < 2 || options.n_quantized_bins > options.n_bins)
    throw Error(ErrorCode::kInvalidParameter,
                "n_quantized_bins must be at least 2 and at most n_bins: {} and {}", options.n_quantized_bins,
                options.n_bins);
}

QuantizationStep Quantizer::step_of(float low, float high) const {
  if (is_float(options_.type)) return {1, 0};
  const Limits limits = step_limits(options_.type, options_.is_symmetric);
  low = std::min(low, 0.0F);
  high = std::max(high, 0.0F);
  if (options_.is_symmetric) {
    high = std::max(std::fabs(low), std::fabs(high));
    low = -high;
  }
  const double scale = (static_cast<double>(high) - static_cast<double>(low)) / (limits.high - limits.low);
  if (scale < static_cast<double>(std::numeric_limits<float>::min())) return {1, 0};
  const double zero = options_.is_symmetric ? (limits.low + limits.high) / 2.0
                                            : limits.low - static_cast<double>(low) / scale;
  return {static_cast<float>(scale), static_cast<std::int32_t>(std::nearbyint(zero))};
}

QuantizedNumbers Quantizer::quantize(std::span<const float> values, std::size_t n_channels) const {
  const std::size_t length = channel_length(values.size(), n_channels);
  check_numbers(values, is_float(options_.type));
  std::vector<QuantizationStep> steps;
  for (std::size_t c = 0; c < n_channels; ++c) {
    if (is_float(options_.type)) {
      steps.push_back({1, 0});
      continue;
    }
    Observed seen;
    observe_channel(values.subspan(c * length, length), seen);
    const Range range = range_of(seen);
    steps.push_back(step_of(range.low, range.high));
  }
  return quantize(values, steps);
}

QuantizedNumbers Quantizer::quantize(std::span<const float> values,
                                     std::span<const QuantizationStep> steps) const {
  const std::size_t length = channel_length(values.size(), steps.size());
  check_numbers(values, is_float(options_.type));
  QuantizedNumbers out{options_.type, values.size(), {steps.begin(), steps.end()}, {}};
  out.data.resize(bytes_of(options_.type, values.size()));
  const Limits limits = limits_of(options_.type);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (is_float(options_.type)) {
      store(options_.type, i,
            options_.type == QuantizedType::kFloat16 ? to_float16(values[i]) : to_bfloat16(values[i]),
            out.data);
      continue;
    }
    const QuantizationStep& step = steps[i / length];
    const float place = std::nearbyint(values[i] / step.scale) + static_cast<float>(step.zero_point);
    store(options_.type, i,
          static_cast<std::int32_t>(
              std::clamp(place, static_cast<float>(limits.low), static_cast<float>(limits.high))),
          out.data);
  }
  return out;
}

std::vector<float> Quantizer::dequantize(const QuantizedNumbers& numbers) {
  const std::size_t length = channel_length(numbers.n, numbers.steps.size());
  if (numbers.data.size() != bytes_of(numbers.type, numbers.n))
    throw Error(ErrorCode::kInvalidParameter, "{} numbers of type {} take {} bytes, not {}", numbers.n,
                quantized_type_name(numbers.type), bytes_of(numbers.type, numbers.n), numbers.data.size());
  std::vector<float> out(numbers.n);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (is_float(numbers.type)) {
      const auto bits = static_cast<std::uint16_t>(load_bits(numbers, i));
      out[i] = numbers.type == QuantizedType::kFloat16 ? from_float16(bits) : from_bfloat16(bits);
      continue;
    }
    const QuantizationStep& step = numbers.steps[i / length];
    out[i] = static_cast<float>(load(numbers, i) - step.zero_point) * step.scale;
  }
  return out;
}

QuantizationStatistics Quantizer::compare(std::span<const float> values, const QuantizedNumbers& numbers) {
  if (values.size() != numbers.n)
    throw Error(ErrorCode::kInvalidParameter, "{} numbers were quantized, but {} are compared", numbers.n,
                values.size());
  QuantizationStatistics out;
  out.n = values.size();
  out.n_bytes = numbers.data.size();
  if (!is_float(numbers.type)) out.n_bytes += numbers.steps.size() * (sizeof(float) + sizeof(std::int32_t));
  out.bytes_ratio =
      out.n_bytes == 0 ? 1 : static_cast<double>(values.size_bytes()) / static_cast<double>(out.n_bytes);
  if (values.empty()) return out;
  const auto back = dequantize(numbers);
  const std::size_t length = numbers.n / numbers.steps.size();
  out.minimum = out.maximum = static_cast<double>(values[0]);
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<double>(values[i]);
    out.minimum = std::min(out.minimum, value);
    out.maximum = std::max(out.maximum, value);
    const double error = values[i] == back[i] ? 0 : std::fabs(value - static_cast<double>(back[i]));
    // A number within the range is off by at most half a step, to rounding.
    const double half = is_float(numbers.type)
                            ? std::numeric_limits<double>::infinity()
                            : 0.5001 * static_cast<double>(numbers.steps[i / length].scale);
    if (error > half) ++out.n_cut;
    out.largest_error = std::max(out.largest_error, error);
    signal += value * value;
    noise += error * error;
  }
  out.mean_squared_error = noise / static_cast<double>(out.n);
  out.signal_to_noise_db =
      noise > 0 ? 10 * std::log10(signal / noise) : std::numeric_limits<double>::infinity();
  return out;
}

void Quantizer::observe(std::span<const float> values, std::size_t n_channels) {
  const std::size_t length = channel_length(values.size(), n_channels);
  check_numbers(values, is_float(options_.type));
  if (observed_.empty()) observed_.resize(n_channels);
  if (observed_.size() != n_channels)
    throw Error(ErrorCode::kInvalidParameter, "a batch has {} channels, but the first one had {}", n_channels,
                observed_.size());
  for (std::size_t c = 0; c < n_channels; ++c)
    observe_channel(values.subspan(c * length, length), observed_[c]);
}

std::vector<QuantizationStep> Quantizer::steps() const {
  if (observed_.empty())
    throw Error(ErrorCode::kNotFitted, "a quantizer has no steps before it has observed numbers");
  std::vector<QuantizationStep> out;
  for (const Observed& seen : observed_) {
    const Range range = range_of(seen);
    out.push_back(step_of(range.low, range.high));
  }
  return out;
}

void Quantizer::observe_channel(std::span<const float> values, Observed& to) const {
  for (const float value : values) {
    to.low = std::min(to.low, value);
    to.high = std::max(to.high, value);
  }
  if (options_.rule == RangeRule::kMse) to.values.insert(to.values.end(), values.begin(), values.end());
  if (options_.rule == RangeRule::kPercentile || options_.rule == RangeRule::kEntropy)
    to.add(values, options_.n_bins);
}

void Quantizer::Observed::add(std::span<const float> batch, std::size_t n_bins) {
  double largest = 0;
  for (const float value : batch) largest = std::max(largest, std::fabs(static_cast<double>(value)));
  if (counts.empty()) counts.assign(n_bins, 0);
  if (limit == 0) {
    // Zeros so far stand at the middle, whatever the width of the bins.
    limit = largest;
  } else if (largest > limit) {
    const double width = 2 * limit / static_cast<double>(counts.size());
    const auto more = static_cast<std::size_t>((largest - limit) / width) + 1;
    std::vector<std::int64_t> wider(counts.size() + 2 * more, 0);
    std::ranges::copy(counts, wider.begin() + static_cast<std::ptrdiff_t>(more));
    counts = std::move(wider);
    limit += static_cast<double>(more) * width;
  }
  const auto n = static_cast<double>(counts.size());
  for (const float value : batch) {
    const double place = limit > 0 ? (static_cast<double>(value) + limit) / (2 * limit) * n : n / 2;
    ++counts[std::min(static_cast<std::size_t>(std::max(place, 0.0)), counts.size() - 1)];
  }
}

double Quantizer::Observed::edge(std::size_t bin) const {
  return limit * (2 * static_cast<double>(bin) / static_cast<double>(counts.size()) - 1);
}

Quantizer::Range Quantizer::range_of(const Observed& seen) const {
  if (!(seen.low < seen.high)) return {seen.low, seen.high};
  switch (options_.rule) {
    case RangeRule::kMinMax:
      break;
    case RangeRule::kPercentile:
      return percentile_range(seen);
    case RangeRule::kEntropy:
      return entropy_range(seen);
    case RangeRule::kMse:
      return least_error_range(seen);
  }
  return {seen.low, seen.high};
}

Quantizer::Range Quantizer::percentile_range(const Observed& seen) const {
  double total = 0;
  for (const std::int64_t count : seen.counts) total += static_cast<double>(count);
  const double cut = (100 - options_.percentile) / 200;
  std::size_t left = seen.counts.size(), right = seen.counts.size();
  double share = 0;
  for (std::size_t i = 0; i < seen.counts.size(); ++i) {
    share += static_cast<double>(seen.counts[i]) / total;
    if (left == seen.counts.size() && share >= cut) left = i;
    if (right == seen.counts.size() && share >= 1 - cut) right = i;
  }
  return {std::max(static_cast<float>(seen.edge(left)), seen.low),
          std::min(static_cast<float>(seen.edge(right)), seen.high)};
}

Quantizer::Range Quantizer::entropy_range(const Observed& seen) const {
  const std::size_t n = seen.counts.size(), middle = n / 2, least = options_.n_quantized_bins / 2;
  double best = std::numeric_limits<double>::infinity();
  Range out{seen.low, seen.high};
  bool is_first = true;
  for (std::size_t half = least; half <= middle; ++half) {
    const std::size_t begin = middle - half, end = std::min(middle + half + 1, n);
    const std::span<const std::int64_t> inside(seen.counts.data() + begin, end - begin);
    std::vector<std::int64_t> reference(inside.begin(), inside.end());
    for (std::size_t i = 0; i < begin; ++i) reference.front() += seen.counts[i];
    for (std::size_t i = end; i < n; ++i) reference.back() += seen.counts[i];
    const double lost = divergence(reference, merged(inside, reference, options_.n_quantized_bins));
    if (!is_first && !(lost < best)) continue;
    is_first = false;
    best = lost;
    out = {static_cast<float>(seen.edge(begin)), static_cast<float>(seen.edge(end))};
  }
  return {std::max(out.low, seen.low), std::min(out.high, seen.high)};
}

Quantizer::Range Quantizer::least_error_range(const Observed& seen) const {
  constexpr int kShares = 100;  // candidates: 0.01 ... 1 of the range
  const Quantizer plain({.type = options_.type, .is_symmetric = options_.is_symmetric});
  double best = std::numeric_limits<double>::infinity();
  Range out{seen.low, seen.high};
  for (int i = kShares; i >= 1; --i) {
    const float share = static_cast<float>(i) / kShares;
    const Range range{seen.low * share, seen.high * share};
    const std::array steps = {plain.step_of(range.low, range.high)};
    const auto back = dequantize(plain.quantize(seen.values, steps));
    double error = 0;
    for (std::size_t k = 0; k < back.size(); ++k) {
      const double off = static_cast<double>(seen.values[k]) - static_cast<double>(back[k]);
      error += off * off;
    }
    if (!(error < best)) continue;
    best = error;
    out = range;
  }
  return out;
}

}  // namespace kolosal::infer
