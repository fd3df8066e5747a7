#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace kolosal::infer {

enum class QuantizedType : std::uint8_t { kInt8, kUint8, kInt16, kInt4, kFloat16, kBfloat16 };

/// "int8", "uint8", "int16", "int4", "float16", "bfloat16".
std::string_view quantized_type_name(QuantizedType type);
/// @throws Error kInvalidParameter with the known names.
QuantizedType quantized_type_from_name(std::string_view name);

/// How the range of numbers that the steps cover is found.
enum class RangeRule : std::uint8_t {
  kMinMax,
  kPercentile,  ///< All but (100 - percentile) %, half of them at each end.
  kEntropy,     ///< The range whose steps lose least of the distribution (Kullback-Leibler; Migacz, 2017).
  kMse,         ///< The share of the range from least to greatest that has the smallest squared error.
};

struct QuantizerOptions {
  QuantizedType type = QuantizedType::kInt8;
  bool is_symmetric =
      true;  ///< 0 is the middle of the range; of int8 and int16 the lowest value is not used.
  RangeRule rule = RangeRule::kMinMax;
  double percentile = 99.99;
  std::size_t n_bins = 2048;           ///< kPercentile, kEntropy: of the histogram of what is seen first.
  std::size_t n_quantized_bins = 128;  ///< kEntropy
};

/// value = scale * (q - zero_point)
struct QuantizationStep {
  float scale = 1;
  std::int32_t zero_point = 0;
};

/// Numbers that were quantized. Shapes: n_channels rows of equal length, each with its own step (1: one step
/// for all). data: int4 two to a byte, the earlier one in the lower half; else little-endian.
struct QuantizedNumbers {
  QuantizedType type = QuantizedType::kInt8;
  std::size_t n = 0;
  std::vector<QuantizationStep> steps;  ///< By channel; one of scale 1 for floats.
  std::vector<std::byte> data;
};

/// What quantization did to some numbers.
struct QuantizationStatistics {
  std::size_t n = 0;
  double minimum = 0, maximum = 0;  ///< of the numbers
  double mean_squared_error = 0;
  double largest_error = 0;
  double signal_to_noise_db = 0;  ///< infinity when nothing was lost
  std::size_t n_cut = 0;          ///< beyond the range of the steps by more than half a step
  std::size_t n_bytes = 0;        ///< data and steps
  double bytes_ratio = 0;         ///< float32 bytes / n_bytes
};

/// Turns numbers into small ones and back.
///
/// Dynamic: quantize(values, n_channels) finds the steps by the values themselves. Static: observe() some
/// batches of
///          what is to come, then steps() are those for all of it, and quantize(values, steps) uses them.
/// Range:   always holds 0, so that 0 stays 0. Rounding is to the nearest, ties to even.
/// Missing: NaN is refused; infinities too, but for floats.
/// Threads: const use is safe from many threads.
/// Source:  agrees with onnxruntime.quantization in steps, values, percentile and entropy ranges
///          (tools/golden/quantization.py).
/// Errors:  kInvalidParameter for options out of range, a number of channels that does not divide the values,
/// NaN;
///          kNotFitted for steps() before observe().
class Quantizer {
 public:
  explicit Quantizer(QuantizerOptions options);

  QuantizedNumbers quantize(std::span<const float> values, std::size_t n_channels = 1) const;
  QuantizedNumbers quantize(std::span<const float> values, std::span<const QuantizationStep> steps) const;

  /// Batches of one shape: n_channels rows each.
  void observe(std::span<const float> values, std::size_t n_channels = 1);
  std::vector<QuantizationStep> steps() const;
  bool has_observed() const { return !observed_.empty(); }

  static std::vector<float> dequantize(const QuantizedNumbers& numbers);
  static QuantizationStatistics compare(std::span<const float> values, const QuantizedNumbers& numbers);

  /// The step for numbers from `low` to `high`.
  QuantizationStep step_of(float low, float high) const;

 private:
  struct Range {
    float low, high;
  };
  /// Counts of equal bins from -limit to limit, which grow at both ends as greater numbers come.
  struct Observed {
    float low = 0, high = 0;
    double limit = 0;
    std::vector<std::int64_t> counts;
    std::vector<float> values;  // kMse keeps them
    void add(std::span<const float> batch, std::size_t n_bins);
    double edge(std::size_t bin) const;
  };
  Range range_of(const Observed& seen) const;
  Range percentile_range(const Observed& seen) const;
  Range entropy_range(const Observed& seen) const;
  Range least_error_range(const Observed& seen) const;
  void observe_channel(std::span<const float> values, Observed& to) const;

  QuantizerOptions options_;
  std::vector<Observed> observed_;  // by channel
};

}  // namespace kolosal::infer
