#include "kolosal/infer/quantization/quantizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "kolosal/core/half_floats.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal::infer {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// tools/golden/quantization.py made it with onnxruntime.quantization.
json golden() { return json::parse(std::ifstream(test_data("quantization/golden.json"))); }

std::vector<float> floats_of(const json& list) {
  std::vector<float> out;
  for (const auto& value : list) out.push_back(static_cast<float>(value.get<double>()));
  return out;
}

std::vector<float> normals(std::size_t n, std::uint64_t seed, float scale = 1) {
  Rng rng(seed);
  std::vector<float> out(n);
  for (float& value : out) value = scale * static_cast<float>(rng.normal());
  return out;
}

TEST(Quantizer, StepsAndNumbersAreThoseOfOnnxRuntime) {
  const json all = golden();
  for (const json& wanted : all["steps"]) {
    SCOPED_TRACE(wanted["array"].get<std::string>() + " " + wanted["type"].get<std::string>());
    const auto values = floats_of(all["arrays"][wanted["array"].get<std::string>()]);
    const Quantizer quantizer({.type = quantized_type_from_name(wanted["type"].get<std::string>()),
                               .is_symmetric = wanted["symmetric"].get<bool>()});
    const QuantizedNumbers found = quantizer.quantize(values);
    ASSERT_EQ(found.steps.size(), 1U);
    EXPECT_EQ(found.steps[0].scale, static_cast<float>(wanted["scale"].get<double>()));
    EXPECT_EQ(found.steps[0].zero_point, wanted["zero_point"].get<int>());
    const auto back = Quantizer::dequantize(found);
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(back[i], static_cast<float>(wanted["quantized"][i].get<int>() - found.steps[0].zero_point) *
                             found.steps[0].scale)
          << i;
  }
}

TEST(Quantizer, RangesOfDistributionsAreThoseOfOnnxRuntime) {
  const json ranges = golden()["ranges"];
  for (const json& wanted : ranges["cases"]) {
    SCOPED_TRACE(wanted.dump());
    Quantizer quantizer({.type = QuantizedType::kUint8,
                         .is_symmetric = false,
                         .rule = wanted["method"] == "entropy" ? RangeRule::kEntropy : RangeRule::kPercentile,
                         .percentile = wanted["percentile"].get<double>(),
                         .n_bins = wanted["n_bins"].get<std::size_t>()});
    for (const json& batch : ranges["batches"]) quantizer.observe(floats_of(batch));
    const QuantizationStep step = quantizer.steps()[0];
    const QuantizationStep expected = quantizer.step_of(static_cast<float>(wanted["low"].get<double>()),
                                                        static_cast<float>(wanted["high"].get<double>()));
    EXPECT_NEAR(step.scale, expected.scale, 1e-4F * expected.scale);
    EXPECT_EQ(step.zero_point, expected.zero_point);
  }
}

TEST(Quantizer, HalfFloatsAreThoseOfNumpy) {
  const json half = golden()["half"];
  const auto values = floats_of(half["values"]);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(to_float16(values[i]), half["float16"][i].get<int>()) << values[i];
    EXPECT_EQ(to_bfloat16(values[i]), half["bfloat16"][i].get<int>()) << values[i];
    // What was rounded once stays.
    EXPECT_EQ(to_float16(from_float16(to_float16(values[i]))), to_float16(values[i]));
    EXPECT_EQ(to_bfloat16(from_bfloat16(to_bfloat16(values[i]))), to_bfloat16(values[i]));
  }
  EXPECT_TRUE(std::isnan(from_float16(to_float16(std::nanf("")))));
  EXPECT_TRUE(std::isnan(from_bfloat16(to_bfloat16(std::nanf("")))));
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(from_float16(to_float16(-infinity)), -infinity);
}

TEST(Quantizer, AChannelOfSmallNumbersKeepsItsOwnSteps) {
  std::vector<float> values = normals(256, 1, 100);
  const auto small = normals(256, 2, 0.01F);
  values.insert(values.end(), small.begin(), small.end());
  const Quantizer quantizer({});
  const auto together = quantizer.quantize(values), apart = quantizer.quantize(values, 2);
  ASSERT_EQ(apart.steps.size(), 2U);
  EXPECT_EQ(apart.steps[0].scale, together.steps[0].scale);
  EXPECT_LT(apart.steps[1].scale, 1e-3F * apart.steps[0].scale);
  const auto back = Quantizer::dequantize(apart), lost = Quantizer::dequantize(together);
  for (std::size_t i = 256; i < 512; ++i) {
    EXPECT_NEAR(back[i], values[i], 0.51F * apart.steps[1].scale);
    EXPECT_EQ(lost[i], 0);  // a step of the large channel is wider than all of these
  }
}

TEST(Quantizer, StatisticsTellWhatWasLost) {
  const std::vector<float> values = {-2, -1, 0, 0.3F, 2};
  const Quantizer quantizer({.type = QuantizedType::kInt4});
  const auto numbers = quantizer.quantize(values, std::vector<QuantizationStep>{{0.25F, 0}});
  EXPECT_THAT(Quantizer::dequantize(numbers), testing::ElementsAre(-2, -1, 0, 0.25F, 1.75F));
  const auto statistics = Quantizer::compare(values, numbers);
  EXPECT_EQ(statistics.n, 5U);
  EXPECT_EQ(statistics.minimum, -2);
  EXPECT_EQ(statistics.maximum, 2);
  EXPECT_NEAR(statistics.largest_error, 0.25, 1e-7);
  EXPECT_NEAR(statistics.mean_squared_error, (0.05 * 0.05 + 0.25 * 0.25) / 5, 1e-7);
  EXPECT_EQ(statistics.n_cut, 1U);
  EXPECT_EQ(numbers.data.size(), 3U);
  EXPECT_EQ(statistics.n_bytes, 11U);
  EXPECT_NEAR(statistics.signal_to_noise_db, 10 * std::log10(9.09 / (0.05 * 0.05 + 0.25 * 0.25)), 1e-4);
}

TEST(Quantizer, TheLeastErrorIsNotAboveThatOfTheWholeRange) {
  std::vector<float> values = normals(2000, 3);
  values[7] = 40;  // one far away makes the steps of the whole range wide
  for (const auto type : {QuantizedType::kInt4, QuantizedType::kInt8}) {
    const auto error = [&](RangeRule rule) {
      const Quantizer quantizer({.type = type, .rule = rule});
      return Quantizer::compare(values, quantizer.quantize(values)).mean_squared_error;
    };
    EXPECT_LE(error(RangeRule::kMse), error(RangeRule::kMinMax));
  }
}

TEST(Quantizer, EveryTypeIsOffByHalfAStepAtMost) {
  const auto values = normals(1001, 4);
  for (const auto type :
       {QuantizedType::kInt8, QuantizedType::kUint8, QuantizedType::kInt16, QuantizedType::kInt4})
    for (const bool is_symmetric : {true, false}) {
      const Quantizer quantizer({.type = type, .is_symmetric = is_symmetric});
      const auto numbers = quantizer.quantize(values);
      const auto statistics = Quantizer::compare(values, numbers);
      const double step = static_cast<double>(numbers.steps[0].scale);
      // Rounding the zero point may cut half a step at one end.
      EXPECT_LE(statistics.largest_error, 1.01 * step) << quantized_type_name(type);
      EXPECT_LE(statistics.mean_squared_error, step * step / 11);
    }
  EXPECT_LT(
      Quantizer::compare(values, Quantizer({.type = QuantizedType::kFloat16}).quantize(values)).largest_error,
      2e-3);
}

TEST(Quantizer, BatchesThatWereObservedGiveTheStepsOfAllOfThem) {
  const auto all = normals(600, 5);
  Quantizer quantizer({.type = QuantizedType::kInt8});
  for (std::size_t begin = 0; begin < all.size(); begin += 200)
    quantizer.observe(std::span(all).subspan(begin, 200));
  EXPECT_EQ(quantizer.steps()[0].scale, quantizer.quantize(all).steps[0].scale);
}

TEST(Quantizer, RefusesWhatItCanNotDo) {
  const Quantizer quantizer({});
  const std::vector<float> hole = {1, std::nanf(""), 2};
  EXPECT_ERROR(quantizer.quantize(hole), kInvalidParameter, HasSubstr("number 2 of 3"));
  EXPECT_ERROR(quantizer.quantize(std::vector<float>(7), 2), kInvalidParameter,
               HasSubstr("7 numbers are not 2 channels"));
  EXPECT_ERROR(quantizer.steps(), kNotFitted, HasSubstr("observed"));
  EXPECT_ERROR(quantized_type_from_name("int5"), kInvalidParameter, HasSubstr("int5"));
  EXPECT_ERROR(Quantizer({.percentile = 40}), kInvalidParameter, HasSubstr("40"));
  EXPECT_TRUE(quantizer.quantize(std::vector<float>()).data.empty());
}

}  // namespace
}  // namespace kolosal::infer
