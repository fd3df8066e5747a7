#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "kolosal/artifact/protobuf_wire.hpp"

namespace kolosal::infer::exporters {

/// An array as an attribute (data type "tensor").
struct OnnxTensor {
  std::vector<std::int64_t> shape;
  std::variant<std::vector<double>, std::vector<float>, std::vector<std::int64_t>, std::vector<std::string>>
      values;
};

using OnnxAttribute =
    std::variant<std::int64_t, std::string, std::vector<std::int64_t>, std::vector<std::string>, OnnxTensor>;
using OnnxAttributes = std::vector<std::pair<std::string, OnnxAttribute>>;

enum class OnnxType : std::int32_t { kFloat = 1, kInt64 = 7, kString = 8, kBool = 9, kDouble = 11 };

/// Writes an ONNX graph node by node; tensors are known by their names. The same calls give the same bytes.
class OnnxGraph {
 public:
  static constexpr std::int64_t kOpset = 17, kTreesOpset = 3, kIrVersion = 8;

  /// The first dimension of inputs and outputs is the number of rows. columns: 0 for a vector.
  void add_input(const std::string& name, OnnxType type, std::size_t columns);
  void add_output(const std::string& name, OnnxType type, std::size_t columns);
  std::string constant(OnnxTensor tensor);
  std::string row(std::vector<double> values);  ///< A constant of 1 x n; equal ones are written once.
  std::string number(double value) { return row({value}); }
  /// A node with one output (its name is made, unless given).
  std::string node(std::string_view type, const std::vector<std::string>& inputs,
                   const OnnxAttributes& attributes = {}, std::string output = "");
  /// The same of the operators for classical machine learning.
  std::string ml_node(std::string_view type, const std::vector<std::string>& inputs,
                      const OnnxAttributes& attributes);
  std::string cast(const std::string& tensor, OnnxType type) {
    return node("Cast", {tensor}, {{"to", static_cast<std::int64_t>(type)}});
  }

  /// A text about the model, of which the format says nothing.
  void add_metadata(const std::string& key, const std::string& value);

  std::vector<std::byte> finish(const std::string& name, const std::string& doc) const;

 private:
  std::string add_node(std::string_view domain, std::string_view type, const std::vector<std::string>& inputs,
                       const OnnxAttributes& attributes, std::vector<std::string> outputs);

  artifact::ProtobufWriter nodes_, initializers_, inputs_, outputs_, metadata_;
  std::vector<std::pair<std::vector<double>, std::string>> rows_;
  std::size_t n_made_ = 0;
};

}  // namespace kolosal::infer::exporters
