#include <algorithm>
#include <cstdlib>

#include "kolosal/transform/level_rules_internal.hpp"
#include "kolosal/transform/murmur3_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;

struct HashEncodeParams {
  std::int64_t width = 1024;
  bool alternate_sign = true;
  std::string handle_missing = "ignore";
};

// Where a cell goes in the hashed vector, and with which sign; index -1: nowhere.
struct Place {
  std::int32_t index = -1;
  float value = 0;
};

/// All category and text cells of a row, hashed as "<column>=<level>" into ONE sparse vector "hashed":
/// any number of levels in `width` columns, and levels that training never saw have a place too.
///
/// Values:  1, or -1 for half of the levels with alternate_sign, so that levels that share a place
///          cancel in the mean instead of adding up; levels of a row in one place are summed.
/// Unknown: no level is: each has its place. (A cell whose level lost its text has none.)
/// Missing: nothing is set, or a level "(missing)" is hashed (handle_missing "level").
/// State:   none.
/// Source:  agrees with scikit-learn's FeatureHasher(width, alternate_sign) given {column: level}.
class HashEncode final : public Transformer {
 public:
  explicit HashEncode(HashEncodeParams params) : params_(std::move(params)) {}
  bool is_stateless() const override { return true; }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t>, const data::TargetView&,
              const Context&) override {
    require_types(x, "hash_encode", "category,text");
  }
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  void do_save(artifact::Node&) const override {}
  void do_load(const artifact::Node&) override {}

  Place place_of(std::string_view name, std::string_view level, std::string& scratch) const;
  std::vector<Place> places_of(const std::string& name, const Column& column, const Context& context) const;

  HashEncodeParams params_;
};

Place HashEncode::place_of(std::string_view name, std::string_view level, std::string& scratch) const {
  scratch.assign(name).append("=").append(level);
  const auto hash = static_cast<std::int32_t>(murmur3_32(scratch));
  const auto size = static_cast<std::uint32_t>(std::abs(static_cast<std::int64_t>(hash)));
  return {static_cast<std::int32_t>(size % static_cast<std::uint32_t>(params_.width)),
          params_.alternate_sign && hash < 0 ? -1.0F : 1.0F};
}

// By row. A category is hashed level by level when that is fewer hashes than rows.
std::vector<Place> HashEncode::places_of(const std::string& name, const Column& column,
                                         const Context& context) const {
  std::vector<Place> out(column.size());
  const bool is_text = column.type() == ColumnType::kText;
  std::vector<Place> by_level;
  if (!is_text && static_cast<std::size_t>(column.dictionary()->size()) <= column.size()) {
    std::string scratch;
    for (const auto& level : column.dictionary()->levels())
      by_level.push_back(place_of(name, level, scratch));
  }
  context.parallel_blocks(column.size(), kRowGrain, [&](std::size_t begin, std::size_t end) {
    std::string scratch;
    for (std::size_t row = begin; row < end; ++row) {
      if (column.is_missing(row)) {
        const bool is_known_missing = is_text || column.codes()[row] == data::kMissingCode;
        if (is_known_missing && params_.handle_missing == "level")
          out[row] = place_of(name, "(missing)", scratch);
        if (is_known_missing && params_.handle_missing == "error")
          LevelRules::refuse_missing(name, row, column.size());
        continue;
      }
      if (is_text)
        out[row] = place_of(name, column.text(row), scratch);
      else if (by_level.empty())
        out[row] = place_of(name, column.dictionary()->level(column.codes()[row]), scratch);
      else
        out[row] = by_level[static_cast<std::size_t>(column.codes()[row])];
    }
  });
  return out;
}

std::vector<Transformer::Named> HashEncode::do_transform(const data::Frame& x, const Context& context) const {
  std::vector<std::vector<Place>> places;
  for (std::size_t c = 0; c < x.n_columns(); ++c)
    places.push_back(places_of(x.name(c), x.column(c), context));
  std::vector<std::int64_t> offsets(x.n_rows() + 1);
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  indices.reserve(x.n_rows() * x.n_columns());
  values.reserve(x.n_rows() * x.n_columns());
  std::vector<Place> cells;
  for (std::size_t row = 0; row < x.n_rows(); ++row) {
    cells.clear();
    for (const auto& column : places)
      if (column[row].index >= 0) cells.push_back(column[row]);
    std::ranges::stable_sort(cells, {}, &Place::index);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const bool same = i > 0 && cells[i].index == cells[i - 1].index;
      if (same) {
        values.back() += cells[i].value;
      } else {
        indices.push_back(cells[i].index);
        values.push_back(cells[i].value);
      }
    }
    offsets[row + 1] = static_cast<std::int64_t>(indices.size());
  }
  std::vector<Named> out;
  out.push_back({"hashed", Column::from_sparse(std::move(offsets), std::move(indices), std::move(values),
                                               static_cast<std::int32_t>(params_.width))});
  return out;
}

}  // namespace

TransformerInfo hash_encode_info() {
  return describe<HashEncode>(
      "hash_encode", "Hash the levels of all category columns into one sparse column of fixed width.",
      "category",
      ParamTable<HashEncodeParams>()
          .param("width", &HashEncodeParams::width, "Number of features.", log_range(64, 1 << 18))
          .limits(1, 1 << 30)
          .param("alternate_sign", &HashEncodeParams::alternate_sign,
                 "Half of the levels count -1, so that levels that share a place do not add up.")
          .param("handle_missing", &HashEncodeParams::handle_missing,
                 "Missing cells: nothing is set, a level of their own, or an error.",
                 choice({"ignore", "level", "error"})));
}

}  // namespace kolosal::transform
