#include "kolosal/infer/exporters/onnx_graph.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kolosal/core/error.hpp"

namespace kolosal::infer::exporters {
namespace {

using artifact::ProtobufWriter;

// Numbers of fields, from onnx.proto.
enum ModelField : std::uint32_t {
  kIrVersionField = 1,
  kProducer = 2,
  kModelDoc = 6,
  kGraph = 7,
  kOpsetImport = 8,
  kMetadata = 14
};
enum GraphField : std::uint32_t { kNode = 1, kGraphName = 2, kInitializer = 5, kInput = 11, kOutput = 12 };
enum NodeField : std::uint32_t {
  kNodeInput = 1,
  kNodeOutput = 2,
  kNodeName = 3,
  kOpType = 4,
  kNodeAttribute = 5,
  kDomain = 7
};
enum AttributeField : std::uint32_t {
  kAttributeName = 1,
  kIntValue = 3,
  kTextValue = 4,
  kTensorValue = 5,
  kIntsValue = 8,
  kTextsValue = 9,
  kAttributeType = 20
};
enum AttributeType : std::int64_t { kOfInt = 2, kOfText = 3, kOfTensor = 4, kOfInts = 7, kOfTexts = 8 };
enum TensorField : std::uint32_t { kDims = 1, kDataType = 2, kStringData = 6, kTensorName = 8, kRawData = 9 };

constexpr std::string_view kMlDomain = "ai.onnx.ml";

template <typename T>
void add_raw(ProtobufWriter& out, OnnxType type, const std::vector<T>& values) {
  static_assert(std::endian::native == std::endian::little, "the format is little-endian");
  out.add_integer(kDataType, static_cast<std::int64_t>(type));
  out.add_bytes(kRawData, std::as_bytes(std::span(values)));
}

ProtobufWriter message_of(const OnnxTensor& tensor, const std::string& name) {
  ProtobufWriter out;
  out.add_packed(kDims, std::span<const std::int64_t>(tensor.shape));
  if (!name.empty()) out.add_text(kTensorName, name);
  if (const auto* doubles = std::get_if<std::vector<double>>(&tensor.values)) {
    add_raw(out, OnnxType::kDouble, *doubles);
  } else if (const auto* floats = std::get_if<std::vector<float>>(&tensor.values)) {
    add_raw(out, OnnxType::kFloat, *floats);
  } else if (const auto* whole = std::get_if<std::vector<std::int64_t>>(&tensor.values)) {
    add_raw(out, OnnxType::kInt64, *whole);
  } else {
    out.add_integer(kDataType, static_cast<std::int64_t>(OnnxType::kString));
    for (const std::string& text : std::get<std::vector<std::string>>(tensor.values))
      out.add_text(kStringData, text);
  }
  return out;
}

ProtobufWriter message_of(const std::string& name, const OnnxAttribute& value) {
  ProtobufWriter out;
  out.add_text(kAttributeName, name);
  const auto set_type = [&](AttributeType type) { out.add_integer(kAttributeType, type); };
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    out.add_integer(kIntValue, *whole);
    set_type(kOfInt);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    out.add_text(kTextValue, *text);
    set_type(kOfText);
  } else if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) {
    out.add_packed(kIntsValue, std::span<const std::int64_t>(*list));
    set_type(kOfInts);
  } else if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    for (const std::string& one : *texts) out.add_text(kTextsValue, one);
    set_type(kOfTexts);
  } else {
    out.add_message(kTensorValue, message_of(std::get<OnnxTensor>(value), ""));
    set_type(kOfTensor);
  }
  return out;
}

ProtobufWriter value_info(const std::string& name, OnnxType type, std::size_t columns) {
  ProtobufWriter rows, shape, tensor, of_type, out;
  rows.add_text(2, "rows");
  shape.add_message(1, rows);
  if (columns > 0) {
    ProtobufWriter width;
    width.add_integer(1, static_cast<std::int64_t>(columns));
    shape.add_message(1, width);
  }
  tensor.add_integer(1, static_cast<std::int64_t>(type));
  tensor.add_message(2, shape);
  of_type.add_message(1, tensor);
  out.add_text(1, name);
  out.add_message(2, of_type);
  return out;
}

}  // namespace

void OnnxGraph::add_input(const std::string& name, OnnxType type, std::size_t columns) {
  inputs_.add_message(kInput, value_info(name, type, columns));
}

void OnnxGraph::add_output(const std::string& name, OnnxType type, std::size_t columns) {
  outputs_.add_message(kOutput, value_info(name, type, columns));
}

std::string OnnxGraph::constant(OnnxTensor tensor) {
  const std::string name = fmt::format("kolosal/constant_{}", n_made_++);
  initializers_.add_message(kInitializer, message_of(tensor, name));
  return name;
}

std::string OnnxGraph::row(std::vector<double> values) {
  const auto same = [&](const auto& known) {
    return known.first.size() == values.size() &&
           std::memcmp(known.first.data(), values.data(), values.size() * sizeof(double)) == 0;
  };
  if (const auto found = std::ranges::find_if(rows_, same); found != rows_.end()) return found->second;
  const std::string name = constant({{1, static_cast<std::int64_t>(values.size())}, values});
  rows_.emplace_back(std::move(values), name);
  return name;
}

std::string OnnxGraph::add_node(std::string_view domain, std::string_view type,
                                const std::vector<std::string>& inputs, const OnnxAttributes& attributes,
                                std::vector<std::string> outputs) {
  ProtobufWriter out;
  for (const std::string& input : inputs) out.add_text(kNodeInput, input);
  for (const std::string& output : outputs) out.add_text(kNodeOutput, output);
  out.add_text(kNodeName, outputs.front() + "_node");
  out.add_text(kOpType, type);
  for (const auto& [name, value] : attributes) out.add_message(kNodeAttribute, message_of(name, value));
  if (!domain.empty()) out.add_text(kDomain, domain);
  nodes_.add_message(kNode, out);
  return outputs.front();
}

std::string OnnxGraph::node(std::string_view type, const std::vector<std::string>& inputs,
                            const OnnxAttributes& attributes, std::string output) {
  if (output.empty()) output = fmt::format("kolosal/{}_{}", type, n_made_++);
  std::vector<std::string> outputs = {output};
  if (type == "TopK") outputs.push_back(output + "_places");
  return add_node("", type, inputs, attributes, std::move(outputs));
}

std::string OnnxGraph::ml_node(std::string_view type, const std::vector<std::string>& inputs,
                               const OnnxAttributes& attributes) {
  return add_node(kMlDomain, type, inputs, attributes, {fmt::format("kolosal/{}_{}", type, n_made_++)});
}

std::vector<std::byte> OnnxGraph::finish(const std::string& name, const std::string& doc) const {
  // A message is its fields in any order: those of each kind were gathered apart.
  ProtobufWriter graph_name;
  graph_name.add_text(kGraphName, name);
  std::vector<std::byte> graph;
  for (const ProtobufWriter* part : std::initializer_list<const ProtobufWriter*>{
           &nodes_, &graph_name, &initializers_, &inputs_, &outputs_})
    graph.insert(graph.end(), part->bytes().begin(), part->bytes().end());
  ProtobufWriter out, main_opset, ml_opset;
  main_opset.add_text(1, "");
  main_opset.add_integer(2, kOpset);
  ml_opset.add_text(1, kMlDomain);
  ml_opset.add_integer(2, kTreesOpset);
  out.add_integer(kIrVersionField, kIrVersion);
  out.add_text(kProducer, "kolosal");
  out.add_text(kModelDoc, doc);
  out.add_bytes(kGraph, graph);
  out.add_message(kOpsetImport, main_opset);
  out.add_message(kOpsetImport, ml_opset);
  std::vector<std::byte> file = out.bytes();
  file.insert(file.end(), metadata_.bytes().begin(), metadata_.bytes().end());
  return file;
}

void OnnxGraph::add_metadata(const std::string& key, const std::string& value) {
  ProtobufWriter entry;
  entry.add_text(1, key);
  entry.add_text(2, value);
  metadata_.add_message(kMetadata, entry);
}

}  // namespace kolosal::infer::exporters
