#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"

namespace kolosal::artifact {

/// Bytes of an array that a Node holds: its own, or a view into a mapped file kept alive by `owner`.
struct ArrayBytes {
  std::shared_ptr<const void> owner;
  const std::byte* data = nullptr;
  std::size_t n_bytes = 0;
};

enum class ElementType : std::uint8_t {
  kUint8 = 1,
  kInt32 = 2,
  kInt64 = 3,
  kFloat32 = 4,
  kFloat64 = 5,
  kUint32 = 6,
  kUint64 = 7,
  kUint16 = 8
};

template <typename T>
constexpr ElementType element_type_of() {
  if constexpr (std::is_same_v<T, std::uint8_t>)
    return ElementType::kUint8;
  else if constexpr (std::is_same_v<T, std::uint16_t>)
    return ElementType::kUint16;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return ElementType::kInt32;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return ElementType::kInt64;
  else if constexpr (std::is_same_v<T, std::uint32_t>)
    return ElementType::kUint32;
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return ElementType::kUint64;
  else if constexpr (std::is_same_v<T, float>)
    return ElementType::kFloat32;
  else {
    static_assert(std::is_same_v<T, double>);
    return ElementType::kFloat64;
  }
}

/// The state of a fitted object: a tree of named values, arrays and children. It knows no file; Container
/// writes it as 64-byte aligned arrays and reads it back without copying them.
///
/// Errors: every getter throws Error kModel naming the path of what is missing or has another type, since a
/// Node usually comes from a file. set() throws kInternal for a name given twice.
class Node {
 public:
  void set(std::string name, bool value) { set_scalar(std::move(name), value); }
  void set(std::string name, std::int64_t value) { set_scalar(std::move(name), value); }
  void set(std::string name, int value) { set_scalar(std::move(name), static_cast<std::int64_t>(value)); }
  void set(std::string name, std::size_t value) {
    set_scalar(std::move(name), static_cast<std::int64_t>(value));
  }
  void set(std::string name, double value) { set_scalar(std::move(name), value); }
  void set(std::string name, std::string value) { set_scalar(std::move(name), std::move(value)); }
  void set(std::string name, const char* value) { set_scalar(std::move(name), std::string(value)); }
  void set(std::string name, std::vector<std::string> value);
  void set(std::string name, const ParamMap& params);
  template <typename T>
  void set_array(std::string name, std::span<const T> values) {
    set_array_bytes(std::move(name), element_type_of<T>(), values.data(), values.size_bytes());
  }
  template <typename T>
  void set_array(std::string name, const std::vector<T>& values) {
    set_array(std::move(name), std::span<const T>(values));
  }
  /// A new, empty child.
  Node& add_child(std::string name);

  bool has(std::string_view name) const;
  bool get_bool(std::string_view name) const;
  std::int64_t get_int(std::string_view name) const;
  double get_double(std::string_view name) const;
  const std::string& get_string(std::string_view name) const;
  const std::vector<std::string>& get_strings(std::string_view name) const;
  ParamMap get_params(std::string_view name) const;
  /// Shared with the Node (and a mapped file below it); see array_owner() to keep it longer.
  template <typename T>
  std::span<const T> array(std::string_view name) const {
    const ArrayBytes& bytes = array_bytes(name, element_type_of<T>(), sizeof(T));
    return {reinterpret_cast<const T*>(bytes.data), bytes.n_bytes / sizeof(T)};
  }
  template <typename T>
  std::vector<T> get_vector(std::string_view name) const {
    const auto view = array<T>(name);
    return {view.begin(), view.end()};
  }
  /// Keeps the bytes of an array alive beyond the Node (its own copy, or the mapped file).
  std::shared_ptr<const void> array_owner(std::string_view name) const;
  const Node& child(std::string_view name) const;
  /// Names of the children, in the order in which they were added.
  std::vector<std::string> child_names() const;

  // For Container: the tree without arrays as JSON, and the arrays by their index. A node is a list of [name,
  // value] pairs in their order. What JSON can not say is an object with one member: {"$array": [index,
  // element type, n_bytes]},
  // {"$node": pairs}, {"$params": {...}}, {"$number": "nan" | "inf" | "-inf"}, {"$hex": bytes of a text that
  // is not UTF-8}.
  nlohmann::json to_json(std::vector<ArrayBytes>& arrays) const;
  static Node from_json(const nlohmann::json& json, const std::vector<ArrayBytes>& arrays,
                        std::string path = "");

 private:
  struct Array {
    ElementType type;
    ArrayBytes bytes;
  };
  using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>, ParamMap,
                             Array, std::unique_ptr<Node>>;

  static Node read_node(const nlohmann::json& json, const std::vector<ArrayBytes>& arrays, std::string path,
                        std::size_t depth);
  static Value read_value(const nlohmann::json& json, const std::vector<ArrayBytes>& arrays,
                          const std::string& path);
  void set_scalar(std::string name, Value value);
  void set_array_bytes(std::string name, ElementType type, const void* data, std::size_t n_bytes);
  const ArrayBytes& array_bytes(std::string_view name, ElementType type, std::size_t element_size) const;
  const Value& value(std::string_view name, std::size_t kind, const char* kind_name) const;

  std::vector<std::pair<std::string, Value>> values_;  // insertion order: the same state gives the same bytes
  std::string path_;                                   // for messages
};

}  // namespace kolosal::artifact
