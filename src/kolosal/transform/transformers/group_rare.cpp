#include <algorithm>
#include <numeric>

#include "kolosal/transform/counted_levels_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct GroupRareParams {
  std::int64_t min_rows = 10;
  double min_share = 0;
  std::int64_t max_levels = 0;
  std::string name = "(rare)";
  std::string handle_unknown = "value";
  std::string handle_missing = "keep";
};

struct RareTable {
  Levels levels;
  std::vector<std::int32_t> code;  // by slot: the code given
  std::shared_ptr<const data::Dictionary> made;
};

/// Levels that few fitted rows have become one level.
///
/// Rare:    on fewer than min_rows fitted rows, on a smaller share of them than min_share, or beyond
///          the max_levels most frequent ones (ties: in level order).
/// Types:   category stays category: the kept levels in level order, then `name` (with "_" behind it
///          while a kept level is called so) when there is a rare one.
/// Unknown: a level that no fitted row has is rare too when there is a rare level, else (and with
///          handle_unknown "keep") it stays unknown to later steps.
/// Missing: stays missing, unless handle_missing says otherwise; "level": "(missing)" beside the others, when
///          it is frequent enough.
/// Streams: exactly, in memory by the number of levels.
class GroupRare final : public CountedLevels<RareTable> {
 public:
  explicit GroupRare(GroupRareParams params)
      : CountedLevels("group_rare", {params.handle_unknown, params.handle_missing}),
        params_(std::move(params)) {}
  std::string made_types() const override { return "category"; }

 private:
  RareTable table_of(Levels levels, const std::vector<std::int64_t>& counts) const override;

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    std::vector<Named> out(x.n_columns());
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const CodeView codes = tables_[c].levels.codes(x.column(c));
      rules_.check(c, x.name(c), codes, x.column(c));
      std::vector<std::int32_t> made(codes.size());
      for (std::size_t i = 0; i < made.size(); ++i) made[i] = tables_[c].code[Levels::slot(codes[i])];
      out[c] = {x.name(c), Column::from_category(std::move(made), tables_[c].made)};
    });
    return out;
  }

  void do_save(artifact::Node& node) const override {
    rules_.save(node);
    for (std::size_t c = 0; c < tables_.size(); ++c) {
      artifact::Node& child = node.add_child(fmt::format("column_{}", c));
      tables_[c].levels.save(child);
      child.set_array("code", tables_[c].code);
      child.set("made", tables_[c].made->levels());
    }
  }

  void do_load(const artifact::Node& node) override {
    tables_.assign(input_columns().size(), {});
    rules_.load(node, tables_.size());
    for (std::size_t c = 0; c < tables_.size(); ++c) {
      const artifact::Node& child = node.child(fmt::format("column_{}", c));
      tables_[c] = {Levels::load(child), child.get_vector<std::int32_t>("code"),
                    std::make_shared<const data::Dictionary>(child.get_strings("made"))};
      check_saved_size("group_rare", {tables_[c].code.size()}, tables_[c].levels.n_slots());
      for (const std::int32_t code : tables_[c].code)
        if (code < data::kUnseenCode || code >= tables_[c].made->size())
          throw Error(ErrorCode::kModel, "the saved state of step group_rare is damaged: code {}", code);
    }
  }

  GroupRareParams params_;
};

// A name that no level has.
std::string free_name(std::string name, const std::vector<std::string>& levels) {
  while (std::ranges::find(levels, name) != levels.end()) name += '_';
  return name;
}

RareTable GroupRare::table_of(Levels given, const std::vector<std::int64_t>& counts) const {
  RareTable table{std::move(given), {}, nullptr};
  const auto n_rows = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  auto order = codes_in_level_order(table.levels.dictionary());
  if (rules_.missing_is_level()) order.push_back(data::kMissingCode);
  std::vector<std::int32_t> frequent = order;  // the levels that stay
  std::ranges::stable_sort(frequent, std::ranges::greater{},
                           [&](std::int32_t code) { return counts[Levels::slot(code)]; });
  const double fewest = std::max(static_cast<double>(std::max<std::int64_t>(params_.min_rows, 1)),
                                 params_.min_share * static_cast<double>(n_rows));
  std::erase_if(frequent,
                [&](std::int32_t code) { return static_cast<double>(counts[Levels::slot(code)]) < fewest; });
  if (params_.max_levels > 0)
    frequent.resize(std::min(frequent.size(), static_cast<std::size_t>(params_.max_levels)));

  std::vector<std::uint8_t> stays(counts.size());
  for (const std::int32_t code : frequent) stays[Levels::slot(code)] = 1;
  table.code.assign(counts.size(), data::kUnseenCode);
  table.code[Levels::slot(data::kMissingCode)] = data::kMissingCode;
  std::vector<std::string> levels;
  bool any_rare = false;
  const std::size_t missing = Levels::slot(data::kMissingCode);
  const bool missing_is_rare = rules_.missing_is_level() && counts[missing] > 0 && !stays[missing];
  for (const std::int32_t code : order) {
    any_rare |= counts[Levels::slot(code)] > 0 && !stays[Levels::slot(code)];
    if (!stays[Levels::slot(code)]) continue;
    table.code[Levels::slot(code)] = static_cast<std::int32_t>(levels.size());
    levels.push_back(code < 0 ? free_name("(missing)", levels) : table.levels.dictionary().level(code));
  }
  if (any_rare) {
    const auto rare = static_cast<std::int32_t>(levels.size());
    levels.push_back(free_name(params_.name, levels));
    const bool unknown_too = params_.handle_unknown != "keep";
    for (std::size_t slot = 0; slot < counts.size(); ++slot) {
      const bool seen = counts[slot] > 0 && slot != Levels::slot(data::kUnseenCode);
      const bool is_missing = slot == Levels::slot(data::kMissingCode);
      const bool is_rare = table.code[slot] == data::kUnseenCode || (is_missing && missing_is_rare);
      if (is_rare && (seen || unknown_too)) table.code[slot] = rare;
    }
  }
  rules_.apply(counts, 1, table.code);
  table.made = std::make_shared<const data::Dictionary>(std::move(levels));
  return table;
}

}  // namespace

TransformerInfo group_rare_info() {
  return describe<GroupRare>(
      "group_rare", "Put the levels that few training rows have into one level.", "category",
      ParamTable<GroupRareParams>()
          .param("min_rows", &GroupRareParams::min_rows, "Fewest training rows of a level that stays.",
                 log_range(1, 100))
          .limits(1, 1e12)
          .param("min_share", &GroupRareParams::min_share,
                 "Smallest share of the training rows of a level that stays.")
          .limits(0, 1)
          .param("max_levels", &GroupRareParams::max_levels, "Most levels that stay; 0: no limit.")
          .limits(0, 1e9)
          .param("name", &GroupRareParams::name, "Name of the level of the rare ones.")
          .param(
              "handle_unknown", &GroupRareParams::handle_unknown,
              "Levels that training did not have: rare when there is a rare level (value), kept, as missing "
              "cells, or an error.",
              choice({"value", "keep", "missing", "error"}))
          .param("handle_missing", &GroupRareParams::handle_missing,
                 "Missing cells: kept, a level like the others, as an unknown level, or an error.",
                 choice({"keep", "level", "unknown", "error"})));
}

}  // namespace kolosal::transform
