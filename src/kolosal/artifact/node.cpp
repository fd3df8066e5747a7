#include "kolosal/artifact/node.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>
#include <utility>

#include "kolosal/core/utf8.hpp"

namespace kolosal::artifact {
namespace {

// A fitted pipeline is a few levels deep; a hostile file shall not exhaust the stack.
constexpr std::size_t kMaxDepth = 64;

std::size_t element_bytes(ElementType type) {
  switch (type) {
    case ElementType::kUint8:
      return 1;
    case ElementType::kUint16:
      return 2;
    case ElementType::kInt32:
    case ElementType::kUint32:
    case ElementType::kFloat32:
      return 4;
    case ElementType::kInt64:
    case ElementType::kUint64:
    case ElementType::kFloat64:
      return 8;
  }
  return 0;  // not a type: comes from a file
}

[[noreturn]] void malformed(const std::string& path, std::string_view why) {
  throw Error(ErrorCode::kModel, "the model's state can not be read at '{}': {}", path, why);
}

std::string join_path(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "/" + std::string(name);
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

std::string from_hex(const std::string& hex, const std::string& path) {
  auto digit = [&](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    malformed(path, "not hexadecimal");
  };
  if (hex.size() % 2 != 0) malformed(path, "not hexadecimal");
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    out += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  return out;
}

nlohmann::json scalar_to_json(bool value) { return value; }
nlohmann::json scalar_to_json(std::int64_t value) { return value; }

nlohmann::json scalar_to_json(double value) {
  if (std::isfinite(value)) return value;
  return {{"$number", std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf"}};
}

nlohmann::json scalar_to_json(const std::string& value) {
  if (is_valid_utf8(value)) return value;
  return {{"$hex", to_hex(value)}};
}

nlohmann::json scalar_to_json(const std::vector<std::string>& values) {
  auto out = nlohmann::json::array();
  for (const std::string& value : values) out.push_back(scalar_to_json(value));
  return out;
}

nlohmann::json scalar_to_json(const ParamMap& params) {
  auto out = nlohmann::json::object();
  for (const auto& [name, value] : params)
    out[name] = std::visit([](const auto& v) { return scalar_to_json(v); }, value);
  return {{"$params", std::move(out)}};
}

// The one member of an object such as {"$hex": ...}; null when it is not one.
const nlohmann::json* tagged(const nlohmann::json& json, const char* tag) {
  if (!json.is_object() || json.size() != 1) return nullptr;
  const auto it = json.find(tag);
  return it == json.end() ? nullptr : &*it;
}

std::string text_from_json(const nlohmann::json& json, const std::string& path) {
  if (json.is_string()) return json.get<std::string>();
  const auto* hex = tagged(json, "$hex");
  if (!hex || !hex->is_string()) malformed(path, "not a text");
  return from_hex(hex->get_ref<const std::string&>(), path);
}

double special_number(const nlohmann::json& json, const std::string& path) {
  if (json == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (json == "inf") return std::numeric_limits<double>::infinity();
  if (json == "-inf") return -std::numeric_limits<double>::infinity();
  malformed(path, "not a number");
}

ParamValue param_from_json(const nlohmann::json& json, const std::string& path) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())
    malformed(path, "an integer beyond 64 bits");
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (const auto* number = tagged(json, "$number")) return special_number(*number, path);
  return text_from_json(json, path);
}

std::vector<std::string> texts_from_json(const nlohmann::json& json, const std::string& path) {
  std::vector<std::string> out;
  out.reserve(json.size());
  for (const auto& item : json) out.push_back(text_from_json(item, path));
  return out;
}

ParamMap param_map_from_json(const nlohmann::json& json, const std::string& path) {
  if (!json.is_object()) malformed(path, "not a set of parameters");
  ParamMap out;
  for (const auto& [name, value] : json.items()) out[name] = param_from_json(value, join_path(path, name));
  return out;
}

bool is_index(const nlohmann::json& json) { return json.is_number_unsigned(); }

}  // namespace

void Node::set(std::string name, std::vector<std::string> value) {
  set_scalar(std::move(name), std::move(value));
}

void Node::set(std::string name, const ParamMap& params) { set_scalar(std::move(name), params); }

void Node::set_scalar(std::string name, Value value) {
  if (has(name))
    throw Error(ErrorCode::kInternal, "a state holds two values named '{}'", join_path(path_, name));
  values_.emplace_back(std::move(name), std::move(value));
}

void Node::set_array_bytes(std::string name, ElementType type, const void* data, std::size_t n_bytes) {
  auto copy = std::make_shared<std::vector<std::byte>>(n_bytes);
  if (n_bytes > 0) std::memcpy(copy->data(), data, n_bytes);
  const std::byte* first = copy->data();
  set_scalar(std::move(name), Array{type, {std::move(copy), first, n_bytes}});
}

Node& Node::add_child(std::string name) {
  auto child = std::make_unique<Node>();
  child->path_ = join_path(path_, name);
  Node& out = *child;
  set_scalar(std::move(name), std::move(child));
  return out;
}

bool Node::has(std::string_view name) const {
  for (const auto& [known, value] : values_)
    if (known == name) return true;
  return false;
}

const Node::Value& Node::value(std::string_view name, std::size_t kind, const char* kind_name) const {
  for (const auto& [known, found] : values_) {
    if (known != name) continue;
    if (found.index() != kind)
      throw Error(ErrorCode::kModel, "the model's state holds something else than {} at '{}'", kind_name,
                  join_path(path_, name));
    return found;
  }
  throw Error(ErrorCode::kModel, "the model's state lacks {} at '{}'", kind_name, join_path(path_, name));
}

bool Node::get_bool(std::string_view name) const { return std::get<0>(value(name, 0, "true or false")); }
std::int64_t Node::get_int(std::string_view name) const { return std::get<1>(value(name, 1, "an integer")); }
double Node::get_double(std::string_view name) const { return std::get<2>(value(name, 2, "a number")); }
const std::string& Node::get_string(std::string_view name) const {
  return std::get<3>(value(name, 3, "a text"));
}

const std::vector<std::string>& Node::get_strings(std::string_view name) const {
  return std::get<4>(value(name, 4, "a list of texts"));
}

ParamMap Node::get_params(std::string_view name) const { return std::get<5>(value(name, 5, "parameters")); }

const ArrayBytes& Node::array_bytes(std::string_view name, ElementType type, std::size_t element_size) const {
  const auto& array = std::get<Array>(value(name, 6, "an array"));
  if (array.type != type || array.bytes.n_bytes % element_size != 0)
    throw Error(ErrorCode::kModel, "the model's state holds an array of another type at '{}'",
                join_path(path_, name));
  return array.bytes;
}

std::shared_ptr<const void> Node::array_owner(std::string_view name) const {
  return std::get<Array>(value(name, 6, "an array")).bytes.owner;
}

const Node& Node::child(std::string_view name) const {
  return *std::get<std::unique_ptr<Node>>(value(name, 7, "a part"));
}

std::vector<std::string> Node::child_names() const {
  std::vector<std::string> out;
  for (const auto& [name, value] : values_)
    if (std::holds_alternative<std::unique_ptr<Node>>(value)) out.push_back(name);
  return out;
}

nlohmann::json Node::to_json(std::vector<ArrayBytes>& arrays) const {
  auto value_to_json = [&](const auto& value) -> nlohmann::json {
    using T = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<T, std::unique_ptr<Node>>) {
      return {{"$node", value->to_json(arrays)}};
    } else if constexpr (std::is_same_v<T, Array>) {
      arrays.push_back(value.bytes);
      return {{"$array", {arrays.size() - 1, static_cast<unsigned>(value.type), value.bytes.n_bytes}}};
    } else {
      return scalar_to_json(value);
    }
  };
  auto out = nlohmann::json::array();
  for (const auto& [name, value] : values_) {
    auto pair = nlohmann::json::array();
    pair.push_back(scalar_to_json(name));
    pair.push_back(std::visit(value_to_json, value));
    out.push_back(std::move(pair));
  }
  return out;
}

Node Node::from_json(const nlohmann::json& json, const std::vector<ArrayBytes>& arrays, std::string path) {
  return read_node(json, arrays, std::move(path), 0);
}

Node Node::read_node(const nlohmann::json& json, const std::vector<ArrayBytes>& arrays, std::string path,
                     std::size_t depth) {
  if (depth > kMaxDepth) malformed(path, "nested too deeply");
  if (!json.is_array()) malformed(path, "not a list of named values");
  Node out;
  out.path_ = std::move(path);
  std::set<std::string, std::less<>> names;  // has() would be slow over many names
  for (const auto& pair : json) {
    if (!pair.is_array() || pair.size() != 2) malformed(out.path_, "not a list of named values");
    std::string name = text_from_json(pair[0], out.path_);
    const std::string where = join_path(out.path_, name);
    if (!names.insert(name).second) malformed(where, "given twice");
    if (const auto* node = tagged(pair[1], "$node")) {
      auto child = std::make_unique<Node>(read_node(*node, arrays, where, depth + 1));
      out.values_.emplace_back(std::move(name), std::move(child));
    } else {
      out.values_.emplace_back(std::move(name), read_value(pair[1], arrays, where));
    }
  }
  return out;
}

Node::Value Node::read_value(const nlohmann::json& json, const std::vector<ArrayBytes>& arrays,
                             const std::string& path) {
  if (json.is_array()) return texts_from_json(json, path);
  if (const auto* params = tagged(json, "$params")) return param_map_from_json(*params, path);
  if (const auto* array = tagged(json, "$array")) {
    if (!array->is_array() || array->size() != 3 || !std::all_of(array->begin(), array->end(), is_index))
      malformed(path, "not an array");
    const auto index = (*array)[0].get<std::uint64_t>();
    const auto type_code = (*array)[1].get<std::uint64_t>();
    const auto n_bytes = (*array)[2].get<std::uint64_t>();
    if (index >= arrays.size() || arrays[index].n_bytes != n_bytes) malformed(path, "its array is not there");
    const std::size_t width = type_code > 255 ? 0 : element_bytes(static_cast<ElementType>(type_code));
    if (width == 0) malformed(path, "an array of unknown type");
    const bool aligned = reinterpret_cast<std::uintptr_t>(arrays[index].data) % width == 0;
    if (n_bytes % width != 0 || !aligned) malformed(path, "its array is cut or misplaced");
    return Array{static_cast<ElementType>(type_code), arrays[index]};
  }
  return std::visit([](auto&& scalar) -> Value { return std::move(scalar); }, param_from_json(json, path));
}

}  // namespace kolosal::artifact
