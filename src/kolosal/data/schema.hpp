#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/data/frame.hpp"

namespace kolosal::data {

enum class Role { kFeature, kTarget, kWeight, kGroup, kTime, kId, kIgnored };

std::string_view role_name(Role role);

struct Field {
  std::string name;
  ColumnType type = ColumnType::kFloat64;
  Role role = Role::kFeature;
  std::shared_ptr<const Dictionary>
      dictionary;      ///< kCategory only: the levels seen in training, in code order.
  double minimum = 0;  ///< Smallest number seen in training (NaN when none); dates in nanoseconds.
  double maximum = 0;
  std::size_t n_missing = 0;  ///< In training.
};

/// What conform() changed or could not understand, for one message at the end instead of one per cell.
struct ConformReport {
  std::map<std::string, std::size_t> unseen_levels;  ///< column -> cells with a level not seen in training
  std::map<std::string, std::size_t>
      unreadable_cells;  ///< column -> cells that became missing (text in a number column)
  std::map<std::string, std::size_t>
      rounded_cells;                       ///< column -> fractions in a column that was whole in training
  std::vector<std::string> extra_columns;  ///< in the input, not in the schema
};

/// Names, types and roles of a table; written into every model and checked against every prediction input.
class Schema {
 public:
  Schema() = default;
  explicit Schema(std::vector<Field> fields) : fields_(std::move(fields)) {}
  /// Types, ranges and dictionaries as they are in a frame; every role is kFeature.
  static Schema of(const Frame& frame);

  const std::vector<Field>& fields() const { return fields_; }
  std::vector<Field>& fields() { return fields_; }
  const Field* find(std::string_view name) const;
  std::vector<std::string> names_with(Role role) const;

  /// Brings an input into the shape that was trained on: the feature columns by name and in schema order,
  /// converted to the schema's types, category cells coded by the schema's dictionaries (unseen levels:
  /// kUnseenCode). Cells that do not fit their type become missing and are counted. Fractions in an int
  /// column are rounded and counted: the nearest whole number says more than a missing cell.
  /// @throws Error kData when a feature column is absent (nearest name suggested), or when more than half of
  /// the present cells of a column can not be read as its type (the first such value and its row are named).
  Frame conform(const Frame& input, ConformReport* report = nullptr) const;

  /// The fields as columns of a table without rows.
  Frame empty_frame() const;

  nlohmann::json to_json() const;
  static Schema from_json(const nlohmann::json& json);

 private:
  std::vector<Field> fields_;
};

}  // namespace kolosal::data
