#include "kolosal/infer/importers/onnx_graph.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "kolosal/artifact/protobuf_wire.hpp"
#include "kolosal/core/error.hpp"

// The numbers of fields are those of onnx.proto3 (ONNX 1.23).

namespace kolosal::infer {
namespace {

using artifact::ProtobufField;
using artifact::ProtobufReader;

[[noreturn]] void damaged(std::string_view what) {
  throw Error(ErrorCode::kModel, "an ONNX model is damaged: {}", what);
}

template <typename Body>
void for_each_field(ProtobufReader message, const Body& body) {
  while (const auto field = message.next()) body(*field);
}

// ---- tensors ----------------------------------------------------------------------------------------------

template <typename T>
void append_raw(std::span<const std::byte> bytes, std::vector<double>& out) {
  if (bytes.size() % sizeof(T) != 0) damaged("a tensor has a part of a number");
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    out.push_back(static_cast<double>(value));
  }
}

void append_raw(OnnxType type, std::span<const std::byte> bytes, std::vector<double>& out) {
  switch (type) {
    case OnnxType::kFloat32:
      return append_raw<float>(bytes, out);
    case OnnxType::kFloat64:
      return append_raw<double>(bytes, out);
    case OnnxType::kInt32:
      return append_raw<std::int32_t>(bytes, out);
    case OnnxType::kInt64:
      return append_raw<std::int64_t>(bytes, out);
    case OnnxType::kBool:
      return append_raw<std::uint8_t>(bytes, out);
    default:
      return;  // of a type that nothing here reads
  }
}

template <typename T>
void append_list(const ProtobufField& field, std::vector<double>& out) {
  std::vector<T> values;
  field.append_to(values);
  for (const T value : values) out.push_back(static_cast<double>(value));
}

OnnxTensor read_tensor(ProtobufReader message) {
  OnnxTensor out;
  std::span<const std::byte> raw;
  for_each_field(message, [&](const ProtobufField& field) {
    switch (field.number()) {
      case 1:
        return field.append_to(out.dims);
      case 2:
        out.type = static_cast<OnnxType>(field.integer());
        return;
      case 4:
        return append_list<float>(field, out.numbers);
      case 5:
      case 7:
        return append_list<std::int64_t>(field, out.numbers);
      case 6:
        out.texts.emplace_back(field.text());
        return;
      case 8:
        out.name = field.text();
        return;
      case 9:
        raw = field.bytes();
        return;
      case 10:
        return append_list<double>(field, out.numbers);
      case 13:  // where the data is, when it is not here
      case 14:
        if (field.number() == 13 || field.integer() != 0)
          throw Error(ErrorCode::kUnsupported,
                      "the ONNX model keeps data in other files (\"external data\"), which are not opened: "
                      "save it as "
                      "one file");
        return;
      default:
        return;
    }
  });
  if (!raw.empty()) append_raw(out.type, raw, out.numbers);
  return out;
}

// ---- nodes ------------------------------------------------------------------------------------------------

void look_through_graph(ProtobufReader graph);

void look_through_sparse(ProtobufReader sparse) {
  for_each_field(sparse, [&](const ProtobufField& field) {
    if (field.number() == 1 || field.number() == 2) read_tensor(field.message());
  });
}

OnnxAttribute read_attribute(ProtobufReader message) {
  OnnxAttribute out;
  for_each_field(message, [&](const ProtobufField& field) {
    switch (field.number()) {
      case 1:
        out.name = field.text();
        return;
      case 2:
        out.number = field.float32();
        return;
      case 3:
        out.integer = field.integer();
        return;
      case 4:
        out.text = field.text();
        return;
      case 5:
        out.tensor = read_tensor(field.message());
        return;
      case 6:
      case 11:
        return look_through_graph(field.message());
      case 7:
        return field.append_to(out.numbers);
      case 8:
        return field.append_to(out.integers);
      case 9:
        out.texts.emplace_back(field.text());
        return;
      case 10:
        read_tensor(field.message());
        return;
      case 22:
      case 23:
        return look_through_sparse(field.message());
      default:
        return;
    }
  });
  return out;
}

OnnxNode read_node(ProtobufReader message) {
  OnnxNode out;
  for_each_field(message, [&](const ProtobufField& field) {
    switch (field.number()) {
      case 1:
        out.inputs.emplace_back(field.text());
        return;
      case 2:
        out.outputs.emplace_back(field.text());
        return;
      case 3:
        out.name = field.text();
        return;
      case 4:
        out.op = field.text();
        return;
      case 5:
        out.attributes.push_back(read_attribute(field.message()));
        return;
      case 7:
        out.domain = field.text();
        return;
      default:
        return;
    }
  });
  if (out.domain == "ai.onnx") out.domain.clear();
  return out;
}

// ---- graphs -----------------------------------------------------------------------------------------------

std::vector<std::int64_t> read_shape(ProtobufReader message) {
  std::vector<std::int64_t> out;
  for_each_field(message, [&](const ProtobufField& field) {
    if (field.number() != 1) return;
    out.push_back(-1);
    for_each_field(field.message(), [&](const ProtobufField& dim) {
      if (dim.number() == 1 && dim.integer() > 0) out.back() = dim.integer();
    });
  });
  return out;
}

OnnxValue read_value(ProtobufReader message) {
  OnnxValue out;
  const auto read_tensor_type = [&](const ProtobufField& field) {
    if (field.number() == 1) out.type = static_cast<OnnxType>(field.integer());
    if (field.number() == 2) out.dims = read_shape(field.message());
  };
  for_each_field(message, [&](const ProtobufField& field) {
    if (field.number() == 1) out.name = field.text();
    if (field.number() != 2) return;
    for_each_field(field.message(), [&](const ProtobufField& type) {
      if (type.number() != 1) return;
      out.is_tensor = true;
      for_each_field(type.message(), read_tensor_type);
    });
  });
  return out;
}

/// Of a graph within a graph: only whether its data is here.
void look_through_graph(ProtobufReader graph) {
  for_each_field(graph, [&](const ProtobufField& field) {
    if (field.number() == 1) read_node(field.message());
    if (field.number() == 5) read_tensor(field.message());
    if (field.number() == 15) look_through_sparse(field.message());
  });
}

void read_graph(ProtobufReader graph, OnnxModel& out) {
  for_each_field(graph, [&](const ProtobufField& field) {
    switch (field.number()) {
      case 1:
        out.nodes.push_back(read_node(field.message()));
        return;
      case 5: {
        OnnxTensor tensor = read_tensor(field.message());
        std::string name = tensor.name;
        out.constants.insert_or_assign(std::move(name), std::move(tensor));
        return;
      }
      case 11:
        out.inputs.push_back(read_value(field.message()));
        return;
      case 12:
        out.outputs.push_back(read_value(field.message()));
        return;
      case 15:
        return look_through_sparse(field.message());
      default:
        return;
    }
  });
  std::erase_if(out.inputs, [&](const OnnxValue& input) { return out.constants.contains(input.name); });
}

void read_opset(ProtobufReader message, OnnxModel& out) {
  std::string domain;
  std::int64_t version = 1;
  for_each_field(message, [&](const ProtobufField& field) {
    if (field.number() == 1) domain = field.text();
    if (field.number() == 2) version = field.integer();
  });
  out.opsets[domain == "ai.onnx" ? "" : domain] = version;
}

void read_metadata(ProtobufReader message, OnnxModel& out) {
  std::string key, value;
  for_each_field(message, [&](const ProtobufField& field) {
    if (field.number() == 1) key = field.text();
    if (field.number() == 2) value = field.text();
  });
  out.metadata[key] = value;
}

}  // namespace

const OnnxAttribute* OnnxNode::find(std::string_view attribute) const {
  const auto found = std::ranges::find(attributes, attribute, &OnnxAttribute::name);
  return found == attributes.end() ? nullptr : &*found;
}

std::int64_t OnnxNode::integer(std::string_view attribute, std::int64_t otherwise) const {
  const OnnxAttribute* const found = find(attribute);
  return found ? found->integer.value_or(otherwise) : otherwise;
}

std::string OnnxNode::text(std::string_view attribute, std::string_view otherwise) const {
  const OnnxAttribute* const found = find(attribute);
  return found ? found->text : std::string(otherwise);
}

const std::vector<float>& OnnxNode::numbers(std::string_view attribute) const {
  static const std::vector<float> none;
  const OnnxAttribute* const found = find(attribute);
  return found ? found->numbers : none;
}

const std::vector<std::int64_t>& OnnxNode::integers(std::string_view attribute) const {
  static const std::vector<std::int64_t> none;
  const OnnxAttribute* const found = find(attribute);
  return found ? found->integers : none;
}

const std::vector<std::string>& OnnxNode::texts(std::string_view attribute) const {
  static const std::vector<std::string> none;
  const OnnxAttribute* const found = find(attribute);
  return found ? found->texts : none;
}

OnnxModel read_onnx(std::span<const std::byte> file) {
  OnnxModel out;
  bool has_graph = false;
  try {
    for_each_field(ProtobufReader(file), [&](const ProtobufField& field) {
      switch (field.number()) {
        case 2:
          out.producer = field.text();
          return;
        case 7:
          has_graph = true;
          return read_graph(field.message(), out);
        case 8:
          return read_opset(field.message(), out);
        case 14:
          return read_metadata(field.message(), out);
        case 25:  // functions
          return for_each_field(field.message(), [&](const ProtobufField& part) {
            if (part.number() == 7) read_node(part.message());
            if (part.number() == 10) out.function_domains.emplace(part.text());
          });
        default:
          return;
      }
    });
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kModel) throw;
    damaged(error.what());
  }
  if (!has_graph || out.nodes.empty() || out.outputs.empty()) damaged("it has no graph");
  return out;
}

}  // namespace kolosal::infer
