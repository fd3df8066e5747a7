#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kolosal::infer {

/// Element types of tensors, as ONNX numbers them.
enum class OnnxType : std::int32_t {
  kUndefined = 0,
  kFloat32 = 1,
  kInt32 = 6,
  kInt64 = 7,
  kText = 8,
  kBool = 9,
  kFloat64 = 11,
};

/// A constant. Numbers of every type are doubles.
struct OnnxTensor {
  std::string name;
  OnnxType type = OnnxType::kUndefined;
  std::vector<std::int64_t> dims;
  std::vector<double> numbers;
  std::vector<std::string> texts;
};

struct OnnxAttribute {
  std::string name;
  std::optional<std::int64_t> integer;
  std::optional<float> number;
  std::string text;
  std::vector<float> numbers;
  std::vector<std::int64_t> integers;
  std::vector<std::string> texts;
  std::optional<OnnxTensor> tensor;
};

struct OnnxNode {
  std::string op, domain, name;
  std::vector<std::string> inputs, outputs;
  std::vector<OnnxAttribute> attributes;

  const OnnxAttribute* find(std::string_view attribute) const;
  std::int64_t integer(std::string_view attribute, std::int64_t otherwise) const;
  std::string text(std::string_view attribute, std::string_view otherwise) const;
  /// Empty when the attribute is absent.
  const std::vector<float>& numbers(std::string_view attribute) const;
  const std::vector<std::int64_t>& integers(std::string_view attribute) const;
  const std::vector<std::string>& texts(std::string_view attribute) const;
};

/// An input or output of a graph. dims: -1 where a size is not told.
struct OnnxValue {
  std::string name;
  bool is_tensor = false;
  OnnxType type = OnnxType::kUndefined;
  std::vector<std::int64_t> dims;
};

/// What of an ONNX file counts here. Nested graphs are looked through for data outside of the file, and not
/// kept.
struct OnnxModel {
  std::string producer;
  std::vector<OnnxNode> nodes;
  std::map<std::string, OnnxTensor, std::less<>> constants;
  std::vector<OnnxValue> inputs;  ///< without those that have a constant
  std::vector<OnnxValue> outputs;
  std::set<std::string, std::less<>> function_domains;      ///< of operators that the file itself defines
  std::map<std::string, std::int64_t, std::less<>> opsets;  ///< version by domain; "" is ONNX's own
  std::map<std::string, std::string, std::less<>> metadata;
};

/// @throws Error kModel when it is damaged; kUnsupported when its data is in other files.
OnnxModel read_onnx(std::span<const std::byte> file);

}  // namespace kolosal::infer
