#include "kolosal/artifact/packed_arrays.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "kolosal/core/half_floats.hpp"

namespace kolosal::artifact {
namespace {

[[noreturn]] void damaged(const std::string& what) {
  throw Error(ErrorCode::kModel, "a packed array of the model is damaged: {}", what);
}

constexpr std::int64_t kMostNumbers = std::int64_t{1} << 32;

template <typename T>
ArrayBytes bytes_of(std::vector<T> values) {
  auto owner = std::make_shared<const std::vector<T>>(std::move(values));
  return {owner, reinterpret_cast<const std::byte*>(owner->data()), owner->size() * sizeof(T)};
}

/// Numbers of a packed array; whole ones are exact below 2^53.
ArrayBytes as_type(const std::vector<double>& numbers, ElementType type) {
  const auto cast = [&]<typename T>(T) {
    std::vector<T> out;
    out.reserve(numbers.size());
    for (const double x : numbers) {
      if constexpr (std::is_integral_v<T>) {
        if (!(x >= static_cast<double>(std::numeric_limits<T>::lowest()) &&
              x <= static_cast<double>(std::numeric_limits<T>::max())))
          damaged(fmt::format("{} is beyond its type", x));
      }
      out.push_back(static_cast<T>(x));
    }
    return bytes_of(std::move(out));
  };
  switch (type) {
    case ElementType::kInt32:
      return cast(std::int32_t{});
    case ElementType::kUint32:
      return cast(std::uint32_t{});
    case ElementType::kFloat32:
      return cast(float{});
    case ElementType::kFloat64:
      return cast(double{});
    default:
      break;
  }
  damaged(fmt::format("type {} is never packed", static_cast<int>(type)));
}

/// One packed array on its way back.
class Unpacking {
 public:
  explicit Unpacking(const Node& node) : node_(node), how_(node.get_string(kPackedName)) {
    const std::int64_t n = node.get_int("n");
    if (n < 0 || n > kMostNumbers) damaged(fmt::format("it has {} numbers", n));
    n_ = static_cast<std::size_t>(n);
  }

  ElementType type() const { return static_cast<ElementType>(node_.get_int("type")); }

  std::vector<double> numbers() const {
    if (how_ == "narrow" || how_ == "children") return whole_numbers(how_ == "children");
    if (how_ == "table") return of_table();
    if (how_ == "steps") return of_steps();
    if (how_ == "float16") return of_float16();
    if (how_ == "matrices") return of_matrices();
    damaged(fmt::format("it is packed as \"{}\", which this program does not know", how_));
  }

 private:
  /// Numbers of 1 or 2 bytes.
  std::vector<std::uint32_t> small_numbers() const {
    const auto data = node_.array<std::uint8_t>("data");
    if (data.size() != n_ && data.size() != 2 * n_)
      damaged(fmt::format("{} bytes for {} numbers", data.size(), n_));
    const bool is_wide = data.size() != n_;
    std::vector<std::uint32_t> out(n_);
    for (std::size_t i = 0; i < n_; ++i)
      out[i] = is_wide ? static_cast<std::uint32_t>(data[2 * i] | data[2 * i + 1] << 8) : data[i];
    return out;
  }

  std::vector<double> whole_numbers(bool are_children) const {
    const std::int64_t base = node_.get_int("base");
    if (base < -kMostNumbers || base > kMostNumbers) damaged(fmt::format("its numbers begin at {}", base));
    std::vector<double> out;
    for (const std::uint32_t small : small_numbers()) {
      if (!are_children) {
        out.push_back(static_cast<double>(base) + small);
        continue;
      }
      const std::int64_t coded = base + small, i = static_cast<std::int64_t>(out.size());
      const bool is_leaf = (coded & 1) != 0;
      const std::int64_t place = (coded >> 1) + i;
      out.push_back(static_cast<double>(is_leaf ? ~place : place));
    }
    return out;
  }

  std::vector<double> of_table() const {
    const auto table = node_.array<double>("table");
    std::vector<double> out;
    for (const std::uint32_t place : small_numbers()) {
      if (place >= table.size()) damaged("a place beyond its table");
      out.push_back(table[place]);
    }
    return out;
  }

  std::vector<double> of_steps() const {
    const std::int64_t bits = node_.get_int("bits"), block = node_.get_int("block");
    const auto scale = node_.array<float>("scale");
    const auto zero = node_.array<std::int32_t>("zero");
    const auto data = node_.array<std::uint8_t>("data");
    if ((bits != 4 && bits != 8 && bits != 16) || block < 1) damaged("its steps");
    const std::size_t per_block = static_cast<std::size_t>(block);
    if (data.size() != (n_ * static_cast<std::size_t>(bits) + 7) / 8 || scale.size() != zero.size() ||
        scale.size() != (n_ + per_block - 1) / per_block)
      damaged("its sizes");
    const bool has_missing = node_.get_bool("has_missing");
    std::vector<double> out(n_);
    for (std::size_t i = 0; i < n_; ++i) {
      const std::int32_t q = whole(data, i, bits);
      const bool is_missing = has_missing && q == -(std::int32_t{1} << (bits - 1));
      const double number = static_cast<double>(static_cast<float>(std::int64_t{q} - zero[i / per_block]) *
                                                scale[i / per_block]);
      out[i] = is_missing ? std::numeric_limits<double>::quiet_NaN() : number;
    }
    return out;
  }

  struct Matrix {
    std::size_t depth, columns, group, n_groups;
  };

  std::vector<Matrix> matrices() const {
    const auto depth = node_.array<std::int64_t>("depth"), columns = node_.array<std::int64_t>("columns");
    const std::int64_t group = node_.get_int("group");
    if (depth.size() != columns.size() || group < 0) damaged("its matrices");
    std::vector<Matrix> out;
    for (std::size_t m = 0; m < depth.size(); ++m) {
      if (depth[m] < 0 || columns[m] < 0 || depth[m] > kMostNumbers || columns[m] > kMostNumbers ||
          (columns[m] > 0 && depth[m] > kMostNumbers / columns[m]))
        damaged("the size of a matrix");
      const auto rows = static_cast<std::size_t>(depth[m]);
      const std::size_t step = group > 0 ? static_cast<std::size_t>(group) : std::max<std::size_t>(rows, 1);
      out.push_back({rows, static_cast<std::size_t>(columns[m]), step, (rows + step - 1) / step});
    }
    return out;
  }

  std::vector<double> of_matrices() const {
    const std::int64_t bits = node_.get_int("bits");
    const auto scale = node_.array<float>("scale"), rest = node_.array<float>("rest");
    const auto data = node_.array<std::uint8_t>("data");
    if (bits != 4 && bits != 8) damaged("its bits");
    const std::vector<Matrix> all = matrices();
    std::size_t n_numbers = 0, n_scales = 0;
    for (const Matrix& m : all) {
      n_numbers += m.depth * m.columns;
      n_scales += m.n_groups * m.columns;
      if (n_numbers > n_ || n_scales > scale.size()) damaged("its sizes");
    }
    if (n_numbers + rest.size() != n_ || n_scales != scale.size() ||
        data.size() != (n_numbers * static_cast<std::size_t>(bits) + 7) / 8)
      damaged("its sizes");
    std::vector<double> out(n_);
    std::size_t at = 0;
    const float* scales = scale.data();
    for (const Matrix& m : all) {
      for (std::size_t k = 0; k < m.depth; ++k) {
        const float* const row = scales + k / m.group * m.columns;
        for (std::size_t j = 0; j < m.columns; ++j, ++at)
          out[at] = static_cast<double>(static_cast<float>(whole(data, at, bits)) * row[j]);
      }
      scales += m.n_groups * m.columns;
    }
    for (const float x : rest) out[at++] = static_cast<double>(x);
    return out;
  }

  static std::int32_t whole(std::span<const std::uint8_t> data, std::size_t i, std::int64_t bits) {
    if (bits == 8) return static_cast<std::int8_t>(data[i]);
    if (bits == 16) return static_cast<std::int16_t>(data[2 * i] | data[2 * i + 1] << 8);
    return (((data[i / 2] >> (i % 2 * 4)) & 0xF) ^ 8) - 8;
  }

  std::vector<double> of_float16() const {
    std::vector<double> out;
    for (const std::uint32_t bits : small_numbers())
      out.push_back(static_cast<double>(from_float16(static_cast<std::uint16_t>(bits))));
    return out;
  }

  const Node& node_;
  std::string how_;
  std::size_t n_ = 0;
};

bool is_packed(const nlohmann::json& pairs) {
  return pairs.is_array() && !pairs.empty() && pairs[0].is_array() && pairs[0].size() == 2 &&
         pairs[0][0] == kPackedName;
}

/// Replaces packed arrays of a tree (Node::to_json()) by arrays.
void unpack(nlohmann::json& pairs, std::vector<ArrayBytes>& arrays) {
  for (auto& pair : pairs) {
    nlohmann::json& value = pair[1];
    if (!value.is_object() || !value.contains("$node")) continue;
    nlohmann::json& child = value["$node"];
    if (!is_packed(child)) {
      unpack(child, arrays);
      continue;
    }
    const Node packed = Node::from_json(child, arrays);
    const Unpacking unpacking(packed);
    arrays.push_back(as_type(unpacking.numbers(), unpacking.type()));
    value = {{"$array", {arrays.size() - 1, static_cast<unsigned>(unpacking.type()), arrays.back().n_bytes}}};
  }
}

}  // namespace

Node unpacked_node(const Container& container, std::string_view name) {
  Node node = container.node(name, kPackedVersion);
  for (const BlockInfo& block : container.blocks()) {
    if (block.name != name || block.version < kPackedVersion) continue;
    std::vector<ArrayBytes> arrays;
    nlohmann::json tree = node.to_json(arrays);
    unpack(tree, arrays);
    return Node::from_json(tree, arrays, std::string(name));
  }
  return node;
}

}  // namespace kolosal::artifact
